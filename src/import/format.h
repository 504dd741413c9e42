/* format: the kinds of files that history comes in. A record (one JSON object, or one row made into one) becomes the
 * bodies that the provider's own parser takes, or that POST /emails would: what an event or an email means is defined
 * there and nowhere else. Pure. */
#ifndef INKLING_IMPORT_FORMAT_H
#define INKLING_IMPORT_FORMAT_H

#include "base/csv.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "providers/provider.h"

#define IMPORT_BODY_MAX     ((size_t)33 << 20)
#define COLUMNS_TARGETS_MAX 40

enum column_kind {
    COLUMN_TEXT,
    COLUMN_NUMBER,    /* written as a number when it is one */
    COLUMN_FLAG,      /* true, yes, 1 … */
    COLUMN_EVENT,     /* an event's name, translated */
    COLUMN_TIME,      /* "… UTC" loses its zone, which is meant anyway */
    COLUMN_VARIABLES, /* a JSON object whose members are the record's own */
};

/* Where a column's value goes. Targets within one object stand together. */
struct column_target {
    const char *path;   /* "recipient", "candidate.email" */
    const char *column; /* its usual heading; NULL: the path itself */
    enum column_kind kind;
};

struct import_format {
    const char *name;
    const char *help;
    const struct provider *provider;     /* NULL: emails */
    const struct column_target *columns; /* of text in rows, ended by a row without path; NULL: JSON */
    /* Writes the bodies of one JSON record, each by `body`, whose text has JSON_PADDING readable bytes behind it. NULL:
     * the record itself is the body. `scratch` is the callee's. *ret_ignored: entries that are nothing of ours. */
    int (*unwrap)(struct slice text, struct json_value root, struct strbuf *scratch,
                  void (*body)(void *context, struct slice text), void *context, int64_t *ret_ignored, struct err *err);
    bool needs_root; /* `unwrap` looks at the parsed record */
};

extern const struct import_format import_formats[]; /* ended by one without name */
const struct import_format *import_format_find(struct slice name);
/* What the first object, or the first row, looks like; NULL: like nothing known. */
const struct import_format *import_format_of_json(struct json_value root);
const struct import_format *import_format_of_row(const struct csv_row *row);

/* SNS says in a header whether a message comes without its envelope, and so do files of them here. */
struct slice import_header(const struct delivery *delivery, struct slice name);

/* postmark.c */
int postmark_unwrap(struct slice text, struct json_value root, struct strbuf *scratch,
                    void (*body)(void *context, struct slice text), void *context, int64_t *ret_ignored,
                    struct err *err);
/* For unwrap functions: hands over what `scratch` holds and clears it; ERR_TOO_LARGE. */
MUST_USE int import_hand_over(struct strbuf *scratch, void (*body)(void *context, struct slice text), void *context,
                              struct err *err);

/* ---- columns.c: rows ---- */

struct columns {
    const struct import_format *format;
    int32_t column_of[COLUMNS_TARGETS_MAX]; /* -1: there is none */
};

/* Reads the first row, the headings. `mapping`: "heading=path,heading=path", before the usual headings; may be empty.
 * ERR_INVALID: an unknown path or heading, or no heading that is known. */
MUST_USE int columns_read(const struct import_format *format, struct slice mapping, const struct csv_row *headings,
                          struct columns *ret, struct err *err);
/* Appends the row as a JSON object. */
MUST_USE int columns_write(const struct columns *columns, const struct csv_row *row, struct strbuf *out,
                           struct err *err);
/* Do the headings hold this one? */
bool columns_have(const struct csv_row *headings, const char *name);

#endif
