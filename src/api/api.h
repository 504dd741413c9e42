/* api: what every route of /api/v1 has in common. Authentication, roles, parameters, cursors, answers as JSON or CSV.
 * A handler gets a call that is authenticated and bound to one organization (and, with `jobs_of`, to some of its jobs:
 * only routes that ask for API_READ_JOBS get such calls, and must pass it on to the store), reads through `db`, writes
 * through api_write(), and either answers or returns an error, which becomes an RFC 9457 problem by the one table in
 * api.c. */
#ifndef INKLING_API_API_H
#define INKLING_API_API_H

#include "api/app.h"
#include "api/table.h"
#include "base/json.h"
#include "model/counters.h"
#include "model/roles.h"
#include "store/db.h"

struct api_call {
    struct http_request *request;
    struct app *app;
    struct arena *arena;
    struct db *db; /* a reader, for the duration of the call; not in a transaction */
    struct json_reader *json;
    int64_t organization_id;
    struct slice time_zone;            /* the organization's: figures belong to its days */
    unsigned permissions;              /* enum permission */
    int64_t api_key_id;                /* 0: not a program */
    int64_t api_key_ends_at;           /* 0: it does not end by itself */
    const struct api_session *session; /* auth.h; NULL: nobody who is signed in */
    int64_t jobs_of;                   /* only the jobs of this user may be seen; 0: all */
    const struct embed_grant *embed;   /* account/embed.h: only what it names may be seen; NULL: not by such a token */
    int64_t now;

    struct api_audit *audit; /* audit.h; NULL: nothing to be noted yet */

    /* api.c's own */
    struct api_table *table;
    const char *file_name;
    bool answered;
};

/* What a row of the route table carries in `data`. */
struct api_route {
    int (*handler)(struct api_call *call, struct err *err);
    enum permission permission; /* that is needed. 0: none, anybody may call; then nothing of who calls is set */
    bool embed; /* embed tokens open it too: the handler asks embed_check_candidate or embed_check_email */
};
#define API_PUBLIC ((enum permission)0)

/* The http_handler of all API routes (HTTP_ROUTE_WORKER): does the common part, then calls route->data's handler. */
void api_dispatch(struct http_request *request);

/* ---- answers; exactly one a call unless it fails ---- */
void api_answer_empty(struct api_call *call, int status);
/* One object (table.h): fields are written between the two. */
struct api_table *api_object_begin(struct api_call *call);
void api_object_end(struct api_call *call, int status);
/* Rows (table.h), as JSON or, with Accept: text/csv, as CSV named `file_name`.csv. One table or object a call; freed
 * with it. */
struct api_table *api_table_begin(struct api_call *call, const char *file_name);
bool api_wants_csv(const struct api_call *call);
/* `next`: the cursor of the following page, NULL on the last; also sent as a Link header (RFC 8288). Answers the call.
 */
void api_table_end(struct api_call *call, const char *next);
/* A problem with one more member, whose value is JSON. */
void api_answer_problem(struct api_call *call, int status, const char *title, const char *detail, const char *member,
                        struct slice json);
/* Answers with the problem that belongs to the error. For routes outside api_dispatch. */
void api_problem(struct http_request *request, const struct err *err);

/* The same problem as an object within an answer: of a part that failed while the others did not. Logged alike. */
void api_write_problem(struct api_call *call, struct api_table *table, const char *name, const struct err *err);

/* ---- parameters ---- */
/* Only these query parameters are known (a list ended by NULL): ERR_INVALID naming any other, so that a typing error
 * never means "everything". */
MUST_USE int api_known_parameters(struct api_call *call, const char *const *names, struct err *err);
MUST_USE int api_limit(struct api_call *call, int64_t default_limit, int64_t max, int64_t *ret, struct err *err);
/* An id out of the path. ERR_NOT_FOUND when it is not a positive number. */
MUST_USE int api_id_param(struct api_call *call, const char *name, int64_t *ret, struct err *err);
/* Cursors (cursor.h) of the list named `list`. */
char *api_cursor_make(struct api_call *call, const char *list, const int64_t *values, size_t count);
/* 0 and *ret_present=false without a cursor; ERR_INVALID for a foreign or damaged one. */
MUST_USE int api_cursor_read(struct api_call *call, const char *list, int64_t *values, size_t count, bool *ret_present,
                             struct err *err);
/* The request's JSON body; ERR_UNREADABLE. */
MUST_USE int api_body(struct api_call *call, struct json_value *ret, struct err *err);

/* ---- members of a JSON object; an absent or null one leaves *ret alone. ERR_INVALID names the member ---- */
/* Every member must be one of `names` (ended by NULL). ERR_INVALID too when `object` is none. */
MUST_USE int api_known_members(struct json_value object, const char *const *names, struct err *err);
/* Text of at most `max` bytes, without control characters, white space at the ends taken off; copied into the call's
 * arena. */
MUST_USE int api_text(struct api_call *call, struct json_value object, const char *name, size_t max, struct slice *ret,
                      struct err *err);
MUST_USE int api_integer(struct json_value object, const char *name, int64_t min, int64_t max, int64_t *ret,
                         struct err *err);
MUST_USE int api_bool(struct json_value object, const char *name, bool *ret, struct err *err);

/* ---- changes ---- */
/* Calls `run` on the writer (see writer_call) with the caller's context. What is to be in the audit log is noted in the
 * same transaction (audit.h). */
MUST_USE int api_write(struct api_call *call,
                       int (*run)(void *context, struct applier *applier, struct db *db, struct err *err),
                       void *context, struct err *err);
/* The same for a POST that must not happen twice: `run` makes the change and writes the fields of `answer`, an object;
 * api_write_once then answers with it and `status`. When the request carries an Idempotency-Key, the answer is stored
 * in the transaction of the change; the same request again gets the stored answer and changes nothing, another request
 * under the same key is ERR_CONFLICT. `answer` is reset whenever `run` is called. */
MUST_USE int api_write_once(struct api_call *call,
                            int (*run)(void *context, struct applier *applier, struct db *db, struct api_table *answer,
                                       struct err *err),
                            void *context, int status, struct err *err);
/* The same where only `run` knows the status: it is read from *status after `run`. */
MUST_USE int api_write_once_as(struct api_call *call,
                               int (*run)(void *context, struct applier *applier, struct db *db,
                                          struct api_table *answer, struct err *err),
                               void *context, const int *status, struct err *err);

/* The same without answering: *ret_status and the JSON text, with JSON_PADDING readable bytes behind it, are the
 * caller's to make an answer of. `ret_answer` is initialized by the caller; its cap must be API_ANSWER_MAX +
 * JSON_PADDING. */
#define API_ANSWER_MAX (16UL << 20)
MUST_USE int api_write_once_text(struct api_call *call,
                                 int (*run)(void *context, struct applier *applier, struct db *db,
                                            struct api_table *answer, struct err *err),
                                 void *context, const int *status, int *ret_status, struct strbuf *ret_answer,
                                 struct err *err);

#endif
