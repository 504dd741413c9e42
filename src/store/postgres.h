/* postgres: what the files of the PostgreSQL driver share. Nothing outside of them includes this.
 *
 *   postgres.c             opening, connections, transactions, locks
 *   postgres_statement.c   running statements, results, errors
 *   postgres_params.c      parameters in the binary format: arrays out of columns of structs
 *   postgres_partition.c   monthly partitions of the events
 *   postgres_engagement.c  the bulk verbs: events and figures
 *   postgres_fold.c        folding of the changes of totals
 *   postgres_register.c    the bulk verbs: emails, orphans, fingerprints
 *   postgres_scores.c      the bulk verbs: scores
 *
 * Results: a query is read whole into memory, in one round trip, so that the connection is free for other statements.
 * One marked `many_rows` is read through a cursor in portions of POSTGRES_FETCH_ROWS. */
#ifndef INKLING_STORE_POSTGRES_H
#define INKLING_STORE_POSTGRES_H

#include <libpq-fe.h>

#include "base/arena.h"
#include "store/driver.h"

#define POSTGRES_FETCH_ROWS      5000
#define POSTGRES_PARAMETERS_MAX  64
#define POSTGRES_READER_LIMIT_MS 30000 /* a report that takes longer is ended by the server */

/* ---- parameters ---- */

/* The parameters of one bulk statement, in PostgreSQL's binary format. The bytes are kept from call to call. */
struct postgres_params {
    unsigned char *bytes;
    size_t used, capacity;
    size_t offsets[POSTGRES_PARAMETERS_MAX];
    int lengths[POSTGRES_PARAMETERS_MAX];
    int count;
    struct arena *arena; /* texts that had to be cleaned */
};

/* Where the structs are whose members become arrays: `count` of them, side by side, or behind an array of pointers. */
struct postgres_structs {
    const void *first;
    size_t size;
    const void *const *pointers; /* not NULL: used instead of first and size */
    size_t count;
};
#define POSTGRES_STRUCTS(array, n)                                                                                     \
    (&(const struct postgres_structs){.first = (array), .size = sizeof((array)[0]), .count = (n)})

void postgres_params_clear(struct postgres_params *params);
void postgres_params_release(struct postgres_params *params);
void postgres_params_bigint(struct postgres_params *params, int64_t value);
/* Arrays of the member at `offset`: an int64_t; the same, NULL where it is `none`; an int32_t; an enum as smallint. */
void postgres_params_bigints(struct postgres_params *params, const struct postgres_structs *structs, size_t offset);
void postgres_params_bigints_or_null(struct postgres_params *params, const struct postgres_structs *structs,
                                     size_t offset, int64_t none);
void postgres_params_integers(struct postgres_params *params, const struct postgres_structs *structs, size_t offset);
void postgres_params_smallints(struct postgres_params *params, const struct postgres_structs *structs, size_t offset);
/* Arrays of a struct slice; NULL where it is empty. */
void postgres_params_texts(struct postgres_params *params, const struct postgres_structs *structs, size_t offset);
void postgres_params_blobs(struct postgres_params *params, const struct postgres_structs *structs, size_t offset);

/* The other way to send rows, for COPY: start, then a row's columns one after the other; empty slices are NULL. Then
 * postgres_copy. */
void postgres_copy_start(struct postgres_params *params);
void postgres_copy_row(struct postgres_params *params, uint16_t columns);
void postgres_copy_bigint(struct postgres_params *params, int64_t value);
void postgres_copy_smallint(struct postgres_params *params, int16_t value);
void postgres_copy_blob(struct postgres_params *params, struct slice value);
void postgres_copy_text(struct postgres_params *params, struct slice value);

/* PostgreSQL's text holds UTF-8 without NUL only. Text that is not, is returned as a copy in `arena` with U+FFFD in the
 * place of what cannot be stored: an odd byte of a provider must not keep a whole batch from being stored. */
struct slice postgres_text(struct slice text, struct arena *arena);

/* ---- connections ---- */

struct postgres_store {
    struct store base;
    char *url;
};

/* Months whose events have a partition, as far as this connection knows: bits, from January of the first year. */
#define POSTGRES_FIRST_YEAR 2000
#define POSTGRES_END_YEAR   2200
#define POSTGRES_MONTHS     ((POSTGRES_END_YEAR - POSTGRES_FIRST_YEAR) * 12)
struct postgres_partitions {
    bool loaded;
    unsigned char known[POSTGRES_MONTHS / 8];
};

struct postgres_prepared {
    const struct statement *statement; /* NULL: free */
    unsigned number;
};

struct postgres_db {
    struct db base;
    PGconn *connection;
    enum db_mode use;                   /* what it was opened for */
    struct postgres_prepared *prepared; /* open addressing by the statement's address */
    size_t prepared_count, prepared_capacity;
    unsigned cursors; /* made so far, for names */
    struct postgres_params params;
    struct arena *scratch; /* of one statement */
    struct postgres_partitions partitions;
};

struct postgres_rows {
    struct db_rows base;
    PGresult *result;
    int row, row_count;
    unsigned cursor; /* 0: the whole result is here */
    bool last_portion;
    struct arena *blobs; /* decoded ones of the current row; made when needed */
};

int postgres_connect(const struct postgres_store *store, enum db_mode use, PGconn **ret, struct err *err);

/* ---- statements ---- */

/* Runs a prepared statement with values in the given formats (libpq's parameters); *ret is the caller's to PQclear. */
int postgres_execute(struct postgres_db *db, const struct statement *statement, int count, const char *const *values,
                     const int *lengths, const int *formats, int result_format, PGresult **ret, struct err *err);
/* The same with binary parameters and a binary result. ret may be NULL. */
int postgres_execute_params(struct postgres_db *db, const struct statement *statement, PGresult **ret, struct err *err);
/* Sends what the parameters hold as the rows of `sql`, a "COPY … FROM STDIN (FORMAT binary)". */
int postgres_copy(struct postgres_db *db, const char *what, const char *sql, struct err *err);
/* Text without parameters, not prepared. ret may be NULL. */
int postgres_command(PGconn *connection, const char *sql, PGresult **ret, struct err *err);
void postgres_forget_prepared(struct postgres_db *db);
/* What a failed result (NULL: the connection itself) means. `what` is named in the message. */
int postgres_failure(PGconn *connection, const PGresult *result, const char *what, struct err *err);
/* An integer of 2, 4 or 8 bytes out of a binary result; 0 for NULL. */
int64_t postgres_binary_int(const PGresult *result, int row, int column);

int postgres_run(struct db *db, const struct statement *statement, const struct db_value *values, size_t count,
                 int64_t *ret_changes, struct err *err);
int postgres_query(struct db *db, const struct statement *statement, const struct db_value *values, size_t count,
                   struct db_rows **ret, struct err *err);
int postgres_next(struct db_rows *rows, struct err *err);
void postgres_rows_free(struct db_rows *rows);
bool postgres_is_null(const struct db_rows *rows, int column);
int64_t postgres_column_int(const struct db_rows *rows, int column);
double postgres_column_real(const struct db_rows *rows, int column);
struct slice postgres_column_text(const struct db_rows *rows, int column);
struct slice postgres_column_blob(const struct db_rows *rows, int column);
int postgres_script(struct db *db, struct slice sql, struct err *err);

/* ---- partitions ---- */

/* Makes sure that there are partitions for the events of these rows. New ones are made and committed on a connection of
 * their own: the running transaction sees them, and no other writer waits for it. */
int postgres_partitions_ensure(struct postgres_db *db, const struct event_row *rows, size_t count, struct err *err);
/* The partitions of this month and the next one, so that no event waits for them; nothing before the first migration.
 */
int postgres_partitions_prepare(struct postgres_db *db, struct err *err);
void postgres_partitions_forget(struct postgres_db *db);

/* ---- bulk verbs ---- */

int postgres_find_emails(struct db *db, struct email_lookup *lookups, size_t count, struct err *err);
int postgres_lock_stats(struct db *db, struct email_stats *stats, size_t count, struct err *err);
int postgres_dictionary(struct db *db, enum dictionary dictionary, struct dictionary_row *rows, size_t count,
                        struct err *err);
int postgres_insert_events(struct db *db, struct event_row *rows, size_t count, struct err *err);
int postgres_load_links(struct db *db, struct link_row *rows, size_t count, struct err *err);
int postgres_save_links(struct db *db, const struct link_row *rows, size_t count, struct err *err);
int postgres_save_stats(struct db *db, const struct email_stats *const *stats, size_t count, struct err *err);
int postgres_append_deltas(struct db *db, const struct cohort_delta *cohorts, size_t cohort_count,
                           const struct breakdown_delta *breakdowns, size_t breakdown_count, struct err *err);
int postgres_event_keys(struct db *db, int64_t organization_id, int64_t email_log_id, size_t limit, struct arena *arena,
                        struct event_key **ret, size_t *ret_count, struct err *err);
int postgres_fold(struct db *db, size_t limit, int64_t *ret_folded, struct err *err);
int postgres_registration_lock(struct db *db, int64_t organization_id, enum registration_side side, struct err *err);
int postgres_insert_orphans(struct db *db, struct orphan_row *rows, size_t count, struct err *err);
int postgres_claim_fingerprints(struct db *db, struct fingerprint_row *rows, size_t count, struct err *err);
int postgres_insert_emails(struct db *db, struct email_row *rows, size_t count, struct err *err);
int postgres_save_scores(struct db *db, const struct score_row *rows, size_t count, struct err *err);

#endif
