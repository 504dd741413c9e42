/* journal: records on disk that wait for the database, in the order in which they came. Survives the end of the process
 * at any instant: what was flushed is read again at the next start, a record that was only half written is not. Files
 * of some megabytes each, removed when all of their records are done, so that a journal that is always in use stays
 * small.
 *
 * A record may be read again after a crash though it was done: whoever takes records must do so idempotently.
 * One thread. Files have mode 0600: records are personal data until they are done. */
#ifndef INKLING_INGEST_JOURNAL_H
#define INKLING_INGEST_JOURNAL_H

#include "base/err.h"
#include "base/slice.h"

struct journal;

#define JOURNAL_RECORD_MAX 8192

struct journal_options {
    const char *directory; /* made when absent; one process at a time: ERR_CONFLICT */
    size_t bytes_max;      /* of all files together */
    size_t file_bytes;     /* a new file is begun beyond; 0: 8 MiB */
};

/* *ret_lost: bytes behind the last whole record of a file, which are cut off. */
MUST_USE int journal_open(const struct journal_options *options, struct journal **ret, size_t *ret_lost,
                          struct err *err);
struct journal *journal_close(struct journal *journal); /* leaves what was not flushed; NULL accepted */

/* Takes a record into memory. False when there is no room for it: what comes in waits for the disk or the database
 * already up to the bound. `must`: a part of the bound is kept free for such records. */
bool journal_add(struct journal *journal, struct slice record, bool must);
/* All that was added is on disk after 0. ERR_UNAVAILABLE: the disk is full or failed; it stays in memory, and the next
 * flush tries again, in a new file. Cheap when there is nothing. */
MUST_USE int journal_flush(struct journal *journal, struct err *err);

/* Records added, and done, since the journal began: those that were found when it was opened count too. */
uint64_t journal_added(const struct journal *journal);
uint64_t journal_done_count(const struct journal *journal);

/* Visits flushed records that are not done, from the first, until `visit` returns false (that one is not taken) or
 * `limit` were taken. `number` stays the record's own, after a restart too. Returns how many were taken; negative when
 * the file cannot be read. Until journal_done the same records are visited again. */
typedef bool (*journal_visitor)(void *context, uint64_t number, struct slice record);
MUST_USE int journal_read(struct journal *journal, size_t limit, journal_visitor visit, void *context, struct err *err);
/* The records that the last journal_read took are done. */
void journal_done(struct journal *journal);
/* Takes records that are done off the disk, where journal_done left some for later. */
void journal_tidy(struct journal *journal);

/* Length of the first record with its frame at the start of `bytes`, and the record; 0: none that is whole and
 * unchanged. */
size_t journal_frame_read(struct slice bytes, struct slice *ret_record);
#define JOURNAL_FRAME_BYTES 8
void journal_frame_write(struct slice record, unsigned char head[JOURNAL_FRAME_BYTES]);

#endif
