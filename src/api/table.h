/* table: answers as text, written from front to back. One definition serves a list as JSON
 * ({"data":[…],"next_cursor":…}), the same list as CSV (RFC 4180) and a single object. Pure: knows neither requests nor
 * the database. Set the same fields in the same order in every row.
 *
 * A field's name is NULL inside an array; names are the program's own words and need no quoting. */
#ifndef INKLING_API_TABLE_H
#define INKLING_API_TABLE_H

#include "base/strbuf.h"

struct api_table;

enum api_table_format { API_TABLE_JSON, API_TABLE_CSV, API_TABLE_OBJECT };

/* `max`: the most bytes of text. API_TABLE_OBJECT: one object; there is no row to begin. */
struct api_table *api_table_new(enum api_table_format format, size_t max);
struct api_table *api_table_free(struct api_table *table); /* NULL accepted */
enum api_table_format api_table_format(const struct api_table *table);
/* Rows begun so far. */
size_t api_table_rows(const struct api_table *table);
/* As new. */
void api_table_reset(struct api_table *table);

void api_table_row(struct api_table *table); /* begins the next row */
void api_table_int(struct api_table *table, const char *name, int64_t value);
void api_table_int_or_null(struct api_table *table, const char *name, int64_t value, int64_t none);
/* NULL ptr: null. In CSV a cell that a spreadsheet would take for a formula gets a ' in front (compliance C-117). Bytes
 * that are no UTF-8 become U+FFFD in JSON. */
void api_table_text(struct api_table *table, const char *name, struct slice value);
void api_table_bool(struct api_table *table, const char *name, bool value);
void api_table_null(struct api_table *table, const char *name);
void api_table_time(struct api_table *table, const char *name, int64_t ms); /* RFC 3339; TIME_UNSET: null */
/* At most 6 decimals; null for what is no number. */
void api_table_real(struct api_table *table, const char *name, double value, int decimals);
/* Percent with two decimals, one more than is shown; null when base is 0. */
void api_table_rate(struct api_table *table, const char *name, int64_t part, int64_t base);
/* A value that is JSON text already (from our own database); empty: null. */
void api_table_json(struct api_table *table, const char *name, struct slice json);

/* Nested values, up to 8 deep; in CSV a cell with the JSON text. */
void api_table_object(struct api_table *table, const char *name);
void api_table_array(struct api_table *table, const char *name);
void api_table_close(struct api_table *table); /* the innermost open one */

/* Ends the rows: what follows stands beside "data"; in CSV it is left out. */
void api_table_extras(struct api_table *table);

/* Ends the text; `next`: the cursor of the following page, NULL on the last (lists only). The table owns the buffer,
 * whose `overflow` tells whether everything fitted. */
struct strbuf *api_table_finish(struct api_table *table, const char *next);

/* Appends the text as a JSON string. */
void api_quote(struct strbuf *out, struct slice text);
/* part of base in hundredths of a percent, half away from zero; base must not be 0. */
int64_t api_rate_hundredths(int64_t part, int64_t base);

#endif
