-- Outgoing webhooks: who subscribed to what, and what is on its way to them (docs/internals/webhook-subscriptions.md).

-- What a subscriber is told of beyond what notifications need.
ALTER TABLE event_outbox ADD COLUMN recipient_ref BIGINT NOT NULL DEFAULT 0; -- struct event_key
ALTER TABLE event_outbox ADD COLUMN score SMALLINT NOT NULL DEFAULT -1;      -- of a changed level: the score now,
ALTER TABLE event_outbox ADD COLUMN level SMALLINT NOT NULL DEFAULT 0;       -- enum score_level now
ALTER TABLE event_outbox ADD COLUMN former_level SMALLINT NOT NULL DEFAULT 0; -- and before

CREATE TABLE webhook_subscriptions (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    url TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    events BIGINT NOT NULL,                    -- bits, enum webhook_event
    state SMALLINT NOT NULL DEFAULT 0,         -- enum subscription_state
    state_reason TEXT,                         -- why we disabled it; NULL: we did not
    secret BLOB NOT NULL,                      -- sealed
    former_secret BLOB,                        -- sealed; signs too until former_secret_until
    former_secret_until BIGINT,
    failing_since BIGINT,                      -- first failure since the last success; NULL: the last attempt succeeded
    dropped BIGINT NOT NULL DEFAULT 0,         -- events that found the backlog full
    dropped_at BIGINT,                         -- the last of them
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT                          -- the janitor takes it and its deliveries away
);
CREATE INDEX webhook_subscriptions_by_organization ON webhook_subscriptions (organization_id, id);

-- One row an event and subscription, from the transaction that takes the event out of the outbox. No personal data: what is
-- sent is put together from the email and the person as they are when it is sent.
CREATE TABLE webhook_deliveries (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription_id BIGINT NOT NULL,
    message_id TEXT NOT NULL,                  -- webhook-id, the same at every attempt
    event SMALLINT NOT NULL,                   -- enum webhook_event
    kind SMALLINT NOT NULL,                    -- enum outbox_kind, and the rest of its row
    email_log_id BIGINT NOT NULL DEFAULT 0,
    event_type SMALLINT NOT NULL DEFAULT 0,
    occurred_at BIGINT NOT NULL DEFAULT 0,
    link_id BIGINT NOT NULL DEFAULT 0,
    candidate_id BIGINT NOT NULL DEFAULT 0,
    recipient_ref BIGINT NOT NULL DEFAULT 0,
    score SMALLINT NOT NULL DEFAULT -1,
    level SMALLINT NOT NULL DEFAULT 0,
    former_level SMALLINT NOT NULL DEFAULT 0,
    state SMALLINT NOT NULL DEFAULT 0,         -- enum webhook_delivery_state
    step SMALLINT NOT NULL DEFAULT 0,          -- of the schedule of repeats
    attempts BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    next_attempt_at BIGINT,                    -- NULL unless it waits
    claimed_until BIGINT,                      -- somebody is sending it; after this moment anybody may
    last_attempt_at BIGINT,
    last_duration_ms BIGINT,
    last_status BIGINT,                        -- of HTTP; NULL: there was no answer
    last_answer TEXT,                          -- its beginning
    last_error TEXT                            -- why there was none
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (organization_id, subscription_id, next_attempt_at, id)
    WHERE state = 0;
CREATE INDEX webhook_deliveries_by_subscription ON webhook_deliveries (organization_id, subscription_id, state, id);
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (organization_id, created_at, id);
