/* import: a file of history into the database, by the road that everything takes (ingest/apply.h): idempotent with what
 * webhooks brought and with itself. Portions of a few thousand events are a transaction each, with how far the file has
 * been read; so an import that was interrupted, even by a crash, goes on where it was. While one portion is written,
 * the next is read. */
#ifndef INKLING_IMPORT_IMPORT_H
#define INKLING_IMPORT_IMPORT_H

#include "import/format.h"
#include "ingest/writer.h"

struct db;

/* X(symbol, name in the report) */
#define IMPORT_TOTALS(X)                                                                                               \
    X(RECORDS, "records")       /* objects or rows of the file */                                                      \
    X(EVENTS, "events")         /* read from them, and not refused */                                                  \
    X(STORED, "stored")         /* new ones */                                                                         \
    X(DUPLICATES, "duplicates") /* seen before */                                                                      \
    X(ORPHANED, "orphaned")     /* of unknown emails, kept for them */                                                 \
    X(WITHHELD, "withheld")     /* for want of consent */                                                              \
    X(COUNTED, "counted")       /* only as a total */                                                                  \
    X(EMAILS, "emails")         /* read, and not refused */                                                            \
    X(REGISTERED, "registered") /* new ones */                                                                         \
    X(EXISTED, "existed")                                                                                              \
    X(ADOPTED, "adopted") /* events that had waited for their email */                                                 \
    X(IGNORED, "ignored") /* of a type that says nothing of an email */                                                \
    X(REFUSED_UNREADABLE, "refused_unreadable")                                                                        \
    X(REFUSED_INVALID, "refused_invalid")                                                                              \
    X(REFUSED_TOO_LARGE, "refused_too_large")                                                                          \
    X(REFUSED_OLD, "refused_older_than_retention")                                                                     \
    X(REFUSED_NAMELESS, "refused_without_message_id")                                                                  \
    X(REFUSED_CONFLICT, "refused_conflict")

enum import_total {
#define IMPORT_TOTAL_ENUM(symbol, name) IMPORT_##symbol,
    IMPORT_TOTALS(IMPORT_TOTAL_ENUM)
#undef IMPORT_TOTAL_ENUM
        IMPORT_TOTAL_COUNT
};
#define IMPORT_REFUSED_FIRST IMPORT_REFUSED_UNREADABLE

struct import_totals {
    int64_t count[IMPORT_TOTAL_COUNT];
};
const char *import_total_name(enum import_total total);
int64_t import_refused(const struct import_totals *totals); /* all of them */

struct import_progress {
    const struct import_format *format;
    const struct import_totals *totals;
    int64_t resumed_at;  /* records that a former run had read; 0: none did */
    int64_t bytes, size; /* of the file; size 0: not known */
};

struct import_options {
    struct store *store;
    struct writer *writer;                /* of one thread */
    struct db *db;                        /* for reading; not in a transaction */
    const char *path;                     /* "-": standard input, which cannot be resumed */
    const char *refused_path;             /* the report of refused records: made when there is one; NULL: none */
    int64_t organization_id, endpoint_id; /* endpoint 0: none */
    int64_t retention_days;
    int64_t now;
    const struct import_format *format; /* NULL: by the look of it */
    struct slice columns;               /* mapping of headings (format.h) */
    bool dry_run;                       /* read all, store nothing */
    bool restart;                       /* from the beginning, though an interrupted run had come further */
    /* After each portion, and now and then. May be NULL. */
    void (*progress)(void *context, const struct import_progress *progress);
    void *context;
};

/* *ret: the totals, of the runs before too when it was resumed. */
MUST_USE int import_run(const struct import_options *options, struct import_totals *ret, struct err *err);

#endif
