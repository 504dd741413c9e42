-- First-party tracking.

-- Keys of the tokens in our own pixels, links and pages (tracking/token.h). Of the instance, like its hash key: a token
-- names its organization inside. The newest in force signs, all in force verify.
CREATE TABLE token_keys (
    id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 255), -- stands in the tokens
    sealed BLOB,                               -- encrypted with the instance's secret key; NULL once retired
    created_at BIGINT NOT NULL,
    retired_at BIGINT
);

-- What readers see of the links that we rewrote (AF-4), once for each text that a (url, position) of `links` has had. A
-- link gets its row in `links` only when it is clicked, so the key is that of links_by_hash and a hash of the text.
CREATE TABLE link_texts (
    organization_id BIGINT NOT NULL,
    link_hash BIGINT NOT NULL,
    link_check BIGINT NOT NULL,
    text_hash BIGINT NOT NULL,
    text TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, link_hash, link_check, text_hash)
) WITHOUT ROWID;
CREATE INDEX link_texts_by_time ON link_texts (organization_id, created_at);
