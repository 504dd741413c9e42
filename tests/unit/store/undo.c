#include "tests/unit/store/undo.h"

#include "tests/unit/store/store_contract.h"

#include "base/banned.h"

#define FIRST 6

static const char *const undo[] = {
    /* 6 */
    "DROP TABLE candidate_scores; DROP TABLE candidate_jobs; DROP TABLE candidate_score_days; DROP TABLE score_marks;"
    "ALTER TABLE email_stats DROP COLUMN last_human_at; ALTER TABLE organizations DROP COLUMN score_enabled;"
    "ALTER TABLE organizations DROP COLUMN score_day_points; ALTER TABLE organizations DROP COLUMN score_week_points;"
    "ALTER TABLE organizations DROP COLUMN score_month_points; ALTER TABLE organizations DROP COLUMN score_open_points;"
    "ALTER TABLE organizations DROP COLUMN score_click_points; ALTER TABLE organizations DROP COLUMN score_hot;"
    "ALTER TABLE organizations DROP COLUMN score_warm",
    /* 7 */ "DROP TABLE imports; DROP TABLE endpoint_hours",
    /* 8 */ "DROP TABLE event_outbox; DROP TABLE notification_preferences", /* it makes notifications anew by itself */
    /* 9 */ "DROP TABLE webhook_subscriptions; DROP TABLE webhook_deliveries",
    /* 10 */ "DROP TABLE audit_log; DROP TABLE audit_heads; DROP INDEX candidates_by_answer",
    /* 11 */ "DROP TABLE day_groups; DROP INDEX day_totals_stale; ALTER TABLE day_totals DROP COLUMN groups_stale",
    /* 12 */
    "DROP TABLE activity; DROP TABLE activity_days; DROP TABLE candidate_senders; DROP INDEX candidates_by_name;"
    "DROP INDEX candidates_by_last_name; DROP INDEX IF EXISTS candidates_by_address;"
    "ALTER TABLE cohort_deltas DROP COLUMN day; ALTER TABLE organizations DROP COLUMN former_zones;"
    "ALTER TABLE candidate_scores DROP COLUMN recency; ALTER TABLE candidate_scores DROP COLUMN replied",
    /* 13 */
    "DROP INDEX candidates_by_name; DROP INDEX candidates_by_last_name; ALTER TABLE candidates DROP COLUMN folded_name;"
    "CREATE INDEX candidates_by_name ON candidates (name); CREATE INDEX candidates_by_last_name ON candidates (name)",
    /* 14 */
    "DROP INDEX webhook_deliveries_by_email; ALTER TABLE webhook_deliveries DROP COLUMN withdrawn;"
    "ALTER TABLE webhook_deliveries DROP COLUMN claims; ALTER TABLE users DROP COLUMN reads_audit",
    /* 15 */
    "ALTER TABLE endpoint_hours DROP COLUMN took_5; ALTER TABLE endpoint_hours DROP COLUMN took_10;"
    "ALTER TABLE endpoint_hours DROP COLUMN took_25; ALTER TABLE endpoint_hours DROP COLUMN took_50;"
    "ALTER TABLE endpoint_hours DROP COLUMN took_100; ALTER TABLE endpoint_hours DROP COLUMN took_250;"
    "ALTER TABLE endpoint_hours DROP COLUMN took_1000; ALTER TABLE endpoint_hours DROP COLUMN took_10000",
    /* 16 */ "ALTER TABLE api_keys DROP COLUMN expires_at",
};
#define LAST (FIRST + (int)(sizeof(undo) / sizeof(undo[0])) - 1)

void undo_migrations(struct db *db, int number) {
    assert_in_range(number, FIRST, LAST);
    assert_int_equal(ask_int(db, "SELECT max(number) FROM schema_migrations"), LAST);
    for (int i = LAST; i >= number; i--)
        run_sql(db, undo[i - FIRST]);
    char text[80];
    snprintf(text, sizeof(text), "DELETE FROM schema_migrations WHERE number >= %d", number);
    run_sql(db, text);
}
