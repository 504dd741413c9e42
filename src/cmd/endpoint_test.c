#include "cmd/endpoint_test.h"

#include "api/endpoint_settings.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/random.h"
#include "store/emails.h"

#include "base/banned.h"

#define KEY_MAX          16384
#define ANSWER_MAX       65536
#define HEADERS_MAX      8
#define ID_CHARS         16
#define ANSWER_SHOWN_MAX 200

/* What is to be sent, to whom. */
struct trial {
    struct session *session;
    const struct endpoint_test_options *options;
    struct endpoint_row row;
    const struct provider *provider;
    struct provider_endpoint endpoint; /* as far as composing asks */
    struct endpoint_opened opened;
    const char *url;
    struct slice key; /* of --key-file */
    int64_t email_log_id;
    struct slice message_id, recipient;
    int64_t now;
};

/* ---- what the sample is about ---- */

static int find_email(struct trial *trial, int64_t organization_id, struct err *err) {
    struct session *session = trial->session;
    struct email_view email;
    int r = session_id("the email", trial->options->email, &trial->email_log_id, err);
    if (r == 0) r = emails_get(session->db, organization_id, 0, trial->email_log_id, session->arena, &email, err);
    if (r != 0) return r;
    trial->message_id = email.message_id;
    trial->recipient = email.recipient_address;
    if (!trial->recipient.ptr) trial->recipient = SLICE("unknown@recipient.invalid");
    if (!slice_empty(trial->message_id)) return 0;
    return err_set(err, ERR_INVALID, "the email has no message id yet, so no event can be about it");
}

static void make_up_email(struct trial *trial) {
    char id[ID_CHARS + 1];
    random_token(id, ID_CHARS);
    trial->message_id = slice_cstr(arena_printf(trial->session->arena, "inkling-endpoint-test-%s", id));
    trial->recipient = SLICE("somebody@recipient.invalid");
}

static struct event sample(const struct trial *trial, enum event_type type) {
    struct event event = {
        .type = type,
        .occurred_at = trial->now - trial->now % SECOND_MS - (type == EVENT_DELIVERED ? MINUTE_MS : 0),
        .keys = {trial->message_id},
        .email_log_id = trial->email_log_id,
        .recipient = trial->recipient,
        .link_position = LINK_POSITION_NONE,
    };
    if (event_type_is_tracking(type)) {
        event.ip_address = SLICE("203.0.113.7"); /* RFC 5737: for documentation */
        event.user_agent = SLICE("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0");
    }
    return event;
}

/* ---- signing ---- */

static int compose_with(const struct trial *trial, const struct event *event, struct slice signing,
                        struct composed_delivery *ret, struct err *err) {
    return trial->provider->compose(&trial->endpoint, event, 1, signing, trial->now, trial->session->arena, ret, err);
}

/* A service's symmetric secret is what it signs with itself; of the others the endpoint has the public half only. */
static int find_signing(const struct trial *trial, struct slice *ret, struct err *err) {
    struct event event = sample(trial, EVENT_DELIVERED);
    struct composed_delivery composed;
    struct err reason = {0};
    *ret = trial->key;
    if (trial->options->key_file || !trial->provider->verify) return compose_with(trial, &event, *ret, &composed, err);
    for (size_t i = 0; i < trial->opened.secret_count; i++) {
        *ret = trial->opened.secrets[i];
        if (compose_with(trial, &event, *ret, &composed, &reason) == 0) return 0;
    }
    if (trial->opened.secret_count == 0)
        return err_set(err, ERR_INVALID, "the endpoint has no secret to sign with: set one, or give --key-file with %s",
                       trial->provider->signing_help);
    return err_set(
        err, ERR_INVALID,
        "%s (or give --key-file with %s: make a pair of keys, and add the other half to the endpoint for the "
        "time of the test)",
        reason.text, trial->provider->signing_help);
}

/* ---- sending ---- */

static size_t add_credential(const struct trial *trial, struct http_client_header *ret) {
    if (trial->opened.credential_count == 0) return 0;
    const struct endpoint_credential *credential = &trial->opened.credentials[0];
    struct arena *arena = trial->session->arena;
    struct strbuf text;
    if (!slice_empty(credential->header)) {
        *ret = (struct http_client_header){arena_cstr(arena, credential->header), credential->password};
        return 1;
    }
    strbuf_init(&text, 4 * ENDPOINT_CREDENTIAL_MAX);
    strbuf_add_cstr(&text, slice_empty(credential->username) ? "Bearer " : "Basic ");
    if (slice_empty(credential->username)) {
        strbuf_add_slice(&text, credential->password);
    } else {
        const char *pair =
            arena_printf(arena, "%.*s:%.*s", SLICE_FMT(credential->username), SLICE_FMT(credential->password));
        base64_encode(&text, slice_cstr(pair));
    }
    *ret = (struct http_client_header){"Authorization", arena_copy(arena, strbuf_slice(&text))};
    strbuf_release(&text);
    return 1;
}

static int send_one(const struct trial *trial, const struct composed_delivery *composed, int *ret_status,
                    struct strbuf *ret_answer, struct err *err) {
    const struct http_client_options options = {.allow_internal = true};
    struct http_client_header headers[HEADERS_MAX];
    size_t count = 0;
    for (; count < composed->header_count; count++)
        headers[count] = (struct http_client_header){composed->headers[count].name, composed->headers[count].value};
    count += add_credential(trial, &headers[count]);
    return http_client_send(&options, trial->url, composed->content_type, composed->body, headers, count, ret_status,
                            ret_answer, err);
}

/* 1: sent; 0: the service has no such event. */
static int try_event(const struct trial *trial, enum event_type type, struct slice signing, struct api_table *out,
                     struct err *err) {
    struct event event = sample(trial, type);
    struct composed_delivery composed;
    struct strbuf answer;
    int status = 0;
    if (compose_with(trial, &event, signing, &composed, NULL) != 0) return 0; /* signing was tried before */
    strbuf_init(&answer, ANSWER_MAX);
    int r = send_one(trial, &composed, &status, &answer, err);
    if (r == 0) {
        api_table_object(out, NULL);
        api_table_text(out, "event", slice_cstr(event_type_name(type)));
        api_table_int(out, "status", status);
        api_table_close(out);
        r = 1;
    }
    if (r == 1 && status != 200)
        r = err_set(err, ERR_CONFLICT, "the service answered %d to %s: %.*s", status, event_type_name(type),
                    SLICE_FMT(slice_first_utf8(strbuf_slice(&answer), ANSWER_SHOWN_MAX)));
    strbuf_release(&answer);
    return r;
}

static int send_all(const struct trial *trial, struct slice signing, struct err *err) {
    struct api_table *out = api_table_new(API_TABLE_OBJECT, 1UL << 16);
    api_table_text(out, "url", slice_cstr(trial->url));
    api_table_text(out, "provider", trial->row.provider);
    api_table_text(out, "message_id", trial->message_id);
    api_table_bool(out, "orphan", trial->options->email == NULL);
    api_table_array(out, "sent");
    int r = try_event(trial, EVENT_DELIVERED, signing, out, err);
    if (r >= 0) r = try_event(trial, EVENT_OPEN, signing, out, err);
    api_table_close(out);
    if (r < 0) {
        api_table_free(out);
        return r;
    }
    return session_print(out, err);
}

/* ---- */

static void prepare(struct trial *trial) {
    const struct config *config = trial->session->config;
    struct arena *arena = trial->session->arena;
    const char *base = trial->options->url;
    if (!base) base = *config->public_url ? config->public_url : arena_printf(arena, "http://%s", config->listen);
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/')
        len--;
    trial->url = arena_printf(arena, "%.*s/webhooks/email/%.*s", (int)len, base, SLICE_FMT(trial->row.token));
    trial->endpoint = (struct provider_endpoint){
        .provider = trial->provider,
        .topic_arns = trial->opened.topics,
        .topic_arn_count = trial->opened.topic_count,
    };
    /* What is signed is the address that the service knows as its own, wherever it is reached. */
    if (*config->public_url)
        trial->endpoint.url =
            slice_cstr(arena_printf(arena, "%s/webhooks/email/%.*s", config->public_url, SLICE_FMT(trial->row.token)));
}

int endpoint_test(struct session *session, int64_t organization_id, int64_t endpoint_id,
                  const struct endpoint_test_options *options, struct err *err) {
    struct trial trial = {.session = session, .options = options, .now = clock_now()};
    struct slice signing;
    int r = endpoint_row_load(session->db, organization_id, endpoint_id, session->arena, &trial.row, err);
    if (r != 0) return r;
    trial.provider = provider_find(trial.row.provider);
    if (!trial.provider) return err_set(err, ERR_CONFLICT, "this version does not know the endpoint's provider");
    if (trial.row.disabled_at != TIME_UNSET) return err_set(err, ERR_CONFLICT, "the endpoint is disabled");
    r = endpoint_settings_open(&trial.row, &session->box, session->arena, &trial.opened, err);
    if (r == 0 && options->key_file)
        r = command_read_secret(options->key_file, KEY_MAX, session->arena, &trial.key, err);
    if (r == 0 && options->email) r = find_email(&trial, organization_id, err);
    if (r != 0) return r;
    if (!options->email) make_up_email(&trial);
    prepare(&trial);
    http_client_global_init();
    r = find_signing(&trial, &signing, err);
    if (r == 0) r = send_all(&trial, signing, err);
    http_client_global_cleanup();
    return r;
}
