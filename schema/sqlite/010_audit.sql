-- What administrators and their programs changed and took out, as a chain of hashes (store/audit.h).

-- No secret, email address or network address in full is ever written here: people and things stand by their numbers.
CREATE TABLE audit_log (
    organization_id BIGINT NOT NULL,
    id BIGINT NOT NULL,                        -- 1, 2, 3 … without a gap
    at BIGINT NOT NULL,
    actor SMALLINT NOT NULL,                   -- enum audit_actor
    actor_id BIGINT NOT NULL DEFAULT 0,        -- users.id or api_keys.id; 0: none
    source TEXT NOT NULL DEFAULT '',           -- shortened address; empty: not by HTTP
    request_id TEXT NOT NULL DEFAULT '',
    action TEXT NOT NULL,                      -- users.create, settings.change …
    object TEXT NOT NULL DEFAULT '',           -- users, settings …; empty: none
    object_id BIGINT NOT NULL DEFAULT 0,
    detail TEXT NOT NULL DEFAULT '{}',         -- JSON object
    hash BLOB NOT NULL,                        -- SHA-256 over the hash before and all of the above
    PRIMARY KEY (organization_id, id)
) WITHOUT ROWID;

-- Both ends of an organization's chain.
CREATE TABLE audit_heads (
    organization_id BIGINT PRIMARY KEY,
    base_id BIGINT NOT NULL DEFAULT 0,         -- of the last entry that was removed for its age; 0: none was
    base_hash BLOB NOT NULL,
    last_id BIGINT NOT NULL DEFAULT 0,
    last_hash BLOB NOT NULL,
    seal BLOB NOT NULL                         -- HMAC over the row with a key that is not in the database
) WITHOUT ROWID;

-- Who said what may be recorded of them: few of many.
CREATE INDEX candidates_by_answer ON candidates (organization_id, id) WHERE tracking IS NOT NULL;
