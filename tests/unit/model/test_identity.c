#include "model/identity.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/banned.h"

static const unsigned char key_a[HASH_KEY_SIZE] = "0123456789abcdef";
static const unsigned char key_b[HASH_KEY_SIZE] = "fedcba9876543210";

static void test_message_key(void **state) {
    struct message_key one = message_key(key_a, SLICE("id-1")), same = message_key(key_a, SLICE("id-1"));
    struct message_key other = message_key(key_a, SLICE("id-2")), elsewhere = message_key(key_b, SLICE("id-1"));
    assert_int_equal(one.hash, same.hash);
    assert_int_equal(one.check, same.check);
    assert_true(one.hash != other.hash);
    assert_true(one.hash != elsewhere.hash);
    for (int i = 0; i < 1000; i++) {
        struct message_key key = message_key(key_a, slice_of((const char *)&i, sizeof(i)));
        assert_true(key.check >= 0 && key.check <= INT32_MAX);
    }
}

static void test_recipient_hash(void **state) {
    assert_int_equal(recipient_hash(key_a, SLICE_NONE), 0);
    int64_t hash = recipient_hash(key_a, SLICE("Jane@Example.ORG"));
    assert_true(hash > 0);
    assert_true(hash == recipient_hash(key_a, SLICE("jane@example.org")));
    assert_true(hash != recipient_hash(key_a, SLICE("jane@example.com")));
    assert_true(hash != recipient_hash(key_b, SLICE("jane@example.org")));
    char longest[EVENT_RECIPIENT_MAX_BYTES + 9];
    memset(longest, 'X', sizeof(longest));
    assert_true(recipient_hash(key_a, slice_of(longest, sizeof(longest))) ==
                recipient_hash(key_a, slice_of(longest, EVENT_RECIPIENT_MAX_BYTES)));
}

static void test_event_key_compare(void **state) {
    const struct event_key key = {1, 50, 10, 5, 3, 2};
    assert_int_equal(event_key_compare(&key, &key), 0);
    struct event_key greater[6] = {key, key, key, key, key, key};
    greater[0].organization_id = 2, greater[0].email_log_id = 1;
    greater[1].email_log_id = 11, greater[1].occurred_at = 1; /* the email before the time */
    greater[2].occurred_at = 51, greater[2].event_type = 1;
    greater[3].event_type = 6, greater[3].link_id = 0;
    greater[4].link_id = 4, greater[4].recipient_ref = 0;
    greater[5].recipient_ref = INT64_MAX;
    for (size_t i = 0; i < 6; i++) {
        assert_true(event_key_compare(&greater[i], &key) > 0);
        assert_true(event_key_compare(&key, &greater[i]) < 0);
    }
}

static void assert_public_id_round_trip(const struct event_key *key) {
    char text[EVENT_PUBLIC_ID_MAX];
    struct slice id = event_public_id(key, text);
    assert_true(id.len > 0 && id.len <= EVENT_PUBLIC_ID_MAX);
    struct event_key back = {.organization_id = 77};
    assert_true(event_public_id_parse(id, &back));
    assert_int_equal(back.organization_id, 77);
    back.organization_id = key->organization_id;
    assert_int_equal(event_key_compare(key, &back), 0);
    /* One key has one text: cutting or lengthening it never names the same event. */
    for (size_t cut = 0; cut < id.len; cut++) {
        struct event_key shorter = *key;
        if (!event_public_id_parse(slice_first(id, cut), &shorter)) continue;
        assert_true(event_key_compare(key, &shorter) != 0);
    }
}

static void test_public_ids(void **state) {
    const struct event_key keys[] = {
        {1, 1732431732345, 1, EVENT_OPEN, 0, 0},
        {1, 1732431732345, 123456789012, EVENT_CLICK, 4711, 0},
        {1, 1732431732345, 1, EVENT_BOUNCE, 0, INT64_MAX},
        {9, 0, 1, EVENT_REPLY, 0, 0},
        {1, INT64_MAX, INT64_MAX, EVENT_TYPE_MAX, INT64_MAX, INT64_MAX},
        {1, -1, -1, EVENT_TYPE_MAX, INT64_MIN, INT64_MIN},
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        assert_public_id_round_trip(&keys[i]);
}

static void test_bad_public_ids(void **state) {
    static const char *const bad[] = {
        "",
        "A",
        "AA",
        "!!!!",
        "BQ==",
        "BYAA" /* time 0 in two bytes */,
        "BQA" /* a zero at the end */,
        "f_8",
        "BQEBAQEB" /* six numbers */,
        "DgE" /* no such type */,
        "BYCAgICAgICAgAI" /* beyond 64 bits */,
        "BYA" /* cut */,
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct event_key key = {0};
        assert_false(event_public_id_parse(slice_cstr(bad[i]), &key));
        assert_int_equal(key.event_type, 0);
    }
    struct event_key key;
    assert_true(event_public_id_parse(SLICE("BQE"), &key));
    assert_int_equal(key.event_type, EVENT_OPEN);
    assert_int_equal(key.occurred_at, 1);
}

static size_t assert_pack_round_trip(struct slice id) {
    struct strbuf packed, back;
    strbuf_init(&packed, EVENT_PROVIDER_ID_MAX_BYTES + 1);
    strbuf_init(&back, EVENT_PROVIDER_ID_MAX_BYTES);
    assert_int_equal(provider_event_id_pack(id, &packed), 0);
    assert_int_equal(provider_event_id_unpack(strbuf_slice(&packed), &back), 0);
    assert_true(slice_equal(strbuf_slice(&back), slice_first(id, EVENT_PROVIDER_ID_MAX_BYTES)));
    size_t len = packed.len;
    strbuf_release(&packed);
    strbuf_release(&back);
    return len;
}

static void test_provider_event_ids(void **state) {
    assert_int_equal(assert_pack_round_trip(SLICE("")), 0);
    assert_int_equal(assert_pack_round_trip(SLICE("22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324")), 17);
    assert_int_equal(assert_pack_round_trip(SLICE("22B80B92-FDEA-4C2C-8F9D-BDFB0C7BF324")), 28);
    assert_int_equal(assert_pack_round_trip(SLICE("ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA")), 39);
    assert_int_equal(assert_pack_round_trip(SLICE("with space")), 11);
    assert_int_equal(assert_pack_round_trip(SLICE("abcde")), 6); /* no base64url has this length */
    assert_int_equal(assert_pack_round_trip(SLICE("ab")), 3);    /* bits left over: kept as text */
    assert_int_equal(assert_pack_round_trip(SLICE("\0\xff")), 3);
    char longest[300];
    memset(longest, '#', sizeof(longest));
    assert_int_equal(assert_pack_round_trip(slice_of(longest, sizeof(longest))), EVENT_PROVIDER_ID_MAX_BYTES + 1);
    memset(longest, 'A', sizeof(longest));
    assert_int_equal(assert_pack_round_trip(slice_of(longest, sizeof(longest))),
                     EVENT_PROVIDER_ID_MAX_BYTES / 4 * 3 + 1);
}

static void test_bad_packed_ids(void **state) {
    const struct slice bad[] = {SLICE("\0abc"), SLICE("\1"),      SLICE("\2"),
                                SLICE("\3"),    SLICE("\3short"), SLICE("\4abc")};
    struct strbuf out;
    strbuf_init(&out, 200);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(provider_event_id_unpack(bad[i], &out), -1);
        assert_int_equal(out.len, 0);
    }
    strbuf_release(&out);
    strbuf_init(&out, 4);
    assert_int_equal(provider_event_id_pack(SLICE("with space"), &out), -1);
    strbuf_release(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message_key),       cmocka_unit_test(test_recipient_hash),
        cmocka_unit_test(test_event_key_compare), cmocka_unit_test(test_public_ids),
        cmocka_unit_test(test_bad_public_ids),    cmocka_unit_test(test_provider_event_ids),
        cmocka_unit_test(test_bad_packed_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
