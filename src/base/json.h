/* json: reading JSON. A thin C face over simdjson (json.cc is the project's one C++ file), so that another parser can
 * take its place without a change elsewhere. Writing JSON is api/'s business (jansson).
 *
 * A reader belongs to one thread. Values and the strings got from them are valid until the reader parses again or is
 * freed; strings need copying to outlive that. Strings are unescaped, valid UTF-8, and may hold NUL bytes. */
#ifndef INKLING_BASE_JSON_H
#define INKLING_BASE_JSON_H

#include "base/err.h"
#include "base/slice.h"

/* Bytes behind the text that must be readable (their value does not matter). */
#define JSON_PADDING 64
/* Levels of arrays and objects; an empty one in the innermost does not count. */
#define JSON_DEPTH_MAX 32

/* No name here is one of jansson's (enum json_type, json_string, json_real …): both are in one program. */
enum json_kind {
    JSON_KIND_NONE, /* absent */
    JSON_KIND_NULL,
    JSON_KIND_BOOL,
    JSON_KIND_INTEGER,  /* fits int64_t */
    JSON_KIND_UNSIGNED, /* an integer above INT64_MAX that fits uint64_t */
    JSON_KIND_REAL,
    JSON_KIND_STRING,
    JSON_KIND_ARRAY,
    JSON_KIND_OBJECT,
};

/* A place in the parsed document. `document` and `index` are json.cc's; a zeroed value is JSON_KIND_NONE. */
struct json_value {
    const void *document;
    size_t index;
    uint8_t type; /* enum json_kind */
};

/* Made by json_elements and json_members; a step costs the same however large the elements are. */
struct json_iterator {
    const void *document;
    size_t at, end;
};

struct json_reader;

struct json_reader *json_reader_new(void);
struct json_reader *json_reader_free(struct json_reader *reader);
/* Bytes of the largest text that its memory is made for. */
size_t json_reader_capacity(const struct json_reader *reader);

/* Parses one whole document. `text` has JSON_PADDING readable bytes behind it. ERR_UNREADABLE with the reason
 * otherwise (bad UTF-8, deeper than JSON_DEPTH_MAX, trailing text, an integer beyond 64 bits …). */
MUST_USE int json_parse(struct json_reader *reader, struct slice text, struct json_value *ret_root, struct err *err);

/* Member of an object by key (the first of equal keys); JSON_KIND_NONE when absent or when `value` is no object. */
struct json_value json_get(struct json_value value, struct slice key);
/* json_get where the value must be a string: empty when absent or of another type. */
struct slice json_get_string(struct json_value value, struct slice key);

/* Arrays and objects: begin, then next until false. On a value of another type, next is false at once. */
struct json_iterator json_elements(struct json_value array);
bool json_next(struct json_iterator *iterator, struct json_value *ret_element);
struct json_iterator json_members(struct json_value object);
bool json_next_member(struct json_iterator *iterator, struct slice *ret_key, struct json_value *ret_value);
size_t json_count(struct json_value array_or_object);

bool json_text(struct json_value value, struct slice *ret);
bool json_bool(struct json_value value, bool *ret);
/* Exact: false for a real number or beyond 64 bits signed. */
bool json_i64(struct json_value value, int64_t *ret);
/* As json_i64, for 0 to 2^64 - 1. */
bool json_u64(struct json_value value, uint64_t *ret);
bool json_number(struct json_value value, double *ret); /* any number */
/* The value as a number whether written as integer or as a decimal string. */
bool json_i64_lenient(struct json_value value, int64_t *ret);
/* A point in time as providers write it: seconds (integer, real, numeric string) or ISO 8601. See time_parse. */
bool json_time(struct json_value value, int64_t *ret_ms);
/* The same for milliseconds since 1970: an integer, or one as text. */
bool json_time_ms(struct json_value value, int64_t *ret_ms);
struct strbuf;
/* Appends the value as compact JSON text to `out` ("null" for JSON_KIND_NONE). -1 when it does not fit (base/strbuf.h).
 */
int json_write_value(struct json_value value, struct strbuf *out);

#endif
