#include "base/cidr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/banned.h"

static struct address address(const char *text) {
    struct address address;
    if (!address_parse(slice_cstr(text), &address)) fail_msg("%s is no address", text);
    return address;
}

static struct cidr block(const char *text) {
    struct cidr cidr;
    struct err err;
    if (cidr_parse(slice_cstr(text), &cidr, &err) != 0) fail_msg("%s: %s", text, err.text);
    return cidr;
}

static void addresses_are_read_and_written(void **state) {
    static const char *const pairs[][2] = {
        {"192.0.2.1", "192.0.2.1"},
        {"0.0.0.0", "0.0.0.0"},
        {"2001:DB8::1", "2001:db8::1"},
        {"[2001:db8::1]", "2001:db8::1"},
        {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::FFFF:c000:0201", "192.0.2.1"},
        {"::1", "::1"},
        {"::", "::"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        char out[ADDRESS_TEXT_MAX];
        assert_true(slice_equal(address_format(address(pairs[i][0]), out), slice_cstr(pairs[i][1])));
    }
    assert_true(address_is_v4(address("::ffff:1.2.3.4")));
    assert_false(address_is_v4(address("2001:db8::1")));
}

static void other_texts_are_no_addresses(void **state) {
    static const char *const bad[] = {
        "",
        " ",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.1 ",
        " 192.0.2.1",
        "192.0.2.01",
        "0x7f.1",
        "2130706433",
        "192.0.2.1/32",
        "2001:db8::1%eth0",
        "[192.0.2.1]",
        "[::1",
        "::1]",
        "[[::1]]",
        "[]",
        ":::",
        "1:2:3:4:5:6:7:8:9",
        "localhost",
        "::ffff:192.0.2.256",
        "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct address out;
        memset(&out, 0xAA, sizeof(out));
        assert_false(address_parse(slice_cstr(bad[i]), &out));
        assert_int_equal(out.bytes[0], 0xAA);
    }
    struct address out;
    assert_false(address_parse(SLICE("192.0.2.1\0"), &out));
}

static void socket_addresses(void **state) {
    struct address out;
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    inet_pton(AF_INET, "198.51.100.7", &v4.sin_addr);
    assert_true(address_from_sockaddr((const struct sockaddr *)&v4, &out));
    struct address expected = address("198.51.100.7");
    assert_memory_equal(&out, &expected, sizeof(out));
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    inet_pton(AF_INET6, "2001:db8::7", &v6.sin6_addr);
    assert_true(address_from_sockaddr((const struct sockaddr *)&v6, &out));
    expected = address("2001:db8::7");
    assert_memory_equal(&out, &expected, sizeof(out));
    struct sockaddr local = {.sa_family = AF_UNIX};
    assert_false(address_from_sockaddr(&local, &out));
}

static void internal_addresses(void **state) {
    static const char *const internal[] = {
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "192.0.0.192",
        "168.63.129.16",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2001::1",
        "100::1",
    };
    for (size_t i = 0; i < sizeof(internal) / sizeof(internal[0]); i++) {
        if (!address_is_internal(address(internal[i]))) fail_msg("%s counts as public", internal[i]);
    }
    static const char *const outside[] = {
        "1.1.1.1",         "9.255.255.255", "11.0.0.0",         "100.63.255.255",  "100.128.0.0",
        "128.0.0.1",       "169.253.0.1",   "172.15.255.255",   "172.32.0.0",      "192.167.0.1",
        "192.169.0.1",     "198.17.0.1",    "198.20.0.1",       "223.255.255.255", "168.63.129.17",
        "2606:4700::1111", "2a00:1450::1",  "64:ff9b::8.8.8.8", "2002:808:808::",  "2001:4860:4860::8888",
        "fbff::1",
    };
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        if (address_is_internal(address(outside[i]))) fail_msg("%s counts as internal", outside[i]);
    }
}

static void truncation_keeps_24_or_48_bits(void **state) {
    char out[ADDRESS_TEXT_MAX];
    address_format(address_truncate(address("192.0.2.255")), out);
    assert_string_equal(out, "192.0.2.0");
    address_format(address_truncate(address("2001:db8:1:2:3:4:5:6")), out);
    assert_string_equal(out, "2001:db8:1::");
}

static void blocks_contain_their_addresses(void **state) {
    assert_true(cidr_contains(block("192.0.2.0/24"), address("192.0.2.255")));
    assert_false(cidr_contains(block("192.0.2.0/24"), address("192.0.3.0")));
    assert_true(cidr_contains(block("192.0.2.128/25"), address("192.0.2.128")));
    assert_false(cidr_contains(block("192.0.2.128/25"), address("192.0.2.127")));
    assert_true(cidr_contains(block("192.0.2.1"), address("192.0.2.1")));
    assert_false(cidr_contains(block("192.0.2.1"), address("192.0.2.2")));
    assert_true(cidr_contains(block("192.0.2.0/31"), address("192.0.2.1")));
    assert_true(cidr_contains(block("0.0.0.0/0"), address("255.1.2.3")));
    assert_false(cidr_contains(block("0.0.0.0/0"), address("2001:db8::1")));
    assert_true(cidr_contains(block("::/0"), address("2001:db8::1")));
    assert_true(cidr_contains(block("2001:db8::/32"), address("2001:db8:ffff::")));
    assert_false(cidr_contains(block("2001:db8::/32"), address("2001:db9::")));
    assert_true(cidr_contains(block("2001:db8::/33"), address("2001:db8:7fff::")));
    assert_false(cidr_contains(block("2001:db8::/33"), address("2001:db8:8000::")));
    assert_true(cidr_contains(block("2001:db8::1/128"), address("2001:db8::1")));
    assert_true(cidr_contains(block("::ffff:192.0.2.0/120"), address("192.0.2.9"))); /* one rule for both notations */
    const struct cidr list[] = {block("192.0.2.0/24"), block("2001:db8::/32")};
    assert_true(cidr_any_contains(list, 2, address("2001:db8::9")));
    assert_false(cidr_any_contains(list, 1, address("2001:db8::9")));
    assert_false(cidr_any_contains(NULL, 0, address("::1")));
}

static void malformed_blocks_are_refused(void **state) {
    static const char *const bad[] = {"",
                                      "/24",
                                      "192.0.2.0/",
                                      "192.0.2.0/33",
                                      "192.0.2.0/-1",
                                      "192.0.2.0/+8",
                                      "192.0.2.0/024",
                                      "192.0.2.0/24/24",
                                      "192.0.2.0/24 ",
                                      "2001:db8::/129",
                                      "[2001:db8::]/32",
                                      "192.0.2.1/24",
                                      "2001:db8::1/32",
                                      "192.0.2.0/0",
                                      "host/24",
                                      "192.0.2.0/99999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct cidr cidr = {.prefix = 99};
        struct err err = {0};
        assert_int_equal(cidr_parse(slice_cstr(bad[i]), &cidr, &err), -ERR_INVALID);
        assert_int_equal(cidr.prefix, 99);
        assert_int_equal(err.code, ERR_INVALID);
    }
    struct cidr cidr;
    struct err err;
    assert_int_equal(cidr_parse(SLICE("192.0.2.77/26"), &cidr, &err), -ERR_INVALID);
    assert_string_equal(err.text, "\"192.0.2.77/26\" has bits behind its prefix, write 192.0.2.64/26");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_written),
        cmocka_unit_test(other_texts_are_no_addresses),
        cmocka_unit_test(socket_addresses),
        cmocka_unit_test(internal_addresses),
        cmocka_unit_test(truncation_keeps_24_or_48_bits),
        cmocka_unit_test(blocks_contain_their_addresses),
        cmocka_unit_test(malformed_blocks_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
