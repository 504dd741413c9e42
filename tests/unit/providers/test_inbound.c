/* Received mail: what is beyond its bounds is left out, and what is no report is not kept. */
#include "providers/inbound.h"

#include "base/strbuf.h"
#include "tests/unit/providers/support.h"

#include "base/banned.h"

static void test_bounds(void **state) {
    struct arena *arena = arena_new();
    struct inbound_builder builder;
    inbound_init(&builder, arena, 77);
    for (int i = 0; i < RECEIVED_MAIL_HEADERS_MAX + 10; i++)
        inbound_add_header(&builder, SLICE(" Received "), slice_cstr(arena_printf(arena, " by %d ", i)));
    inbound_add_header(&builder, SLICE(" "), SLICE("no name"));
    for (int i = 0; i < RECEIVED_MAIL_PARTS_MAX + 10; i++)
        inbound_add_part(&builder, SLICE("message/rfc822"), SLICE("Subject: x\r\n"));
    for (int i = 0; i < RECEIVED_MAIL_RECIPIENTS_MAX; i += 2)
        inbound_add_recipients(&builder, SLICE("a@example.org, , \"B\" <b@example.org>,no address"));
    inbound_add_recipients(&builder, SLICE("c@example.org"));
    struct received_mail mail = inbound_finish(&builder);
    assert_int_equal(mail.header_count, RECEIVED_MAIL_HEADERS_MAX);
    assert_text(mail.headers[0].name, "Received");
    assert_text(mail.headers[RECEIVED_MAIL_HEADERS_MAX - 1].value, "by 499");
    assert_int_equal(mail.part_count, RECEIVED_MAIL_PARTS_MAX);
    assert_int_equal(mail.recipient_count, RECEIVED_MAIL_RECIPIENTS_MAX);
    assert_text(mail.recipients[98], "a@example.org");
    assert_text(mail.recipients[99], "b@example.org");
    assert_int_equal(mail.received_at, 77);
    assert_false(mail.has_sender);
    arena_free(arena);
}

static void test_headers_that_are_put_back(void **state) {
    struct arena *arena = arena_new();
    struct inbound_builder builder;
    inbound_init(&builder, arena, 0);
    inbound_add_header(&builder, SLICE("FROM"), SLICE("a@example.org"));
    inbound_add_missing_header(&builder, "From", SLICE("b@example.org"));
    inbound_add_missing_header(&builder, "Subject", SLICE("  "));
    inbound_add_missing_header(&builder, "Date", SLICE("today"));
    inbound_set_sender(&builder, SLICE("<>"));
    struct received_mail mail = inbound_finish(&builder);
    assert_int_equal(mail.header_count, 2);
    assert_text(mail.headers[0].value, "a@example.org");
    assert_text(mail.headers[1].name, "Date");
    assert_true(mail.has_sender && slice_empty(mail.sender));
    arena_free(arena);
}

static void test_texts(void **state) {
    struct arena *arena = arena_new();
    struct inbound_builder builder;
    struct slice decoded;
    inbound_init(&builder, arena, 0);
    assert_text(inbound_text(&builder, SLICE("gr\xc3\xbc\xc3\x9f \xfc\xdf \xc3")), "gr\xc3\xbc\xc3\x9f ?? ?");
    assert_true(slice_empty(inbound_text(&builder, SLICE_NONE)));
    assert_true(inbound_base64(arena, SLICE("QUJD\r\nREU=\r\n"), &decoded));
    assert_text(decoded, "ABCDE");
    assert_true(inbound_base64(arena, SLICE(""), &decoded) && slice_empty(decoded));
    assert_false(inbound_base64(arena, SLICE("QUJD!"), &decoded));
    assert_true(inbound_is_report(SLICE("Message/Delivery-Status; charset=us-ascii")));
    assert_true(inbound_is_report(SLICE("message/feedback-report")));
    assert_true(inbound_is_report(SLICE("text/rfc822-headers")));
    assert_false(inbound_is_report(SLICE("text/plain")) || inbound_is_report(SLICE("message/rfc822x")));
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_headers_that_are_put_back),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
