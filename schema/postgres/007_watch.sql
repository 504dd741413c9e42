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
);
