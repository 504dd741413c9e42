-- The engagement score (BR-558.4): kept ready to be listed by, see src/store/scores.h and docs/internals/score.md.

-- Whether scores are computed at all (compliance C-103), and what they weigh (struct score_policy).
ALTER TABLE organizations ADD COLUMN score_enabled SMALLINT NOT NULL DEFAULT 1;
ALTER TABLE organizations ADD COLUMN score_day_points SMALLINT NOT NULL DEFAULT 30;
ALTER TABLE organizations ADD COLUMN score_week_points SMALLINT NOT NULL DEFAULT 20;
ALTER TABLE organizations ADD COLUMN score_month_points SMALLINT NOT NULL DEFAULT 10;
ALTER TABLE organizations ADD COLUMN score_open_points SMALLINT NOT NULL DEFAULT 30;
ALTER TABLE organizations ADD COLUMN score_click_points SMALLINT NOT NULL DEFAULT 40;
ALTER TABLE organizations ADD COLUMN score_hot SMALLINT NOT NULL DEFAULT 75;
ALTER TABLE organizations ADD COLUMN score_warm SMALLINT NOT NULL DEFAULT 40;

-- The latest human open, click or reply.
ALTER TABLE email_stats ADD COLUMN last_human_at BIGINT;
UPDATE email_stats SET last_human_at = found.latest FROM (
    SELECT organization_id, email_log_id, max(occurred_at) AS latest FROM email_engagement_events
    WHERE event_type = 7 OR event_type IN (5, 6) AND verdict IN (0, 1) GROUP BY organization_id, email_log_id) AS found
WHERE email_stats.organization_id = found.organization_id AND email_stats.email_log_id = found.email_log_id;

-- One row a candidate, right at every moment before next_look_at unless a mark below says otherwise.
CREATE TABLE candidate_scores (
    organization_id BIGINT NOT NULL,
    candidate_id BIGINT NOT NULL,
    score SMALLINT NOT NULL,                   -- 0 to 100; -1: nothing is measurable
    next_look_at BIGINT,                       -- when the score may change though nothing happens; NULL: never
    PRIMARY KEY (candidate_id, organization_id)
) WITHOUT ROWID;                               -- with row ids, (score, candidate_id) would be no bound of the index
CREATE INDEX candidate_scores_by_score ON candidate_scores (organization_id, score, candidate_id);
CREATE INDEX candidate_scores_by_look ON candidate_scores (next_look_at) WHERE next_look_at IS NOT NULL;

-- The jobs for which a candidate got emails, with a copy of the score so that the candidates of a job are listed by it.
CREATE TABLE candidate_jobs (
    organization_id BIGINT NOT NULL,
    candidate_id BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    score SMALLINT NOT NULL DEFAULT -1,
    PRIMARY KEY (candidate_id, job_id, organization_id)
) WITHOUT ROWID;
CREATE INDEX candidate_jobs_by_score ON candidate_jobs (organization_id, job_id, score, candidate_id);
INSERT INTO candidate_jobs (organization_id, candidate_id, job_id)
SELECT DISTINCT e.organization_id, e.recipient_id, c.job_id FROM email_logs e
JOIN cohorts c ON c.organization_id = e.organization_id AND c.id = e.cohort_id WHERE c.job_id <> 0;

-- A day on which the score changed (days in the organization's time zone).
CREATE TABLE candidate_score_days (
    organization_id BIGINT NOT NULL,
    candidate_id BIGINT NOT NULL,
    day BIGINT NOT NULL,
    score SMALLINT NOT NULL,                   -- at the end of the day
    former SMALLINT NOT NULL,                  -- at its beginning
    PRIMARY KEY (candidate_id, day, organization_id)
) WITHOUT ROWID;
CREATE INDEX candidate_score_days_by_day ON candidate_score_days (organization_id, day, candidate_id);

-- Whose score must be looked at again: appended in the transaction that makes it so, one of the three columns set.
CREATE TABLE score_marks (
    organization_id BIGINT NOT NULL,
    id INTEGER PRIMARY KEY,
    emails TEXT,                               -- ids, parted by commas: the recipients of these
    candidates TEXT,
    all_after BIGINT                           -- every candidate with a greater id
);
INSERT INTO score_marks (organization_id, all_after) SELECT organization_id, 0 FROM organizations;
