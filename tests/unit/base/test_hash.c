#include "base/hash.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/strbuf.h"

#include "base/banned.h"

/* The key 00 01 … 0f and the messages 00 01 … of the vectors that come with SipHash's reference code (vectors.h,
 * 128 bits of output). */
static void siphash_matches_the_reference(void **state) {
    unsigned char key[HASH_KEY_SIZE], message[64];
    for (unsigned char i = 0; i < sizeof(key); i++)
        key[i] = i;
    for (unsigned char i = 0; i < sizeof(message); i++)
        message[i] = i;
    struct hash128 hash = hash128(key, SLICE_NONE);
    assert_true(hash.high == 0xe6a825ba047f81a3ULL && hash.low == 0x930255c71472f66dULL);
    hash = hash128(key, slice_of((const char *)message, 1));
    assert_true(hash.high == 0x44af996bd8c187daULL && hash.low == 0x45fc229b11597634ULL);
    key[0] = 1;
    struct hash128 other = hash128(key, slice_of((const char *)message, 1));
    assert_true(other.high != hash.high && other.low != hash.low);
}

static void fnv_matches_the_reference(void **state) {
    /* draft-eastlake-fnv, appendix C */
    assert_true(hash_fnv1a(SLICE("")) == 0xcbf29ce484222325ULL);
    assert_true(hash_fnv1a(SLICE("a")) == 0xaf63dc4c8601ec8cULL);
    assert_true(hash_fnv1a(SLICE("foobar")) == 0x85944171f73967e8ULL);
}

static void hex(void **state) {
    struct strbuf buf;
    unsigned char bytes[4] = {0xAA, 0xAA, 0xAA, 0xAA};
    size_t len = 99;
    strbuf_init(&buf, 100);
    strbuf_add_cstr(&buf, "x=");
    assert_int_equal(hex_encode(&buf, SLICE("\x00\x7f\xff")), 0);
    assert_string_equal(buf.ptr, "x=007fff");
    assert_int_equal(hex_encode(&buf, SLICE_NONE), 0);
    assert_string_equal(buf.ptr, "x=007fff");
    assert_true(hex_decode(SLICE("00fFA1"), bytes, sizeof(bytes), &len));
    assert_int_equal(len, 3);
    assert_memory_equal(bytes, "\x00\xff\xa1", 3);
    assert_true(hex_decode(SLICE_NONE, bytes, sizeof(bytes), &len));
    assert_int_equal(len, 0);
    len = 99;
    static const char *const bad[] = {"0", "000", "0g", "00 ", " 00", "0x00", "00:00", "0011223344"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(hex_decode(slice_cstr(bad[i]), bytes, sizeof(bytes), &len));
        assert_int_equal(len, 99);
    }
    for (int c = 0; c <= 0xff; c++) { /* the only letters are these 22 */
        const char text[] = {'0', (char)c};
        bool digit = c && strchr("0123456789abcdefABCDEF", c);
        assert_int_equal(hex_decode(slice_of(text, 2), bytes, sizeof(bytes), &len), digit);
    }
    assert_false(hex_decode(SLICE("00\0"), bytes, sizeof(bytes), &len));
    strbuf_release(&buf);
    strbuf_init(&buf, 3);
    assert_int_equal(hex_encode(&buf, SLICE("ab")), -1);
    assert_true(buf.overflow && buf.len == 0);
    strbuf_release(&buf);
}

/* RFC 4648, section 10. */
static const char *const vectors[][3] = {
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xff\xfe", "+//+", "-__-"},
};

static void base64_both_ways(void **state) {
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct slice plain = slice_cstr(vectors[i][0]);
        struct strbuf buf;
        unsigned char out[16];
        size_t len = 99;
        strbuf_init(&buf, 100);
        assert_int_equal(base64_encode(&buf, plain), 0);
        assert_string_equal(buf.ptr, vectors[i][1]);
        assert_true(base64_decode(strbuf_slice(&buf), out, sizeof(out), &len));
        assert_int_equal(len, plain.len);
        assert_memory_equal(out, vectors[i][0], len);
        strbuf_clear(&buf);
        assert_int_equal(base64url_encode(&buf, plain), 0);
        assert_string_equal(buf.ptr, vectors[i][2]);
        assert_true(base64url_decode(strbuf_slice(&buf), out, sizeof(out), &len));
        assert_int_equal(len, plain.len);
        assert_memory_equal(out, vectors[i][0], len);
        strbuf_release(&buf);
    }
}

static void base64_is_strict(void **state) {
    static const char *const bad[] = {
        "Zg",                                          /* padding missing */
        "Zg=",                                         /* half of it */
        "Zg===",                                       /* too much */
        "Zm9v====",                                    /* none wanted */
        "=",        "====",  "Z",     "Z===",  "Zh==", /* trailing bits not zero: a second spelling of "f" */
        "Zm9=",                                        /* the same for two bytes */
        "Zg==Zg==",                                    /* padding inside */
        "Zm9v\n",   "Zm 9v", " Zm9v", "Zm9v ", "-__-", /* the other alphabet */
        "Zm9v*A==",
    };
    unsigned char out[16];
    size_t len = 99;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (base64_decode(slice_cstr(bad[i]), out, sizeof(out), &len)) fail_msg("%s is taken for base64", bad[i]);
        assert_int_equal(len, 99);
    }
    assert_false(base64_decode(SLICE("Zm9v\0"), out, sizeof(out), &len));
    for (int c = 0; c <= 0xff; c++) { /* libsodium alone takes bytes from 0x80 for letters */
        const char text[] = {'Z', (char)c, '9', 'v'};
        bool common = c && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", c);
        size_t ignored;
        assert_int_equal(base64_decode(slice_of(text, 4), out, sizeof(out), &ignored), common || c == '+' || c == '/');
        assert_int_equal(base64url_decode(slice_of(text, 4), out, sizeof(out), &ignored),
                         common || c == '-' || c == '_');
    }
    static const char *const bad_url[] = {"Zg==", "Zm8=", "Zh", "Zm9", "Z", "+//+", "Zm9v\n", "Zm9v "};
    for (size_t i = 0; i < sizeof(bad_url) / sizeof(bad_url[0]); i++) {
        if (base64url_decode(slice_cstr(bad_url[i]), out, sizeof(out), &len))
            fail_msg("%s is taken for base64url", bad_url[i]);
        assert_int_equal(len, 99);
    }
    assert_true(base64_decode(SLICE("Zm9v"), out, 3, &len)); /* fits exactly */
    len = 99;
    assert_false(base64_decode(SLICE("Zm9v"), out, 2, &len)); /* too small */
    assert_int_equal(len, 99);
}

/* Ours takes what libsodium takes, and refuses what it refuses. */
static void base64url_is_libsodiums(void **state) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+=";
    size_t taken = 0;
    for (int round = 0; round < 20000; round++) {
        char text[16];
        unsigned char ours[16], theirs[16];
        size_t text_len = randombytes_uniform(sizeof(text)), ours_len = 0, theirs_len = 0, room = 6 + text_len / 2;
        for (size_t i = 0; i < text_len; i++)
            text[i] = letters[randombytes_uniform(round % 8 == 0 ? 66 : 64)];
        bool expected = sodium_base642bin(theirs, room, text, text_len, NULL, &theirs_len, NULL,
                                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0;
        assert_int_equal(base64url_decode(slice_of(text, text_len), ours, room, &ours_len), expected);
        if (!expected) continue;
        taken++;
        assert_int_equal(ours_len, theirs_len);
        assert_memory_equal(ours, theirs, ours_len);
    }
    assert_in_range(taken, 2000, 18000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_matches_the_reference),
        cmocka_unit_test(fnv_matches_the_reference),
        cmocka_unit_test(hex),
        cmocka_unit_test(base64_both_ways),
        cmocka_unit_test(base64url_is_libsodiums),
        cmocka_unit_test(base64_is_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
