/* Who wants to be told of what. */
#include "base/clock.h"
#include "store/notifications.h"
#include "store/rows.h"

#include "base/banned.h"

static const char *const event_names[NOTIFICATION_EVENTS] = {
    [NOTIFY_OPEN] = "open",   [NOTIFY_FIRST_OPEN] = "first_open", [NOTIFY_CLICK] = "click",
    [NOTIFY_REPLY] = "reply", [NOTIFY_BOUNCE] = "bounce",         [NOTIFY_UNSUBSCRIBE] = "unsubscribe",
    [NOTIFY_SPAM] = "spam"};
static const char *const scope_names[] = {[NOTIFY_MINE] = "mine", [NOTIFY_JOBS] = "jobs", [NOTIFY_TEAM] = "team"};
#define SCOPES     3
#define BIT(event) (INT64_C(1) << (event))

#define PREFERENCES "p.events, p.scope, p.quiet_from, p.quiet_to, p.merge_ms, p.updated_at"
static const struct statement select_own = {
    .name = "notification preferences",
    .sql = "SELECT " PREFERENCES " FROM notification_preferences p WHERE p.organization_id = $1 AND p.user_id = $2",
};
static const struct statement save = {
    .name = "notification preferences save",
    .sql = "INSERT INTO notification_preferences (organization_id, user_id, events, scope, quiet_from, quiet_to, "
           "merge_ms, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (organization_id, user_id) DO "
           "UPDATE SET events = excluded.events, scope = excluded.scope, quiet_from = excluded.quiet_from, "
           "quiet_to = excluded.quiet_to, merge_ms = excluded.merge_ms, updated_at = excluded.updated_at",
};
static const struct statement select_watchers = {
    .name = "watchers",
    .sql = "SELECT " PREFERENCES
           ", u.organization_id, u.id, u.role, coalesce(u.time_zone, o.time_zone), u.sees_scores FROM users u "
           "JOIN organizations o ON o.organization_id = u.organization_id LEFT JOIN notification_preferences p "
           "ON p.organization_id = u.organization_id AND p.user_id = u.id WHERE u.disabled_at IS NULL "
           "AND (u.password_hash IS NOT NULL OR u.oidc_subject IS NOT NULL) ORDER BY u.organization_id, u.id",
};
static const struct statement select_jobs = {
    .name = "jobs of watchers",
    .sql = "SELECT organization_id, user_id, job_id FROM user_jobs ORDER BY organization_id, user_id, job_id",
    .many_rows = false,
};
#define ALIVE(list)                                                                                                    \
    "SELECT s.id FROM sessions s JOIN users u ON u.organization_id = $1 AND u.id = s.user_id WHERE "                   \
    "s.organization_id = $1 AND s.created_at > $2 AND s.last_used_at > $3 AND u.disabled_at IS NULL AND s.id "         \
    "IN " list("$4")
static const struct statement select_alive = {
    .name = "sessions in force", .sql = ALIVE(DB_LIST), .sql_postgres = ALIVE(DB_LIST_POSTGRES)};

const char *notification_event_name(int event) {
    return event >= 0 && event < NOTIFICATION_EVENTS ? event_names[event] : NULL;
}

int64_t notification_events_of(enum event_type type) {
    switch (type) {
    case EVENT_OPEN:
        return BIT(NOTIFY_OPEN) | BIT(NOTIFY_FIRST_OPEN);
    case EVENT_CLICK:
        return BIT(NOTIFY_CLICK);
    case EVENT_REPLY:
        return BIT(NOTIFY_REPLY);
    case EVENT_BOUNCE:
    case EVENT_DROPPED:
        return BIT(NOTIFY_BOUNCE);
    case EVENT_UNSUBSCRIBE:
    case EVENT_GROUP_UNSUBSCRIBE:
        return BIT(NOTIFY_UNSUBSCRIBE);
    case EVENT_SPAM:
        return BIT(NOTIFY_SPAM);
    default:
        return 0;
    }
}

const char *notification_scope_name(enum notification_scope scope) {
    return scope_names[scope];
}

bool notification_scope_parse(struct slice name, enum notification_scope *ret) {
    for (int i = 0; i < SCOPES; i++) {
        if (!slice_equal(name, slice_cstr(scope_names[i]))) continue;
        *ret = (enum notification_scope)i;
        return true;
    }
    return false;
}

struct notification_preferences notification_preferences_default(enum user_role role) {
    return (struct notification_preferences){
        .events = BIT(NOTIFY_OPEN) | BIT(NOTIFY_CLICK) | BIT(NOTIFY_REPLY) | BIT(NOTIFY_BOUNCE) |
                  BIT(NOTIFY_UNSUBSCRIBE) | BIT(NOTIFY_SPAM),
        .scope = role == USER_HIRING_MANAGER ? NOTIFY_JOBS : NOTIFY_MINE,
        .merge_ms = NOTIFY_MERGE_MS_DEFAULT,
        .updated_at = TIME_UNSET,
    };
}

static struct notification_preferences read_preferences(const struct db_rows *rows, enum user_role role) {
    struct notification_preferences preferences = notification_preferences_default(role);
    int64_t scope = db_column_int(rows, 1);
    if (db_is_null(rows, 0)) return preferences;
    preferences.events = db_column_int(rows, 0) & ~NOTIFY_HOT_ONLY_BIT;
    preferences.hot_only = (db_column_int(rows, 0) & NOTIFY_HOT_ONLY_BIT) != 0;
    preferences.scope = scope >= 0 && scope < SCOPES ? (enum notification_scope)scope : NOTIFY_MINE;
    preferences.has_quiet_hours = !db_is_null(rows, 2) && !db_is_null(rows, 3);
    preferences.quiet_from = db_column_int(rows, 2);
    preferences.quiet_to = db_column_int(rows, 3);
    preferences.merge_ms = db_column_int(rows, 4);
    preferences.updated_at = db_column_int(rows, 5);
    return preferences;
}

int notification_preferences_load(struct db *db, int64_t organization_id, int64_t user_id, enum user_role role,
                                  struct notification_preferences *ret, struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &select_own, DB_VALUES(db_int(organization_id), db_int(user_id)), &rows, err);
    if (found < 0) return found;
    *ret = found > 0 ? read_preferences(rows, role) : notification_preferences_default(role);
    if (found > 0) db_rows_free(rows);
    return 0;
}

int notification_preferences_save(struct db *db, int64_t organization_id, int64_t user_id,
                                  const struct notification_preferences *preferences, int64_t now, struct err *err) {
    bool quiet = preferences->has_quiet_hours;
    int64_t events = preferences->events | (preferences->hot_only ? NOTIFY_HOT_ONLY_BIT : 0);
    return db_run(db, &save,
                  DB_VALUES(db_int(organization_id), db_int(user_id), db_int(events), db_int(preferences->scope),
                            quiet ? db_int(preferences->quiet_from) : db_null(),
                            quiet ? db_int(preferences->quiet_to) : db_null(), db_int(preferences->merge_ms),
                            db_int(now)),
                  NULL, err);
}

/* Both lists are in the same order. */
static int load_jobs(struct db *db, struct arena *arena, struct watcher *watchers, size_t count, struct err *err) {
    struct db_rows *rows;
    size_t at = 0, capacity = 0;
    int r = db_query(db, &select_jobs, NULL, 0, &rows, err);
    if (r < 0) return r;
    while ((r = db_next(rows, err)) > 0) {
        int64_t organization = db_column_int(rows, 0), user = db_column_int(rows, 1);
        size_t before = at;
        while (at < count && (watchers[at].organization_id < organization ||
                              (watchers[at].organization_id == organization && watchers[at].user_id < user)))
            at++;
        if (at != before) capacity = 0;
        if (at == count) break;
        struct watcher *watcher = &watchers[at];
        if (watcher->organization_id != organization || watcher->user_id != user) continue;
        watcher->jobs = rows_grow(arena, watcher->jobs, watcher->job_count, &capacity, sizeof(*watcher->jobs));
        watcher->jobs[watcher->job_count++] = db_column_int(rows, 2);
    }
    db_rows_free(rows);
    return r < 0 ? r : 0;
}

int watchers_load(struct db *db, struct arena *arena, struct watcher **ret, size_t *ret_count, struct err *err) {
    struct watcher *watchers = NULL;
    struct db_rows *rows;
    size_t count = 0, capacity = 0;
    int r = db_query(db, &select_watchers, NULL, 0, &rows, err);
    if (r < 0) return r;
    while ((r = db_next(rows, err)) > 0) {
        enum user_role role = USER_RECRUITER;
        if (!user_role_parse(db_column_text(rows, 8), &role)) continue;
        watchers = rows_grow(arena, watchers, count, &capacity, sizeof(*watchers));
        watchers[count++] = (struct watcher){
            .organization_id = db_column_int(rows, 6),
            .user_id = db_column_int(rows, 7),
            .role = role,
            .sees_scores =
                (user_role_permissions(role, (struct user_grants){.sees_scores = db_column_int(rows, 10) != 0}) &
                 API_SCORES) != 0,
            .time_zone = row_text(rows, 9, arena),
            .preferences = read_preferences(rows, role),
        };
    }
    db_rows_free(rows);
    if (r == 0 && count > 0) r = load_jobs(db, arena, watchers, count, err);
    if (r < 0) return r;
    *ret = watchers;
    *ret_count = count;
    return 0;
}

int sessions_alive(struct db *db, int64_t organization_id, const int64_t *ids, size_t count, int64_t made_after,
                   int64_t used_after, bool *ret_alive, struct arena *arena, struct err *err) {
    struct db_rows *rows;
    memset(ret_alive, 0, count * sizeof(*ret_alive));
    int r =
        db_query(db, &select_alive,
                 DB_VALUES(db_int(organization_id), db_int(made_after), db_int(used_after), db_list(arena, ids, count)),
                 &rows, err);
    if (r < 0) return r;
    while ((r = db_next(rows, err)) > 0)
        for (size_t i = 0; i < count; i++)
            if (ids[i] == db_column_int(rows, 0)) ret_alive[i] = true;
    db_rows_free(rows);
    return r < 0 ? r : 0;
}
