/* store: the database of an installation, chosen by its URL:
 *   sqlite:PATH             embedded; created with mode 0600 when absent
 *   postgresql://…          a libpq connection URI
 * Opening brings the schema up to date (migrate.h). A store is shared by threads; its connections are not.
 * Never logs; behaves the same on both databases. */
#ifndef INKLING_STORE_STORE_H
#define INKLING_STORE_STORE_H

#include "base/err.h"
#include "base/hash.h"
#include "base/slice.h"

struct db;
struct store;

struct store_options {
    const char *url;
    size_t readers_max;         /* connections for reading, at most; taken on demand */
    int64_t sqlite_cache_bytes; /* page cache of the writing connection */
};

/* ERR_UNAVAILABLE with a sentence that says what to do (does the path exist, is the server up). */
MUST_USE int store_open(const struct store_options *options, struct store **ret, struct err *err);
struct store *store_close(struct store *store); /* NULL accepted; all connections must have been given back */

/* The key of every hash in the database. */
const unsigned char *store_hash_key(const struct store *store);
bool store_is_embedded(const struct store *store);
const char *store_url_shown(const struct store *store); /* without password, for messages */

/* A connection for reading from the pool; waits while readers_max are out (at most 10 s, then ERR_UNAVAILABLE). */
MUST_USE int store_reader(struct store *store, struct db **ret, struct err *err);
void store_reader_return(struct store *store, struct db *db); /* ends any transaction; NULL accepted */
/* A connection of one's own for writing; may reconnect after a lost server: see db_healthy. */
MUST_USE int store_writer(struct store *store, struct db **ret, struct err *err);
struct db *store_writer_close(struct store *store, struct db *db);
/* After a failure: is the connection usable (again)? Reconnects if need be. */
MUST_USE int store_writer_repair(struct store *store, struct db *db, struct err *err);

/* What keeps the write-ahead log short; call about each 100 ms from one thread. SQLite: a passive checkpoint;
 * PostgreSQL: nothing. */
void store_checkpoint(struct store *store);
/* A consistent copy while the service runs. SQLite only; ERR_INVALID with advice (pg_dump) otherwise. */
MUST_USE int store_backup(struct store *store, const char *path, struct err *err);
/* Bytes on disk: file and write-ahead log, or pg_database_size. */
MUST_USE int store_size(struct store *store, struct db *db, int64_t *ret_bytes, struct err *err);

/* instance.settings_version: raised by every change of what services keep in memory; others poll it. */
MUST_USE int settings_version(struct db *db, int64_t *ret, struct err *err);
MUST_USE int settings_version_raise(struct db *db, struct err *err); /* in the transaction of the change */

#endif
