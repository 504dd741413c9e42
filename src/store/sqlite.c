#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

#include "base/banned.h"

#define URL_PREFIX             "sqlite:"
#define BUSY_TIMEOUT_MS        10000
#define READER_CACHE_BYTES     (16LL << 20)
#define WRITER_CACHE_BYTES     (64LL << 20)
#define CHECKPOINT_CACHE_BYTES (1LL << 20)
#define PAGE_BYTES             4096

/* When checkpoints cannot keep up, or the log is never free of readers, the writer starts it anew at this length;
 * it waits only shortly for readers, and tries again after so many pages more. */
#define LOG_LIMIT_BYTES        (256LL << 20)
#define LOG_LIMIT_PAGES        (LOG_LIMIT_BYTES / PAGE_BYTES)
#define LOG_RETRY_PAGES        ((16LL << 20) / PAGE_BYTES)
#define LOG_RESTART_TIMEOUT_MS 50

/* A checkpoint is worth while when so much has been written since the last one, or so long ago: until then hot pages
 * are written again and again in the log, and once here. Shortly before the writer starts the log anew there is one at
 * each call, so that little is left for the writer to do. */
#define CHECKPOINT_PAGES       ((32LL << 20) / PAGE_BYTES)
#define CHECKPOINT_INTERVAL_US 2000000

struct sqlite_store {
    struct store base;
    char *path;
    int64_t cache_bytes;
    atomic_llong log_pages;           /* length of the log after the last commit of this process */
    pthread_mutex_t checkpoint_mutex; /* guards: */
    struct db *checkpointer;
    int64_t checkpoint_at_us, checkpoint_pages; /* of the last one */
};

static struct sqlite_store *sqlite_store_of(struct store *store) {
    return (struct sqlite_store *)store;
}

/* ---- connections ---- */

static void sqlite_disconnect(struct db *base) {
    if (!base) return;
    struct sqlite_db *db = sqlite_db_of(base);
    sqlite_forget_statements(db);
    sqlite3_close(db->handle);
    free(db);
}

/* Called after each commit with the length of the log in pages. */
static int log_grew(void *context, sqlite3 *handle, const char *schema, int pages) {
    struct sqlite_db *db = context;
    db->log_pages = pages;
    atomic_store_explicit(&sqlite_store_of(db->base.store)->log_pages, pages, memory_order_relaxed);
    return SQLITE_OK;
}

static int configure(struct sqlite_db *db, const char *path, int64_t cache_bytes, struct err *err) {
    sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    static const int switches[][2] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_DQS_DML, 0},          {SQLITE_DBCONFIG_DQS_DDL, 0},
        {SQLITE_DBCONFIG_ENABLE_FKEY, 0},      {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
        {SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0},
    };
    for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
        if (sqlite3_db_config(db->handle, switches[i][0], switches[i][1], NULL) != SQLITE_OK)
            return sqlite_fail(db, path, err);
    /* The log is written without checkpoints inside commits (sqlite_checkpoint does them), and synced by every commit.
     * What is deleted is overwritten. Readers sort whole tables (verify), which must not fill the memory. */
    bool reads = db->base.mode == DB_READ;
    char pragmas[320];
    snprintf(pragmas, sizeof(pragmas),
             "PRAGMA synchronous = FULL; PRAGMA temp_store = %s; PRAGMA cache_size = -%lld; "
             "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = %lld; PRAGMA secure_delete = ON; "
             "PRAGMA query_only = %d",
             reads ? "FILE" : "MEMORY", (long long)cache_bytes / 1024, LOG_LIMIT_BYTES, reads);
    if (sqlite3_exec(db->handle, pragmas, NULL, NULL, NULL) != SQLITE_OK) return sqlite_fail(db, path, err);
    sqlite3_wal_hook(db->handle, log_grew, db);
    return sqlite_casefold_register(db, err);
}

static int connect_with_cache(struct sqlite_store *store, enum db_mode mode, int64_t cache_bytes, struct db **ret,
                              struct err *err) {
    struct sqlite_db *db = memory_alloc(sizeof(*db));
    db->base = (struct db){.driver = &sqlite_driver, .store = &store->base, .mode = mode};
    db->log_pages_limit = LOG_LIMIT_PAGES;
    int rc;
    int opened = sqlite3_open_v2(store->path, &db->handle,
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, SQLITE_VFS_NAME);
    if (opened != SQLITE_OK)
        rc = sqlite_fail(db, store->path, err);
    else
        rc = configure(db, store->path, cache_bytes, err);
    if (rc < 0) {
        sqlite_disconnect(&db->base);
        return rc;
    }
    *ret = &db->base;
    return 0;
}

static int sqlite_connect(struct store *base, enum db_mode mode, struct db **ret, struct err *err) {
    struct sqlite_store *store = sqlite_store_of(base);
    return connect_with_cache(store, mode, mode == DB_WRITE ? store->cache_bytes : READER_CACHE_BYTES, ret, err);
}

static int sqlite_repair(struct db *base, struct err *err) {
    struct sqlite_db *db = sqlite_db_of(base);
    if (sqlite3_exec(db->handle, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL) == SQLITE_OK) return 0;
    return sqlite_fail(db, "the database cannot be read", err);
}

static bool sqlite_is_lost(struct db *base) {
    return false; /* there is no server to go away */
}

/* ---- the file ---- */

static void sqlite_close(struct store *base) {
    if (!base) return;
    struct sqlite_store *store = sqlite_store_of(base);
    sqlite_disconnect(store->checkpointer);
    pthread_mutex_destroy(&store->checkpoint_mutex);
    free(store->path);
    free(store);
}

/* Made by us, so that nobody else may read it (SQLite gives its log the same mode). *ret_created: it was not there. */
static int create_file(const char *path, bool *ret_created, struct err *err) {
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    *ret_created = fd >= 0;
    /* A file that exists is never opened and closed here: closing would release the locks that another connection of
     * this process holds (POSIX). */
    if (fd >= 0) close(fd);
    if (fd >= 0 || errno == EEXIST) return 0;
    return err_set(err, ERR_UNAVAILABLE, "cannot create the database %s: %s%s", path, strerror(errno),
                   errno == ENOENT ? "; create its folder first" : "");
}

/* The journal mode is a property of the file. Also the first look into it. */
static int set_journal_mode(struct sqlite_db *db, const char *path, struct err *err) {
    static const struct statement journal_mode = {.name = "journal mode", .sql = "PRAGMA journal_mode = WAL"};
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, &journal_mode, &prepared, err);
    if (rc == 0) rc = sqlite_step_row(db, &journal_mode, prepared, SQLITE_OK, err);
    if (rc < 0) return err ? err_prefix(err, "the database %s cannot be used", path) : rc;
    const char *mode = rc == 1 ? (const char *)sqlite3_column_text(prepared, 0) : NULL;
    bool is_wal = mode && strcmp(mode, "wal") == 0;
    sqlite3_reset(prepared);
    if (is_wal) return 0;
    return err_set(err, ERR_UNAVAILABLE,
                   "the database %s cannot keep a write-ahead log: put it on a local disk, not on a network share",
                   path);
}

/* "./" before a relative path keeps SQLite from reading it as a URI or as ":memory:". */
static char *path_of(const char *url) {
    const char *path = url + strlen(URL_PREFIX);
    size_t len = strlen(path);
    if (path[0] == '/') return memory_cstr(path, len);
    char *relative = memory_alloc(len + sizeof("./"));
    snprintf(relative, len + sizeof("./"), "./%s", path);
    return relative;
}

static int sqlite_open(const struct store_options *options, struct store **ret, struct err *err) {
    if (options->url[strlen(URL_PREFIX)] == '\0')
        return err_set(err, ERR_INVALID, "the database URL \"sqlite:\" must name a file: sqlite:PATH");
    sqlite_register_vfs();
    struct sqlite_store *store = memory_alloc(sizeof(*store));
    store->base.driver = &sqlite_driver;
    snprintf(store->base.url_shown, sizeof(store->base.url_shown), "%s", options->url);
    store->path = path_of(options->url);
    store->cache_bytes = options->sqlite_cache_bytes > 0 ? options->sqlite_cache_bytes : WRITER_CACHE_BYTES;
    pthread_mutex_init(&store->checkpoint_mutex, NULL);

    struct db *db = NULL;
    bool created;
    int rc = create_file(store->path, &created, err);
    if (rc < 0) goto out;
    rc = sqlite_connect(&store->base, DB_WRITE, &db, err);
    if (rc < 0) goto out;
    rc = set_journal_mode(sqlite_db_of(db), store->path, err);
    if (rc < 0) goto out;
    *ret = &store->base;
    store = NULL;
out:
    sqlite_disconnect(db);
    sqlite_close(store ? &store->base : NULL);
    return rc;
}

/* A lock on the folder leaves no file behind, and is none of those that SQLite takes on the database. */
static int sqlite_migration_lock(struct db *base, struct err *err) {
    struct sqlite_store *store = sqlite_store_of(base->store);
    const char *slash = strrchr(store->path, '/');
    char *folder = memory_cstr(store->path, slash ? (size_t)(slash - store->path) + 1 : 0);
    int rc = 0;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int locked = -1;
    if (fd >= 0) {
        do
            locked = flock(fd, LOCK_EX);
        while (locked < 0 && errno == EINTR);
    }
    if (locked < 0) {
        rc = err_set(err, ERR_UNAVAILABLE, "cannot lock the folder %s: %s", folder, strerror(errno));
        if (fd >= 0) close(fd);
    } else {
        sqlite_db_of(base)->migration_fd = fd;
    }
    free(folder);
    return rc;
}

static void sqlite_migration_unlock(struct db *base) {
    close(sqlite_db_of(base)->migration_fd);
}

/* ---- transactions ---- */

/* Checkpoints that never wait cannot start the log anew while there is always a reader or a writer: then the writer
 * does, between two transactions. */
static void start_log_anew(struct sqlite_db *db) {
    sqlite3_busy_timeout(db->handle, LOG_RESTART_TIMEOUT_MS);
    int done = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    db->log_pages_limit = done == SQLITE_OK ? LOG_LIMIT_PAGES : db->log_pages + LOG_RETRY_PAGES;
    if (done == SQLITE_OK) db->log_pages = 0;
}

static int sqlite_begin(struct db *base, enum db_mode mode, struct err *err) {
    static const struct statement begin_read = {.name = "begin", .sql = "BEGIN"};
    static const struct statement begin_write = {.name = "begin", .sql = "BEGIN IMMEDIATE"};
    struct sqlite_db *db = sqlite_db_of(base);
    if (mode == DB_WRITE && db->log_pages > db->log_pages_limit) start_log_anew(db);
    return sqlite_run(base, mode == DB_WRITE ? &begin_write : &begin_read, NULL, 0, NULL, err);
}

static int sqlite_commit(struct db *base, struct err *err) {
    static const struct statement commit = {.name = "commit", .sql = "COMMIT"};
    return sqlite_run(base, &commit, NULL, 0, NULL, err);
}

static void sqlite_rollback(struct db *base) {
    struct sqlite_db *db = sqlite_db_of(base);
    /* Fails only when SQLite has undone it already. */
    if (!sqlite3_get_autocommit(db->handle)) sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

/* ---- upkeep ---- */

static bool checkpoint_is_due(const struct sqlite_store *store, int64_t now_us) {
    int64_t pages = atomic_load_explicit(&store->log_pages, memory_order_relaxed);
    if (pages >= LOG_LIMIT_PAGES - CHECKPOINT_PAGES) return true;
    if (pages >= store->checkpoint_pages) pages -= store->checkpoint_pages; /* else it was started anew */
    return pages >= CHECKPOINT_PAGES || now_us - store->checkpoint_at_us >= CHECKPOINT_INTERVAL_US;
}

static void sqlite_checkpoint(struct store *base) {
    struct sqlite_store *store = sqlite_store_of(base);
    int64_t now_us = clock_monotonic_us();
    pthread_mutex_lock(&store->checkpoint_mutex);
    if (!checkpoint_is_due(store, now_us)) goto out;
    if (!store->checkpointer &&
        connect_with_cache(store, DB_WRITE, CHECKPOINT_CACHE_BYTES, &store->checkpointer, NULL) < 0)
        goto out;
    /* A failure is none: the log keeps everything, and the next call tries again. */
    sqlite3 *handle = sqlite_db_of(store->checkpointer)->handle;
    int pages = 0, done = 0;
    sqlite3_wal_checkpoint_v2(handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &done);
    store->checkpoint_pages = done > 0 ? done : 0;
    store->checkpoint_at_us = now_us;
out:
    pthread_mutex_unlock(&store->checkpoint_mutex);
}

static int copy_pages(struct sqlite_db *from, const char *path, struct err *err) {
    sqlite3 *to = NULL;
    sqlite3_backup *backup = NULL;
    int rc = 0;
    if (sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK)
        backup = sqlite3_backup_init(to, "main", from->handle, "main");
    /* All at once: in portions, every commit in between would start it again. */
    if (backup) sqlite3_backup_step(backup, -1);
    if (!backup || sqlite3_backup_finish(backup) != SQLITE_OK) /* also fails when the step did */
        rc = err_set(err, ERR_UNAVAILABLE, "cannot write the copy %s: %s", path, sqlite3_errmsg(to));
    sqlite3_close(to);
    return rc;
}

static int sqlite_backup(struct store *base, const char *path, struct err *err) {
    struct db *from = NULL;
    bool created;
    int rc = create_file(path, &created, err);
    if (rc < 0) return rc;
    if (!created) return err_set(err, ERR_CONFLICT, "%s exists already", path);
    rc = sqlite_connect(base, DB_READ, &from, err);
    if (rc == 0) rc = copy_pages(sqlite_db_of(from), path, err);
    if (rc < 0) unlink(path);
    sqlite_disconnect(from);
    return rc;
}

static int64_t file_bytes(const char *path, const char *suffix) {
    size_t size = strlen(path) + strlen(suffix) + 1;
    char *full = memory_alloc(size);
    snprintf(full, size, "%s%s", path, suffix);
    struct stat status;
    int64_t bytes = stat(full, &status) == 0 ? (int64_t)status.st_size : 0;
    free(full);
    return bytes;
}

static int sqlite_size(struct store *base, struct db *db, int64_t *ret_bytes, struct err *err) {
    const char *path = sqlite_store_of(base)->path;
    *ret_bytes = file_bytes(path, "") + file_bytes(path, "-wal");
    return 0;
}

const struct db_driver sqlite_driver = {
    .dialect = "sqlite",
    .embedded = true,
    .open = sqlite_open,
    .close = sqlite_close,
    .connect = sqlite_connect,
    .disconnect = sqlite_disconnect,
    .repair = sqlite_repair,
    .is_lost = sqlite_is_lost,
    .checkpoint = sqlite_checkpoint,
    .backup = sqlite_backup,
    .size = sqlite_size,
    .migration_lock = sqlite_migration_lock,
    .migration_unlock = sqlite_migration_unlock,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .run = sqlite_run,
    .query = sqlite_query,
    .next = sqlite_next,
    .rows_free = sqlite_rows_free,
    .is_null = sqlite_is_null,
    .column_int = sqlite_column_int,
    .column_real = sqlite_column_real,
    .column_text = sqlite_column_text,
    .column_blob = sqlite_column_blob,
    .script = sqlite_script,
    .find_emails = sqlite_find_emails,
    .lock_stats = sqlite_lock_stats,
    .dictionary = sqlite_dictionary,
    .insert_events = sqlite_insert_events,
    .load_links = sqlite_load_links,
    .save_links = sqlite_save_links,
    .save_stats = sqlite_save_stats,
    .append_deltas = sqlite_append_deltas,
    .fold = sqlite_fold,
    .registration_lock = sqlite_registration_lock,
    .insert_orphans = sqlite_insert_orphans,
    .claim_fingerprints = sqlite_claim_fingerprints,
    .insert_emails = sqlite_insert_emails,
    .save_scores = sqlite_save_scores,
    .event_keys = sqlite_event_keys,
};
