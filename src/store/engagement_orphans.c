/* Events whose email is not registered (EF-2): how they are found again. */
#include "store/engagement.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/memory.h"
#include "store/driver.h"

#include "base/banned.h"

#define COLUMNS                                                                                                        \
    "id, endpoint_id, received_at, fingerprint_hash, fingerprint_check, occurred_at, event_type, bounce, machine, "    \
    "email_log_id, message_id, message_id_2, message_id_3, recipient, url, link_position, ip_address, user_agent, "    \
    "provider_event_id, metadata"

/* SQLite takes any index that begins with organization_id for better than the ids themselves, unless told ("+").
 * Hashes and checks are compared each for itself: that a wrong pair meets is as unlikely as two equal hashes. */
#define OF_ORGANIZATION          "+organization_id = $1"
#define OF_ORGANIZATION_POSTGRES "organization_id = $1"

#define TAKE(organization, list)                                                                                       \
    "SELECT " COLUMNS " FROM orphan_events WHERE " organization " AND id IN (SELECT orphan_id FROM orphan_keys "       \
    "WHERE organization_id = $1 AND key_hash IN " list("$2") " AND +key_check IN " list(                               \
        "$3") ") ORDER BY received_at, id LIMIT $4"
#define LIST(organization)                                                                                             \
    "SELECT " COLUMNS " FROM orphan_events WHERE " organization " AND id > $2 ORDER BY id LIMIT $3"
#define DELETE_KEYS(list)                 "DELETE FROM orphan_keys WHERE organization_id = $1 AND orphan_id IN " list("$2")
#define DELETE_EVENTS(organization, list) "DELETE FROM orphan_events WHERE " organization " AND id IN " list("$2")

static const struct statement take_orphans = {
    .name = "take orphan events",
    .sql = TAKE(OF_ORGANIZATION, DB_LIST),
    .sql_postgres = TAKE(OF_ORGANIZATION_POSTGRES, DB_LIST_POSTGRES),
};
static const struct statement list_orphans = {
    .name = "list orphan events",
    .sql = LIST(OF_ORGANIZATION),
    .sql_postgres = LIST(OF_ORGANIZATION_POSTGRES),
};
static const struct statement get_orphan = {
    .name = "orphan event",
    .sql = "SELECT " COLUMNS " FROM orphan_events WHERE organization_id = $1 AND id = $2",
};
static const struct statement delete_keys = {
    .name = "delete keys of orphan events",
    .sql = DELETE_KEYS(DB_LIST),
    .sql_postgres = DELETE_KEYS(DB_LIST_POSTGRES),
};
static const struct statement delete_events = {
    .name = "delete orphan events",
    .sql = DELETE_EVENTS(OF_ORGANIZATION, DB_LIST),
    .sql_postgres = DELETE_EVENTS(OF_ORGANIZATION_POSTGRES, DB_LIST_POSTGRES),
};

static struct slice copy_text(const struct db_rows *rows, int column, struct arena *arena) {
    return db_is_null(rows, column) ? SLICE_NONE : arena_copy(arena, db_column_text(rows, column));
}

/* The keys are hashed again: the table of keys has no order. */
static void read_keys(const struct db_rows *rows, struct arena *arena, struct orphan_row *orphan) {
    const unsigned char *hash_key = rows->db->store->hash_key;
    for (int i = 0; i < EVENT_KEYS_MAX; i++) {
        orphan->event.keys[i] = copy_text(rows, 10 + i, arena);
        if (!slice_empty(orphan->event.keys[i]))
            orphan->keys[orphan->key_count++] = message_key(hash_key, orphan->event.keys[i]);
    }
}

static void read_orphan(const struct db_rows *rows, int64_t organization_id, struct arena *arena,
                        struct orphan_row *orphan) {
    struct event *event = &orphan->event;
    *orphan = (struct orphan_row){.organization_id = organization_id};
    orphan->id = db_column_int(rows, 0);
    orphan->endpoint_id = db_column_int(rows, 1);
    orphan->received_at = db_column_int(rows, 2);
    orphan->fingerprint.hash = db_column_int(rows, 3);
    orphan->fingerprint.check = db_column_int(rows, 4);
    event->occurred_at = db_column_int(rows, 5);
    event->type = (enum event_type)db_column_int(rows, 6);
    event->bounce = (enum bounce_kind)db_column_int(rows, 7);
    event->machine = (enum machine_hint)db_column_int(rows, 8);
    event->email_log_id = db_column_int(rows, 9);
    read_keys(rows, arena, orphan);
    event->recipient = copy_text(rows, 13, arena);
    event->url = copy_text(rows, 14, arena);
    event->link_position = (int32_t)db_column_int(rows, 15);
    event->ip_address = copy_text(rows, 16, arena);
    event->user_agent = copy_text(rows, 17, arena);
    event->provider_event_id = copy_text(rows, 18, arena);
    event->metadata = copy_text(rows, 19, arena);
}

static int load(struct db *db, const struct statement *statement, const struct db_value *values, size_t value_count,
                int64_t organization_id, struct arena *arena, struct orphan_row **ret, size_t *ret_count,
                struct err *err) {
    struct db_rows *rows;
    int rc = db_query(db, statement, values, value_count, &rows, err);
    if (rc < 0) return rc;
    struct orphan_row *orphans = NULL;
    size_t count = 0, capacity = 0;
    while ((rc = db_next(rows, err)) == 1) {
        if (count == capacity) {
            capacity = memory_next_capacity(capacity, count + 1);
            orphans = memory_grow(orphans, capacity, sizeof(*orphans));
        }
        read_orphan(rows, organization_id, arena, &orphans[count++]);
    }
    db_rows_free(rows);
    if (rc == 0) {
        *ret = arena_alloc_array(arena, count, sizeof(*orphans));
        if (count > 0) memcpy(*ret, orphans, count * sizeof(*orphans));
        *ret_count = count;
    }
    free(orphans);
    return rc;
}

int engagement_take_orphans(struct db *db, int64_t organization_id, const struct message_key *keys, size_t key_count,
                            size_t limit, struct arena *arena, struct orphan_row **ret, size_t *ret_count,
                            struct err *err) {
    struct arena *scratch = arena_new();
    int64_t *hashes = arena_alloc_array(scratch, key_count, sizeof(*hashes));
    int64_t *checks = arena_alloc_array(scratch, key_count, sizeof(*checks));
    for (size_t i = 0; i < key_count; i++) {
        hashes[i] = keys[i].hash;
        checks[i] = keys[i].check;
    }
    int rc = load(db, &take_orphans,
                  DB_VALUES(db_int(organization_id), db_list(scratch, hashes, key_count),
                            db_list(scratch, checks, key_count), db_int((int64_t)limit)),
                  organization_id, arena, ret, ret_count, err);
    arena_free(scratch);
    return rc;
}

int engagement_delete_orphans(struct db *db, int64_t organization_id, const int64_t *ids, size_t count,
                              struct err *err) {
    struct arena *scratch = arena_new();
    int rc = 0;
    for (size_t done = 0; done < count && rc == 0; done += DB_LIST_MAX) {
        size_t part = count - done < DB_LIST_MAX ? count - done : DB_LIST_MAX;
        const struct db_value values[] = {db_int(organization_id), db_list(scratch, ids + done, part)};
        rc = db_run(db, &delete_keys, values, 2, NULL, err);
        if (rc == 0) rc = db_run(db, &delete_events, values, 2, NULL, err);
    }
    arena_free(scratch);
    return rc;
}

int engagement_list_orphans(struct db *db, int64_t organization_id, int64_t after_id, size_t limit, struct arena *arena,
                            struct orphan_row **ret, size_t *ret_count, struct err *err) {
    return load(db, &list_orphans, DB_VALUES(db_int(organization_id), db_int(after_id), db_int((int64_t)limit)),
                organization_id, arena, ret, ret_count, err);
}

int engagement_get_orphan(struct db *db, int64_t organization_id, int64_t id, struct arena *arena,
                          struct orphan_row *ret, struct err *err) {
    struct orphan_row *found;
    size_t count;
    int rc = load(db, &get_orphan, DB_VALUES(db_int(organization_id), db_int(id)), organization_id, arena, &found,
                  &count, err);
    if (rc == 0 && count == 0) return err_set(err, ERR_NOT_FOUND, "there is no such orphan event (any more)");
    if (rc == 0) *ret = found[0];
    return rc;
}
