/* imports: how far a file of history has been imported. */
#ifndef INKLING_STORE_IMPORTS_H
#define INKLING_STORE_IMPORTS_H

#include "store/db.h"

/* What a file is known again by; wherever it lies, and whatever it is called. */
struct import_key {
    int64_t organization_id;
    int64_t file_hash, file_size;
    struct slice format;
};

struct import_row {
    int64_t records;       /* read so far */
    int64_t refused_bytes; /* of the report of refused records */
    struct slice totals;   /* JSON object of counters */
    int64_t started_at, updated_at;
    int64_t finished_at; /* TIME_UNSET: not at its end */
};

/* 1: found, texts in `arena`; 0: never begun. */
MUST_USE int import_load(struct db *db, const struct import_key *key, struct arena *arena, struct import_row *ret,
                         struct err *err);
/* In the transaction of what was read. */
MUST_USE int import_save(struct db *db, const struct import_key *key, const struct import_row *row, struct err *err);

#endif
