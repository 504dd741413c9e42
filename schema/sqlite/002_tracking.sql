-- First-party tracking.

-- Keys of the tokens in our own pixels, links and pages (tracking/token.h). Of the instance, like its hash key: a token
-- names its organization inside. The newest in force signs, all in force verify.
CREATE TABLE token_keys (
    id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 255), -- stands in the tokens
    sealed BLOB,                               -- encrypted with the instance's secret key; NULL once retired
    created_at BIGINT NOT NULL,
    retired_at BIGINT
);
