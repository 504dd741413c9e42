#include "store/purge.h"

#include "base/clock.h"
#include "store/db.h"
#include "store/webhook_deliveries.h"

#include "base/banned.h"

/* The oldest rows of an organization. Orphans are found twice in the same order: first their keys go, then they. */
#define OLDEST(table, time)                                                                                            \
    "(SELECT id FROM " table " WHERE organization_id = $1 AND " time " < $2 ORDER BY " time ", id LIMIT $3)"

static const struct statement orphan_keys = {
    "purge of orphan keys",
    "DELETE FROM orphan_keys WHERE organization_id = $1 AND orphan_id IN " OLDEST("orphan_events", "received_at"),
    NULL};
static const struct statement orphans = {
    "purge of orphans",
    "DELETE FROM orphan_events WHERE organization_id = $1 AND id IN " OLDEST("orphan_events", "received_at"), NULL};
static const struct statement deliveries = {
    "purge of deliveries",
    "DELETE FROM failed_deliveries WHERE organization_id = $1 AND id IN " OLDEST("failed_deliveries", "received_at"),
    NULL};
/* Their keys are pairs, for which the two databases have no common IN (…) with a limit: a slice of time instead. */
static const struct statement idempotency_keys = {
    "purge of idempotency keys",
    "DELETE FROM idempotency_keys WHERE organization_id = $1 AND created_at < $2 AND created_at <= (SELECT "
    "max(created_at) FROM (SELECT created_at FROM idempotency_keys WHERE organization_id = $1 ORDER BY created_at "
    "LIMIT "
    "$3) AS oldest)",
    NULL};
static const struct statement fingerprints = {
    "purge of fingerprints",
    "DELETE FROM event_fingerprints WHERE organization_id = $1 AND day < $2 AND (fingerprint_hash, fingerprint_check) "
    "IN "
    "(SELECT fingerprint_hash, fingerprint_check FROM event_fingerprints WHERE organization_id = $1 AND day < $2 "
    "ORDER BY day LIMIT $3)",
    NULL};
static const struct statement score_days = {
    "purge of the history of scores",
    "DELETE FROM candidate_score_days WHERE organization_id = $1 AND day < $2 AND (candidate_id, day) IN "
    "(SELECT candidate_id, day FROM candidate_score_days WHERE organization_id = $1 AND day < $2 ORDER BY day, "
    "candidate_id LIMIT $3)",
    NULL};

static const struct statement sessions = {
    "purge of sessions", "DELETE FROM sessions WHERE organization_id = $1 AND id IN " OLDEST("sessions", "created_at"),
    NULL};
static const struct statement account_links = {
    "purge of account links",
    "DELETE FROM account_links WHERE organization_id = $1 AND id IN " OLDEST("account_links", "expires_at"), NULL};
static const struct statement link_texts = {
    "purge of link texts",
    "DELETE FROM link_texts WHERE organization_id = $1 AND created_at < $2 AND created_at <= (SELECT max(created_at) "
    "FROM (SELECT created_at FROM link_texts WHERE organization_id = $1 ORDER BY created_at LIMIT $3) AS oldest)",
    NULL};

static const struct statement notifications = {
    "purge of notifications",
    "DELETE FROM notifications WHERE organization_id = $1 AND id IN " OLDEST("notifications", "created_at"), NULL};

/* A subscription's newest stay. */
#define TEXT_OF_(number) #number
#define TEXT_OF(number)  TEXT_OF_(number)
#define EXCESS(states, kept)                                                                                           \
    "DELETE FROM webhook_deliveries WHERE organization_id = $1 AND id IN (SELECT d.id FROM webhook_subscriptions s "   \
    "JOIN webhook_deliveries d ON d.organization_id = $1 AND d.subscription_id = s.id AND d.state IN (" states ") "    \
    "WHERE s.organization_id = $1 AND d.created_at < $2 AND d.id <= (SELECT x.id FROM webhook_deliveries x "           \
    "WHERE x.organization_id = $1 AND x.subscription_id = s.id AND x.state IN (" states ") ORDER BY x.id DESC "        \
    "LIMIT 1 OFFSET " TEXT_OF(kept) ") LIMIT $3)"
static const struct statement webhook_deliveries = {
    "purge of webhook deliveries",
    "DELETE FROM webhook_deliveries WHERE organization_id = $1 AND id IN " OLDEST("webhook_deliveries", "created_at"),
    NULL};
static const struct statement webhook_delivered = {"purge of delivered webhooks", EXCESS("1", WEBHOOK_DELIVERED_MAX),
                                                   NULL};
static const struct statement webhook_dead = {"purge of dead webhooks", EXCESS("2, 3", WEBHOOK_DEAD_MAX), NULL};
static const struct statement webhooks_deleted = {
    "purge of deleted webhook subscriptions",
    "DELETE FROM webhook_deliveries WHERE organization_id = $1 AND id IN (SELECT d.id FROM webhook_subscriptions s "
    "JOIN webhook_deliveries d ON d.organization_id = $1 AND d.subscription_id = s.id "
    "WHERE s.organization_id = $1 AND s.deleted_at < $2 LIMIT $3)",
    NULL};
static const struct statement subscriptions = {
    "purge of webhook subscriptions",
    "DELETE FROM webhook_subscriptions WHERE organization_id = $1 AND id IN (SELECT s.id FROM webhook_subscriptions s "
    "WHERE s.organization_id = $1 AND s.deleted_at < $2 AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d "
    "WHERE d.organization_id = $1 AND d.subscription_id = s.id) LIMIT $3)",
    NULL};

int purge(struct db *db, enum purge what, int64_t organization_id, int64_t before, int64_t limit, int64_t *ret_removed,
          struct err *err) {
    static const struct statement *const statements[PURGE_COUNT] = {
        [PURGE_ORPHANS] = &orphans,
        [PURGE_DELIVERIES] = &deliveries,
        [PURGE_IDEMPOTENCY_KEYS] = &idempotency_keys,
        [PURGE_FINGERPRINTS] = &fingerprints,
        [PURGE_SESSIONS] = &sessions,
        [PURGE_ACCOUNT_LINKS] = &account_links,
        [PURGE_LINK_TEXTS] = &link_texts,
        [PURGE_SCORE_DAYS] = &score_days,
        [PURGE_NOTIFICATIONS] = &notifications,
        [PURGE_WEBHOOK_DELIVERIES] = &webhook_deliveries,
        [PURGE_WEBHOOK_DELIVERED] = &webhook_delivered,
        [PURGE_WEBHOOK_DEAD] = &webhook_dead,
        [PURGE_WEBHOOKS_DELETED] = &webhooks_deleted,
        [PURGE_SUBSCRIPTIONS] = &subscriptions,
    };
    bool by_day = what == PURGE_FINGERPRINTS || what == PURGE_SCORE_DAYS;
    int64_t bound = by_day ? before / DAY_MS : before;
    const struct db_value values[] = {db_int(organization_id), db_int(bound), db_int(limit)};
    if (what == PURGE_ORPHANS) {
        int r = db_run(db, &orphan_keys, values, 3, NULL, err);
        if (r < 0) return r;
    }
    return db_run(db, statements[what], values, 3, ret_removed, err);
}
