/* api: what every route of /api/v1 has in common. Authentication, roles, parameters, cursors, answers as JSON or CSV.
 * A handler gets a call that is authenticated and bound to one organization, reads through `db`, writes through
 * writer_call(), and either answers or returns an error, which becomes an RFC 9457 problem by the one table in api.c.
 */
#ifndef INKLING_API_API_H
#define INKLING_API_API_H

#include <jansson.h>

#include "api/app.h"
#include "base/json.h"
#include "store/db.h"

enum api_role { API_READ, API_WRITE, API_ADMIN }; /* each may do what the former may */

struct api_call {
    struct http_request *request;
    struct app *app;
    struct arena *arena;
    struct db *db; /* a reader, for the duration of the call */
    struct json_reader *json;
    int64_t organization_id;
    struct slice time_zone; /* the organization's */
    int64_t api_key_id;
    enum api_role role;
    int64_t now;
};

struct api_route {
    int (*handler)(struct api_call *call, struct err *err);
    enum api_role role;
};

/* The http_handler of all API routes (HTTP_ROUTE_WORKER): does the common part, then calls route->data's handler. */
void api_dispatch(struct http_request *request);

/* ---- answers; exactly one a call unless it fails ---- */
void api_answer(struct api_call *call, int status, json_t *body); /* takes the reference */
void api_answer_empty(struct api_call *call, int status);

/* Rows, one definition for JSON ({"data":[…],"next_cursor":…}) and CSV (Accept: text/csv; cells that begin like a
 * formula are quoted). Set the same fields in the same order in every row. */
struct api_table;
struct api_table *api_table_begin(struct api_call *call, const char *file_name);
void api_table_row(struct api_table *table);
void api_table_int(struct api_table *table, const char *name, int64_t value);
void api_table_int_or_null(struct api_table *table, const char *name, int64_t value, int64_t none);
void api_table_text(struct api_table *table, const char *name, struct slice value); /* NULL ptr: null */
void api_table_bool(struct api_table *table, const char *name, bool value);
void api_table_time(struct api_table *table, const char *name, int64_t ms); /* TIME_UNSET: null */
void api_table_real(struct api_table *table, const char *name, double value, int decimals);
void api_table_rate(struct api_table *table, const char *name, int64_t part,
                    int64_t base); /* percent, one decimal more than shown; null when base is 0 */
void api_table_json(struct api_table *table, const char *name, json_t *value);  /* nested; in CSV as JSON text */
void api_table_extra(struct api_table *table, const char *name, json_t *value); /* beside "data", JSON only */
/* `next`: the cursor of the following page, NULL on the last. Answers the call. */
void api_table_end(struct api_table *table, const char *next);

json_t *api_json_time(int64_t ms);        /* RFC 3339 string, or null for TIME_UNSET */
json_t *api_json_text(struct slice text); /* null for a NULL ptr */
json_t *api_json_rate(int64_t part, int64_t base);

/* ---- parameters ---- */
/* Only these query parameters are known (a list ended by NULL): ERR_INVALID naming any other, so that a typing error
 * never means "everything". */
MUST_USE int api_known_parameters(struct api_call *call, const char *const *names, struct err *err);
MUST_USE int api_limit(struct api_call *call, int64_t default_limit, int64_t max, int64_t *ret, struct err *err);
MUST_USE int api_id_param(struct api_call *call, const char *name, int64_t *ret,
                          struct err *err); /* ERR_NOT_FOUND when not a number */
/* Opaque cursors: up to 4 integers, base64url, with the route's name inside so that one list's cursor is refused by
 * another. */
char *api_cursor_make(struct api_call *call, const char *list, const int64_t *values, size_t count);
/* 0 and *ret_present=false without a cursor; ERR_INVALID for a foreign or damaged one. */
MUST_USE int api_cursor_read(struct api_call *call, const char *list, int64_t *values, size_t count, bool *ret_present,
                             struct err *err);
/* The request's JSON body; ERR_UNREADABLE / ERR_INVALID. */
MUST_USE int api_body(struct api_call *call, struct json_value *ret, struct err *err);

/* Calls `run` on the writer (see writer_call) with the caller's context. */
MUST_USE int api_write(struct api_call *call,
                       int (*run)(void *context, struct applier *applier, struct db *db, struct err *err),
                       void *context, struct err *err);

#endif
