#include "relay/relay.h"

#include <stdio.h>

#include "api/table.h"
#include "base/json.h"
#include "http/client.h"

#include "base/banned.h"

#define REQUEST_MAX (24UL << 20)
#define ANSWER_MAX  (64UL << 20)
#define URL_MAX     1000
#define ID_MAX      255 /* of the applicant tracking system's ids */
#define DETAIL_MAX  200

void relay_init(struct relay *relay) {
    *relay = (struct relay){
        .candidate_header = "X-Inkling-Candidate",
        .job_header = "X-Inkling-Job",
        .template_header = "X-Inkling-Template",
        .campaign_header = "X-Inkling-Campaign",
        .tracking_header = "X-Inkling-Tracking",
        .footer = true,
        .unsubscribe = true,
    };
}

/* ---- the request ---- */

static void write_text(struct api_table *table, const char *name, struct slice text) {
    if (!slice_empty(text)) api_table_text(table, name, text);
}

static void write_reference(struct api_table *table, const char *name, struct message *message, const char *header) {
    struct slice id = slice_first_utf8(message_header(message, header), ID_MAX);
    if (slice_empty(id)) return;
    api_table_object(table, name);
    api_table_text(table, "id", id);
    api_table_close(table);
}

static void write_request(const struct relay *relay, struct message *message, bool unsubscribe,
                          struct api_table *table) {
    write_text(table, "rfc_message_id", message->message_id);
    write_text(table, "subject", message->subject);
    api_table_object(table, "candidate");
    write_text(table, "id", slice_first_utf8(message_header(message, relay->candidate_header), ID_MAX));
    write_text(table, "name", slice_first_utf8(message->to_name, ID_MAX));
    write_text(table, "email", message->to_address);
    api_table_close(table);
    if (!slice_empty(message->from_address)) {
        api_table_object(table, "sender");
        write_text(table, "name", slice_first_utf8(message->from_name, ID_MAX));
        write_text(table, "email", message->from_address);
        api_table_close(table);
    }
    write_reference(table, "job", message, relay->job_header);
    write_reference(table, "template", message, relay->template_header);
    write_reference(table, "campaign", message, relay->campaign_header);
    write_text(table, "tracking", message_header(message, relay->tracking_header));
    write_text(table, "language", relay->language);
    api_table_bool(table, "footer", relay->footer);
    api_table_bool(table, "unsubscribe", unsubscribe);
    api_table_bool(table, "honeypot", relay->honeypot);
    api_table_bool(table, "rewrite_text", relay->rewrite_text);
    if (message->html.text.ptr) api_table_text(table, "html", message->html.text);
    if (message->text.text.ptr) api_table_text(table, "text", message->text.text);
}

static int send_request(const struct relay *relay, struct slice body, struct arena *arena, int *ret_status,
                        struct strbuf *ret_answer, struct err *err) {
    const struct http_client_options options = {.allow_internal = true, .timeout_ms = relay->timeout_ms};
    const struct http_client_header header = {
        "Authorization", slice_cstr(arena_printf(arena, "Bearer %.*s", SLICE_FMT(relay->api_key)))};
    char url[URL_MAX];
    if (snprintf(url, sizeof(url), "%s/api/v1/emails", relay->url) >= (int)sizeof(url))
        return err_set(err, ERR_INVALID, "the URL of the service is too long");
    int r = http_client_send(&options, url, "application/json", body, &header, 1, ret_status, ret_answer, err);
    return r < 0 ? err_prefix(err, "the service at %s", relay->url) : 0;
}

/* ---- the answer ---- */

static struct slice copy_text(struct json_value object, const char *name, struct arena *arena) {
    struct json_value value = json_get(object, slice_cstr(name));
    struct slice text;
    if (!json_text(value, &text)) return SLICE_NONE;
    return text.len > 0 ? arena_copy(arena, text) : SLICE("");
}

static bool is_header_text(struct slice text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' || (unsigned char)text.ptr[i] >= 0x7f) return false;
    return true;
}

static void take_headers(struct json_value root, struct relayed *relayed) {
    struct json_iterator members = json_members(json_get(root, SLICE("headers")));
    struct slice name;
    struct json_value value;
    int64_t id = 0;
    json_i64(json_get(root, SLICE("id")), &id);
    relayed->headers[relayed->header_count++] =
        (struct message_header_line){RELAY_HEADER, slice_cstr(arena_printf(relayed->arena, "%lld", (long long)id))};
    while (relayed->header_count < MESSAGE_HEADERS_MAX && json_next_member(&members, &name, &value)) {
        struct slice text;
        if (!json_text(value, &text) || !is_header_text(text) || !is_header_text(name)) continue;
        relayed->headers[relayed->header_count++] =
            (struct message_header_line){arena_cstr(relayed->arena, name), arena_copy(relayed->arena, text)};
    }
}

static int read_answer(int status, struct strbuf *answer, const struct message *message, struct relayed *relayed,
                       struct err *err) {
    static const char padding[JSON_PADDING];
    struct json_reader *json = json_reader_new();
    struct json_value root;
    size_t len = answer->len;
    strbuf_add(answer, padding, sizeof(padding));
    int r = answer->overflow ? err_set(err, ERR_TOO_LARGE, "the service's answer is too large")
                             : json_parse(json, slice_of(answer->ptr, len), &root, err);
    if (r == 0 && status != 200 && status != 201)
        r = err_set(err, status >= 500 ? ERR_UNAVAILABLE : ERR_INVALID, "the service answered %d: %.*s", status,
                    SLICE_FMT(slice_first_utf8(json_get_string(root, SLICE("detail")), DETAIL_MAX)));
    if (r == 0) {
        if (message->html.text.ptr) relayed->html = copy_text(root, "html", relayed->arena);
        if (message->text.text.ptr) relayed->text = copy_text(root, "text", relayed->arena);
        /* What is the same needs no new encoding: its bytes stay as they are. */
        if (slice_equal(relayed->html, message->html.text)) relayed->html = SLICE_NONE;
        if (slice_equal(relayed->text, message->text.text)) relayed->text = SLICE_NONE;
        take_headers(root, relayed);
    }
    json_reader_free(json);
    return r;
}

static int check_fit(const struct relay *relay, struct message *message, struct err *err) {
    if (!slice_empty(message_header(message, RELAY_HEADER)))
        return err_set(err, ERR_DENIED, "the email was registered already");
    if (!message->html.text.ptr && !message->text.text.ptr)
        return err_set(err, ERR_DENIED, "the email has neither HTML nor text that may be rewritten");
    if (message->recipients != 1 || slice_empty(message->to_address))
        return err_set(err, ERR_DENIED, "the email has not one recipient but %zu: links could not tell them apart",
                       message->recipients);
    return 0;
}

int relay_register(const struct relay *relay, struct message *message, struct relayed *ret, struct err *err) {
    struct relayed relayed = {.arena = arena_new()};
    struct api_table *table = NULL;
    struct strbuf answer;
    int status = 0;
    strbuf_init(&answer, ANSWER_MAX);
    int r = check_fit(relay, message, err);
    if (r != 0) goto out;
    /* Who wrote such a header has a way to unsubscribe; two would contradict each other. */
    bool unsubscribe = relay->unsubscribe && slice_empty(message_header(message, "List-Unsubscribe"));
    table = api_table_new(API_TABLE_OBJECT, REQUEST_MAX);
    write_request(relay, message, unsubscribe, table);
    struct strbuf *request = api_table_finish(table, NULL);
    r = request->overflow ? err_set(err, ERR_TOO_LARGE, "the email is too large to be rewritten")
                          : send_request(relay, strbuf_slice(request), relayed.arena, &status, &answer, err);
    if (r == 0) r = read_answer(status, &answer, message, &relayed, err);
    if (r == 0) *ret = relayed;
out:
    if (r != 0) relayed_release(&relayed);
    api_table_free(table);
    strbuf_release(&answer);
    return r;
}

void relayed_release(struct relayed *relayed) {
    relayed->arena = arena_free(relayed->arena);
}
