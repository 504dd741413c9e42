/* webhook: POST /webhooks/email/{endpoint}. Runs on the server's event thread; only what has to block, a look into the
 * database for a new endpoint or a certificate to fetch, goes to a worker. The answer waits until the events are
 * durable.
 *
 * POST /webhooks/inbound/{endpoint} is the same for received mail, on a worker from the start: mail is looked up in the
 * database. Its statuses differ, for a mail that is refused is lost: SendGrid drops it on any 4xx, Postal bounces it to
 * its author. So what is signed, but cannot be used, is kept as a failed delivery and answered 200, and what is our own
 * trouble or a matter of time is 503. */
#include "api/webhook.h"

#include <stdio.h>

#include "api/confirm.h"
#include "api/resources.h"
#include "base/clock.h"
#include "base/log.h"
#include "ingest/endpoints.h"
#include "store/endpoints.h"

#include "base/banned.h"

#define RETRY_AFTER_S    "10"
#define REFRESH_EVERY_US 1000000
#define CONFIRM_BODY_MAX 65536

static void webhook_blocking(struct http_request *request);

static bool is_inbound(const struct http_request *request) {
    return http_matched_route(request)->handler == webhook_inbound;
}

static struct slice request_header(const struct delivery *delivery, struct slice name) {
    return http_header(delivery->headers, name);
}

static void answer_ok(struct app *app, struct http_request *request) {
    http_answer(request, 200, NULL, SLICE_NONE);
    webhook_answered(app, request);
}

static void answer_busy(struct app *app, struct http_request *request, const char *detail) {
    http_set_header(request, "Retry-After", SLICE(RETRY_AFTER_S));
    http_problem(request, 503, "Service unavailable", detail);
    webhook_answered(app, request);
}

/* ---- events ---- */

struct accepted {
    struct app *app;
    struct http_request *request;
};

/* On a writer's thread, after the commit: only now may the provider forget the events. */
static void events_stored(struct event_batch *batch, int result, const struct err *err) {
    struct accepted *accepted = batch->context;
    struct http_request *request = accepted->request;
    if (result == 0) {
        answer_ok(accepted->app, request);
    } else {
        log_error("events were not stored", LOG_SLICE("request", http_request_id(request)),
                  LOG_INT("organization", batch->organization_id), LOG_TEXT("error", err->text));
        http_problem(request, 500, "Internal error", "the events could not be stored, send them again");
        webhook_answered(accepted->app, request);
    }
    event_batch_free(batch);
    http_finish(request);
}

static void accept_events(struct app *app, struct http_request *request, struct event_batch *batch) {
    struct accepted *accepted = arena_alloc(http_arena(request), sizeof(*accepted));
    struct err err = {0};
    *accepted = (struct accepted){.app = app, .request = request};
    batch->done = events_stored;
    batch->context = accepted;
    metric_add(app->metrics, METRIC_EVENTS_RECEIVED, (int64_t)batch->count);
    http_defer(request);
    if (writer_submit(app->writer, batch, &err) == 0) return;
    event_batch_free(batch);
    answer_busy(app, request, "too many events are waiting to be stored, send these again");
    http_finish(request);
}

/* ---- handshakes ---- */

struct handshake {
    struct write_job job; /* first */
    struct app *app;
    struct http_request *request;
    int64_t organization_id, endpoint_id, now;
    struct slice pending; /* JSON */
    bool confirmed;
};

static int handshake_run(struct write_job *job, struct applier *applier, struct db *db, struct err *err) {
    struct handshake *handshake = (struct handshake *)job;
    if (handshake->confirmed)
        return endpoint_row_confirmed(db, handshake->organization_id, handshake->endpoint_id, handshake->now, err);
    return endpoint_row_ask(db, handshake->organization_id, handshake->endpoint_id, handshake->pending, err);
}

static void handshake_done(struct write_job *job, int result, const struct err *err) {
    struct handshake *handshake = (struct handshake *)job;
    if (result == 0) {
        answer_ok(handshake->app, handshake->request);
    } else {
        log_error("a handshake was not stored", LOG_INT("endpoint", handshake->endpoint_id),
                  LOG_TEXT("error", err->text));
        http_problem(handshake->request, 500, "Internal error", "the message could not be stored, send it again");
        webhook_answered(handshake->app, handshake->request);
    }
    http_finish(handshake->request);
}

static struct slice pending_json(struct arena *arena, const struct provider_handshake *handshake, int64_t now) {
    struct api_table *object = api_table_new(API_TABLE_OBJECT, CONFIRM_BODY_MAX);
    api_table_text(object, "kind", handshake->kind);
    api_table_text(object, "topic", handshake->topic);
    api_table_text(object, "confirm_url", handshake->confirm_url);
    api_table_time(object, "received_at", now);
    struct slice text = arena_copy(arena, strbuf_slice(api_table_finish(object, NULL)));
    api_table_free(object);
    return text;
}

/* On a worker when the endpoint confirms by itself. */
static void take_handshake(struct app *app, struct http_request *request, const struct endpoint *endpoint,
                           const struct provider_handshake *message, int64_t now) {
    if (!slice_empty(message->answer)) {
        http_answer(request, 200, "application/json", message->answer);
        webhook_answered(app, request);
        return;
    }
    struct handshake *handshake = arena_alloc(http_arena(request), sizeof(*handshake));
    struct err err = {0};
    *handshake = (struct handshake){
        .job = {.run = handshake_run, .done = handshake_done},
        .app = app,
        .request = request,
        .organization_id = endpoint->organization_id,
        .endpoint_id = endpoint->id,
        .now = now,
        .pending = pending_json(http_arena(request), message, now),
    };
    if (endpoint->auto_confirm) {
        handshake->confirmed = confirm_subscription(app, message->confirm_url, http_arena(request), &err) == 0;
        if (!handshake->confirmed)
            log_warning("a subscription was not confirmed", LOG_INT("endpoint", endpoint->id),
                        LOG_TEXT("error", err.text));
    }
    http_defer(request);
    if (writer_submit_job(app->writer, &handshake->job, &err) == 0) return;
    answer_busy(app, request, "too many changes are waiting to be stored, send this again");
    http_finish(request);
}

/* ---- the request ---- */

/* Where a provider's own rules make another status right than 401, its table says so. */
static int status_of_forgery(const struct provider *provider, const struct receive_outcome *outcome) {
    int status =
        outcome->failed_at == RECEIVE_CREDENTIALS ? provider->status_bad_credentials : provider->status_bad_signature;
    return status == 0 || outcome->challenge ? 401 : status;
}

static void refuse(struct app *app, struct http_request *request, const struct endpoint *endpoint,
                   const struct receive_outcome *outcome, int64_t now, const struct err *err) {
    struct refusal refusal = {.app = app,
                              .organization_id = endpoint->organization_id,
                              .endpoint_id = endpoint->id,
                              .stage = outcome->failed_at,
                              .err = *err,
                              .now = now,
                              .inbound = is_inbound(request)};
    switch (err->code) {
    case ERR_DENIED:
        webhook_refuse(request, &refusal, 403);
        return;
    case ERR_SIGNATURE:
        if (refusal.inbound && endpoint->broken) {
            webhook_refuse(request, &refusal, 503);
            return;
        }
        if (outcome->challenge) http_set_header(request, "WWW-Authenticate", SLICE("Basic realm=\"inkling\""));
        webhook_refuse(request, &refusal, status_of_forgery(endpoint->settings.provider, outcome));
        return;
    case ERR_TOO_LARGE:
        webhook_refuse(request, &refusal, refusal.inbound ? 200 : 413);
        return;
    case ERR_UNREADABLE:
    case ERR_INVALID:
        webhook_refuse(request, &refusal, refusal.inbound ? 200 : 400);
        return;
    default:
        log_warning("webhook put off", LOG_SLICE("request", http_request_id(request)),
                    LOG_INT("endpoint", endpoint->id), LOG_TEXT("error", err->text));
        answer_busy(app, request, "the delivery cannot be checked now, send it again");
    }
}

static void take_delivery(struct app *app, struct http_request *request, const struct endpoint *endpoint,
                          bool may_block) {
    if (http_request_method(request) == HTTP_GET) { /* services look for an address before they save it */
        http_answer(request, 200, NULL, SLICE_NONE);
        return;
    }
    struct address client = http_client_address(request);
    struct receive_outcome outcome = {0};
    struct err err = {0};
    int64_t begun_us = clock_monotonic_us();
    struct delivery delivery = {
        .body = http_body(request),
        .header = request_header,
        .headers = request,
        .received_at = clock_now(),
        .inbound = is_inbound(request),
    };
    struct json_reader *json = json_readers_take(app->json_readers);
    int r = receive_delivery(endpoint, &delivery, &client, app->certificates, may_block, json, http_arena(request),
                             store_hash_key(app->store), delivery.received_at, &outcome, &err);
    json_readers_give(app->json_readers, json);
    if (r == 0 && outcome.mail_count > 0) {
        struct mail_intake intake = app_mail_intake(app);
        metric_add(app->metrics, METRIC_MAILS_RECEIVED, (int64_t)outcome.mail_count);
        r = mail_batch_new(&intake, endpoint->organization_id, endpoint->id, outcome.mails, outcome.mail_count,
                           delivery.received_at, &outcome.batch, &err);
    }
    bool handshake = r == 0 && !slice_empty(outcome.handshake.kind);
    bool confirms = handshake && endpoint->auto_confirm && slice_empty(outcome.handshake.answer);
    if (!may_block && (confirms || r == -ERR_UNAVAILABLE)) {
        http_to_worker(request, webhook_blocking);
        return;
    }
    metric_add(app->metrics, METRIC_WEBHOOK_DELIVERIES, 1);
    if (r != 0)
        refuse(app, request, endpoint, &outcome, delivery.received_at, &err);
    else if (handshake)
        take_handshake(app, request, endpoint, &outcome.handshake, delivery.received_at);
    else if (outcome.batch) {
        outcome.batch->begun_us = begun_us;
        accept_events(app, request, outcome.batch);
    } else
        answer_ok(app, request);
}

/* False: over the limit, and answered. */
static bool within_rate(struct app *app, struct http_request *request, const struct endpoint *endpoint) {
    struct address client = http_client_address(request);
    int64_t a_minute = endpoint->rate_limit > 0 ? endpoint->rate_limit : app_config(app)->webhook_rate_limit;
    char wait_text[16];
    int wait;
    if (a_minute == 0) return true;
    uint64_t bucket = hash_fnv1a(endpoint->token) ^ hash_fnv1a(slice_of((const char *)client.bytes, 16));
    if (limits_take(app->limits, bucket, (double)a_minute / 60, (double)a_minute, clock_monotonic_us(), &wait))
        return true;
    metric_add(app->metrics, METRIC_WEBHOOK_LIMITED, 1);
    snprintf(wait_text, sizeof(wait_text), "%d", wait);
    http_set_header(request, "Retry-After", slice_cstr(wait_text));
    if (is_inbound(request))
        http_problem(request, 503, "Service unavailable", "this source sends more than the endpoint allows");
    else
        http_problem(request, 429, "Too many requests", "this source sends more than the endpoint allows");
    return false;
}

static void not_found(struct http_request *request) {
    http_problem(request, 404, "Not found", "there is nothing at this address");
}

/* An endpoint that was made a moment ago, by another process maybe, is looked for once more; but unknown addresses must
 * not keep the database busy. */
static bool may_refresh(struct app *app) {
    int64_t now = clock_monotonic_us(), last = atomic_load(&app->refresh_asked_us);
    return now - last >= REFRESH_EVERY_US && atomic_compare_exchange_strong(&app->refresh_asked_us, &last, now);
}

static void webhook_refresh(struct http_request *request) {
    struct app *app = http_context(request);
    struct err err = {0};
    struct db *db = NULL;
    int r = store_reader(app->store, &db, &err);
    if (r == 0) r = endpoints_refresh(app->endpoints, db, &err);
    store_reader_return(app->store, db);
    if (r != 0) log_warning("endpoints cannot be read", LOG_TEXT("error", err.text));
    const struct endpoint *endpoint = endpoints_acquire(app->endpoints, http_param(request, "endpoint"));
    if (!endpoint)
        not_found(request);
    else if (within_rate(app, request, endpoint))
        take_delivery(app, request, endpoint, true);
    endpoints_release(endpoint);
}

static void webhook_blocking(struct http_request *request) {
    struct app *app = http_context(request);
    const struct endpoint *endpoint = endpoints_acquire(app->endpoints, http_param(request, "endpoint"));
    if (endpoint)
        take_delivery(app, request, endpoint, true);
    else
        not_found(request);
    endpoints_release(endpoint);
}

void webhook_email(struct http_request *request) {
    struct app *app = http_context(request);
    const struct endpoint *endpoint = endpoints_acquire(app->endpoints, http_param(request, "endpoint"));
    if (!endpoint && may_refresh(app))
        http_to_worker(request, webhook_refresh);
    else if (!endpoint)
        not_found(request);
    else if (within_rate(app, request, endpoint))
        take_delivery(app, request, endpoint, false);
    endpoints_release(endpoint);
}

void webhook_inbound(struct http_request *request) {
    struct app *app = http_context(request);
    const struct endpoint *endpoint = endpoints_acquire(app->endpoints, http_param(request, "endpoint"));
    if (!endpoint && may_refresh(app))
        webhook_refresh(request);
    else if (!endpoint)
        not_found(request);
    else if (within_rate(app, request, endpoint))
        take_delivery(app, request, endpoint, true);
    endpoints_release(endpoint);
}
