#include "store/sqlite.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/memory.h"

#include "base/banned.h"

static int64_t column_time(sqlite3_stmt *prepared, int column) {
    if (sqlite3_column_type(prepared, column) == SQLITE_NULL) return TIME_UNSET;
    return sqlite3_column_int64(prepared, column);
}

static int bind_id_or_null(sqlite3_stmt *prepared, int parameter, int64_t id) {
    return id == 0 ? sqlite3_bind_null(prepared, parameter) : sqlite3_bind_int64(prepared, parameter, id);
}

/* ---- emails and their figures ---- */

int sqlite_find_emails(struct db *base, struct email_lookup *lookups, size_t count, struct err *err) {
    static const struct statement find = {
        .name = "find email",
        .sql = "SELECT email_log_id FROM email_keys WHERE organization_id = ?1 AND key_hash = ?2 AND key_check = ?3",
    };
    struct sqlite_db *db = sqlite_db_of(base);
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, &find, &prepared, err);
    if (rc < 0) return rc;
    for (size_t i = 0; i < count; i++) {
        struct email_lookup *lookup = &lookups[i];
        int bound = sqlite3_bind_int64(prepared, 1, lookup->organization_id);
        bound |= sqlite3_bind_int64(prepared, 2, lookup->key.hash);
        bound |= sqlite3_bind_int64(prepared, 3, lookup->key.check);
        rc = sqlite_step_row(db, &find, prepared, bound, err);
        if (rc < 0) return rc;
        lookup->email_log_id = rc == 1 ? sqlite3_column_int64(prepared, 0) : 0;
        if (rc == 1) sqlite3_reset(prepared);
    }
    return 0;
}

static void read_stats(sqlite3_stmt *row, struct email_stats *stats) {
    stats->cohort_id = sqlite3_column_int64(row, 0);
    stats->sent_at = sqlite3_column_int64(row, 1);
    stats->recipient_hash = sqlite3_column_int64(row, 2);
    stats->tracking = (enum tracking_level)sqlite3_column_int(row, 3);
    stats->tracking_now = (enum tracking_level)sqlite3_column_int(row, 4);
    stats->delivered_at = column_time(row, 5);
    stats->opened_at = column_time(row, 6);
    stats->clicked_at = column_time(row, 7);
    stats->replied_at = column_time(row, 8);
    stats->bounced_at = column_time(row, 9);
    stats->dropped_at = column_time(row, 10);
    stats->complained_at = column_time(row, 11);
    stats->unsubscribed_at = column_time(row, 12);
    stats->open_count = sqlite3_column_int64(row, 13);
    stats->machine_open_count = sqlite3_column_int64(row, 14);
    stats->click_count = sqlite3_column_int64(row, 15);
    stats->total_click_count = sqlite3_column_int64(row, 16);
    stats->machine_click_count = sqlite3_column_int64(row, 17);
    stats->bounce_type = (enum bounce_kind)sqlite3_column_int(row, 18);
    stats->last_event_at = column_time(row, 19);
    stats->own_tracking = (enum own_tracking)sqlite3_column_int(row, 20);
    stats->last_human_at = column_time(row, 21);
}

int sqlite_lock_stats(struct db *base, struct email_stats *stats, size_t count, struct err *err) {
    static const struct statement load = {
        .name = "load figures",
        .sql =
            "SELECT cohort_id, sent_at, recipient_hash, tracking, tracking_now, delivered_at, opened_at, clicked_at, "
            "replied_at, bounced_at, dropped_at, complained_at, unsubscribed_at, open_count, machine_open_count, "
            "click_count, total_click_count, machine_click_count, bounce_type, last_event_at, own_tracking, "
            "last_human_at "
            "FROM email_stats "
            "WHERE email_log_id = ?1 AND organization_id = ?2",
    };
    struct sqlite_db *db = sqlite_db_of(base);
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, &load, &prepared, err);
    if (rc < 0) return rc;
    for (size_t i = 0; i < count; i++) {
        int bound = sqlite3_bind_int64(prepared, 1, stats[i].email_log_id);
        bound |= sqlite3_bind_int64(prepared, 2, stats[i].organization_id);
        rc = sqlite_step_row(db, &load, prepared, bound, err);
        if (rc < 0) return rc;
        if (rc == 0) {
            stats[i].email_log_id = 0;
            continue;
        }
        read_stats(prepared, &stats[i]);
        sqlite3_reset(prepared);
    }
    return 0;
}

int sqlite_save_stats(struct db *base, const struct email_stats *const *stats, size_t count, struct err *err) {
    static const struct statement save = {
        .name = "save figures",
        .sql = "UPDATE email_stats SET delivered_at = ?2, opened_at = ?3, clicked_at = ?4, replied_at = ?5, "
               "bounced_at = ?6, dropped_at = ?7, complained_at = ?8, unsubscribed_at = ?9, open_count = ?10, "
               "machine_open_count = ?11, click_count = ?12, total_click_count = ?13, machine_click_count = ?14, "
               "bounce_type = ?15, last_event_at = ?16, last_human_at = ?17 WHERE email_log_id = ?1",
    };
    struct sqlite_db *db = sqlite_db_of(base);
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, &save, &prepared, err);
    if (rc < 0) return rc;
    for (size_t i = 0; i < count; i++) {
        const struct email_stats *row = stats[i];
        int bound = sqlite3_bind_int64(prepared, 1, row->email_log_id);
        bound |= sqlite_bind_time(prepared, 2, row->delivered_at);
        bound |= sqlite_bind_time(prepared, 3, row->opened_at);
        bound |= sqlite_bind_time(prepared, 4, row->clicked_at);
        bound |= sqlite_bind_time(prepared, 5, row->replied_at);
        bound |= sqlite_bind_time(prepared, 6, row->bounced_at);
        bound |= sqlite_bind_time(prepared, 7, row->dropped_at);
        bound |= sqlite_bind_time(prepared, 8, row->complained_at);
        bound |= sqlite_bind_time(prepared, 9, row->unsubscribed_at);
        bound |= sqlite3_bind_int64(prepared, 10, row->open_count);
        bound |= sqlite3_bind_int64(prepared, 11, row->machine_open_count);
        bound |= sqlite3_bind_int64(prepared, 12, row->click_count);
        bound |= sqlite3_bind_int64(prepared, 13, row->total_click_count);
        bound |= sqlite3_bind_int64(prepared, 14, row->machine_click_count);
        bound |= sqlite3_bind_int(prepared, 15, row->bounce_type);
        bound |= sqlite_bind_time(prepared, 16, row->last_event_at);
        bound |= sqlite_bind_time(prepared, 17, row->last_human_at);
        rc = sqlite_step_done(db, &save, prepared, bound, err);
        if (rc < 0) return rc;
    }
    return 0;
}

/* ---- dictionaries ---- */

static const struct dictionary_sql {
    struct statement find, add;
} dictionaries[] = {
    [DICTIONARY_LINKS] =
        {
            .find = {.name = "find link",
                     .sql = "SELECT id FROM links WHERE organization_id = ?1 AND link_hash = ?2 AND link_check = ?3"},
            .add = {.name = "add link",
                    .sql = "INSERT INTO links (organization_id, link_hash, link_check, url, position) "
                           "VALUES (?1, ?2, ?3, ?4, ?5)"},
        },
    [DICTIONARY_AGENTS] =
        {
            .find = {.name = "find agent",
                     .sql =
                         "SELECT id FROM agents WHERE organization_id = ?1 AND agent_hash = ?2 AND agent_check = ?3"},
            .add = {.name = "add agent",
                    .sql = "INSERT INTO agents (organization_id, agent_hash, agent_check, agent) "
                           "VALUES (?1, ?2, ?3, ?4)"},
        },
};

static int bind_dictionary_key(sqlite3_stmt *prepared, const struct dictionary_row *row) {
    return sqlite3_bind_int64(prepared, 1, row->organization_id) | sqlite3_bind_int64(prepared, 2, row->key.hash) |
           sqlite3_bind_int64(prepared, 3, row->key.check);
}

int sqlite_dictionary(struct db *base, enum dictionary dictionary, struct dictionary_row *rows, size_t count,
                      struct err *err) {
    const struct dictionary_sql *sql = &dictionaries[dictionary];
    struct sqlite_db *db = sqlite_db_of(base);
    sqlite3_stmt *find, *add;
    int rc = sqlite_prepare(db, &sql->find, &find, err);
    if (rc == 0) rc = sqlite_prepare(db, &sql->add, &add, err);
    if (rc != 0) return rc;
    for (size_t i = 0; i < count; i++) {
        struct dictionary_row *row = &rows[i];
        rc = sqlite_step_row(db, &sql->find, find, bind_dictionary_key(find, row), err);
        if (rc < 0) return rc;
        if (rc == 1) {
            row->id = sqlite3_column_int64(find, 0);
            sqlite3_reset(find);
            continue;
        }
        int bound = bind_dictionary_key(add, row);
        const char *text = row->text.ptr ? row->text.ptr : ""; /* an empty text is a text */
        bound |= sqlite3_bind_text64(add, 4, text, row->text.len, SQLITE_STATIC, SQLITE_UTF8);
        if (dictionary == DICTIONARY_LINKS) bound |= sqlite3_bind_int(add, 5, row->position);
        rc = sqlite_step_done(db, &sql->add, add, bound, err);
        if (rc < 0) return rc;
        row->id = sqlite3_last_insert_rowid(db->handle);
    }
    return 0;
}

/* ---- events ---- */

static int bind_event(sqlite3_stmt *prepared, const struct event_row *row) {
    const struct event_key *key = &row->key;
    int bound = sqlite3_bind_int64(prepared, 1, key->organization_id);
    bound |= sqlite3_bind_int64(prepared, 2, key->occurred_at);
    bound |= sqlite3_bind_int64(prepared, 3, key->email_log_id);
    bound |= sqlite3_bind_int64(prepared, 4, key->event_type);
    bound |= sqlite3_bind_int64(prepared, 5, key->link_id);
    bound |= sqlite3_bind_int64(prepared, 6, key->recipient_ref);
    if (row->stats->last_event_at == TIME_UNSET)
        bound |= sqlite3_bind_null(prepared, 7);
    else
        bound |= sqlite3_bind_int64(prepared, 7, key->occurred_at - row->stats->last_event_at);
    bound |= sqlite3_bind_int(prepared, 8, row->verdict);
    bound |= sqlite3_bind_int64(prepared, 9, row->reasons);
    bound |= sqlite3_bind_int(prepared, 10, row->bounce);
    bound |= sqlite3_bind_int64(prepared, 11, received_delay_s(row->received_at, key->occurred_at));
    bound |= sqlite3_bind_int64(prepared, 12, row->endpoint_id);
    bound |= bind_id_or_null(prepared, 13, row->agent_id);
    bound |= sqlite_bind_blob(prepared, 14, row->ip_address);
    bound |= sqlite_bind_blob(prepared, 15, row->provider_event_id);
    bound |= sqlite_bind_text(prepared, 16, row->metadata);
    return bound;
}

/* The chain through an email's events: each row tells how far back lies the one that arrived before it. Only rows that
 * are really inserted become its head; chaining over a duplicate would lose the former head. */
int sqlite_insert_events(struct db *base, struct event_row *rows, size_t count, struct err *err) {
    static const struct statement insert = {
        .name = "insert event",
        .sql =
            "INSERT INTO email_engagement_events (organization_id, occurred_at, email_log_id, event_type, link_id, "
            "recipient_ref, prev_delta, verdict, reasons, bounce, received_delay_s, endpoint_id, agent_id, "
            "ip_address, provider_event_id, metadata) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) "
            "ON CONFLICT (organization_id, occurred_at, email_log_id, event_type, link_id, recipient_ref) DO NOTHING",
    };
    struct sqlite_db *db = sqlite_db_of(base);
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, &insert, &prepared, err);
    if (rc < 0) return rc;
    for (size_t i = 0; i < count; i++) {
        struct event_row *row = &rows[i];
        rc = sqlite_step_done(db, &insert, prepared, bind_event(prepared, row), err);
        if (rc < 0) return rc;
        row->inserted = sqlite3_changes(db->handle) == 1;
        if (row->inserted) row->stats->last_event_at = row->key.occurred_at;
    }
    return 0;
}

/* ---- links of emails ---- */

int sqlite_load_links(struct db *base, struct link_row *rows, size_t count, struct err *err) {
    static const struct statement load = {
        .name = "load link figures",
        .sql = "SELECT clicked_at, click_count, machine_click_count FROM email_links "
               "WHERE organization_id = ?1 AND email_log_id = ?2 AND link_id = ?3",
    };
    struct sqlite_db *db = sqlite_db_of(base);
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, &load, &prepared, err);
    if (rc < 0) return rc;
    for (size_t i = 0; i < count; i++) {
        struct link_stats *stats = &rows[i].stats;
        int64_t email_log_id = stats->email_log_id, link_id = stats->link_id;
        int bound = sqlite3_bind_int64(prepared, 1, rows[i].organization_id);
        bound |= sqlite3_bind_int64(prepared, 2, email_log_id);
        bound |= sqlite3_bind_int64(prepared, 3, link_id);
        rc = sqlite_step_row(db, &load, prepared, bound, err);
        if (rc < 0) return rc;
        link_stats_init(stats);
        stats->email_log_id = email_log_id;
        stats->link_id = link_id;
        if (rc == 0) continue;
        stats->clicked_at = column_time(prepared, 0);
        stats->click_count = sqlite3_column_int64(prepared, 1);
        stats->machine_click_count = sqlite3_column_int64(prepared, 2);
        sqlite3_reset(prepared);
    }
    return 0;
}

int sqlite_save_links(struct db *base, const struct link_row *rows, size_t count, struct err *err) {
    static const struct statement save = {
        .name = "save link figures",
        .sql = "INSERT INTO email_links (organization_id, email_log_id, link_id, clicked_at, click_count, "
               "machine_click_count) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
               "ON CONFLICT (organization_id, email_log_id, link_id) DO UPDATE SET clicked_at = excluded.clicked_at, "
               "click_count = excluded.click_count, machine_click_count = excluded.machine_click_count",
    };
    struct sqlite_db *db = sqlite_db_of(base);
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, &save, &prepared, err);
    if (rc < 0) return rc;
    for (size_t i = 0; i < count; i++) {
        const struct link_stats *stats = &rows[i].stats;
        int bound = sqlite3_bind_int64(prepared, 1, rows[i].organization_id);
        bound |= sqlite3_bind_int64(prepared, 2, stats->email_log_id);
        bound |= sqlite3_bind_int64(prepared, 3, stats->link_id);
        bound |= sqlite_bind_time(prepared, 4, stats->clicked_at);
        bound |= sqlite3_bind_int64(prepared, 5, stats->click_count);
        bound |= sqlite3_bind_int64(prepared, 6, stats->machine_click_count);
        rc = sqlite_step_done(db, &save, prepared, bound, err);
        if (rc < 0) return rc;
    }
    return 0;
}

/* ---- totals ---- */

static int append_cohort_deltas(struct sqlite_db *db, const struct cohort_delta *cohorts, size_t count,
                                struct err *err) {
#define FIELD_NAME(field)  ", " #field
#define FIELD_VALUE(field) ", ?"
#define FIELD_BIND(field)  bound |= sqlite3_bind_int64(prepared, parameter++, change->field);
    static const struct statement append = {
        .name = "append cohort change",
        .sql = "INSERT INTO cohort_deltas (organization_id, cohort_id, day" CONTRIBUTION_FIELDS(
            FIELD_NAME) ") VALUES (?, ?, ?" CONTRIBUTION_FIELDS(FIELD_VALUE) ")",
    };
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, &append, &prepared, err);
    for (size_t i = 0; i < count && rc == 0; i++) {
        const struct contribution *change = &cohorts[i].change;
        int bound = sqlite3_bind_int64(prepared, 1, cohorts[i].organization_id);
        bound |= sqlite3_bind_int64(prepared, 2, cohorts[i].cohort_id);
        bound |= sqlite3_bind_int64(prepared, 3, cohorts[i].day);
        int parameter = 4;
        CONTRIBUTION_FIELDS(FIELD_BIND)
        rc = sqlite_step_done(db, &append, prepared, bound, err);
    }
    return rc;
#undef FIELD_NAME
#undef FIELD_VALUE
#undef FIELD_BIND
}

static int append_breakdown_deltas(struct sqlite_db *db, const struct breakdown_delta *breakdowns, size_t count,
                                   struct err *err) {
    static const struct statement append = {
        .name = "append breakdown change",
        .sql = "INSERT INTO breakdown_deltas (organization_id, cohort_id, kind, item, n) VALUES (?1, ?2, ?3, ?4, ?5)",
    };
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, &append, &prepared, err);
    for (size_t i = 0; i < count && rc == 0; i++) {
        int bound = sqlite3_bind_int64(prepared, 1, breakdowns[i].organization_id);
        bound |= sqlite3_bind_int64(prepared, 2, breakdowns[i].cohort_id);
        bound |= sqlite3_bind_int(prepared, 3, (int)breakdowns[i].kind);
        bound |= sqlite3_bind_int64(prepared, 4, breakdowns[i].item);
        bound |= sqlite3_bind_int64(prepared, 5, breakdowns[i].n);
        rc = sqlite_step_done(db, &append, prepared, bound, err);
    }
    return rc;
}

int sqlite_append_deltas(struct db *base, const struct cohort_delta *cohorts, size_t cohort_count,
                         const struct breakdown_delta *breakdowns, size_t breakdown_count, struct err *err) {
    struct sqlite_db *db = sqlite_db_of(base);
    int rc = append_cohort_deltas(db, cohorts, cohort_count, err);
    if (rc == 0) rc = append_breakdown_deltas(db, breakdowns, breakdown_count, err);
    return rc;
}

int sqlite_claim_fingerprints(struct db *base, struct fingerprint_row *rows, size_t count, struct err *err) {
    static const struct statement claim = {
        .name = "claim fingerprint",
        .sql = "INSERT INTO event_fingerprints (organization_id, day, fingerprint_hash, fingerprint_check) "
               "VALUES (?1, ?2, ?3, ?4) "
               "ON CONFLICT (organization_id, fingerprint_hash, fingerprint_check) DO NOTHING",
    };
    struct sqlite_db *db = sqlite_db_of(base);
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, &claim, &prepared, err);
    if (rc < 0) return rc;
    for (size_t i = 0; i < count; i++) {
        int bound = sqlite3_bind_int64(prepared, 1, rows[i].organization_id);
        bound |= sqlite3_bind_int64(prepared, 2, rows[i].day);
        bound |= sqlite3_bind_int64(prepared, 3, rows[i].fingerprint.hash);
        bound |= sqlite3_bind_int64(prepared, 4, rows[i].fingerprint.check);
        rc = sqlite_step_done(db, &claim, prepared, bound, err);
        if (rc < 0) return rc;
        rows[i].inserted = sqlite3_changes(db->handle) == 1;
    }
    return 0;
}

/* ---- the chain ---- */

/* Times of the walk, each once: found by open addressing, taken in order of discovery. */
struct walk {
    struct arena *arena;
    int64_t *times;
    size_t count, capacity;
    uint32_t *slots; /* 1 + index into times; 2 * capacity of them */
};

static void walk_grow(struct walk *walk);

static void walk_visit(struct walk *walk, int64_t time) {
    if (walk->count == walk->capacity) walk_grow(walk);
    size_t mask = 2 * walk->capacity - 1;
    size_t slot = (size_t)((uint64_t)time * 0x9e3779b97f4a7c15u >> 32) & mask;
    for (; walk->slots[slot]; slot = (slot + 1) & mask)
        if (walk->times[walk->slots[slot] - 1] == time) return;
    walk->times[walk->count++] = time;
    walk->slots[slot] = (uint32_t)walk->count;
}

static void walk_grow(struct walk *walk) {
    struct walk bigger = {.arena = walk->arena, .capacity = walk->capacity > 0 ? 2 * walk->capacity : 32};
    bigger.times = arena_alloc_array(walk->arena, bigger.capacity, sizeof(*bigger.times));
    bigger.slots = arena_alloc_array(walk->arena, 2 * bigger.capacity, sizeof(*bigger.slots));
    for (size_t i = 0; i < walk->count; i++)
        walk_visit(&bigger, walk->times[i]);
    *walk = bigger;
}

/* 1: the head is in *ret; 0: no event yet. */
static int chain_head(struct sqlite_db *db, int64_t organization_id, int64_t email_log_id, int64_t *ret,
                      struct err *err) {
    static const struct statement head = {
        .name = "head of the chain",
        .sql = "SELECT last_event_at FROM email_stats WHERE email_log_id = ?1 AND organization_id = ?2",
    };
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, &head, &prepared, err);
    if (rc < 0) return rc;
    int bound = sqlite3_bind_int64(prepared, 1, email_log_id) | sqlite3_bind_int64(prepared, 2, organization_id);
    rc = sqlite_step_row(db, &head, prepared, bound, err);
    if (rc <= 0) return rc;
    *ret = column_time(prepared, 0);
    sqlite3_reset(prepared);
    return *ret != TIME_UNSET;
}

/* All rows found at a time are taken, and the time each points back to is visited next; the set of visited times ends
 * it where events share a millisecond. A time without rows (after retention) ends its branch. */
int sqlite_event_keys(struct db *base, int64_t organization_id, int64_t email_log_id, size_t limit, struct arena *arena,
                      struct event_key **ret, size_t *ret_count, struct err *err) {
    static const struct statement at = {
        .name = "walk the chain",
        .sql = "SELECT event_type, link_id, recipient_ref, prev_delta FROM email_engagement_events "
               "WHERE organization_id = ?1 AND occurred_at = ?2 AND email_log_id = ?3",
    };
    struct sqlite_db *db = sqlite_db_of(base);
    struct walk walk = {.arena = arena};
    int64_t head;
    int rc = chain_head(db, organization_id, email_log_id, &head, err);
    if (rc < 0) return rc;
    if (rc == 1) walk_visit(&walk, head);
    sqlite3_stmt *prepared;
    rc = sqlite_prepare(db, &at, &prepared, err);
    if (rc < 0) return rc;
    struct event_key *keys = NULL;
    size_t count = 0, capacity = 0;
    for (size_t i = 0; i < walk.count && count < limit; i++) {
        int64_t time = walk.times[i];
        int bound = sqlite3_bind_int64(prepared, 1, organization_id);
        bound |= sqlite3_bind_int64(prepared, 2, time);
        bound |= sqlite3_bind_int64(prepared, 3, email_log_id);
        while ((rc = sqlite_step_row(db, &at, prepared, bound, err)) == 1) {
            if (count == capacity) {
                capacity = memory_next_capacity(capacity, count + 1);
                keys = memory_grow(keys, capacity, sizeof(*keys));
            }
            keys[count++] = (struct event_key){
                .organization_id = organization_id,
                .occurred_at = time,
                .email_log_id = email_log_id,
                .event_type = sqlite3_column_int64(prepared, 0),
                .link_id = sqlite3_column_int64(prepared, 1),
                .recipient_ref = sqlite3_column_int64(prepared, 2),
            };
            if (sqlite3_column_type(prepared, 3) != SQLITE_NULL)
                walk_visit(&walk, time - sqlite3_column_int64(prepared, 3));
        }
        if (rc < 0) goto out;
    }
    if (count > limit) count = limit;
    *ret = arena_alloc_array(arena, count, sizeof(*keys));
    if (count > 0) memcpy(*ret, keys, count * sizeof(*keys));
    *ret_count = count;
    rc = 0;
out:
    free(keys);
    return rc;
}
