#include "ingest/token_keys.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "store/db.h"
#include "store/store.h"
#include "store/token_keys.h"

#include "base/banned.h"

#define SEALED_MAX 1024

struct held {
    struct token_keyset set; /* first: what is handed out */
    struct token_ring *ring;
    atomic_int references;
};

struct token_keys {
    struct secret_box box;
    pthread_mutex_t refreshing; /* one refresh at a time */
    int64_t version;            /* settings version of `current` */
    pthread_rwlock_t lock;      /* guards `current` */
    struct held *current;       /* NULL: no key */
};

void token_keys_release(const struct token_keyset *set) {
    struct held *held = (struct held *)(uintptr_t)set;
    if (!held || atomic_fetch_sub(&held->references, 1) != 1) return;
    token_ring_free(held->ring);
    free(held);
}

const struct token_keyset *token_keys_acquire(struct token_keys *keys) {
    pthread_rwlock_rdlock(&keys->lock);
    struct held *held = keys->current;
    if (held) atomic_fetch_add(&held->references, 1);
    pthread_rwlock_unlock(&keys->lock);
    return held ? &held->set : NULL;
}

struct token_keys *token_keys_new(const struct secret_box *box) {
    struct token_keys *keys = memory_alloc(sizeof(*keys));
    keys->box = *box;
    keys->version = -1;
    pthread_mutex_init(&keys->refreshing, NULL);
    pthread_rwlock_init(&keys->lock, NULL);
    return keys;
}

struct token_keys *token_keys_free(struct token_keys *keys) {
    if (!keys) return NULL;
    token_keys_release(keys->current ? &keys->current->set : NULL);
    pthread_rwlock_destroy(&keys->lock);
    pthread_mutex_destroy(&keys->refreshing);
    sodium_memzero(&keys->box, sizeof(keys->box));
    free(keys);
    return NULL;
}

/* ---- loading ---- */

static bool open_key(const struct secret_box *box, const struct token_key_row *row, struct token_key *ret) {
    struct strbuf plain;
    strbuf_init(&plain, SEALED_MAX);
    bool opened = secret_box_open(box, row->sealed, &plain, NULL) == 0 && plain.len == TOKEN_KEY_BYTES;
    if (opened) {
        ret->id = (uint8_t)row->id;
        memcpy(ret->bytes, plain.ptr, TOKEN_KEY_BYTES);
    }
    if (plain.len > 0) sodium_memzero(plain.ptr, plain.len);
    strbuf_release(&plain);
    return opened;
}

/* NULL: none can be opened. */
static struct held *build(const struct secret_box *box, const struct token_key_row *rows, size_t count) {
    struct token_key keys[TOKEN_KEYS_MAX];
    size_t opened = 0, unreadable = 0;
    struct held *held = NULL;
    for (size_t i = 0; i < count && opened < TOKEN_KEYS_MAX; i++) {
        if (rows[i].retired_at != TIME_UNSET) continue;
        if (open_key(box, &rows[i], &keys[opened]))
            opened++;
        else
            unreadable++;
    }
    if (opened > 0) {
        held = memory_alloc(sizeof(*held));
        held->ring = token_ring_new(keys, opened);
        held->set = (struct token_keyset){.ring = held->ring, .signing_id = keys[0].id, .unreadable = unreadable};
        atomic_init(&held->references, 1);
    }
    sodium_memzero(keys, sizeof(keys));
    return held;
}

static int load(struct token_keys *keys, struct db *db, struct err *err) {
    struct arena *arena = arena_new();
    struct token_key_row *rows;
    size_t count;
    int64_t version;
    /* Version and rows out of one snapshot, so that no change falls between them. */
    int r = db_begin(db, DB_READ, err);
    if (r < 0) goto out;
    r = settings_version(db, &version, err);
    if (r < 0 || version == keys->version) goto out;
    r = token_key_rows_list(db, arena, &rows, &count, err);
    if (r < 0) goto out;
    struct held *built = build(&keys->box, rows, count), *old;
    pthread_rwlock_wrlock(&keys->lock);
    old = keys->current;
    keys->current = built;
    pthread_rwlock_unlock(&keys->lock);
    token_keys_release(old ? &old->set : NULL);
    keys->version = version;
out:
    db_rollback(db);
    arena_free(arena);
    return r;
}

int token_keys_refresh(struct token_keys *keys, struct db *db, struct err *err) {
    pthread_mutex_lock(&keys->refreshing);
    int r = load(keys, db, err);
    pthread_mutex_unlock(&keys->refreshing);
    return r;
}

/* ---- changes ---- */

static int make_key(struct db *db, const struct secret_box *box, bool only_first, int64_t now, int64_t *ret_id,
                    struct err *err) {
    unsigned char bytes[TOKEN_KEY_BYTES];
    struct strbuf sealed;
    strbuf_init(&sealed, SEALED_MAX);
    random_bytes(bytes, sizeof(bytes));
    if (secret_box_seal(box, slice_of((const char *)bytes, sizeof(bytes)), &sealed) < 0) BUG("a sealed key is short");
    sodium_memzero(bytes, sizeof(bytes));
    int r = token_key_row_insert(db, strbuf_slice(&sealed), TOKEN_KEYS_MAX, only_first, now, ret_id, err);
    strbuf_release(&sealed);
    return r;
}

int token_keys_ensure(const struct secret_box *box, struct db *db, int64_t now, struct err *err) {
    struct arena *arena = arena_new();
    struct token_key_row *rows;
    size_t count, in_force = 0;
    int64_t id;
    /* Looked at first without the lock, so that a start with a key changes nothing. */
    int r = token_key_rows_list(db, arena, &rows, &count, err);
    if (r < 0) goto out;
    for (size_t i = 0; i < count; i++)
        in_force += rows[i].retired_at == TIME_UNSET;
    if (in_force > 0) goto out;
    r = db_begin(db, DB_WRITE, err);
    if (r == 0) r = make_key(db, box, true, now, &id, err);
    if (r == 0) r = db_commit(db, err);
    if (r < 0) db_rollback(db);
out:
    arena_free(arena);
    return r;
}

int token_key_rotate(struct db *db, const struct secret_box *box, int64_t now, int64_t *ret_id, struct err *err) {
    return make_key(db, box, false, now, ret_id, err);
}

/* When did the key cease to sign? TIME_UNSET: it signs; rows are the newest first. */
static int64_t superseded_at(const struct token_key_row *rows, size_t count, int64_t id) {
    int64_t newer = TIME_UNSET;
    for (size_t i = 0; i < count && rows[i].id != id; i++)
        if (rows[i].retired_at == TIME_UNSET) newer = rows[i].created_at;
    return newer;
}

int token_key_retire(struct db *db, int64_t id, bool force, int64_t now, struct err *err) {
    struct arena *arena = arena_new();
    struct token_key_row *rows;
    size_t count;
    int64_t days, superseded;
    int r = settings_version_raise(db, err); /* keeps others from changing keys meanwhile */
    if (r == 0) r = token_key_rows_list(db, arena, &rows, &count, err);
    if (r == 0) r = token_key_retention_days(db, &days, err);
    if (r != 0) goto out;
    size_t at = 0;
    while (at < count && (rows[at].id != id || rows[at].retired_at != TIME_UNSET))
        at++;
    superseded = superseded_at(rows, count, id);
    if (at == count)
        r = err_set(err, ERR_NOT_FOUND, "there is no key %lld of tracking tokens in force", (long long)id);
    else if (superseded == TIME_UNSET)
        r = err_set(err, ERR_CONFLICT, "key %lld signs: run inkling token-key rotate first", (long long)id);
    else if (!force && superseded + days * DAY_MS > now)
        r = err_set(err, ERR_CONFLICT,
                    "emails with tokens of key %lld may be kept for %lld more days, and their links would die: wait, "
                    "or say --force",
                    (long long)id, (long long)((superseded + days * DAY_MS - now) / DAY_MS + 1));
    else
        r = token_key_row_retire(db, id, now, err);
out:
    arena_free(arena);
    return r;
}
