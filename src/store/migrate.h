/* migrate: numbered, forward-only schema migrations, compiled in from schema/<dialect>/NNN_name.sql. */
#ifndef INKLING_STORE_MIGRATE_H
#define INKLING_STORE_MIGRATE_H

#include "base/err.h"
#include "base/slice.h"

struct db;

struct migration {
    const char *dialect; /* "sqlite" or "postgres" */
    int number;          /* 1, 2, … without gaps in a dialect */
    const char *name;
    struct slice sql;
};

extern const struct migration migrations[];
extern const size_t migrations_count;

/* Brings the database to the newest schema, each migration in a transaction of its own, under a lock that lets only
 * one process migrate. ERR_CONFLICT when the database is newer than this program. */
MUST_USE int migrate(struct db *db, struct err *err);

#endif
