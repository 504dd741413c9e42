#include "model/event.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "model/tracking.h"
#include "model/verdict.h"

#include "base/banned.h"

#define assert_slice_equal(actual, expected)                                                                           \
    do {                                                                                                               \
        struct slice actual_ = (actual), expected_ = slice_cstr(expected);                                             \
        assert_int_equal(actual_.len, expected_.len);                                                                  \
        if (actual_.len) assert_memory_equal(actual_.ptr, expected_.ptr, actual_.len);                                 \
    } while (0)

static void test_names_and_back(void **state) {
    for (enum event_type type = EVENT_PROCESSED; type <= EVENT_TYPE_MAX; type++) {
        enum event_type back = 0;
        assert_non_null(event_type_name(type));
        assert_true(event_type_parse(slice_cstr(event_type_name(type)), &back));
        assert_int_equal(back, type);
        assert_int_equal(event_type_is_tracking(type), type == EVENT_OPEN || type == EVENT_CLICK);
    }
    enum event_type type = EVENT_REPLY;
    assert_null(event_type_name(0));
    assert_null(event_type_name(EVENT_TYPE_MAX + 1));
    assert_false(event_type_parse(SLICE("Open"), &type));
    assert_false(event_type_parse(SLICE_NONE, &type));
    assert_int_equal(type, EVENT_REPLY);

    enum bounce_kind kind = BOUNCE_NONE;
    assert_null(bounce_kind_name(BOUNCE_NONE));
    assert_true(bounce_kind_parse(SLICE("block"), &kind));
    assert_int_equal(kind, BOUNCE_BLOCK);
    assert_true(bounce_kind_parse(SLICE("hard"), &kind));
    assert_true(bounce_kind_parse(SLICE("soft"), &kind));
    assert_int_equal(kind, BOUNCE_SOFT);
    assert_false(bounce_kind_parse(SLICE(""), &kind));

    assert_string_equal(verdict_name(VERDICT_HUMAN), "human");
    assert_string_equal(verdict_name(VERDICT_PROXIED), "proxied");
    assert_string_equal(verdict_name(VERDICT_MACHINE), "machine");
    assert_string_equal(verdict_name(VERDICT_EVIDENCE), "evidence");
    assert_true(verdict_is_human(VERDICT_PROXIED));
    assert_false(verdict_is_human(VERDICT_EVIDENCE));
    for (int reason = 0; reason < VERDICT_REASON_COUNT; reason++)
        assert_non_null(verdict_reason_name((enum verdict_reason)reason));
    assert_null(verdict_reason_name((enum verdict_reason)62));
}

static void test_message_ids(void **state) {
    assert_slice_equal(message_id_normalize(SLICE("<a@b>")), "a@b");
    assert_slice_equal(message_id_normalize(SLICE(" \t<a@b>\r\n")), "a@b");
    assert_slice_equal(message_id_normalize(SLICE("< a@b >")), "a@b");
    assert_slice_equal(message_id_normalize(SLICE("<<a@b>>")), "<a@b>");
    assert_slice_equal(message_id_normalize(SLICE("a@b>")), "a@b>");
    assert_slice_equal(message_id_normalize(SLICE("14c5d75ce93")), "14c5d75ce93");
    assert_slice_equal(message_id_normalize(SLICE("<>")), "");
    assert_slice_equal(message_id_normalize(SLICE("<")), "<");
    assert_slice_equal(message_id_normalize(SLICE_NONE), "");
}

static void test_recipient_addresses(void **state) {
    assert_slice_equal(recipient_address(SLICE("jane@example.org")), "jane@example.org");
    assert_slice_equal(recipient_address(SLICE("  Jane@Example.org ")), "Jane@Example.org");
    assert_slice_equal(recipient_address(SLICE("Jane Doe <Jane@Example.org>")), "Jane@Example.org");
    assert_slice_equal(recipient_address(SLICE("<jane@example.org>")), "jane@example.org");
    assert_slice_equal(recipient_address(SLICE("\"Doe, J <hr>\" <jane@example.org>")), "jane@example.org");
    assert_slice_equal(recipient_address(SLICE("\"Say \\\"<hi\" <jane@example.org>")), "jane@example.org");
    assert_slice_equal(recipient_address(SLICE("Jane < jane@example.org >")), "jane@example.org");
    assert_slice_equal(recipient_address(SLICE("\"odd local\"@example.org")), "\"odd local\"@example.org");
    assert_slice_equal(recipient_address(SLICE("j\xc3\xb6rg@example.org")), "j\xc3\xb6rg@example.org");
    assert_slice_equal(recipient_address(SLICE("jane")), "");
    assert_slice_equal(recipient_address(SLICE("\"a@b\"@example.org")), "\"a@b\"@example.org");
    assert_slice_equal(recipient_address(SLICE("@example.org")), "");
    assert_slice_equal(recipient_address(SLICE("@@example.org")), "");
    assert_slice_equal(recipient_address(SLICE("a@b@example.org")), "");
    assert_slice_equal(recipient_address(SLICE("jane@")), "");
    assert_slice_equal(recipient_address(SLICE("jane doe@example.org")), "");
    assert_slice_equal(recipient_address(SLICE("a@example.org, b@example.org")), "");
    assert_slice_equal(recipient_address(SLICE("Jane jane@example.org>")), "");
    assert_slice_equal(recipient_address(SLICE("\"jane@example.org")), "");
    assert_slice_equal(recipient_address(SLICE("jane\n@example.org")), "");
    assert_slice_equal(recipient_address(SLICE("<>")), "");
    assert_slice_equal(recipient_address(SLICE("\"\\")), "");
    assert_slice_equal(recipient_address(SLICE_NONE), "");
}

static void test_tracking_levels(void **state) {
    static const enum tracking_decision expected[4][2] = {
        [TRACKING_NONE] = {TRACKING_WITHHOLD, TRACKING_WITHHOLD},
        [TRACKING_AGGREGATE] = {TRACKING_COUNT_ONLY, TRACKING_COUNT_ONLY},
        [TRACKING_CLICKS] = {TRACKING_WITHHOLD, TRACKING_RECORD},
        [TRACKING_FULL] = {TRACKING_RECORD, TRACKING_RECORD},
    };
    for (enum tracking_level level = TRACKING_NONE; level <= TRACKING_FULL; level++) {
        for (enum event_type type = EVENT_PROCESSED; type <= EVENT_TYPE_MAX; type++) {
            enum tracking_decision decision = tracking_decide(level, type);
            if (type == EVENT_OPEN) {
                assert_int_equal(decision, expected[level][0]);
            } else if (type == EVENT_CLICK) {
                assert_int_equal(decision, expected[level][1]);
            } else {
                assert_int_equal(decision, TRACKING_RECORD);
            }
        }
        enum tracking_level back = TRACKING_NONE;
        assert_true(tracking_level_parse(slice_cstr(tracking_level_name(level)), &back));
        assert_int_equal(back, level);
        assert_int_equal(tracking_strictest(level, TRACKING_CLICKS), level < TRACKING_CLICKS ? level : TRACKING_CLICKS);
    }
    enum tracking_level level;
    assert_false(tracking_level_parse(SLICE("some"), &level));
    assert_null(tracking_level_name((enum tracking_level)4));

    enum consent_mode mode;
    assert_true(consent_mode_parse(SLICE("opt_in"), &mode));
    assert_int_equal(mode, CONSENT_OPT_IN);
    assert_string_equal(consent_mode_name(CONSENT_OPT_OUT), "opt_out");
    assert_false(consent_mode_parse(SLICE("opt"), &mode));
    enum address_policy policy;
    assert_true(address_policy_parse(SLICE("truncate"), &policy));
    assert_int_equal(policy, ADDRESS_TRUNCATE);
    assert_string_equal(address_policy_name(ADDRESS_KEEP), "keep");
    assert_false(address_policy_parse(SLICE(""), &policy));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_back),
        cmocka_unit_test(test_message_ids),
        cmocka_unit_test(test_recipient_addresses),
        cmocka_unit_test(test_tracking_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
