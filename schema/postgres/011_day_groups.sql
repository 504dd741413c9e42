-- Sums over the cohorts of a day by job, template and campaign: what lists of these are summed from when nothing is filtered.
-- They are made of the cohorts whenever there is time; until then the day is marked as stale, and read from its cohorts.
ALTER TABLE day_totals ADD COLUMN groups_stale SMALLINT NOT NULL DEFAULT 1;
CREATE INDEX day_totals_stale ON day_totals (day) WHERE groups_stale <> 0;
CREATE TABLE day_groups (
    organization_id BIGINT NOT NULL,
    day BIGINT NOT NULL,
    kind SMALLINT NOT NULL,                    -- 1 job, 2 template, 3 campaign
    item BIGINT NOT NULL,                      -- its id, 0: none
    sent BIGINT NOT NULL DEFAULT 0,
    open_base BIGINT NOT NULL DEFAULT 0,
    click_base BIGINT NOT NULL DEFAULT 0,
    delivered BIGINT NOT NULL DEFAULT 0,
    opened BIGINT NOT NULL DEFAULT 0,
    clicked BIGINT NOT NULL DEFAULT 0,
    opened_or_clicked BIGINT NOT NULL DEFAULT 0,
    replied BIGINT NOT NULL DEFAULT 0,
    bounced BIGINT NOT NULL DEFAULT 0,
    bounced_hard BIGINT NOT NULL DEFAULT 0,
    complained BIGINT NOT NULL DEFAULT 0,
    unsubscribed BIGINT NOT NULL DEFAULT 0,
    dropped BIGINT NOT NULL DEFAULT 0,
    opens BIGINT NOT NULL DEFAULT 0,
    clicks BIGINT NOT NULL DEFAULT 0,
    total_clicks BIGINT NOT NULL DEFAULT 0,
    machine_opens BIGINT NOT NULL DEFAULT 0,
    machine_clicks BIGINT NOT NULL DEFAULT 0,
    open_delay_ms BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (organization_id, day, kind, item)
);
