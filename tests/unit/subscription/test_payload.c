#include "subscription/payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/json.h"
#include "providers/text.h"

#include "base/banned.h"

#define AT 1764000000123LL

static struct webhook_delivery a_click(void) {
    return (struct webhook_delivery){
        .event = WEBHOOK_EMAIL_CLICKED,
        .item = {.row = {.kind = OUTBOX_EVENT,
                         .organization_id = 3,
                         .email_log_id = 12,
                         .event_type = EVENT_CLICK,
                         .occurred_at = AT,
                         .link_id = 5},
                 .tracking = TRACKING_FULL,
                 .link_position = 1,
                 .message_id = SLICE("m-1"),
                 .subject = SLICE("\"Hello\" <b>\n\xc3\xa9"),
                 .url = SLICE("https://x.example/?a=\"b\""),
                 .candidate_external_id = SLICE("c-9"),
                 .candidate_name = SLICE("John Smith")},
    };
}

static void assert_body(const struct webhook_delivery *delivery, const char *expected) {
    struct strbuf out;
    struct arena *arena = arena_new();
    struct json_reader *json = json_reader_new();
    struct json_value root;
    strbuf_init(&out, PAYLOAD_MAX);
    payload_write(&out, delivery);
    assert_false(out.overflow);
    assert_string_equal(out.ptr, expected);
    assert_int_equal(json_parse(json, text_keep_padded(arena, strbuf_slice(&out)), &root, NULL), 0);
    json_reader_free(json);
    arena_free(arena);
    strbuf_release(&out);
}

static void test_event(void **state) {
    struct webhook_delivery delivery = a_click();
    struct strbuf out;
    strbuf_init(&out, PAYLOAD_MAX);
    payload_write(&out, &delivery);
    const char *behind = strstr(out.ptr, "\"event_type\"");
    assert_non_null(behind);
    assert_string_equal(
        behind,
        "\"event_type\":\"click\",\"email\":{\"id\":12,\"message_id\":\"m-1\",\"subject\":\"\\\"Hello\\\" <b>\\n"
        "\xc3\xa9\"},\"candidate\":{\"id\":\"c-9\",\"name\":\"John Smith\"},\"sender\":null,\"job\":null,"
        "\"url\":\"https://x.example/?a=\\\"b\\\"\",\"link_position\":1}}");
    assert_memory_equal(
        out.ptr, "{\"type\":\"email.clicked\",\"timestamp\":\"2025-11-24T16:00:00.123Z\",\"data\":{\"engagement", 82);
    strbuf_release(&out);
}

static void test_others(void **state) {
    struct webhook_delivery delivery = a_click();
    delivery.event = WEBHOOK_LEVEL_CHANGED;
    delivery.item.row.score = 80;
    delivery.item.row.level = SCORE_LEVEL_HOT;
    delivery.item.row.former_level = SCORE_LEVEL_UNKNOWN;
    assert_body(&delivery, "{\"type\":\"candidate.level_changed\",\"timestamp\":\"2025-11-24T16:00:00.123Z\",\"data\":{"
                           "\"candidate\":{\"id\":\"c-9\",\"name\":\"John Smith\"},\"engagement_score\":80,"
                           "\"engagement_level\":\"hot\",\"former_level\":\"unknown\"}}");
    delivery.event = WEBHOOK_TRACKING_WITHDRAWN;
    delivery.item.row.event_type = EVENT_OPEN;
    delivery.item.candidate_name = SLICE_NONE;
    assert_body(&delivery, "{\"type\":\"candidate.tracking_withdrawn\",\"timestamp\":\"2025-11-24T16:00:00.123Z\","
                           "\"data\":{\"candidate\":{\"id\":\"c-9\",\"name\":null},\"event_types\":[\"open\"]}}");
    delivery.event = WEBHOOK_TEST;
    delivery.subscription_id = 4;
    assert_body(&delivery, "{\"type\":\"webhook.test\",\"timestamp\":\"2025-11-24T16:00:00.123Z\","
                           "\"data\":{\"subscription_id\":4}}");
}

/* The same id as when the event was told, whatever it says else. */
static void test_taken_back(void **state) {
    struct webhook_delivery delivery = a_click();
    struct strbuf told, taken;
    strbuf_init(&told, PAYLOAD_MAX);
    strbuf_init(&taken, PAYLOAD_MAX);
    payload_write(&told, &delivery);
    struct slice event = slice_from(strbuf_slice(&told), (size_t)slice_find(strbuf_slice(&told), SLICE("\"data\"")));
    delivery.event = WEBHOOK_EVENT_WITHDRAWN;
    delivery.item.row.kind = OUTBOX_OBJECTED;
    delivery.created_at = AT + 1000;
    payload_write(&taken, &delivery);
    event.len -= 2; /* its end, where the reason is */
    assert_true(slice_find(strbuf_slice(&taken), event) > 0);
    assert_true(
        slice_starts_with(strbuf_slice(&taken),
                          SLICE("{\"type\":\"email.event_withdrawn\",\"timestamp\":\"2025-11-24T16:00:01.123Z\",")));
    assert_true(slice_find(strbuf_slice(&taken), SLICE(",\"reason\":\"tracking_withdrawn\"}}")) > 0);
    delivery.item.row.kind = OUTBOX_RETRACTED;
    strbuf_clear(&taken);
    payload_write(&taken, &delivery);
    assert_true(slice_find(strbuf_slice(&taken), SLICE(",\"reason\":\"machine\"}}")) > 0);
    strbuf_release(&told);
    strbuf_release(&taken);
}

static void test_what_may_be_told(void **state) {
    struct webhook_delivery delivery = a_click();
    assert_true(payload_allowed(&delivery));
    delivery.withdrawn = true;
    assert_false(payload_allowed(&delivery));
    delivery.withdrawn = false;
    delivery.item.tracking = TRACKING_CLICKS;
    assert_true(payload_allowed(&delivery));
    delivery.item.tracking = TRACKING_AGGREGATE;
    assert_false(payload_allowed(&delivery));
    delivery.item.row.event_type = EVENT_REPLY;
    delivery.event = WEBHOOK_EMAIL_REPLIED;
    assert_true(payload_allowed(&delivery));
    delivery.item.candidate_external_id = SLICE_NONE; /* the person has gone */
    assert_false(payload_allowed(&delivery));
    delivery.event = WEBHOOK_TEST;
    assert_true(payload_allowed(&delivery));
}

/* The names are what subscriptions are made of: each is known, once. */
static void test_names(void **state) {
    for (int i = 0; i < WEBHOOK_EVENTS; i++) {
        enum webhook_event event = WEBHOOK_TEST;
        assert_non_null(webhook_event_name(i));
        assert_int_equal(webhook_event_parse(slice_cstr(webhook_event_name(i)), &event), i != WEBHOOK_TEST);
        if (i != WEBHOOK_TEST) assert_int_equal(event, i);
    }
    assert_null(webhook_event_name(WEBHOOK_EVENTS));
    assert_null(webhook_event_name(-1));
    enum webhook_event event;
    assert_true(webhook_event_of(EVENT_GROUP_UNSUBSCRIBE, &event) && event == WEBHOOK_EMAIL_UNSUBSCRIBED);
    assert_false(webhook_event_of(EVENT_AUTO_REPLY, &event) || webhook_event_of(EVENT_DEFERRED, &event));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event),      cmocka_unit_test(test_others),
        cmocka_unit_test(test_taken_back), cmocka_unit_test(test_what_may_be_told),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
