#include "store/organizations.h"

#include "base/clock.h"
#include "model/local_days.h"
#include "store/rows.h"
#include "store/scores.h"
#include "store/store.h"

#include "base/banned.h"

#define COLUMNS                                                                                                        \
    "organization_id, name, time_zone, tracking, consent_mode, address_policy, retention_days, created_at, "           \
    "updated_at, tracking_domain, brand_color, honor_privacy_signals, " SCORE_POLICY_COLUMNS
#define SCORE_POLICY_FIRST 12

/* Of a policy, in the order of SCORE_POLICY_COLUMNS. */
#define SCORE_VALUES(policy)                                                                                           \
    db_int((policy)->enabled), db_int((policy)->recency[RECENCY_DAY]), db_int((policy)->recency[RECENCY_WEEK]),        \
        db_int((policy)->recency[RECENCY_MONTH]), db_int((policy)->opens), db_int((policy)->clicks),                   \
        db_int((policy)->hot), db_int((policy)->warm)

static const struct statement select_one = {"organization",
                                            "SELECT " COLUMNS " FROM organizations WHERE organization_id = $1", NULL};
static const struct statement select_some = {
    "organizations",
    "SELECT " COLUMNS " FROM organizations WHERE organization_id > $1 ORDER BY organization_id LIMIT $2", NULL};
static const struct statement insert = {
    "organization insert",
    "INSERT INTO organizations (name, time_zone, tracking, consent_mode, address_policy, retention_days, created_at, "
    "updated_at, tracking_domain, brand_color, honor_privacy_signals, " SCORE_POLICY_COLUMNS
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) "
    "RETURNING organization_id",
    NULL};
static const struct statement update = {
    "organization update",
    "UPDATE organizations SET name = $2, time_zone = $3, tracking = $4, consent_mode = $5, address_policy = $6, "
    "retention_days = $7, updated_at = $8, tracking_domain = $9, brand_color = $10, honor_privacy_signals = $11, "
    "score_enabled = $12, score_day_points = $13, score_week_points = $14, score_month_points = $15, "
    "score_open_points = $16, score_click_points = $17, score_hot = $18, score_warm = $19 WHERE organization_id = $1",
    NULL};
static const struct statement select_days = {
    "days of an organization",
    "SELECT time_zone, former_zones, (SELECT max(e.occurred_at) FROM email_engagement_events e"
    " WHERE e.organization_id = o.organization_id) FROM organizations o WHERE o.organization_id = $1",
    NULL};
static const struct statement update_former_zones = {
    "former zones", "UPDATE organizations SET former_zones = $2 WHERE organization_id = $1", NULL};
static const struct statement select_domain = {
    "tracking domain", "SELECT organization_id FROM organizations WHERE tracking_domain = $1 AND organization_id <> $2",
    NULL};

void organization_init(struct organization *organization) {
    *organization = (struct organization){
        .time_zone = SLICE("UTC"),
        .tracking = TRACKING_FULL,
        .consent_mode = CONSENT_OPT_OUT,
        .address_policy = ADDRESS_TRUNCATE,
        .retention_days = 730, /* two years: BR-558.6 */
        .honor_privacy_signals = true,
        .score = score_policy_default(),
    };
}

static struct organization read_row(const struct db_rows *rows, struct arena *arena) {
    return (struct organization){
        .id = db_column_int(rows, 0),
        .name = row_text(rows, 1, arena),
        .time_zone = row_text(rows, 2, arena),
        .tracking = (enum tracking_level)db_column_int(rows, 3),
        .consent_mode = (enum consent_mode)db_column_int(rows, 4),
        .address_policy = (enum address_policy)db_column_int(rows, 5),
        .retention_days = db_column_int(rows, 6),
        .created_at = db_column_int(rows, 7),
        .updated_at = db_column_int(rows, 8),
        .tracking_domain = row_text(rows, 9, arena),
        .brand_color = row_text(rows, 10, arena),
        .honor_privacy_signals = db_column_int(rows, 11) != 0,
        .score = score_policy_read(rows, SCORE_POLICY_FIRST),
    };
}

int organization_load(struct db *db, int64_t id, struct arena *arena, struct organization *ret, struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &select_one, DB_VALUES(db_int(id)), &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_NOT_FOUND, "there is no organization %lld", (long long)id);
    *ret = read_row(rows, arena);
    db_rows_free(rows);
    return 0;
}

int organizations_list(struct db *db, int64_t after_id, size_t limit, struct arena *arena, struct organization **ret,
                       size_t *ret_count, struct err *err) {
    struct organization *found = NULL;
    size_t count = 0, capacity = 0;
    struct db_rows *rows;
    int r = db_query(db, &select_some, DB_VALUES(db_int(after_id), db_int((int64_t)limit)), &rows, err);
    if (r < 0) return r;
    while ((r = db_next(rows, err)) > 0) {
        found = rows_grow(arena, found, count, &capacity, sizeof(*found));
        found[count] = read_row(rows, arena);
        count++;
    }
    db_rows_free(rows);
    if (r < 0) return r;
    *ret = found;
    *ret_count = count;
    return 0;
}

int organization_insert(struct db *db, struct organization *organization, int64_t now, struct err *err) {
    int r =
        db_insert(db, &insert,
                  DB_VALUES(db_text(organization->name), db_text(organization->time_zone),
                            db_int(organization->tracking), db_int(organization->consent_mode),
                            db_int(organization->address_policy), db_int(organization->retention_days), db_int(now),
                            db_text_or_null(organization->tracking_domain), db_text_or_null(organization->brand_color),
                            db_int(organization->honor_privacy_signals), SCORE_VALUES(&organization->score)),
                  &organization->id, err);
    if (r < 0) return r;
    organization->created_at = organization->updated_at = now;
    return settings_version_raise(db, err);
}

static int claim_domain(struct db *db, const struct organization *organization, struct err *err) {
    struct db_rows *rows;
    if (slice_empty(organization->tracking_domain)) return 0;
    int found = db_query_row(db, &select_domain,
                             DB_VALUES(db_text(organization->tracking_domain), db_int(organization->id)), &rows, err);
    if (found <= 0) return found;
    db_rows_free(rows);
    return err_set(err, ERR_CONFLICT, "tracking_domain belongs to another organization of this installation");
}

/* Does what is stored give other scores than this would? ERR_NOT_FOUND. */
static int changes_scores(struct db *db, const struct organization *organization, bool *ret, struct err *err) {
    struct arena *arena = arena_new();
    struct organization was;
    int r = organization_load(db, organization->id, arena, &was, err);
    if (r == 0) {
        const struct score_policy *a = &was.score, *b = &organization->score;
        *ret = a->enabled != b->enabled || memcmp(a->recency, b->recency, sizeof(a->recency)) != 0 ||
               a->opens != b->opens || a->clicks != b->clicks || was.tracking != organization->tracking;
    }
    arena_free(arena);
    return r;
}

/* What was counted keeps its day: the zone until now holds for all that happened until now, also where it arrives later
 * (model/local_days.h). Clocks of providers run ahead: until the latest event, and a little longer for those that other
 * writers are just counting. */
#define ZONE_MARGIN_MS (5 * MINUTE_MS)
static int end_zone(struct db *db, const struct organization *organization, int64_t now, struct err *err) {
    struct db_rows *rows;
    struct strbuf former;
    int r = db_query_row(db, &select_days, DB_VALUES(db_int(organization->id)), &rows, err);
    if (r <= 0) return r;
    const struct local_days days = {.time_zone = db_column_text(rows, 0), .former = db_column_text(rows, 1)};
    int64_t until = now + ZONE_MARGIN_MS, latest = db_column_int_or(rows, 2, INT64_MIN);
    strbuf_init(&former, 16384);
    r = 0;
    if (!slice_equal(days.time_zone, organization->time_zone) && latest != INT64_MIN) {
        r = local_days_end(&days, latest >= until ? latest + 1 : until, &former, err);
        if (r == 0)
            r = db_run(db, &update_former_zones, DB_VALUES(db_int(organization->id), db_text(strbuf_slice(&former))),
                       NULL, err);
    }
    strbuf_release(&former);
    db_rows_free(rows);
    return r;
}

int organization_update(struct db *db, const struct organization *organization, int64_t now, struct err *err) {
    bool rescored = false;
    int r = claim_domain(db, organization, err);
    if (r == 0) r = changes_scores(db, organization, &rescored, err);
    if (r == 0) r = end_zone(db, organization, now, err);
    if (r == 0 && rescored) r = scores_mark_all(db, organization->id, err);
    if (r < 0) return r;
    r = db_change(db, &update,
                  DB_VALUES(db_int(organization->id), db_text(organization->name), db_text(organization->time_zone),
                            db_int(organization->tracking), db_int(organization->consent_mode),
                            db_int(organization->address_policy), db_int(organization->retention_days), db_int(now),
                            db_text_or_null(organization->tracking_domain), db_text_or_null(organization->brand_color),
                            db_int(organization->honor_privacy_signals), SCORE_VALUES(&organization->score)),
                  "organization", err);
    return r < 0 ? r : settings_version_raise(db, err);
}
