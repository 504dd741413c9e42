/* csv: text of rows and fields (RFC 4180) as it comes, in pieces of any size; libcsv behind it. The separator is the
 * one of , ; and tab that the first line has most of; a byte order mark is passed over; quoted fields may hold line
 * feeds; empty lines are no rows. One thread. */
#ifndef INKLING_BASE_CSV_H
#define INKLING_BASE_CSV_H

#include "base/err.h"
#include "base/slice.h"

#define CSV_FIELDS_MAX    256
#define CSV_ROW_MAX_BYTES ((size_t)1 << 20)

struct csv_row {
    const struct slice *fields; /* valid during the call */
    size_t count;
    int64_t line;   /* of the file, from 1, at which it begins */
    bool too_large; /* more fields or bytes than the bounds: `fields` is cut */
};

struct csv_reader;

struct csv_reader *csv_reader_new(void (*row)(void *context, const struct csv_row *row), void *context);
struct csv_reader *csv_reader_free(struct csv_reader *reader); /* NULL accepted */
/* Calls `row` for each row that ends in the piece. */
void csv_reader_feed(struct csv_reader *reader, struct slice piece);
void csv_reader_finish(struct csv_reader *reader); /* the last row may have no line feed */

#endif
