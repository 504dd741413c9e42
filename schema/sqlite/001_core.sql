-- The core tables. Times are integer milliseconds UTC, days are days since 1970-01-01 in the organization's time zone.
-- Numbers of enums are those of src/model/. The same file exists in the other dialect; columns and names are the same.
-- SQLite: ids are row ids; big tables are WITHOUT ROWID, clustered by their keys. Keys that are always given whole begin
-- with what tells rows apart, an integer, which SQLite compares fastest. AUTOINCREMENT: an id that was given to the
-- outside (a tracking link, a cursor, an address of the API) never comes to mean another row after an erasure.

-- One row: what all organizations of this database share.
CREATE TABLE instance (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    hash_key BLOB NOT NULL,                    -- key of every hash in these tables (model/identity.h)
    settings_version BIGINT NOT NULL DEFAULT 1, -- raised by every change that services keep in memory (endpoints, keys …)
    created_at BIGINT NOT NULL
);

CREATE TABLE organizations (
    organization_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL DEFAULT 'UTC',
    tracking SMALLINT NOT NULL DEFAULT 3,      -- enum tracking_level
    consent_mode SMALLINT NOT NULL DEFAULT 0,
    address_policy SMALLINT NOT NULL DEFAULT 1,
    retention_days BIGINT NOT NULL DEFAULT 730, -- BR-558.6
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- People who sign in, and senders (who may never sign in: then without password_hash).
CREATE TABLE users (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    external_id TEXT,                          -- the applicant tracking system's id
    email TEXT NOT NULL,                       -- lower case
    name TEXT,
    role TEXT NOT NULL DEFAULT 'recruiter',    -- admin, recruiter, hiring_manager
    password_hash TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    disabled_at BIGINT
);
CREATE UNIQUE INDEX users_by_email ON users (organization_id, email);
CREATE UNIQUE INDEX users_by_external_id ON users (organization_id, external_id) WHERE external_id IS NOT NULL;

CREATE TABLE candidates (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    external_id TEXT NOT NULL,                 -- the applicant tracking system's id, or the address when it gave none
    name TEXT,
    email TEXT,
    title TEXT,
    tracking SMALLINT,                         -- what the person allows; NULL: never asked
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX candidates_by_external_id ON candidates (organization_id, external_id);

CREATE TABLE jobs (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY,
    external_id TEXT NOT NULL,
    name TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX jobs_by_external_id ON jobs (organization_id, external_id);

CREATE TABLE templates (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY,
    external_id TEXT NOT NULL,
    name TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX templates_by_external_id ON templates (organization_id, external_id);

CREATE TABLE campaigns (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY,
    external_id TEXT NOT NULL,
    name TEXT,
    tracking SMALLINT,                         -- stricter than the organization's; NULL: none of its own
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX campaigns_by_external_id ON campaigns (organization_id, external_id);

CREATE TABLE sequences (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY,
    external_id TEXT NOT NULL,
    name TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX sequences_by_external_id ON sequences (organization_id, external_id);


-- One email that was sent. Its counters are in email_stats, so that counting never rewrites this wide row.
CREATE TABLE email_logs (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT,                           -- as registered
    rfc_message_id TEXT,
    subject TEXT,
    sent_at BIGINT NOT NULL,
    recipient_type TEXT NOT NULL DEFAULT 'Candidate',
    recipient_id BIGINT NOT NULL,              -- candidates.id
    recipient_address TEXT,
    sender_id BIGINT NOT NULL DEFAULT 0,       -- users.id; 0: unknown
    cohort_id BIGINT NOT NULL,
    sequence_step BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX email_logs_by_sent_at ON email_logs (organization_id, sent_at, id);
CREATE INDEX email_logs_by_recipient ON email_logs (organization_id, recipient_id, sent_at, id);
CREATE INDEX email_logs_by_cohort ON email_logs (organization_id, cohort_id, sent_at, id);

-- The keys under which an email is found (semantics: "Finding the email"); see struct message_key.
CREATE TABLE email_keys (
    organization_id BIGINT NOT NULL,
    key_hash BIGINT NOT NULL,
    key_check BIGINT NOT NULL,
    email_log_id BIGINT NOT NULL,
    PRIMARY KEY (key_hash, key_check, organization_id)
) WITHOUT ROWID;

-- The figures of an email (struct email_stats). Narrow on purpose: never put texts or lists here.
CREATE TABLE email_stats (
    email_log_id INTEGER PRIMARY KEY,
    organization_id BIGINT NOT NULL,
    cohort_id BIGINT NOT NULL,
    sent_at BIGINT NOT NULL,
    recipient_hash BIGINT NOT NULL DEFAULT 0,
    tracking SMALLINT NOT NULL DEFAULT 3,      -- level in force when sent
    tracking_now SMALLINT NOT NULL DEFAULT 3,  -- allowed today by candidate and campaign
    delivered_at BIGINT, opened_at BIGINT, clicked_at BIGINT, replied_at BIGINT, bounced_at BIGINT, dropped_at BIGINT,
    complained_at BIGINT, unsubscribed_at BIGINT,
    open_count BIGINT NOT NULL DEFAULT 0,
    machine_open_count BIGINT NOT NULL DEFAULT 0,
    click_count BIGINT NOT NULL DEFAULT 0,     -- different links (BR-558.3)
    total_click_count BIGINT NOT NULL DEFAULT 0,
    machine_click_count BIGINT NOT NULL DEFAULT 0,
    bounce_type SMALLINT NOT NULL DEFAULT 0,
    last_event_at BIGINT                       -- head of the chain through the email's events
);

-- Links by (url, position): a dictionary. Links of one email with clicks: email_links.
CREATE TABLE links (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY,
    link_hash BIGINT NOT NULL,
    link_check BIGINT NOT NULL,
    url TEXT NOT NULL,
    position BIGINT NOT NULL DEFAULT -1
);
CREATE UNIQUE INDEX links_by_hash ON links (organization_id, link_hash, link_check);

CREATE TABLE email_links (
    organization_id BIGINT NOT NULL,
    email_log_id BIGINT NOT NULL,
    link_id BIGINT NOT NULL,
    clicked_at BIGINT,                         -- earliest human click
    click_count BIGINT NOT NULL DEFAULT 0,
    machine_click_count BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (email_log_id, link_id, organization_id)
) WITHOUT ROWID;

-- User agents: a dictionary.
CREATE TABLE agents (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY,
    agent_hash BIGINT NOT NULL,
    agent_check BIGINT NOT NULL,
    agent TEXT NOT NULL
);
CREATE UNIQUE INDEX agents_by_hash ON agents (organization_id, agent_hash, agent_check);

-- Events. The primary key is the duplicate rule itself (BR-558.5), time first so that new rows share hot pages.
CREATE TABLE email_engagement_events (
    organization_id BIGINT NOT NULL,
    occurred_at BIGINT NOT NULL,
    email_log_id BIGINT NOT NULL,
    event_type SMALLINT NOT NULL,
    link_id BIGINT NOT NULL DEFAULT 0,         -- 0: none
    recipient_ref BIGINT NOT NULL DEFAULT 0,   -- 0: the email's own recipient
    prev_delta BIGINT,                         -- occurred_at minus that of the email's event that arrived before; NULL: first
    verdict SMALLINT NOT NULL DEFAULT 0,
    reasons BIGINT NOT NULL DEFAULT 0,         -- bits, enum verdict_reason
    bounce SMALLINT NOT NULL DEFAULT 0,
    received_delay_s BIGINT NOT NULL DEFAULT 0, -- received_at - occurred_at
    endpoint_id BIGINT NOT NULL DEFAULT 0,     -- 0: not by webhook
    agent_id BIGINT,
    ip_address BLOB,                           -- 4 or 16 bytes, shortened as the organization's policy says
    provider_event_id BLOB,                    -- packed, see model/identity.h
    metadata TEXT,
    PRIMARY KEY (organization_id, occurred_at, email_log_id, event_type, link_id, recipient_ref)
) WITHOUT ROWID;

-- Events whose email is not registered (EF-2); adopted when it is. Bounded by retention.
CREATE TABLE orphan_events (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    fingerprint_hash BIGINT NOT NULL,          -- of what would make two of them the same event
    fingerprint_check BIGINT NOT NULL,
    endpoint_id BIGINT NOT NULL DEFAULT 0,
    received_at BIGINT NOT NULL,
    occurred_at BIGINT NOT NULL,
    event_type SMALLINT NOT NULL,
    bounce SMALLINT NOT NULL DEFAULT 0,
    machine SMALLINT NOT NULL DEFAULT 0,
    email_log_id BIGINT NOT NULL DEFAULT 0,    -- as claimed by the provider's metadata
    message_id TEXT,
    message_id_2 TEXT,
    message_id_3 TEXT,
    recipient TEXT,
    url TEXT,
    link_position BIGINT NOT NULL DEFAULT -1,
    ip_address TEXT,                           -- shortened as the policy says
    user_agent TEXT,
    provider_event_id TEXT,
    metadata TEXT
);
CREATE UNIQUE INDEX orphan_events_by_fingerprint ON orphan_events (organization_id, fingerprint_hash, fingerprint_check);
CREATE INDEX orphan_events_by_received_at ON orphan_events (organization_id, received_at, id);
CREATE TABLE orphan_keys (
    organization_id BIGINT NOT NULL,
    key_hash BIGINT NOT NULL,
    key_check BIGINT NOT NULL,
    orphan_id BIGINT NOT NULL,
    PRIMARY KEY (organization_id, key_hash, key_check, orphan_id)
) WITHOUT ROWID;
CREATE INDEX orphan_keys_by_orphan ON orphan_keys (organization_id, orphan_id);

-- Emails of one organization sent on one day with the same job, template, campaign, sequence and sender, and the sums of
-- their contributions (struct contribution). Every rate of every report is a sum over these rows and cohort_deltas.
CREATE TABLE cohorts (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY,
    day BIGINT NOT NULL,                       -- day sent
    job_id BIGINT NOT NULL DEFAULT 0,          -- 0: none
    template_id BIGINT NOT NULL DEFAULT 0,
    campaign_id BIGINT NOT NULL DEFAULT 0,
    sequence_id BIGINT NOT NULL DEFAULT 0,
    sender_id BIGINT NOT NULL DEFAULT 0,
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
    open_delay_ms BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX cohorts_by_day ON cohorts (organization_id, day, job_id, template_id, campaign_id, sequence_id, sender_id);

-- Changes not yet folded into cohorts: appended with the events in one transaction, folded when there is time.
CREATE TABLE cohort_deltas (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY,
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
    open_delay_ms BIGINT NOT NULL DEFAULT 0
);

-- Counters by cohort, kind (enum breakdown_kind) and key, and their changes not yet folded in.
CREATE TABLE breakdowns (
    organization_id BIGINT NOT NULL,
    cohort_id BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    item BIGINT NOT NULL,
    n BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (organization_id, cohort_id, kind, item)
) WITHOUT ROWID;
CREATE TABLE breakdown_deltas (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY,
    cohort_id BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    item BIGINT NOT NULL,
    n BIGINT NOT NULL
);

-- Sums over the cohorts of a day and over their breakdowns of kinds 1 and 5 (time to open, events only counted), kept by
-- whoever folds: most reports are of all emails, and read these few rows instead. Changes not yet folded come on top.
CREATE TABLE day_totals (
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
CREATE TABLE day_breakdowns (
    organization_id BIGINT NOT NULL,
    day BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    item BIGINT NOT NULL,
    n BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (organization_id, day, kind, item)
) WITHOUT ROWID;

-- Under TRACKING_AGGREGATE no event is stored; this keyed hash alone keeps a repeated delivery from counting twice.
CREATE TABLE event_fingerprints (
    organization_id BIGINT NOT NULL,
    day BIGINT NOT NULL,                       -- of receipt, UTC; rows older than 35 days are removed
    fingerprint_hash BIGINT NOT NULL,
    fingerprint_check BIGINT NOT NULL,
    PRIMARY KEY (fingerprint_hash, fingerprint_check, organization_id)
) WITHOUT ROWID;
CREATE INDEX event_fingerprints_by_day ON event_fingerprints (organization_id, day);

CREATE TABLE endpoints (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL,                       -- the unguessable part of its URL (compliance C-98)
    provider TEXT NOT NULL,
    name TEXT NOT NULL,
    secrets BLOB,                              -- JSON array, encrypted with the instance's secret key
    credentials BLOB,                          -- JSON array of {username, password}, encrypted
    topic_arns TEXT NOT NULL DEFAULT '[]',
    require_signature SMALLINT NOT NULL DEFAULT 1,
    allowed_cidrs TEXT NOT NULL DEFAULT '[]',
    rate_limit BIGINT NOT NULL DEFAULT 0,      -- requests a minute; 0: the configured default
    timestamp_tolerance_s BIGINT,              -- NULL: the provider's default
    allow_sns_version_1 SMALLINT NOT NULL DEFAULT 1,
    auto_confirm SMALLINT NOT NULL DEFAULT 0,  -- confirm SNS subscriptions of listed topics by ourselves
    pending_confirmation TEXT,                 -- JSON {kind, topic, confirm_url, received_at}
    confirmed_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    disabled_at BIGINT
);
CREATE UNIQUE INDEX endpoints_by_token ON endpoints (organization_id, token);

CREATE TABLE api_keys (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    role TEXT NOT NULL DEFAULT 'admin',        -- admin, write, read
    prefix TEXT NOT NULL,                      -- its first characters, to recognise it by
    secret_hash BLOB NOT NULL,                 -- SHA-256 of the whole key (256 bits of it are random)
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT
);
CREATE UNIQUE INDEX api_keys_by_hash ON api_keys (organization_id, secret_hash);

-- Webhook requests that could not be processed, kept to be processed again.
CREATE TABLE failed_deliveries (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint_id BIGINT NOT NULL,
    kind SMALLINT NOT NULL,                    -- 1 failed (signed, unreadable), 2 rejected (signature, credentials or address)
    state SMALLINT NOT NULL DEFAULT 0,         -- 0 kept, 1 replayed, 2 given up
    reason TEXT NOT NULL,
    headers TEXT NOT NULL,                     -- JSON object, without credentials
    body BLOB NOT NULL,
    body_size BIGINT NOT NULL,                 -- of the original; greater than the body kept: it was cut and cannot be replayed
    received_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    next_attempt_at BIGINT,
    last_error TEXT
);
CREATE INDEX failed_deliveries_by_kind ON failed_deliveries (organization_id, kind, id);
CREATE INDEX failed_deliveries_by_attempt ON failed_deliveries (organization_id, state, next_attempt_at);

CREATE TABLE security_events (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,                        -- webhook_signature, webhook_address, webhook_credentials, api_key …
    endpoint_id BIGINT NOT NULL DEFAULT 0,
    detail TEXT NOT NULL,
    source TEXT,                               -- shortened address
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    count BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX security_events_by_time ON security_events (organization_id, last_at, id);

CREATE TABLE notifications (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id BIGINT NOT NULL,
    email_log_id BIGINT NOT NULL,
    event_type SMALLINT NOT NULL,
    occurred_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    read_at BIGINT,
    withdrawn_at BIGINT
);
CREATE INDEX notifications_by_user ON notifications (organization_id, user_id, created_at, id);

-- Answers to requests with an Idempotency-Key, kept for two days.
CREATE TABLE idempotency_keys (
    organization_id BIGINT NOT NULL,
    key_hash BIGINT NOT NULL,
    key_check BIGINT NOT NULL,
    request_hash BIGINT NOT NULL,
    status BIGINT NOT NULL,
    response TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, key_hash, key_check)
) WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (organization_id, created_at);
