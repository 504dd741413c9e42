#include "api/api.h"

#include <stdlib.h>

#include "api/audit.h"
#include "api/auth.h"
#include "api/browser.h"
#include "api/cursor.h"
#include "base/clock.h"
#include "base/log.h"

#include "base/banned.h"

#define ANSWER_MAX  (64UL << 20)
#define LINK_MAX    8192
#define PROBLEM_MAX 65536
#define RETRY_AFTER "5"

/* The one table of what an error is in HTTP. */
static const struct {
    int status;
    const char *title;
    const char *detail; /* instead of the error's own sentence, where that is not the caller's business */
} problems[] = {
    [ERR_INVALID] = {400, "Bad request", NULL},
    [ERR_UNREADABLE] = {400, "Bad request", NULL},
    [ERR_SIGNATURE] = {401, "Unauthorized", NULL},
    [ERR_DENIED] = {403, "Forbidden", NULL},
    [ERR_NOT_FOUND] = {404, "Not found", NULL},
    [ERR_CONFLICT] = {409, "Conflict", NULL},
    [ERR_TOO_LARGE] = {413, "Content too large", NULL},
    [ERR_TOO_MANY] = {429, "Too many requests", NULL},
    [ERR_FULL] = {503, "Service unavailable", "the service is at its limit, try again in a moment"},
    [ERR_UNAVAILABLE] = {503, "Service unavailable", "the database cannot be reached, try again in a moment"},
    [ERR_INTERNAL] = {500, "Internal error", "something went wrong; the log has the reason under this request's id"},
};

static void log_problem(struct http_request *request, const struct err *err) {
    if (problems[err->code].status >= 500)
        log_error("request failed", LOG_SLICE("request", http_request_id(request)),
                  LOG_TEXT("code", err_code_name(err->code)), LOG_TEXT("error", err->text));
}

void api_problem(struct http_request *request, const struct err *err) {
    int status = problems[err->code].status;
    const char *detail = problems[err->code].detail;
    if (status == 401) http_set_header(request, "WWW-Authenticate", SLICE("Bearer realm=\"inkling\""));
    if (status == 503) http_set_header(request, "Retry-After", SLICE(RETRY_AFTER));
    log_problem(request, err);
    http_problem(request, status, problems[err->code].title, detail ? detail : err->text);
}

/* A change that anybody may ask for, like signing in, is one of our own pages' too: so that no other site signs its
 * visitor in under an account of its own. */
static int authorize(struct api_call *call, const struct api_route *route, struct err *err) {
    if (route->permission == API_PUBLIC)
        return http_request_method(call->request) == HTTP_GET ? 0 : browser_check_change(call, err);
    int r = api_authenticate(call, err);
    if (r == 0 && call->embed && !route->embed) return err_set(err, ERR_DENIED, "an embed token does not open this");
    if (r != 0 || (call->permissions & route->permission)) return r;
    int index = 0;
    while (!(route->permission >> index & 1))
        index++;
    return err_set(err, ERR_DENIED, "your role does not have the permission \"%s\", which this needs",
                   permission_name(index));
}

void api_dispatch(struct http_request *request) {
    const struct api_route *route = http_matched_route(request)->data;
    struct api_call call = {
        .request = request,
        .app = http_context(request),
        .arena = http_arena(request),
        .now = clock_now(),
    };
    struct err err = {0};
    int r = store_reader(call.app->store, &call.db, &err);
    if (r == 0) r = authorize(&call, route, &err);
    if (r == 0) r = route->handler(&call, &err);
    if (r != 0)
        api_problem(request, &err);
    else if (!call.answered)
        BUG("%s was not answered", http_matched_route(request)->pattern);
    api_table_free(call.table);
    api_audit_release(&call);
    json_readers_give(call.app->json_readers, call.json);
    store_reader_return(call.app->store, call.db);
}

/* ---- answers ---- */

void api_answer_problem(struct api_call *call, int status, const char *title, const char *detail, const char *member,
                        struct slice json) {
    struct strbuf body;
    strbuf_init(&body, PROBLEM_MAX);
    strbuf_add_cstr(&body, "{\"type\":\"about:blank\",\"title\":");
    api_quote(&body, slice_cstr(title));
    strbuf_printf(&body, ",\"status\":%d,\"detail\":", status);
    api_quote(&body, slice_cstr(detail));
    strbuf_add_cstr(&body, ",\"request_id\":");
    api_quote(&body, http_request_id(call->request));
    strbuf_printf(&body, ",\"%s\":%.*s}", member, SLICE_FMT(json));
    http_answer_buffer(call->request, status, "application/problem+json", &body);
    strbuf_release(&body);
    call->answered = true;
}

void api_write_problem(struct api_call *call, struct api_table *table, const char *name, const struct err *err) {
    const char *detail = problems[err->code].detail;
    log_problem(call->request, err);
    api_table_object(table, name);
    api_table_text(table, "type", SLICE("about:blank"));
    api_table_text(table, "title", slice_cstr(problems[err->code].title));
    api_table_int(table, "status", problems[err->code].status);
    api_table_text(table, "detail", slice_cstr(detail ? detail : err->text));
    api_table_text(table, "request_id", http_request_id(call->request));
    api_table_close(table);
}

void api_answer_empty(struct api_call *call, int status) {
    http_answer(call->request, status, NULL, SLICE_NONE);
    call->answered = true;
}

static struct api_table *begin(struct api_call *call, enum api_table_format format) {
    if (call->table) BUG("a second answer in one call");
    call->table = api_table_new(format, ANSWER_MAX);
    return call->table;
}

/* True when the text is complete; else the problem is the answer. */
static bool fits(struct api_call *call, const struct strbuf *text) {
    struct err err;
    if (!text->overflow) return true;
    err_set(&err, ERR_INVALID, "the answer would be larger than %lu MB: ask for less, with limit", ANSWER_MAX >> 20);
    api_problem(call->request, &err);
    return false;
}

struct api_table *api_object_begin(struct api_call *call) {
    return begin(call, API_TABLE_OBJECT);
}

void api_object_end(struct api_call *call, int status) {
    struct strbuf *text = api_table_finish(call->table, NULL);
    call->answered = true;
    if (fits(call, text)) http_answer_buffer(call->request, status, "application/json", text);
}

bool api_wants_csv(const struct api_call *call) {
    struct slice rest = http_header(call->request, SLICE("Accept")), range, type;
    while (slice_split_next(&rest, ',', &range))
        if (slice_split_next(&range, ';', &type) && slice_equal_nocase(slice_trim(type), SLICE("text/csv")))
            return true;
    return false;
}

struct api_table *api_table_begin(struct api_call *call, const char *file_name) {
    call->file_name = file_name;
    return begin(call, api_wants_csv(call) ? API_TABLE_CSV : API_TABLE_JSON);
}

static void add_escaped(struct strbuf *out, struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c != '\0' && strchr("-._~", c));
        strbuf_printf(out, plain ? "%c" : "%%%02X", c);
    }
}

static void add_parameter(struct slice name, struct slice value, void *context) {
    struct strbuf *link = context;
    if (slice_equal(name, SLICE("cursor"))) return;
    add_escaped(link, name);
    strbuf_add_char(link, '=');
    add_escaped(link, value);
    strbuf_add_char(link, '&');
}

/* CSV has no place for the cursor, and many clients know this header anyway. */
static void set_link(struct http_request *request, const char *next) {
    struct strbuf link;
    strbuf_init(&link, LINK_MAX);
    strbuf_printf(&link, "<%.*s?", SLICE_FMT(http_path(request)));
    http_each_query(request, add_parameter, &link);
    strbuf_printf(&link, "cursor=%s>; rel=\"next\"", next);
    if (!link.overflow) http_set_header(request, "Link", strbuf_slice(&link));
    strbuf_release(&link);
}

void api_table_end(struct api_call *call, const char *next) {
    bool csv = api_table_format(call->table) == API_TABLE_CSV;
    struct strbuf *text = api_table_finish(call->table, next);
    struct err err = {0};
    call->answered = true;
    if (!fits(call, text)) return;
    if (csv && api_audit_export(call, call->file_name, api_table_rows(call->table), &err) != 0) {
        api_problem(call->request, &err); /* what cannot be noted does not leave the house */
        return;
    }
    if (next) set_link(call->request, next);
    if (csv)
        http_set_header(call->request, "Content-Disposition",
                        slice_cstr(arena_printf(call->arena, "attachment; filename=\"%s.csv\"", call->file_name)));
    http_set_header(call->request, "Vary", SLICE("Accept"));
    http_answer_buffer(call->request, 200, csv ? "text/csv; charset=utf-8; header=present" : "application/json", text);
}

/* ---- parameters ---- */

struct known {
    const char *const *names;
    struct slice unknown;
    bool found_unknown;
};

static bool is_listed(const char *const *names, struct slice name) {
    for (; *names; names++)
        if (slice_equal(slice_cstr(*names), name)) return true;
    return false;
}

static void visit_parameter(struct slice name, struct slice value, void *context) {
    struct known *known = context;
    if (known->found_unknown || is_listed(known->names, name)) return;
    known->unknown = name;
    known->found_unknown = true;
}

int api_known_parameters(struct api_call *call, const char *const *names, struct err *err) {
    struct known known = {.names = names};
    http_each_query(call->request, visit_parameter, &known);
    if (!known.found_unknown) return 0;
    return err_set(err, ERR_INVALID, "there is no parameter \"%.*s\" here", SLICE_FMT(slice_first(known.unknown, 60)));
}

int api_limit(struct api_call *call, int64_t default_limit, int64_t max, int64_t *ret, struct err *err) {
    int64_t limit = default_limit;
    if (http_query_present(call->request, SLICE("limit")) &&
        (!slice_parse_i64(http_query(call->request, SLICE("limit")), &limit) || limit < 1 || limit > max))
        return err_set(err, ERR_INVALID, "limit must be a number from 1 to %lld", (long long)max);
    *ret = limit;
    return 0;
}

int api_id_param(struct api_call *call, const char *name, int64_t *ret, struct err *err) {
    int64_t id;
    if (!slice_parse_i64(http_param(call->request, name), &id) || id <= 0)
        return err_set(err, ERR_NOT_FOUND, "there is no such thing");
    *ret = id;
    return 0;
}

char *api_cursor_make(struct api_call *call, const char *list, const int64_t *values, size_t count) {
    char text[CURSOR_TEXT_MAX];
    return arena_cstr(call->arena, cursor_format(slice_cstr(list), values, count, text));
}

int api_cursor_read(struct api_call *call, const char *list, int64_t *values, size_t count, bool *ret_present,
                    struct err *err) {
    bool present = http_query_present(call->request, SLICE("cursor"));
    if (present && !cursor_parse(http_query(call->request, SLICE("cursor")), slice_cstr(list), values, count))
        return err_set(err, ERR_INVALID, "this cursor does not belong to this list: start again without it");
    *ret_present = present;
    return 0;
}

int api_body(struct api_call *call, struct json_value *ret, struct err *err) {
    if (!call->json) call->json = json_readers_take(call->app->json_readers);
    return json_parse(call->json, http_body(call->request), ret, err);
}
