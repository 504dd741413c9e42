#include "ingest/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

#include "base/banned.h"

#define NOW (1764000000LL * SECOND_MS)

/* An endpoint of a month with nothing wrong. */
static struct health_facts good(void) {
    return (struct health_facts){
        .created_at = NOW - 30 * DAY_MS,
        .now = NOW,
        .sums = {.last_event_at = NOW - HOUR_MS,
                 .day_events = 100,
                 .day_usual = {90, 110, 0, 105},
                 .week_events = 700,
                 .week_delivered = 300,
                 .week_opens = 100},
    };
}

static void found(const struct health_facts *facts, enum health health, const char *cause) {
    struct health_finding finding = health_of(facts);
    if (finding.health != health) fail_msg("%s: %s", health_name(finding.health), finding.reason);
    assert_string_equal(finding.cause ? finding.cause : "", cause);
    assert_true(finding.cause == NULL || finding.reason != NULL);
}

static void test_usual(void **state) {
    assert_int_equal(health_usual((int64_t[]){90, 110, 0, 105}), 97);
    assert_int_equal(health_usual((int64_t[]){0, 0, 0, 1000}), 0);
    assert_int_equal(health_usual((int64_t[]){4, 3, 2, 1}), 2);
}

static void test_causes(void **state) {
    struct health_facts facts = good();
    found(&facts, HEALTH_OK, "");
    facts.sums.day_rejected = 3;
    facts.sums.last_rejected_at = facts.sums.last_event_at - 1; /* one was taken since: a stranger's attempt */
    found(&facts, HEALTH_OK, "");
    facts.sums.last_rejected_at = NOW;
    found(&facts, HEALTH_FAILING, "wrong_key");
    facts = good();
    facts.sums.week_orphans = 350;
    found(&facts, HEALTH_FAILING, "unknown_emails");
    facts = good();
    facts.sums.day_events = 0;
    found(&facts, HEALTH_QUIET, "fell_silent");
    facts.sums.day_usual[0] = facts.sums.day_usual[1] = 0; /* a sender who seldom sends may be silent */
    found(&facts, HEALTH_OK, "");
    facts = good();
    facts.sums.day_events = 0, facts.sums.day_unreadable = 1;
    found(&facts, HEALTH_FAILING, "unreadable");
    facts = good();
    facts.sums.day_usual[0] = facts.sums.day_usual[1] = facts.sums.day_usual[2] = 1100;
    found(&facts, HEALTH_QUIET, "below_usual");
    facts = good();
    facts.sums.week_opens = 0;
    found(&facts, HEALTH_QUIET, "tracking_off");
    assert_true(health_of(&facts).hides_opens);
    facts.measures_itself = true;
    found(&facts, HEALTH_OK, "");
    facts = good();
    facts.sums.week_delivered = 0;
    found(&facts, HEALTH_QUIET, "no_deliveries");
    assert_false(health_of(&facts).hides_opens);
    facts = good();
    facts.sums.day_ahead_ms = 6 * MINUTE_MS;
    found(&facts, HEALTH_OK, "clock");
    facts = good();
    facts.sums.day_delay_ms = 2 * HOUR_MS;
    found(&facts, HEALTH_OK, "late");
    facts.disabled = true;
    found(&facts, HEALTH_UNKNOWN, "disabled");
}

static void test_silence(void **state) {
    struct health_facts facts = {.created_at = NOW - HOUR_MS, .now = NOW};
    found(&facts, HEALTH_UNKNOWN, "");
    facts.created_at = NOW - DAY_MS;
    found(&facts, HEALTH_QUIET, "never_heard");
    facts.waits_for_confirmation = true;
    found(&facts, HEALTH_QUIET, "not_confirmed");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_usual), cmocka_unit_test(test_causes),
                                       cmocka_unit_test(test_silence)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
