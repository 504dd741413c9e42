-- History that is being imported, or was: how far a file has been read, in the transaction of what was read.
CREATE TABLE imports (
    organization_id BIGINT NOT NULL,
    file_hash BIGINT NOT NULL,               -- keyed, of the first and last bytes: a file is known again wherever it lies
    file_size BIGINT NOT NULL,
    format TEXT NOT NULL,
    records BIGINT NOT NULL,                 -- read so far
    refused_bytes BIGINT NOT NULL,           -- of the report of refused records
    totals TEXT NOT NULL,                    -- JSON object of counters
    started_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    finished_at BIGINT,                      -- NULL: not at its end
    PRIMARY KEY (organization_id, file_hash, file_size, format)
) WITHOUT ROWID;

-- What came in by an endpoint in an hour, for the watch on its completeness. Counts only, kept for some weeks.
CREATE TABLE endpoint_hours (
    organization_id BIGINT NOT NULL,
    endpoint_id BIGINT NOT NULL,
    hour BIGINT NOT NULL,                    -- hours since 1970 at which it was received
    deliveries BIGINT NOT NULL DEFAULT 0,
    events BIGINT NOT NULL DEFAULT 0,        -- those seen before too: they show that the provider sends
    delivered BIGINT NOT NULL DEFAULT 0,
    opens BIGINT NOT NULL DEFAULT 0,
    clicks BIGINT NOT NULL DEFAULT 0,
    orphans BIGINT NOT NULL DEFAULT 0,
    rejected BIGINT NOT NULL DEFAULT 0,      -- deliveries: signature, credentials or source
    unreadable BIGINT NOT NULL DEFAULT 0,    -- deliveries
    ahead_ms BIGINT NOT NULL DEFAULT 0,      -- the most that an event's time lay ahead of ours
    delay_ms BIGINT NOT NULL DEFAULT 0,      -- the least that an event took to get here
    last_event_at BIGINT NOT NULL DEFAULT 0,
    last_rejected_at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (organization_id, endpoint_id, hour)
) WITHOUT ROWID;
