-- What our own pixel and links measure of an email (bits of enum own_tracking), fixed when it is registered.
ALTER TABLE email_stats ADD COLUMN own_tracking SMALLINT NOT NULL DEFAULT 0;

-- The host of an organization's own pixels and links, how its pages for recipients look, and whether requests that ask not to be tracked are heeded (Sec-GPC, DNT).
ALTER TABLE organizations ADD COLUMN tracking_domain TEXT;
ALTER TABLE organizations ADD COLUMN brand_color TEXT;
ALTER TABLE organizations ADD COLUMN honor_privacy_signals SMALLINT NOT NULL DEFAULT 1;

-- Every change of what a person allows, never edited (compliance C-06). candidates.tracking is what holds today.
CREATE TABLE consent_records (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    candidate_id BIGINT NOT NULL,
    tracking SMALLINT,                         -- what the person allows; NULL: the answer was taken back
    channel TEXT NOT NULL,                     -- api, preference_page, unsubscribe
    email_log_id BIGINT,                       -- the email whose link led to the page
    recorded_at BIGINT NOT NULL                -- when the person said so
);
CREATE INDEX consent_records_by_candidate ON consent_records (organization_id, candidate_id, recorded_at, id);
