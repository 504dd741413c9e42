-- Accounts: sessions, second factors, links by which a password is set, and the jobs that a hiring manager sees.

ALTER TABLE users ADD COLUMN time_zone TEXT;                          -- NULL: the organization's
ALTER TABLE users ADD COLUMN preferences TEXT;                        -- JSON object of the application's; NULL: none
ALTER TABLE users ADD COLUMN sees_scores SMALLINT NOT NULL DEFAULT 0; -- of a hiring manager; others always do (C-103)
ALTER TABLE users ADD COLUMN totp_secret BLOB;                        -- encrypted with the instance's secret key
ALTER TABLE users ADD COLUMN totp_confirmed_at BIGINT;                -- NULL: not in force
ALTER TABLE users ADD COLUMN totp_step BIGINT NOT NULL DEFAULT 0;     -- of the code used last: each is good once
ALTER TABLE users ADD COLUMN oidc_subject TEXT;                       -- issuer and subject of the identity that signed in
ALTER TABLE users ADD COLUMN signed_in_at BIGINT;
-- Signing in names an address, not yet an organization.
CREATE INDEX users_by_address ON users (email);
CREATE UNIQUE INDEX users_by_subject ON users (organization_id, oidc_subject) WHERE oidc_subject IS NOT NULL;

CREATE TABLE sessions (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id BIGINT NOT NULL,
    token_hash BLOB NOT NULL,                  -- SHA-256 of the cookie's value (256 bits of it are random)
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,              -- to the minute
    source TEXT,                               -- shortened address at sign-in
    agent TEXT                                 -- the browser, as it named itself
);
CREATE UNIQUE INDEX sessions_by_token ON sessions (organization_id, token_hash);
CREATE INDEX sessions_by_user ON sessions (organization_id, user_id, id);
CREATE INDEX sessions_by_time ON sessions (organization_id, created_at, id);

-- Invitations and new passwords: a link is good once, and the last one made is the only one.
CREATE TABLE account_links (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id BIGINT NOT NULL,
    token_hash BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX account_links_by_token ON account_links (organization_id, token_hash);
CREATE UNIQUE INDEX account_links_by_user ON account_links (organization_id, user_id);

CREATE TABLE recovery_codes (
    organization_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    code_hash BLOB NOT NULL,
    PRIMARY KEY (organization_id, user_id, code_hash)
) WITHOUT ROWID;

-- The jobs whose candidates a hiring manager sees.
CREATE TABLE user_jobs (
    organization_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    PRIMARY KEY (organization_id, user_id, job_id)
) WITHOUT ROWID;
