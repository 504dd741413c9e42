#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "api/views.h"

#include "base/banned.h"

#define JANUARY 1769850000000LL /* 2026-01-31T09:00:00Z */

static struct email_view sample_email(void) {
    struct email_view email = {
        .message_id = SLICE("m1@example.org"),
        .subject = SLICE("=HYPERLINK(\"http://evil.example\")"),
        .candidate = {9, SLICE("17"), SLICE("Zo\xc3\xab, \"Z\" Doe"), SLICE("zoe@example.org"), SLICE_NONE},
        .job = {SLICE("42"), SLICE("+Engineer")},
        .sequence = {SLICE("s1"), SLICE_NONE},
        .sequence_step = 2,
    };
    email_stats_init(&email.stats);
    email.stats.email_log_id = 5;
    email.stats.sent_at = JANUARY;
    email.stats.opened_at = JANUARY + 1500;
    email.stats.open_count = 2;
    email.stats.tracking = TRACKING_FULL;
    email.stats.tracking_now = TRACKING_CLICKS;
    return email;
}

static void an_email_as_json(void **state) {
    struct email_view email = sample_email();
    struct api_table *object = api_table_new(API_TABLE_OBJECT, 1 << 16);
    view_email(object, &email);
    assert_string_equal(
        api_table_finish(object, NULL)->ptr,
        "{\"id\":5,\"message_id\":\"m1@example.org\",\"rfc_message_id\":null,"
        "\"subject\":\"=HYPERLINK(\\\"http://evil.example\\\")\",\"sent_at\":\"2026-01-31T09:00:00Z\","
        "\"candidate\":{\"id\":\"17\",\"ref\":\"~9\",\"name\":\"Zo\xc3\xab, \\\"Z\\\" "
        "Doe\",\"email\":\"zoe@example.org\",\"title\":null},"
        "\"sender\":null,\"job\":{\"id\":\"42\",\"title\":\"+Engineer\"},\"template\":null,\"campaign\":null,"
        "\"sequence\":{\"id\":\"s1\",\"name\":null,\"step\":2},\"delivered_at\":null,"
        "\"opened_at\":\"2026-01-31T09:00:01.500Z\",\"open_count\":2,\"machine_open_count\":0,\"clicked_at\":null,"
        "\"click_count\":0,\"total_click_count\":0,\"machine_click_count\":0,\"replied_at\":null,\"bounced_at\":null,"
        "\"bounce_type\":null,\"dropped_at\":null,\"unsubscribed_at\":null,\"complained_at\":null,"
        "\"tracking\":\"full\",\"tracking_now\":\"clicks\"}");
    api_table_free(object);
}

/* Nested things are columns; what a spreadsheet would run is quoted; both rows have the same columns. */
static void emails_as_csv(void **state) {
    struct email_view full = sample_email(), bare = {.sequence_step = -1};
    email_stats_init(&bare.stats);
    bare.stats.email_log_id = 6;
    bare.stats.sent_at = JANUARY;
    struct api_table *csv = api_table_new(API_TABLE_CSV, 1 << 16);
    api_table_row(csv);
    view_email(csv, &full);
    api_table_row(csv);
    view_email(csv, &bare);
    const char *text = api_table_finish(csv, NULL)->ptr;
    assert_non_null(strstr(text,
                           "id,message_id,rfc_message_id,subject,sent_at,candidate_id,candidate_ref,candidate_name,"
                           "candidate_email,candidate_title,sender_id,sender_name,sender_email,job_id,job_title,"
                           "template_id,template_name,campaign_id,campaign_name,sequence_id,sequence_name,"
                           "sequence_step,delivered_at,"));
    assert_non_null(strstr(text, "\"'=HYPERLINK(\"\"http://evil.example\"\")\""));
    assert_non_null(strstr(text, "'+Engineer"));
    assert_non_null(strstr(text, "\"Zo\xc3\xab, \"\"Z\"\" Doe\""));
    size_t lines = 0, commas[3] = {0};
    bool quoted = false;
    for (const char *c = text; *c; c++) {
        if (*c == '"') quoted = !quoted;
        if (*c == ',' && !quoted) commas[lines]++;
        if (*c == '\n' && !quoted) lines++;
    }
    assert_int_equal(lines, 3);
    assert_int_equal(commas[0], commas[1]);
    assert_int_equal(commas[0], commas[2]);
    api_table_free(csv);
}

static void an_event_with_everything(void **state) {
    struct strbuf packed;
    strbuf_init(&packed, 256);
    assert_int_equal(provider_event_id_pack(SLICE("ZGVsaXZlcmVk"), &packed), 0);
    struct stored_event event = {
        .key =
            {.organization_id = 1, .occurred_at = JANUARY, .email_log_id = 5, .event_type = EVENT_CLICK, .link_id = 3},
        .verdict = VERDICT_MACHINE,
        .reasons = 1 << REASON_PROVIDER_MACHINE,
        .received_at = JANUARY + 2000,
        .url = SLICE("https://jobs.example.org/a?b=1"),
        .link_position = 0,
        .ip_address = slice_of("\xc6\x33\x64\x00", 4),
        .user_agent = SLICE("Mozilla/5.0"),
        .provider_event_id = strbuf_slice(&packed),
        .metadata = SLICE("{\"reason\":\"x\"}"),
    };
    struct api_table *object = api_table_new(API_TABLE_OBJECT, 1 << 16);
    view_event(object, &event, SLICE("sendgrid"));
    const char *text = api_table_finish(object, NULL)->ptr;
    assert_non_null(strstr(text, "\"email_log_id\":5,\"event_type\":\"click\",\"occurred_at\":\"2026-01-31T09:00:00Z\","
                                 "\"received_at\":\"2026-01-31T09:00:02Z\",\"url\":\"https://jobs.example.org/a?b=1\","
                                 "\"link_position\":0,\"verdict\":\"machine\",\"score\":null,"
                                 "\"reasons\":[\"provider_machine\"],\"bounce_type\":null,\"own_recipient\":true,"
                                 "\"provider\":\"sendgrid\",\"provider_event_id\":\"ZGVsaXZlcmVk\","
                                 "\"ip_address\":\"198.51.100.0\",\"country\":null,\"user_agent\":\"Mozilla/5.0\","
                                 "\"metadata\":{\"reason\":\"x\"}"));
    struct event_key key = {0};
    const char *id = strchr(text, ':') + 2;
    assert_true(event_public_id_parse(slice_of(id, (size_t)(strchr(id, '"') - id)), &key));
    assert_int_equal(key.email_log_id, 5);
    assert_int_equal(key.link_id, 3);
    api_table_free(object);
    strbuf_release(&packed);
}

static void an_event_with_next_to_nothing(void **state) {
    struct stored_event event = {
        .key = {.occurred_at = JANUARY, .email_log_id = 5, .event_type = EVENT_BOUNCE, .recipient_ref = 9},
        .bounce = BOUNCE_HARD,
        .received_at = JANUARY,
        .link_position = LINK_POSITION_NONE,
    };
    struct api_table *object = api_table_new(API_TABLE_OBJECT, 1 << 16);
    view_event(object, &event, SLICE_NONE);
    assert_non_null(strstr(api_table_finish(object, NULL)->ptr,
                           "\"url\":null,\"link_position\":null,\"verdict\":null,\"score\":null,\"reasons\":[],"
                           "\"bounce_type\":\"hard\",\"own_recipient\":false,\"provider\":null,"
                           "\"provider_event_id\":null,\"ip_address\":null,\"country\":null,\"user_agent\":null,"
                           "\"metadata\":null}"));
    api_table_free(object);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_email_as_json),
        cmocka_unit_test(emails_as_csv),
        cmocka_unit_test(an_event_with_everything),
        cmocka_unit_test(an_event_with_next_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
