#include "store/store.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "store/driver.h"
#include "store/migrate.h"

#include "base/banned.h"

#define READER_WAIT_S 10

/* The databases there are, by the beginning of the URL. */
static const struct {
    const char *prefix;
    const struct db_driver *driver;
} databases[] = {
    {"sqlite:", &sqlite_driver},
    {"postgresql:", &postgres_driver},
    {"postgres:", &postgres_driver},
};

/* Connections for reading: those not in use, and how many there are in all. */
struct store_pool {
    pthread_mutex_t mutex;
    pthread_cond_t returned;
    struct db **idle;
    size_t idle_count, open_count, max;
};

static struct store_pool *pool_new(size_t max) {
    struct store_pool *pool = memory_alloc(sizeof(*pool));
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->returned, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&pool->mutex, NULL);
    pool->max = max > 0 ? max : 1;
    pool->idle = memory_alloc_array(pool->max, sizeof(*pool->idle));
    return pool;
}

static void pool_free(struct store *store, struct store_pool *pool) {
    if (!pool) return;
    if (pool->open_count != pool->idle_count) BUG("a store was closed while it was read");
    for (size_t i = 0; i < pool->idle_count; i++)
        store->driver->disconnect(pool->idle[i]);
    pthread_cond_destroy(&pool->returned);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->idle);
    free(pool);
}

/* ---- open ---- */

static const struct statement create_instance = {
    .name = "create instance",
    .sql = "INSERT INTO instance (id, hash_key, created_at) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING",
};
static const struct statement read_hash_key = {
    .name = "read hash key",
    .sql = "SELECT hash_key FROM instance WHERE id = 1",
};

/* 1: read; 0: there is no instance yet. */
static int load_hash_key(struct store *store, struct db *db, struct err *err) {
    struct db_rows *rows;
    int rc = db_query_row(db, &read_hash_key, NULL, 0, &rows, err);
    if (rc <= 0) return rc;
    struct slice key = db_column_blob(rows, 0);
    if (key.len == HASH_KEY_SIZE)
        memcpy(store->hash_key, key.ptr, HASH_KEY_SIZE);
    else
        rc = err_set(err, ERR_INTERNAL, "the hash key in table instance has %zu bytes instead of %d", key.len,
                     HASH_KEY_SIZE);
    db_rows_free(rows);
    return rc;
}

/* The row of table `instance` is made at the first start. */
static int ensure_instance(struct store *store, struct db *db, struct err *err) {
    int rc = load_hash_key(store, db, err);
    if (rc != 0) return rc < 0 ? rc : 0;
    unsigned char key[HASH_KEY_SIZE];
    random_bytes(key, sizeof(key));
    rc = db_run(db, &create_instance, DB_VALUES(db_blob(slice_of((char *)key, sizeof(key))), db_int(clock_now())), NULL,
                err);
    if (rc < 0) return rc;
    rc = load_hash_key(store, db, err);
    if (rc == 0) return err_set(err, ERR_INTERNAL, "table instance stays empty");
    return rc < 0 ? rc : 0;
}

static int connect_for(struct store *store, enum db_mode mode, struct db **ret, struct err *err) {
    struct db *db;
    int rc = store->driver->connect(store, mode, &db, err);
    if (rc < 0) return rc;
    db->mode = mode;
    *ret = db;
    return 0;
}

static const struct db_driver *find_driver(const char *url) {
    for (size_t i = 0; i < sizeof(databases) / sizeof(databases[0]); i++)
        if (slice_starts_with(slice_cstr(url), slice_cstr(databases[i].prefix))) return databases[i].driver;
    return NULL;
}

int store_open(const struct store_options *options, struct store **ret, struct err *err) {
    const struct db_driver *driver = find_driver(options->url);
    if (!driver)
        return err_set(err, ERR_INVALID, "the database must be given as sqlite:PATH or postgresql://HOST/DATABASE");
    struct store *store = NULL;
    struct db *db = NULL;
    int rc = driver->open(options, &store, err);
    if (rc < 0) return rc;
    rc = connect_for(store, DB_WRITE, &db, err);
    if (rc < 0) goto out;
    rc = migrate(db, err);
    if (rc < 0) goto out;
    rc = ensure_instance(store, db, err);
    if (rc < 0) goto out;
    store->pool = pool_new(options->readers_max);
    *ret = store;
    store = NULL;
out:
    if (db) driver->disconnect(db);
    store_close(store);
    return rc;
}

struct store *store_close(struct store *store) {
    if (!store) return NULL;
    pool_free(store, store->pool);
    store->pool = NULL;
    store->driver->close(store);
    return NULL;
}

const unsigned char *store_hash_key(const struct store *store) {
    return store->hash_key;
}

bool store_is_embedded(const struct store *store) {
    return store->driver->embedded;
}

const char *store_url_shown(const struct store *store) {
    return store->url_shown;
}

/* ---- connections ---- */

static void pool_forget(struct store_pool *pool) {
    pthread_mutex_lock(&pool->mutex);
    pool->open_count--;
    pthread_cond_signal(&pool->returned);
    pthread_mutex_unlock(&pool->mutex);
}

int store_reader(struct store *store, struct db **ret, struct err *err) {
    struct store_pool *pool = store->pool;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += READER_WAIT_S;
    struct db *db = NULL;
    int waited = 0;
    pthread_mutex_lock(&pool->mutex);
    while (pool->idle_count == 0 && pool->open_count == pool->max && waited == 0)
        waited = pthread_cond_timedwait(&pool->returned, &pool->mutex, &until);
    bool reused = pool->idle_count > 0;
    bool may_open = pool->open_count < pool->max;
    if (reused)
        db = pool->idle[--pool->idle_count];
    else if (may_open)
        pool->open_count++;
    pthread_mutex_unlock(&pool->mutex);
    if (!reused && !may_open)
        return err_set(err, ERR_UNAVAILABLE, "all %zu connections for reading are in use", pool->max);

    int rc = 0;
    if (!reused) {
        rc = connect_for(store, DB_READ, &db, err);
    } else if (db->failed || store->driver->is_lost(db)) {
        rc = store_writer_repair(store, db, err);
        if (rc < 0) store->driver->disconnect(db);
    }
    if (rc < 0) {
        pool_forget(pool);
        return rc;
    }
    *ret = db;
    return 0;
}

void store_reader_return(struct store *store, struct db *db) {
    if (!db) return;
    db_rollback(db);
    struct store_pool *pool = store->pool;
    pthread_mutex_lock(&pool->mutex);
    /* What one connection has met, a server that went away, the others would meet too: they are looked at first. */
    for (size_t i = 0; db->failed && i < pool->idle_count; i++)
        pool->idle[i]->failed = true;
    pool->idle[pool->idle_count++] = db;
    pthread_cond_signal(&pool->returned);
    pthread_mutex_unlock(&pool->mutex);
}

int store_writer(struct store *store, struct db **ret, struct err *err) {
    return connect_for(store, DB_WRITE, ret, err);
}

struct db *store_writer_close(struct store *store, struct db *db) {
    if (!db) return NULL;
    db_rollback(db);
    store->driver->disconnect(db);
    return NULL;
}

int store_writer_repair(struct store *store, struct db *db, struct err *err) {
    db_rollback(db);
    int rc = store->driver->repair(db, err);
    if (rc == 0) db->failed = false;
    return rc;
}

/* ---- upkeep ---- */

void store_checkpoint(struct store *store) {
    store->driver->checkpoint(store);
}

int store_backup(struct store *store, const char *path, struct err *err) {
    return store->driver->backup(store, path, err);
}

int store_size(struct store *store, struct db *db, int64_t *ret_bytes, struct err *err) {
    return store->driver->size(store, db, ret_bytes, err);
}

static const struct statement read_settings_version = {
    .name = "settings version",
    .sql = "SELECT settings_version FROM instance WHERE id = 1",
};
static const struct statement raise_settings_version = {
    .name = "raise settings version",
    .sql = "UPDATE instance SET settings_version = settings_version + 1 WHERE id = 1",
};

int settings_version(struct db *db, int64_t *ret, struct err *err) {
    struct db_rows *rows;
    int rc = db_query_row(db, &read_settings_version, NULL, 0, &rows, err);
    if (rc < 0) return rc;
    if (rc == 0) return err_set(err, ERR_INTERNAL, "table instance is empty");
    *ret = db_column_int(rows, 0);
    db_rows_free(rows);
    return 0;
}

int settings_version_raise(struct db *db, struct err *err) {
    return db_run(db, &raise_settings_version, NULL, 0, NULL, err);
}
