#include "api/webhook.h"

#include "api/table.h"
#include "base/clock.h"
#include "base/log.h"
#include "ingest/replay.h"
#include "ingest/watch.h"
#include "store/deliveries.h"
#include "store/security_events.h"

#include "base/banned.h"

#define HEADERS_JSON_MAX 65536

struct refusal_job {
    struct write_job job; /* first */
    struct http_request *request;
    struct refusal refusal;
    struct kept_delivery delivery;
    struct security_event event; /* kind empty: none */
    int64_t max;
    int status;
};

void webhook_answered(struct app *app, struct http_request *request) {
    metric_observe_us(app->metrics, METRIC_WEBHOOK_SECONDS, clock_monotonic_us() - http_received_us(request));
}

/* ---- what is kept of the request ---- */

/* As RFC 9110 section 5.6.2 says; anything else is no header that a provider sends. */
static bool is_token(struct slice name) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c))) return false;
    }
    return name.len > 0;
}

/* Credentials are never stored; the rest may matter to a signature. */
static void add_header(struct slice name, struct slice value, void *text) {
    static const char *const left_out[] = {"authorization", "proxy-authorization", "cookie"};
    struct strbuf *headers = text;
    for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
        if (slice_equal_nocase(name, slice_cstr(left_out[i]))) return;
    if (!is_token(name)) return;
    strbuf_add_char(headers, headers->len > 0 ? ',' : '{');
    api_quote(headers, name);
    strbuf_add_char(headers, ':');
    api_quote(headers, value);
}

static struct slice headers_json(struct http_request *request) {
    struct strbuf text;
    strbuf_init(&text, HEADERS_JSON_MAX);
    http_each_header(request, add_header, &text);
    strbuf_add_char(&text, '}');
    struct slice copy =
        text.overflow || text.len < 2 ? SLICE("{}") : arena_copy(http_arena(request), strbuf_slice(&text));
    strbuf_release(&text);
    return copy;
}

static const char *event_kind(enum receive_stage stage) {
    static const char *const kinds[] = {[RECEIVE_ADDRESS] = "webhook_address",
                                        [RECEIVE_CREDENTIALS] = "webhook_credentials",
                                        [RECEIVE_SIGNATURE] = "webhook_signature",
                                        [RECEIVE_PARSE] = NULL};
    return kinds[stage];
}

static struct refusal_job *job_new(struct http_request *request, const struct refusal *refusal) {
    struct arena *arena = http_arena(request);
    struct refusal_job *job = arena_alloc(arena, sizeof(*job));
    const struct config *config = app_config(refusal->app);
    char *source = arena_bytes(arena, ADDRESS_TEXT_MAX);
    const char *kind = event_kind(refusal->stage);
    bool rejected = kind != NULL;
    job->request = request;
    job->refusal = *refusal;
    job->max = rejected ? config->rejected_max : config->failed_max;
    job->delivery = (struct kept_delivery){
        .organization_id = refusal->organization_id,
        .endpoint_id = refusal->endpoint_id,
        .kind = rejected ? DELIVERY_REJECTED : DELIVERY_FAILED,
        .reason = slice_cstr(arena_printf(arena, "%s: %s", receive_stage_name(refusal->stage), refusal->err.text)),
        .headers = headers_json(request),
        .body = http_body(request),
        .body_size = (int64_t)http_body(request).len,
        .received_at = refusal->now,
        .next_attempt_at = rejected ? TIME_UNSET : refusal->now + replay_wait_ms(1),
        .inbound = refusal->inbound,
    };
    /* A cut body cannot be tried again, and too much in one delivery stays too much. */
    if (delivery_is_cut(&job->delivery)) job->delivery.next_attempt_at = TIME_UNSET;
    job->event = (struct security_event){
        .organization_id = refusal->organization_id,
        .kind = slice_cstr(kind),
        .endpoint_id = refusal->endpoint_id,
        .detail = slice_cstr(arena_cstr(arena, slice_cstr(refusal->err.text))),
        .source = address_format(address_truncate(http_client_address(request)), source),
    };
    return job;
}

/* ---- storing ---- */

static int job_run(struct write_job *write_job, struct applier *applier, struct db *db, struct err *err) {
    struct refusal_job *job = (struct refusal_job *)write_job;
    int r = 0;
    if (!slice_empty(job->event.kind)) r = security_event_note(db, &job->event, job->refusal.now, err);
    if (r == 0) r = delivery_keep(db, &job->delivery, job->max, err);
    return r;
}

static void not_kept(struct app *app, struct http_request *request, const struct err *err) {
    metric_add(app->metrics, METRIC_RECORDS_DROPPED, 1);
    log_warning("a refused delivery was not kept", LOG_SLICE("request", http_request_id(request)),
                LOG_TEXT("error", err->text));
}

static void job_done(struct write_job *write_job, int result, const struct err *err) {
    struct refusal_job *job = (struct refusal_job *)write_job;
    if (result != 0) not_kept(job->refusal.app, job->request, err);
    /* 200 says that it is in our hands. */
    if (job->status == 200 && result != 0)
        http_problem(job->request, 503, "Service unavailable", "the delivery could not be stored, send it again");
    else if (job->status == 200)
        http_answer(job->request, 200, NULL, SLICE_NONE);
    webhook_answered(job->refusal.app, job->request);
    http_finish(job->request);
}

void webhook_refuse(struct http_request *request, const struct refusal *refusal, int status) {
    struct app *app = refusal->app;
    struct refusal_job *job = job_new(request, refusal);
    struct err err = {0};
    bool rejected = !slice_empty(job->event.kind);
    metric_add(app->metrics, rejected ? METRIC_WEBHOOK_REJECTED : METRIC_WEBHOOK_FAILED, 1);
    watch_refusal(writer_watch(app->writer), refusal->organization_id, refusal->endpoint_id, rejected, refusal->now);
    log_warning("webhook refused", LOG_SLICE("request", http_request_id(request)),
                LOG_INT("organization", refusal->organization_id), LOG_INT("endpoint", refusal->endpoint_id),
                LOG_TEXT("stage", receive_stage_name(refusal->stage)), LOG_INT("status", status));
    job->status = status;
    if (status != 200) http_problem(request, status, rejected ? "Refused" : "Not understood", refusal->err.text);
    job->job = (struct write_job){.run = job_run, .done = job_done};
    http_defer(request);
    if (writer_submit_job(app->writer, &job->job, &err) == 0) return;
    job_done(&job->job, -(int)err.code, &err);
}

/* ---- bodies that were not even read ---- */

/* Outlives its request, so it owns what it needs. */
struct oversize_job {
    struct write_job job; /* first */
    struct app *app;
    struct arena *arena;
    struct kept_delivery delivery;
    int64_t max;
};

static int oversize_run(struct write_job *write_job, struct applier *applier, struct db *db, struct err *err) {
    struct oversize_job *job = (struct oversize_job *)write_job;
    return delivery_keep(db, &job->delivery, job->max, err);
}

static void oversize_done(struct write_job *write_job, int result, const struct err *err) {
    struct oversize_job *job = (struct oversize_job *)write_job;
    if (result != 0) metric_add(job->app->metrics, METRIC_RECORDS_DROPPED, 1);
    arena_free(job->arena);
}

static void keep_too_large(const struct http_request *request, bool inbound) {
    struct app *app = http_context(request);
    int64_t most = inbound ? app_config(app)->inbound_body_max : app_config(app)->webhook_body_max;
    const struct endpoint *endpoint = endpoints_acquire(app->endpoints, http_param(request, "endpoint"));
    struct err err = {0};
    int64_t announced = 0;
    if (!endpoint) return;
    metric_add(app->metrics, METRIC_WEBHOOK_FAILED, 1);
    log_warning("webhook refused", LOG_SLICE("request", http_request_id(request)),
                LOG_INT("organization", endpoint->organization_id), LOG_INT("endpoint", endpoint->id),
                LOG_TEXT("stage", "size"), LOG_INT("status", 413));
    slice_parse_i64(http_header(request, SLICE("Content-Length")), &announced);
    struct arena *arena = arena_new();
    struct oversize_job *job = arena_alloc(arena, sizeof(*job));
    *job = (struct oversize_job){
        .job = {.run = oversize_run, .done = oversize_done},
        .app = app,
        .arena = arena,
        .delivery = {.organization_id = endpoint->organization_id,
                     .endpoint_id = endpoint->id,
                     .kind = DELIVERY_FAILED,
                     .reason = inbound ? SLICE("size: the body is larger than inbound_body_max")
                                       : SLICE("size: the body is larger than webhook_body_max"),
                     .inbound = inbound,
                     .headers = SLICE("{}"),
                     .body_size = announced > 0 ? announced : most + 1, /* cut: no replay */
                     .received_at = clock_now(),
                     .next_attempt_at = TIME_UNSET},
        .max = app_config(app)->failed_max,
    };
    endpoints_release(endpoint);
    if (writer_submit_job(app->writer, &job->job, &err) < 0) oversize_done(&job->job, -(int)err.code, &err);
}

void webhook_too_large(const struct http_request *request) {
    keep_too_large(request, false);
}

void webhook_inbound_too_large(const struct http_request *request) {
    keep_too_large(request, true);
}
