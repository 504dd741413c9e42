#include "api/resources.h"

#include "api/registration_read.h"
#include "api/rewriting.h"
#include "ingest/registration.h"
#include "mail/reply_token.h"

#include "base/banned.h"

struct registering {
    struct api_call *call;
    struct registration *registrations;
    struct rewriting rewriting;
    size_t count;
    bool as_list; /* the request was an array, so is the answer */
    int status;
};

/* ---- registering ---- */

static void write_registration(const struct api_call *call, struct api_table *answer,
                               const struct registration *registration) {
    char token[REPLY_TOKEN_CHARS];
    reply_token_write(store_hash_key(call->app->store), call->organization_id, registration->email_log_id, token);
    api_table_int(answer, "id", registration->email_log_id);
    api_table_text(answer, "message_id", registration->message_id);
    api_table_text(answer, "tracking", slice_cstr(tracking_level_name(registration->effective)));
    api_table_bool(answer, "existed", registration->existed);
    api_table_int(answer, "adopted", (int64_t)registration->adopted);
    api_table_text(answer, "reply_token", slice_of(token, sizeof(token)));
}

static int run_register(void *context, struct applier *applier, struct db *db, struct api_table *answer,
                        struct err *err) {
    struct registering *registering = context;
    struct api_call *call = registering->call;
    int result = register_emails(applier, db, call->organization_id, registering->registrations, registering->count,
                                 call->now, err);
    if (result == 0)
        result = link_texts_insert(db, call->organization_id, registering->rewriting.texts,
                                   registering->rewriting.text_count, call->now, err);
    if (result != 0) return result;
    registering->status = 200;
    if (registering->as_list) api_table_array(answer, "data");
    for (size_t i = 0; i < registering->count; i++) {
        if (registering->as_list) api_table_object(answer, NULL);
        write_registration(call, answer, &registering->registrations[i]);
        if (registering->as_list) api_table_close(answer);
        if (!registering->registrations[i].existed) registering->status = 201;
    }
    if (registering->as_list) api_table_close(answer);
    return 0;
}

static int read_all(struct registering *registering, struct json_value body, struct err *err) {
    struct api_call *call = registering->call;
    struct json_iterator elements = json_elements(body);
    registering->registrations = arena_alloc_array(call->arena, registering->count, sizeof(struct registration));
    registering->rewriting.emails = arena_alloc_array(call->arena, registering->count, sizeof(struct outgoing));
    registering->rewriting.count = registering->count;
    for (size_t i = 0; i < registering->count; i++) {
        struct registration *registration = &registering->registrations[i];
        struct outgoing *outgoing = &registering->rewriting.emails[i];
        struct json_value email = body;
        if (registering->as_list && !json_next(&elements, &email)) BUG("an array shorter than its count");
        int result = registration_read(call, email, registration, err);
        if (result == 0) result = outgoing_read(call, email, outgoing, err);
        if (result != 0) return registering->as_list ? err_prefix(err, "email %zu", i) : result;
        registration->own_tracking = outgoing_measures(outgoing);
    }
    return 0;
}

static int register_and_answer(struct registering *registering, struct err *err) {
    struct api_call *call = registering->call;
    struct strbuf registered;
    int status = 0;
    if (!rewriting_is_wanted(&registering->rewriting))
        return api_write_once_as(call, run_register, registering, &registering->status, err);
    strbuf_init(&registered, API_ANSWER_MAX + JSON_PADDING);
    /* What is kept under an Idempotency-Key is the registration alone: the same request gives the same text again. */
    int result = api_write_once_text(call, run_register, registering, &registering->status, &status, &registered, err);
    if (result == 0) result = rewriting_answer(call, &registering->rewriting, status, strbuf_slice(&registered), err);
    strbuf_release(&registered);
    return result;
}

int emails_register(struct api_call *call, struct err *err) {
    struct registering registering = {.call = call, .count = 1};
    struct json_value body;
    int result = api_body(call, &body, err);
    if (result != 0) return result;
    registering.as_list = body.type == JSON_KIND_ARRAY;
    if (registering.as_list) registering.count = json_count(body);
    if (registering.count == 0) return err_set(err, ERR_INVALID, "the array holds no email");
    if (registering.count > REGISTRATION_EMAILS_MAX)
        return err_set(err, ERR_TOO_LARGE, "%zu emails in one request: send at most %d at once", registering.count,
                       REGISTRATION_EMAILS_MAX);
    result = read_all(&registering, body, err);
    if (result == 0) result = rewriting_begin(call, &registering.rewriting, err);
    if (result == 0) result = register_and_answer(&registering, err);
    rewriting_end(&registering.rewriting);
    return result;
}
