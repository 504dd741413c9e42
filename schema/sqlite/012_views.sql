-- Views of the numbers: what happened on a day whenever the email was sent, whose candidates they are, who is to be followed up, search.

-- Events belong to days too (basis=activity; docs/decisions/0020-activity.md). The day on which the change of a cohort happened; NULL: in no report by activity.
ALTER TABLE cohort_deltas ADD COLUMN day BIGINT;

-- What happened to the emails of a cohort on a day; over all days it adds up to the cohort. Kept by whoever folds.
CREATE TABLE activity (
    organization_id BIGINT NOT NULL,
    day BIGINT NOT NULL,                       -- in the zone of then, see organizations.former_zones
    cohort_id BIGINT NOT NULL,
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
    PRIMARY KEY (organization_id, day, cohort_id)
) WITHOUT ROWID;
-- The sums over all cohorts.
CREATE TABLE activity_days (
    organization_id BIGINT NOT NULL,
    day BIGINT NOT NULL,
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
    PRIMARY KEY (organization_id, day)
) WITHOUT ROWID;

-- The zones in which the days of events were counted before the present one, the oldest first: "Europe/Berlin 1764000000000;", until when (milliseconds, excluded).
ALTER TABLE organizations ADD COLUMN former_zones TEXT NOT NULL DEFAULT '';
-- What there is already is counted by days of UTC, and so is what comes late of that time.
UPDATE organizations SET former_zones = 'UTC ' || CAST(max(CAST(strftime('%s', 'now') AS INTEGER) * 1000, coalesce((SELECT max(e.occurred_at) FROM email_engagement_events e
    WHERE e.organization_id = organizations.organization_id), 0) + 1) AS TEXT) || ';'
WHERE EXISTS (SELECT 1 FROM email_engagement_events e WHERE e.organization_id = organizations.organization_id);
INSERT INTO activity (organization_id, day, cohort_id, sent, open_base, click_base)
    SELECT c.organization_id, c.day, c.id, count(*), sum(CASE WHEN s.tracking = 3 THEN 1 ELSE 0 END), sum(CASE WHEN s.tracking >= 2 THEN 1 ELSE 0 END)
    FROM email_stats s JOIN cohorts c ON c.organization_id = s.organization_id AND c.id = s.cohort_id GROUP BY c.organization_id, c.day, c.id;
INSERT INTO activity (organization_id, day, cohort_id, opened_or_clicked)
    SELECT organization_id, (min(coalesce(opened_at, clicked_at), coalesce(clicked_at, opened_at)) - (min(coalesce(opened_at, clicked_at), coalesce(clicked_at, opened_at)) % 86400000 + 86400000) % 86400000) / 86400000 AS happened, cohort_id, sum(1) FROM email_stats WHERE opened_at IS NOT NULL OR clicked_at IS NOT NULL GROUP BY 1, 2, 3
    ON CONFLICT (organization_id, day, cohort_id) DO UPDATE SET opened_or_clicked = excluded.opened_or_clicked;
INSERT INTO activity (organization_id, day, cohort_id, delivered)
    SELECT organization_id, (delivered_at - (delivered_at % 86400000 + 86400000) % 86400000) / 86400000 AS happened, cohort_id, sum(1) FROM email_stats WHERE delivered_at IS NOT NULL GROUP BY 1, 2, 3
    ON CONFLICT (organization_id, day, cohort_id) DO UPDATE SET delivered = excluded.delivered;
INSERT INTO activity (organization_id, day, cohort_id, opened)
    SELECT organization_id, (opened_at - (opened_at % 86400000 + 86400000) % 86400000) / 86400000 AS happened, cohort_id, sum(1) FROM email_stats WHERE opened_at IS NOT NULL GROUP BY 1, 2, 3
    ON CONFLICT (organization_id, day, cohort_id) DO UPDATE SET opened = excluded.opened;
INSERT INTO activity (organization_id, day, cohort_id, clicked)
    SELECT organization_id, (clicked_at - (clicked_at % 86400000 + 86400000) % 86400000) / 86400000 AS happened, cohort_id, sum(1) FROM email_stats WHERE clicked_at IS NOT NULL GROUP BY 1, 2, 3
    ON CONFLICT (organization_id, day, cohort_id) DO UPDATE SET clicked = excluded.clicked;
INSERT INTO activity (organization_id, day, cohort_id, replied)
    SELECT organization_id, (replied_at - (replied_at % 86400000 + 86400000) % 86400000) / 86400000 AS happened, cohort_id, sum(1) FROM email_stats WHERE replied_at IS NOT NULL GROUP BY 1, 2, 3
    ON CONFLICT (organization_id, day, cohort_id) DO UPDATE SET replied = excluded.replied;
INSERT INTO activity (organization_id, day, cohort_id, bounced)
    SELECT organization_id, (bounced_at - (bounced_at % 86400000 + 86400000) % 86400000) / 86400000 AS happened, cohort_id, sum(1) FROM email_stats WHERE bounced_at IS NOT NULL GROUP BY 1, 2, 3
    ON CONFLICT (organization_id, day, cohort_id) DO UPDATE SET bounced = excluded.bounced;
INSERT INTO activity (organization_id, day, cohort_id, bounced_hard)
    SELECT organization_id, (bounced_at - (bounced_at % 86400000 + 86400000) % 86400000) / 86400000 AS happened, cohort_id, sum(1) FROM email_stats WHERE bounced_at IS NOT NULL AND bounce_type = 3 GROUP BY 1, 2, 3
    ON CONFLICT (organization_id, day, cohort_id) DO UPDATE SET bounced_hard = excluded.bounced_hard;
INSERT INTO activity (organization_id, day, cohort_id, complained)
    SELECT organization_id, (complained_at - (complained_at % 86400000 + 86400000) % 86400000) / 86400000 AS happened, cohort_id, sum(1) FROM email_stats WHERE complained_at IS NOT NULL GROUP BY 1, 2, 3
    ON CONFLICT (organization_id, day, cohort_id) DO UPDATE SET complained = excluded.complained;
INSERT INTO activity (organization_id, day, cohort_id, unsubscribed)
    SELECT organization_id, (unsubscribed_at - (unsubscribed_at % 86400000 + 86400000) % 86400000) / 86400000 AS happened, cohort_id, sum(1) FROM email_stats WHERE unsubscribed_at IS NOT NULL GROUP BY 1, 2, 3
    ON CONFLICT (organization_id, day, cohort_id) DO UPDATE SET unsubscribed = excluded.unsubscribed;
INSERT INTO activity (organization_id, day, cohort_id, dropped)
    SELECT organization_id, (dropped_at - (dropped_at % 86400000 + 86400000) % 86400000) / 86400000 AS happened, cohort_id, sum(1) FROM email_stats WHERE dropped_at IS NOT NULL GROUP BY 1, 2, 3
    ON CONFLICT (organization_id, day, cohort_id) DO UPDATE SET dropped = excluded.dropped;
INSERT INTO activity (organization_id, day, cohort_id, open_delay_ms)
    SELECT organization_id, (opened_at - (opened_at % 86400000 + 86400000) % 86400000) / 86400000 AS happened, cohort_id, sum(max(opened_at - sent_at, 0)) FROM email_stats WHERE opened_at IS NOT NULL GROUP BY 1, 2, 3
    ON CONFLICT (organization_id, day, cohort_id) DO UPDATE SET open_delay_ms = excluded.open_delay_ms;
INSERT INTO activity (organization_id, day, cohort_id, clicks)
    SELECT s.organization_id, (l.clicked_at - (l.clicked_at % 86400000 + 86400000) % 86400000) / 86400000 AS happened, s.cohort_id, sum(1) FROM email_links l JOIN email_stats s ON s.organization_id = l.organization_id AND s.email_log_id = l.email_log_id WHERE l.clicked_at IS NOT NULL GROUP BY 1, 2, 3
    ON CONFLICT (organization_id, day, cohort_id) DO UPDATE SET clicks = excluded.clicks;
INSERT INTO activity (organization_id, day, cohort_id, opens)
    SELECT s.organization_id, (e.occurred_at - (e.occurred_at % 86400000 + 86400000) % 86400000) / 86400000 AS happened, s.cohort_id, sum(1) FROM email_engagement_events e JOIN email_stats s ON s.organization_id = e.organization_id AND s.email_log_id = e.email_log_id WHERE e.event_type = 5 AND e.verdict IN (0, 1) GROUP BY 1, 2, 3
    ON CONFLICT (organization_id, day, cohort_id) DO UPDATE SET opens = excluded.opens;
INSERT INTO activity (organization_id, day, cohort_id, machine_opens)
    SELECT s.organization_id, (e.occurred_at - (e.occurred_at % 86400000 + 86400000) % 86400000) / 86400000 AS happened, s.cohort_id, sum(1) FROM email_engagement_events e JOIN email_stats s ON s.organization_id = e.organization_id AND s.email_log_id = e.email_log_id WHERE e.event_type = 5 AND e.verdict = 2 GROUP BY 1, 2, 3
    ON CONFLICT (organization_id, day, cohort_id) DO UPDATE SET machine_opens = excluded.machine_opens;
INSERT INTO activity (organization_id, day, cohort_id, total_clicks)
    SELECT s.organization_id, (e.occurred_at - (e.occurred_at % 86400000 + 86400000) % 86400000) / 86400000 AS happened, s.cohort_id, sum(1) FROM email_engagement_events e JOIN email_stats s ON s.organization_id = e.organization_id AND s.email_log_id = e.email_log_id WHERE e.event_type = 6 AND e.verdict IN (0, 1) GROUP BY 1, 2, 3
    ON CONFLICT (organization_id, day, cohort_id) DO UPDATE SET total_clicks = excluded.total_clicks;
INSERT INTO activity (organization_id, day, cohort_id, machine_clicks)
    SELECT s.organization_id, (e.occurred_at - (e.occurred_at % 86400000 + 86400000) % 86400000) / 86400000 AS happened, s.cohort_id, sum(1) FROM email_engagement_events e JOIN email_stats s ON s.organization_id = e.organization_id AND s.email_log_id = e.email_log_id WHERE e.event_type = 6 AND e.verdict = 2 GROUP BY 1, 2, 3
    ON CONFLICT (organization_id, day, cohort_id) DO UPDATE SET machine_clicks = excluded.machine_clicks;
INSERT INTO activity_days (organization_id, day, sent, open_base, click_base, delivered, opened, clicked, opened_or_clicked, replied, bounced, bounced_hard, complained, unsubscribed, dropped, opens, clicks, total_clicks, machine_opens, machine_clicks, open_delay_ms)
    SELECT organization_id, day, sum(sent), sum(open_base), sum(click_base), sum(delivered), sum(opened), sum(clicked), sum(opened_or_clicked), sum(replied), sum(bounced), sum(bounced_hard), sum(complained), sum(unsubscribed), sum(dropped), sum(opens), sum(clicks), sum(total_clicks), sum(machine_opens), sum(machine_clicks), sum(open_delay_ms) FROM activity GROUP BY organization_id, day;

-- By what candidates are chosen: the step of the latest engagement (enum score_recency), and whether an email of the window was answered.
ALTER TABLE candidate_scores ADD COLUMN recency SMALLINT NOT NULL DEFAULT 3;
ALTER TABLE candidate_scores ADD COLUMN replied SMALLINT NOT NULL DEFAULT 0;

-- The users who sent emails to a candidate. Without a copy of the score: one's own candidates are few enough to be sorted.
CREATE TABLE candidate_senders (
    organization_id BIGINT NOT NULL,
    candidate_id BIGINT NOT NULL,
    sender_id BIGINT NOT NULL,
    PRIMARY KEY (candidate_id, sender_id, organization_id)
) WITHOUT ROWID;
CREATE INDEX candidate_senders_by_sender ON candidate_senders (organization_id, sender_id, candidate_id);
INSERT INTO candidate_senders (organization_id, candidate_id, sender_id)
SELECT DISTINCT organization_id, recipient_id, sender_id FROM email_logs WHERE sender_id <> 0;
INSERT INTO score_marks (organization_id, all_after) SELECT organization_id, 0 FROM organizations;

-- Search by the beginning of a name, of what follows its first blank, and of an address.
CREATE INDEX candidates_by_name ON candidates (organization_id, lower(name), id) WHERE name IS NOT NULL;
CREATE INDEX candidates_by_last_name ON candidates (organization_id, lower(substr(name, instr(name, ' ') + 1)), id) WHERE instr(name, ' ') > 0;
