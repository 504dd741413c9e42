/* Every tests/fixtures/<provider>/<case>.http through verify and parse, compared with <case>.expect.json.
 * docs/internals/providers.md describes the two files. A new case needs no C. */
#include <dirent.h>
#include <jansson.h>

#include "base/clock.h"
#include "tests/unit/providers/support.h"

#include "base/banned.h"

#define FILE_MAX_BYTES ((size_t)8 << 20)

static struct slice read_file(const char *path, struct arena *arena) {
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s cannot be opened", path);
    char *bytes = malloc(FILE_MAX_BYTES);
    assert_non_null(bytes);
    size_t len = fread(bytes, 1, FILE_MAX_BYTES, file);
    assert_true(len < FILE_MAX_BYTES);
    fclose(file);
    struct slice copy = text_keep_padded(arena, slice_of(bytes, len));
    free(bytes);
    return copy;
}

/* Request line, headers, an empty line, the body; lines end in CRLF. The path tells events from received mail. */
static void read_request(struct slice file, struct request *request, struct arena *arena) {
    ptrdiff_t end = slice_find(file, SLICE("\r\n\r\n"));
    assert_true(end > 0);
    struct slice head = slice_first(file, (size_t)end), line;
    request_init(request, arena, slice_from(file, (size_t)end + 4));
    slice_split_next(&head, '\n', &line);
    assert_true(slice_starts_with(line, SLICE("POST ")));
    request->delivery.inbound = slice_starts_with(line, SLICE("POST /webhooks/inbound/"));
    while (slice_split_next(&head, '\n', &line)) {
        ptrdiff_t colon = slice_find_char(line, ':');
        assert_true(colon > 0);
        request_add_header(request, slice_first(line, (size_t)colon), slice_trim(slice_from(line, (size_t)colon + 1)));
    }
}

static struct slice text_in(const json_t *text) {
    return slice_of(json_string_value(text), json_string_length(text));
}

static void read_endpoint(const json_t *expect, const char *folder, struct test_endpoint *endpoint,
                          struct arena *arena) {
    const json_t *config = json_object_get(expect, "endpoint");
    size_t i;
    json_t *element;
    json_array_foreach(json_object_get(config, "secrets"), i, element) {
        struct slice text = text_in(element);
        if (slice_starts_with(text, SLICE("@"))) /* a file beside the case */
            text = read_file(arena_printf(arena, "%s/%s", folder, text.ptr + 1), arena);
        endpoint_add_secret(endpoint, text);
    }
    json_array_foreach(json_object_get(config, "topic_arns"), i, element)
        endpoint_add_topic(endpoint, arena_copy(arena, text_in(element)));
    endpoint->endpoint.url = arena_copy(arena, text_in(json_object_get(config, "url")));
    endpoint->endpoint.inbound_url = arena_copy(arena, text_in(json_object_get(config, "inbound_url")));
    endpoint->endpoint.require_signature = !json_is_false(json_object_get(config, "require_signature"));
    endpoint->endpoint.sns_allow_version_1 = json_is_true(json_object_get(config, "sns_allow_version_1"));
    endpoint->endpoint.timestamp_tolerance_ms = json_integer_value(json_object_get(config, "timestamp_tolerance_ms"));
}

static void set_text(json_t *object, const char *name, struct slice text) {
    if (!slice_empty(text)) json_object_set_new(object, name, json_stringn(text.ptr, text.len));
}

/* Only what is set, so that expectations are short. */
static json_t *event_to_json(const struct event *event) {
    char time[TIME_TEXT_MAX];
    json_t *object = json_object(), *keys = json_array();
    set_text(object, "type", slice_cstr(event_type_name(event->type)));
    set_text(object, "bounce", slice_cstr(bounce_kind_name(event->bounce)));
    if (event->machine == MACHINE_HINT_MACHINE) json_object_set_new(object, "machine", json_true());
    set_text(object, "occurred_at", time_format(event->occurred_at, time));
    for (size_t i = 0; i < EVENT_KEYS_MAX && event->keys[i].len; i++)
        json_array_append_new(keys, json_stringn(event->keys[i].ptr, event->keys[i].len));
    json_object_set_new(object, "keys", keys);
    if (event->email_log_id) json_object_set_new(object, "email_log_id", json_integer(event->email_log_id));
    set_text(object, "recipient", event->recipient);
    set_text(object, "url", event->url);
    if (event->link_position != LINK_POSITION_NONE)
        json_object_set_new(object, "link_position", json_integer(event->link_position));
    set_text(object, "ip_address", event->ip_address);
    set_text(object, "user_agent", event->user_agent);
    set_text(object, "provider_event_id", event->provider_event_id);
    if (event->metadata.len) {
        json_t *metadata = json_loadb(event->metadata.ptr, event->metadata.len, 0, NULL);
        if (!metadata) fail_msg("jansson cannot read %.*s", SLICE_FMT(event->metadata));
        json_object_set_new(object, "metadata", metadata);
    }
    return object;
}

static json_t *delivery_to_json(const struct parsed_delivery *parsed) {
    json_t *object = json_object(), *events = json_array();
    for (size_t i = 0; i < parsed->event_count; i++)
        json_array_append_new(events, event_to_json(&parsed->events[i]));
    json_object_set_new(object, "events", events);
    if (parsed->ignored) json_object_set_new(object, "ignored", json_integer((json_int_t)parsed->ignored));
    if (parsed->outcome == PROVIDER_HANDSHAKE) {
        json_t *handshake = json_object();
        set_text(handshake, "kind", parsed->handshake.kind);
        set_text(handshake, "topic", parsed->handshake.topic);
        set_text(handshake, "confirm_url", parsed->handshake.confirm_url);
        set_text(handshake, "answer", parsed->handshake.answer);
        json_object_set_new(object, "handshake", handshake);
    }
    return object;
}

static json_t *mail_to_json(const struct received_mail *mail) {
    char time[TIME_TEXT_MAX];
    json_t *object = json_object(), *headers = json_array(), *recipients = json_array(), *parts = json_array();
    set_text(object, "raw", mail->raw);
    for (size_t i = 0; i < mail->header_count; i++)
        json_array_append_new(headers, json_pack("[s%,s%]", mail->headers[i].name.ptr, mail->headers[i].name.len,
                                                 mail->headers[i].value.ptr, mail->headers[i].value.len));
    for (size_t i = 0; i < mail->recipient_count; i++)
        json_array_append_new(recipients, json_stringn(mail->recipients[i].ptr, mail->recipients[i].len));
    for (size_t i = 0; i < mail->part_count; i++)
        json_array_append_new(parts, json_pack("{s:s%,s:s%}", "content_type", mail->parts[i].content_type.ptr,
                                               mail->parts[i].content_type.len, "body", mail->parts[i].body.ptr,
                                               mail->parts[i].body.len));
    if (mail->header_count) json_object_set(object, "headers", headers);
    if (mail->recipient_count) json_object_set(object, "recipients", recipients);
    if (mail->part_count) json_object_set(object, "parts", parts);
    json_decref(headers);
    json_decref(recipients);
    json_decref(parts);
    set_text(object, "text", mail->text);
    set_text(object, "html", mail->html);
    if (mail->has_sender) /* the null return path is a text too */
        json_object_set_new(object, "sender", json_sprintf("%.*s", SLICE_FMT(mail->sender)));
    set_text(object, "provider_id", mail->provider_id);
    set_text(object, "received_at", time_format(mail->received_at, time));
    return object;
}

static json_t *inbound_to_json(const struct parsed_inbound *parsed) {
    json_t *object = json_object(), *mails = json_array();
    for (size_t i = 0; i < parsed->mail_count; i++)
        json_array_append_new(mails, mail_to_json(&parsed->mails[i]));
    json_object_set_new(object, "mails", mails);
    if (parsed->ignored) json_object_set_new(object, "ignored", json_integer((json_int_t)parsed->ignored));
    return object;
}

static json_t *run(const struct test_endpoint *endpoint, const struct request *request, struct arena *arena) {
    struct parsed_delivery parsed;
    struct parsed_inbound inbound;
    struct err err = {0};
    int result = request_verify(request, endpoint, NULL, arena, &err);
    if (result == 0 && request->delivery.inbound) {
        result = request_parse_inbound(request, endpoint, arena, &inbound, &err);
        if (result == 0) return inbound_to_json(&inbound);
    } else if (result == 0) {
        result = request_parse(request, endpoint, arena, &parsed, &err);
        if (result == 0) return delivery_to_json(&parsed);
    }
    assert_int_equal(result, -(int)err.code);
    return json_pack("{s:s,s:s}", "error", err_code_name(err.code), "text", err.text);
}

/* True when the case passes. */
static bool run_case(const struct provider *provider, const char *folder, const char *name) {
    struct arena *arena = arena_new();
    struct request request;
    struct test_endpoint endpoint;
    json_error_t error;
    int64_t received_at;
    json_t *expect = json_load_file(arena_printf(arena, "%s/%s.expect.json", folder, name), 0, &error);
    if (!expect) fail_msg("%s/%s.expect.json:%d: %s", folder, name, error.line, error.text);
    endpoint_init(&endpoint, provider);
    read_endpoint(expect, folder, &endpoint, arena);
    read_request(read_file(arena_printf(arena, "%s/%s.http", folder, name), arena), &request, arena);
    assert_true(time_parse(text_in(json_object_get(expect, "received_at")), &received_at));
    request.delivery.received_at = received_at;
    json_object_del(expect, "endpoint");
    json_object_del(expect, "received_at");
    json_object_del(expect, "about");
    json_t *actual = run(&endpoint, &request, arena);
    bool same = json_equal(actual, expect);
    if (!same) {
        char *text = json_dumps(actual, JSON_INDENT(2) | JSON_SORT_KEYS);
        fprintf(stderr, "%s/%s gave\n%s\n", folder, name, text); /* print_error cuts long texts */
        free(text);
    }
    json_decref(actual);
    json_decref(expect);
    endpoint_release(&endpoint);
    arena_free(arena);
    return same;
}

static void run_folder(const struct provider *provider, size_t at_least) {
    const char *source = getenv("INKLING_SOURCE");
    struct arena *arena = arena_new();
    const char *folder = arena_printf(arena, "%s/tests/fixtures/%s", source ? source : ".", provider->name);
    DIR *directory = opendir(folder);
    if (!directory) fail_msg("%s cannot be opened", folder);
    size_t count = 0, failed = 0;
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        struct slice name = slice_cstr(entry->d_name);
        if (!slice_ends_with(name, SLICE(".http"))) continue;
        count++;
        failed += !run_case(provider, folder, arena_cstr(arena, slice_first(name, name.len - 5)));
    }
    closedir(directory);
    arena_free(arena);
    assert_int_equal(failed, 0);
    assert_true(count >= at_least);
}

#define FOLDER(provider)                                                                                               \
    static void test_##provider(void **state) {                                                                        \
        run_folder(&provider_##provider, 10);                                                                          \
    }
FOLDER(azure)
FOLDER(brevo)
FOLDER(generic)
FOLDER(mailersend)
FOLDER(mailgun)
FOLDER(mailjet)
FOLDER(mailtrap)
FOLDER(mandrill)
FOLDER(postal)
FOLDER(postmark)
FOLDER(resend)
FOLDER(scaleway)
FOLDER(sendgrid)
FOLDER(ses)
FOLDER(sparkpost)
FOLDER(unisender)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_azure),      cmocka_unit_test(test_brevo),    cmocka_unit_test(test_generic),
        cmocka_unit_test(test_mailersend), cmocka_unit_test(test_mailgun),  cmocka_unit_test(test_mailjet),
        cmocka_unit_test(test_mailtrap),   cmocka_unit_test(test_mandrill), cmocka_unit_test(test_postal),
        cmocka_unit_test(test_postmark),   cmocka_unit_test(test_resend),   cmocka_unit_test(test_scaleway),
        cmocka_unit_test(test_sendgrid),   cmocka_unit_test(test_ses),      cmocka_unit_test(test_sparkpost),
        cmocka_unit_test(test_unisender),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
