#include "http/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct address address(const char *text) {
    struct address parsed;
    assert_true(address_parse(slice_cstr(text), &parsed));
    return parsed;
}

static void test_each_has_its_bound(void **state) {
    struct peers *peers = peers_new(8, 2);
    peers_connected(peers, address("192.0.2.1"));
    assert_true(peers_may_connect(peers, address("192.0.2.1")));
    peers_connected(peers, address("192.0.2.1"));
    assert_false(peers_may_connect(peers, address("192.0.2.1")));
    assert_true(peers_may_connect(peers, address("192.0.2.2")));
    peers_closed(peers, address("192.0.2.1"));
    assert_true(peers_may_connect(peers, address("192.0.2.1")));
    peers_free(peers);
}

static void test_ipv6_counts_by_network(void **state) {
    struct peers *peers = peers_new(8, 1);
    peers_connected(peers, address("2001:db8:0:1::1"));
    assert_false(peers_may_connect(peers, address("2001:db8:0:1:ffff::2")));
    assert_true(peers_may_connect(peers, address("2001:db8:0:2::1")));
    peers_free(peers);
}

/* A random walk against a plain array: removal must leave every other entry reachable. */
static void test_table_agrees_with_an_array(void **state) {
    enum { ADDRESSES = 64, EACH = 3, STEPS = 200000 };
    struct peers *peers = peers_new(ADDRESSES, EACH);
    unsigned counts[ADDRESSES] = {0};
    uint64_t random = 42;
    for (int step = 0; step < STEPS; step++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        unsigned which = (unsigned)(random >> 33) % ADDRESSES;
        struct address at = {.bytes = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = (uint8_t)which}};
        assert_int_equal(peers_may_connect(peers, at), counts[which] < EACH);
        if (counts[which] < EACH && (random >> 60) < 9) {
            peers_connected(peers, at);
            counts[which]++;
        } else if (counts[which] > 0) {
            peers_closed(peers, at);
            counts[which]--;
        }
    }
    peers_free(peers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_has_its_bound),
        cmocka_unit_test(test_ipv6_counts_by_network),
        cmocka_unit_test(test_table_agrees_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
