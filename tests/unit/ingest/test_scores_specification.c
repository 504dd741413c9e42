/* The specification's SQL (BR-558.4), word for word, run by a real PostgreSQL over 10 000 candidates whose emails know
 * neither replies, bounces nor machines: it must give every score that the product stores.
 *
 * The SQL reads tables of the specification's shape in a schema of their own, filled from the product's; NOW() is a
 * function of that schema, so that both look at the same millisecond. */
#include "tests/unit/store/history.h"

#include "ingest/scores.h"

#include "base/banned.h"

#define CANDIDATES 10000

/* UC-558.md, "Engagement Score Calculation". */
#define SPECIFICATION                                                                                                  \
    "SELECT\n"                                                                                                         \
    "    candidate_id,\n"                                                                                              \
    "    (\n"                                                                                                          \
    "        -- Recency factor (max 30 points)\n"                                                                      \
    "        CASE\n"                                                                                                   \
    "            WHEN MAX(ee.occurred_at) > NOW() - INTERVAL '24 hours' THEN 30\n"                                     \
    "            WHEN MAX(ee.occurred_at) > NOW() - INTERVAL '7 days' THEN 20\n"                                       \
    "            WHEN MAX(ee.occurred_at) > NOW() - INTERVAL '30 days' THEN 10\n"                                      \
    "            ELSE 0\n"                                                                                             \
    "        END\n"                                                                                                    \
    "        +\n"                                                                                                      \
    "        -- Open rate factor (max 30 points)\n"                                                                    \
    "        ROUND(\n"                                                                                                 \
    "            (COUNT(DISTINCT CASE WHEN ee.event_type = 'open' THEN el.id END)::decimal /\n"                        \
    "             NULLIF(COUNT(DISTINCT el.id), 0)) * 30\n"                                                            \
    "        )\n"                                                                                                      \
    "        +\n"                                                                                                      \
    "        -- Click rate factor (max 40 points)\n"                                                                   \
    "        ROUND(\n"                                                                                                 \
    "            (COUNT(DISTINCT CASE WHEN ee.event_type = 'click' THEN el.id END)::decimal /\n"                       \
    "             NULLIF(COUNT(DISTINCT el.id), 0)) * 40\n"                                                            \
    "        )\n"                                                                                                      \
    "    ) as engagement_score\n"                                                                                      \
    "FROM email_logs el\n"                                                                                             \
    "LEFT JOIN email_engagement_events ee ON el.id = ee.email_log_id\n"                                                \
    "WHERE el.recipient_type = 'Candidate'\n"
#define OF_CANDIDATE "  AND el.recipient_id = $1\n"
#define LAST_LINES                                                                                                     \
    "  AND el.sent_at > NOW() - INTERVAL '90 days'\n"                                                                  \
    "GROUP BY candidate_id"

static const struct statement of_all = {
    .name = "the specification's scores",
    .sql =
        "SELECT c.id, s.engagement_score::bigint, k.score FROM public.candidates c LEFT JOIN public.candidate_scores k"
        " ON k.candidate_id = c.id LEFT JOIN (" SPECIFICATION LAST_LINES
        ") AS s ON s.candidate_id = c.id ORDER BY c.id",
};
static const struct statement of_one = {
    .name = "the specification's score of one",
    .sql = "SELECT s.engagement_score::bigint FROM (" SPECIFICATION OF_CANDIDATE LAST_LINES ") AS s",
};

/* Times of the specification are timestamps; ours are exact to the millisecond. */
static void make_specification_tables(struct db *db, struct arena *arena, int64_t now) {
    static const char tables[] =
        "CREATE SCHEMA specification;"
        "CREATE FUNCTION specification.moment(ms BIGINT) RETURNS TIMESTAMPTZ IMMUTABLE LANGUAGE sql"
        "  AS 'SELECT ''epoch''::timestamptz + ms * interval ''1 millisecond''';"
        "CREATE FUNCTION specification.now() RETURNS TIMESTAMPTZ STABLE LANGUAGE sql"
        "  AS 'SELECT specification.moment(%lld)';"
        "CREATE TABLE specification.email_logs AS SELECT id, recipient_type, recipient_id, recipient_id AS "
        "candidate_id,"
        "  specification.moment(sent_at) AS sent_at FROM public.email_logs;"
        "CREATE TABLE specification.email_engagement_events AS SELECT email_log_id,"
        "  CASE event_type WHEN 5 THEN 'open' WHEN 6 THEN 'click' ELSE 'other' END AS event_type,"
        "  specification.moment(occurred_at) AS occurred_at FROM public.email_engagement_events;"
        "CREATE INDEX ON specification.email_logs (recipient_id);"
        "CREATE INDEX ON specification.email_engagement_events (email_log_id);"
        "ANALYZE specification.email_logs; ANALYZE specification.email_engagement_events;"
        "SET search_path = specification, pg_catalog";
    run_sql(db, arena_printf(arena, tables, (long long)now));
}

/* Now and then at a border, to the millisecond. */
static int64_t ago(uint64_t *dice, int days) {
    static const int64_t borders[] = {DAY_MS, 7 * DAY_MS, 30 * DAY_MS, 90 * DAY_MS};
    if (history_pick(dice, 4) == 0) return borders[history_pick(dice, 4)] + history_pick(dice, 5) - 2;
    return (int64_t)history_pick(dice, days * 24 * 3600) * SECOND_MS + history_pick(dice, 1000);
}

/* Emails of all candidates. How many one gets is often a number whose fractions do not end. */
static struct mail *make_mails(uint64_t *dice, struct arena *arena, int64_t now, size_t *ret_count) {
    static const int counts[] = {1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 12, 13};
    struct mail *mails = arena_alloc_array(arena, CANDIDATES * 14 + 20 * 60, sizeof(*mails));
    size_t count = 0;
    for (int candidate = 0; candidate < CANDIDATES; candidate++) {
        int emails = candidate % 500 == 7 ? 60 : counts[history_pick(dice, 14)];
        for (int i = 0; i < emails; i++) {
            int64_t sent =
                emails == 60 || history_pick(dice, 3) ? (int64_t)history_pick(dice, 89 * 24) * HOUR_MS : ago(dice, 120);
            mails[count++] = (struct mail){.sent_at = now - sent, .candidate = candidate, .level = TRACKING_FULL};
        }
    }
    *ret_count = count;
    return mails;
}

static void make_events(struct history *history, struct mail *mails, size_t count, uint64_t *dice, int64_t now) {
    struct happening happenings[2000];
    size_t waiting = 0;
    for (size_t i = 0; i < count; i++) {
        int likely = 1 + mails[i].candidate % 5; /* some people open everything, some hardly anything */
        for (int n = 0; n < 2; n++)
            if (history_pick(dice, 6) < likely)
                happenings[waiting++] =
                    (struct happening){.mail = &mails[i], .type = EVENT_OPEN, .at = now - ago(dice, 100)};
        if (history_pick(dice, 9) < likely)
            happenings[waiting++] = (struct happening){
                .mail = &mails[i], .type = EVENT_CLICK, .at = now - ago(dice, 100), .url = "https://jobs.example/"};
        if (waiting < 1990 && i + 1 < count) continue;
        if (waiting > 0) history_apply(history, happenings, waiting);
        waiting = 0;
    }
}

static void refresh_all_at(struct db *db, int64_t now) {
    for (size_t looked = 1; looked > 0;) {
        assert_done(db_begin(db, DB_WRITE, err));
        assert_done(scores_refresh(db, NULL, now, SCORES_PORTION, &looked, &(bool){false}, err));
        assert_done(db_commit(db, err));
    }
}

struct found {
    int compared, unknown, at[101];
};

static void compare_all(struct db *db, struct found *found) {
    struct db_rows *rows;
    int more;
    assert_done(db_query(db, &of_all, NULL, 0, &rows, err));
    while ((more = db_next(rows, NULL)) > 0) {
        int64_t expected = db_column_int_or(rows, 1, SCORE_UNKNOWN), stored = db_column_int_or(rows, 2, INT64_MIN);
        if (expected != stored)
            fail_msg("candidate %lld: %lld, the specification's SQL gives %lld", (long long)db_column_int(rows, 0),
                     (long long)stored, (long long)expected);
        found->compared++;
        if (expected == SCORE_UNKNOWN)
            found->unknown++;
        else
            found->at[expected]++;
    }
    assert_int_equal(more, 0);
    db_rows_free(rows);
}

static void equals_the_specification(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct history history;
    struct found found = {0};
    uint64_t dice = 558;
    size_t count;
    int64_t now = clock_now();
    history_begin(&history, fixture, "UTC");
    struct mail *mails = make_mails(&dice, fixture->arena, now, &count);
    history_register(&history, mails, count);
    /* Candidates without an email in the window too. */
    make_events(&history, mails, count, &dice, now);
    refresh_all_at(fixture->db, now);
    make_specification_tables(fixture->db, fixture->arena, now);
    compare_all(fixture->db, &found);
    int distinct = 0;
    for (int score = 0; score <= 100; score++)
        distinct += found.at[score] > 0;
    print_message("%zu emails, %d candidates compared, %d unknown, %d different scores\n", count, found.compared,
                  found.unknown, distinct);
    assert_int_equal(found.compared, CANDIDATES);
    assert_true(found.unknown > 0 && found.unknown < 2000);
    assert_true(distinct > 80);
    assert_true(found.at[39] > 0 && found.at[40] > 0 && found.at[74] > 0 && found.at[75] > 0);

    /* One by one, as the specification asks, and later: what time does is the same. */
    for (int n = 0; n < 300; n++) {
        struct candidate {
            int64_t id, score;
        } candidate;
        static const struct statement pick = {
            .name = "a candidate",
            .sql = "SELECT candidate_id, score FROM public.candidate_scores ORDER BY candidate_id OFFSET $1 LIMIT 1"};
        struct db_rows *rows;
        assert_int_equal(
            db_query_row(fixture->db, &pick, DB_VALUES(db_int(history_pick(&dice, found.compared))), &rows, NULL), 1);
        candidate = (struct candidate){db_column_int(rows, 0), db_column_int(rows, 1)};
        db_rows_free(rows);
        int any = db_query_row(fixture->db, &of_one, DB_VALUES(db_int(candidate.id)), &rows, NULL);
        assert_true(any >= 0);
        assert_int_equal(candidate.score, any ? db_column_int(rows, 0) : SCORE_UNKNOWN);
        if (any) db_rows_free(rows);
    }
    static const int64_t later[] = {1, HOUR_MS, 5 * DAY_MS, 20 * DAY_MS};
    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
        run_sql(fixture->db, "SET search_path = public");
        refresh_all_at(fixture->db, now + later[i]);
        run_sql(fixture->db,
                arena_printf(fixture->arena,
                             "CREATE OR REPLACE FUNCTION specification.now() RETURNS TIMESTAMPTZ STABLE LANGUAGE sql"
                             "  AS 'SELECT specification.moment(%lld)'; SET search_path = specification, pg_catalog",
                             (long long)(now + later[i])));
        compare_all(fixture->db, &found);
    }
    history_end(&history);
}

int main(void) {
    struct CMUnitTest tests[] = {contract_test(equals_the_specification)};
    return run_on_postgres(tests, sizeof(tests) / sizeof(tests[0]));
}
