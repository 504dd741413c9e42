#include "store/audit.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#include "base/strbuf.h"
#include "store/rows.h"

#include "base/banned.h"

_Static_assert(AUDIT_HASH_SIZE == crypto_hash_sha256_BYTES, "the size of a link of the chain");
_Static_assert(AUDIT_KEY_SIZE == crypto_auth_hmacsha256_KEYBYTES, "the size of the key of the seal");

#define CONTENT_MAX (AUDIT_DETAIL_MAX + 4096)
#define PORTION     1000 /* entries that a walk along the chain reads at once */

static const char *const actor_names[AUDIT_ACTOR_COUNT] = {
    [AUDIT_SYSTEM] = "system",
    [AUDIT_USER] = "user",
    [AUDIT_API_KEY] = "api_key",
    [AUDIT_COMMAND] = "command",
};

const char *audit_actor_name(enum audit_actor actor) {
    return actor_names[actor];
}

bool audit_actor_parse(struct slice name, enum audit_actor *ret) {
    for (int i = 0; i < AUDIT_ACTOR_COUNT; i++) {
        if (!slice_equal(name, slice_cstr(actor_names[i]))) continue;
        *ret = (enum audit_actor)i;
        return true;
    }
    return false;
}

/* ---- the chain ---- */

struct head {
    int64_t organization_id, base_id, last_id;
    unsigned char base_hash[AUDIT_HASH_SIZE], last_hash[AUDIT_HASH_SIZE], seal[AUDIT_HASH_SIZE];
    bool sealed; /* does the seal fit? */
};

/* With its length in front, so that no text can pass for the end of another. */
static void add_text(struct strbuf *out, struct slice text) {
    strbuf_printf(out, "%zu:", text.len);
    strbuf_add_slice(out, text);
    strbuf_add_char(out, '\n');
}

static void hash_entry(const unsigned char before[AUDIT_HASH_SIZE], const struct audit_entry *entry,
                       unsigned char ret[AUDIT_HASH_SIZE]) {
    struct strbuf content;
    strbuf_init(&content, CONTENT_MAX);
    strbuf_add(&content, (const char *)before, AUDIT_HASH_SIZE);
    strbuf_printf(&content, "%" PRId64 "\n%" PRId64 "\n%" PRId64 "\n%s\n%" PRId64 "\n%" PRId64 "\n",
                  entry->organization_id, entry->id, entry->at, audit_actor_name(entry->actor), entry->actor_id,
                  entry->object_id);
    add_text(&content, entry->source);
    add_text(&content, entry->request_id);
    add_text(&content, entry->action);
    add_text(&content, entry->object);
    add_text(&content, entry->detail);
    /* What was too long to be stored by us is no entry of ours: hashed as far as it fits, it differs anyway. */
    crypto_hash_sha256(ret, (const unsigned char *)content.ptr, content.len);
    strbuf_release(&content);
}

static void seal_of(const unsigned char key[AUDIT_KEY_SIZE], const struct head *head,
                    unsigned char ret[AUDIT_HASH_SIZE]) {
    struct strbuf content;
    strbuf_init(&content, CONTENT_MAX);
    strbuf_printf(&content, "%" PRId64 "\n%" PRId64 "\n%" PRId64 "\n", head->organization_id, head->base_id,
                  head->last_id);
    strbuf_add(&content, (const char *)head->base_hash, AUDIT_HASH_SIZE);
    strbuf_add(&content, (const char *)head->last_hash, AUDIT_HASH_SIZE);
    crypto_auth_hmacsha256(ret, (const unsigned char *)content.ptr, content.len, key);
    strbuf_release(&content);
}

static void read_hash(const struct db_rows *rows, int column, unsigned char ret[AUDIT_HASH_SIZE]) {
    struct slice bytes = db_column_blob(rows, column);
    memset(ret, 0, AUDIT_HASH_SIZE);
    if (bytes.len == AUDIT_HASH_SIZE) memcpy(ret, bytes.ptr, AUDIT_HASH_SIZE);
}

static void read_head(const struct db_rows *rows, int64_t organization_id, const unsigned char key[AUDIT_KEY_SIZE],
                      struct head *ret) {
    unsigned char expected[AUDIT_HASH_SIZE];
    *ret = (struct head){
        .organization_id = organization_id, .base_id = db_column_int(rows, 0), .last_id = db_column_int(rows, 2)};
    read_hash(rows, 1, ret->base_hash);
    read_hash(rows, 3, ret->last_hash);
    read_hash(rows, 4, ret->seal);
    seal_of(key, ret, expected);
    ret->sealed = sodium_memcmp(expected, ret->seal, AUDIT_HASH_SIZE) == 0;
}

static struct db_value hash_value(const unsigned char hash[AUDIT_HASH_SIZE]) {
    return db_blob(slice_of((const char *)hash, AUDIT_HASH_SIZE));
}

#define HEAD_COLUMNS "base_id, base_hash, last_id, last_hash, seal"
static const struct statement begin_head = {
    .name = "begin of an audit chain",
    .sql = "INSERT INTO audit_heads (organization_id, base_hash, last_hash, seal) SELECT organization_id, $2, $2, $3"
           " FROM organizations WHERE organization_id = $1 ON CONFLICT (organization_id) DO NOTHING",
    .sql_postgres = "INSERT INTO audit_heads (organization_id, base_hash, last_hash, seal) SELECT organization_id,"
                    " CAST($2 AS BYTEA), CAST($2 AS BYTEA), CAST($3 AS BYTEA)"
                    " FROM organizations WHERE organization_id = $1 ON CONFLICT (organization_id) DO NOTHING",
};
static const struct statement lock_head = {
    .name = "head of an audit chain",
    .sql = "SELECT " HEAD_COLUMNS " FROM audit_heads WHERE organization_id = $1",
    .sql_postgres = "SELECT " HEAD_COLUMNS " FROM audit_heads WHERE organization_id = $1 FOR UPDATE",
};
static const struct statement look_at_head = {
    .name = "head of an audit chain, as it is",
    .sql = "SELECT " HEAD_COLUMNS " FROM audit_heads WHERE organization_id = $1",
};
static const struct statement save_head = {
    .name = "new head of an audit chain",
    .sql = "UPDATE audit_heads SET base_id = $2, base_hash = $3, last_id = $4, last_hash = $5, seal = $6"
           " WHERE organization_id = $1",
};

/* 1: locked; 0: there is none. */
static int take_head(struct db *db, const struct statement *statement, int64_t organization_id,
                     const unsigned char key[AUDIT_KEY_SIZE], struct head *ret, struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, statement, DB_VALUES(db_int(organization_id)), &rows, err);
    if (found <= 0) return found;
    read_head(rows, organization_id, key, ret);
    db_rows_free(rows);
    return 1;
}

/* A seal that was broken stays broken, or the next entry would hide what was done to the ones before. */
static int put_head(struct db *db, struct head *head, const unsigned char key[AUDIT_KEY_SIZE], struct err *err) {
    if (head->sealed) seal_of(key, head, head->seal);
    return db_run(db, &save_head,
                  DB_VALUES(db_int(head->organization_id), db_int(head->base_id), hash_value(head->base_hash),
                            db_int(head->last_id), hash_value(head->last_hash), hash_value(head->seal)),
                  NULL, err);
}

/* ---- writing ---- */

static const struct statement insert = {
    .name = "audit entry",
    .sql = "INSERT INTO audit_log (organization_id, id, at, actor, actor_id, source, request_id, action, object,"
           " object_id, detail, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
};

static struct slice text_or_empty(struct slice text) {
    return text.ptr ? text : SLICE("");
}

int audit_append(struct db *db, const unsigned char key[AUDIT_KEY_SIZE], struct audit_entry *entry, int64_t now,
                 struct err *err) {
    struct head head = {.organization_id = entry->organization_id};
    unsigned char hash[AUDIT_HASH_SIZE];
    if (entry->detail.len > AUDIT_DETAIL_MAX)
        return err_set(err, ERR_TOO_LARGE, "what is to be noted in the audit log is too long");
    entry->source = text_or_empty(entry->source);
    entry->request_id = text_or_empty(entry->request_id);
    entry->object = text_or_empty(entry->object);
    if (slice_empty(entry->detail)) entry->detail = SLICE("{}");
    entry->at = now;
    seal_of(key, &head, head.seal);
    int r =
        db_run(db, &begin_head,
               DB_VALUES(db_int(entry->organization_id), hash_value(head.base_hash), hash_value(head.seal)), NULL, err);
    if (r < 0) return r;
    int found = take_head(db, &lock_head, entry->organization_id, key, &head, err);
    if (found <= 0) return found;
    entry->id = head.last_id + 1;
    hash_entry(head.last_hash, entry, hash);
    r = db_run(db, &insert,
               DB_VALUES(db_int(entry->organization_id), db_int(entry->id), db_int(entry->at), db_int(entry->actor),
                         db_int(entry->actor_id), db_text(entry->source), db_text(entry->request_id),
                         db_text(entry->action), db_text(entry->object), db_int(entry->object_id),
                         db_text(entry->detail), hash_value(hash)),
               NULL, err);
    head.last_id = entry->id;
    memcpy(head.last_hash, hash, sizeof(hash));
    return r < 0 ? r : put_head(db, &head, key, err);
}

/* ---- reading ---- */

#define ENTRY_COLUMNS                                                                                                  \
    "a.id, a.at, a.actor, a.actor_id, a.source, a.request_id, a.action, a.object, a.object_id, a.detail"
static const struct statement select_some = {
    .name = "audit log",
    .sql = "SELECT " ENTRY_COLUMNS ", coalesce(u.name, u.email, k.name) FROM audit_log a"
           " LEFT JOIN users u ON a.actor = 1 AND u.organization_id = $1 AND u.id = a.actor_id"
           " LEFT JOIN api_keys k ON a.actor = 2 AND k.organization_id = $1 AND k.id = a.actor_id"
           " WHERE a.organization_id = $1 AND a.id < $2 AND a.at >= $3 AND a.at < $4"
           " AND (CAST($5 AS BIGINT) = -1 OR a.actor = $5) AND (CAST($6 AS BIGINT) = 0 OR a.actor_id = $6)"
           " AND (CAST($7 AS TEXT) = '' OR a.action = $7 OR substr(a.action, 1, length($7) + 1) = $7 || '.')"
           " AND (CAST($8 AS TEXT) = '' OR a.object = $8) AND (CAST($9 AS BIGINT) = 0 OR a.object_id = $9)"
           " ORDER BY a.id DESC LIMIT $10",
};
static const struct statement select_chain = {
    .name = "chain of the audit log",
    .sql = "SELECT " ENTRY_COLUMNS ", a.hash FROM audit_log a WHERE a.organization_id = $1 AND a.id > $2"
           " ORDER BY a.id LIMIT $3",
};

static void read_entry(const struct db_rows *rows, int64_t organization_id, struct arena *arena,
                       struct audit_entry *ret) {
    int64_t actor = db_column_int(rows, 2);
    *ret = (struct audit_entry){
        .organization_id = organization_id,
        .id = db_column_int(rows, 0),
        .at = db_column_int(rows, 1),
        .actor = actor >= 0 && actor < AUDIT_ACTOR_COUNT ? (enum audit_actor)actor : AUDIT_SYSTEM,
        .actor_id = db_column_int(rows, 3),
        .source = row_text(rows, 4, arena),
        .request_id = row_text(rows, 5, arena),
        .action = row_text(rows, 6, arena),
        .object = row_text(rows, 7, arena),
        .object_id = db_column_int(rows, 8),
        .detail = row_text(rows, 9, arena),
    };
}

int audit_load(struct db *db, const struct audit_filter *filter, int64_t before, size_t limit, struct arena *arena,
               struct audit_entry **ret, size_t *ret_count, struct err *err) {
    struct audit_entry *found = NULL;
    size_t count = 0, capacity = 0;
    struct db_rows *rows;
    int r =
        db_query(db, &select_some,
                 DB_VALUES(db_int(filter->organization_id), db_int(before), db_int(filter->from), db_int(filter->to),
                           db_int(filter->actor), db_int(filter->actor_id), db_text(text_or_empty(filter->action)),
                           db_text(text_or_empty(filter->object)), db_int(filter->object_id), db_int((int64_t)limit)),
                 &rows, err);
    if (r < 0) return r;
    while ((r = db_next(rows, err)) > 0) {
        found = rows_grow(arena, found, count, &capacity, sizeof(*found));
        read_entry(rows, filter->organization_id, arena, &found[count]);
        found[count++].actor_name = row_text(rows, 10, arena);
    }
    db_rows_free(rows);
    if (r < 0) return r;
    *ret = found;
    *ret_count = count;
    return 0;
}

/* ---- removing ---- */

/* The last of those to go: entries lie in the order of their numbers, and so, but for a clock that was put back, of
 * their times. */
static const struct statement find_end = {
    .name = "end of what leaves the audit log",
    .sql = "SELECT id, hash FROM audit_log WHERE organization_id = $1 AND id <= $2 AND id <= (SELECT max(id) FROM"
           " (SELECT id, at FROM audit_log WHERE organization_id = $1 ORDER BY id LIMIT $3) AS oldest"
           " WHERE at < $4 OR id <= $5) ORDER BY id DESC LIMIT 1",
};
static const struct statement remove_oldest = {
    .name = "removal from the audit log",
    .sql = "DELETE FROM audit_log WHERE organization_id = $1 AND id <= $2",
};

int audit_purge(struct db *db, const unsigned char key[AUDIT_KEY_SIZE], int64_t organization_id, int64_t before,
                int64_t limit, int64_t *ret_removed, struct err *err) {
    struct head head;
    struct db_rows *rows;
    *ret_removed = 0;
    int found = take_head(db, &lock_head, organization_id, key, &head, err);
    if (found <= 0) return found;
    found = db_query_row(db, &find_end,
                         DB_VALUES(db_int(organization_id), db_int(head.last_id), db_int(limit), db_int(before),
                                   db_int(head.last_id - AUDIT_ENTRIES_MAX)),
                         &rows, err);
    if (found <= 0) return found;
    head.base_id = db_column_int(rows, 0);
    read_hash(rows, 1, head.base_hash);
    db_rows_free(rows);
    int r = db_run(db, &remove_oldest, DB_VALUES(db_int(organization_id), db_int(head.base_id)), ret_removed, err);
    return r < 0 ? r : put_head(db, &head, key, err);
}

/* ---- is it whole? ---- */

struct walk {
    const struct head *head;
    void (*fault)(void *context, const char *sentence);
    void *context;
    unsigned char hash[AUDIT_HASH_SIZE]; /* of the entry before */
    int64_t id;                          /* its number */
    int64_t entries, faults;
};

static void tell(struct walk *walk, const char *what, int64_t id) {
    char sentence[160];
    if (++walk->faults > AUDIT_FAULTS_TOLD || !walk->fault) return;
    snprintf(sentence, sizeof(sentence), "audit log of organization %" PRId64 ": %s (entry %" PRId64 ")",
             walk->head->organization_id, what, id);
    walk->fault(walk->context, sentence);
}

static void check_entry(struct walk *walk, const struct audit_entry *entry,
                        const unsigned char stored[AUDIT_HASH_SIZE]) {
    unsigned char expected[AUDIT_HASH_SIZE];
    if (entry->id != walk->id + 1) tell(walk, "entries are missing before this one", entry->id);
    hash_entry(walk->hash, entry, expected);
    /* After a gap the hash before is unknown, so that would be the same fault a second time. */
    if (entry->id == walk->id + 1 && memcmp(expected, stored, AUDIT_HASH_SIZE) != 0)
        tell(walk, "this entry, or the one before, was changed", entry->id);
    memcpy(walk->hash, stored, AUDIT_HASH_SIZE);
    walk->id = entry->id;
    walk->entries++;
}

static int check_portion(struct db *db, struct walk *walk, struct arena *arena, size_t *ret_count, struct err *err) {
    struct db_rows *rows;
    int64_t organization_id = walk->head->organization_id;
    size_t count = 0;
    int r =
        db_query(db, &select_chain, DB_VALUES(db_int(organization_id), db_int(walk->id), db_int(PORTION)), &rows, err);
    if (r < 0) return r;
    while ((r = db_next(rows, err)) > 0) {
        struct audit_entry entry;
        unsigned char stored[AUDIT_HASH_SIZE];
        read_entry(rows, organization_id, arena, &entry);
        read_hash(rows, 10, stored);
        check_entry(walk, &entry, stored);
        count++;
    }
    db_rows_free(rows);
    *ret_count = count;
    return r;
}

int audit_verify(struct db *db, const unsigned char key[AUDIT_KEY_SIZE], int64_t organization_id,
                 void (*fault)(void *context, const char *sentence), void *context, int64_t *ret_entries,
                 int64_t *ret_faults, struct err *err) {
    struct head head = {.organization_id = organization_id, .sealed = true};
    struct walk walk = {.head = &head, .fault = fault, .context = context};
    struct arena *arena = arena_new();
    size_t count = 0;
    int r = take_head(db, &look_at_head, organization_id, key, &head, err);
    if (r < 0) goto out;
    if (!head.sealed) tell(&walk, "the seal of its head does not fit", head.last_id);
    memcpy(walk.hash, head.base_hash, AUDIT_HASH_SIZE);
    walk.id = head.base_id;
    do {
        arena_reset(arena);
        r = check_portion(db, &walk, arena, &count, err);
    } while (r == 0 && count == PORTION);
    if (r < 0) goto out;
    if (walk.id != head.last_id)
        tell(&walk, "entries are missing at the end", head.last_id);
    else if (memcmp(walk.hash, head.last_hash, AUDIT_HASH_SIZE) != 0)
        tell(&walk, "the last entry is not the one that was sealed", head.last_id);
    *ret_entries = walk.entries;
    *ret_faults = walk.faults;
out:
    arena_free(arena);
    return r < 0 ? r : 0;
}
