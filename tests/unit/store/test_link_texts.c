/* link_texts.c: each text of a link once, whoever stores it. */
#include "store/link_texts.h"

#include "tests/unit/store/store_contract.h"

#include "base/banned.h"

static const unsigned char hash_key[HASH_KEY_SIZE] = "0123456789abcde";

static void store(struct fixture *fixture, int64_t organization_id, struct link_text *texts, size_t count) {
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(link_texts_insert(fixture->db, organization_id, texts, count, 5, err));
    assert_done(db_commit(fixture->db, err));
}

static size_t missing(struct fixture *fixture, int64_t organization_id, struct link_text *texts, size_t count) {
    assert_done(link_texts_missing(fixture->db, organization_id, texts, &count, fixture->arena, err));
    return count;
}

static void fill(struct link_text texts[5]) {
    const struct slice url = SLICE("https://a.example.com/");
    texts[0] = link_text_make(hash_key, url, 0, SLICE("one"));
    texts[1] = link_text_make(hash_key, url, 0, SLICE("two"));
    texts[2] = link_text_make(hash_key, url, 1, SLICE("one"));
    texts[3] = link_text_make(hash_key, url, 0, SLICE("one"));
    texts[4] = link_text_make(hash_key, SLICE("https://b.example.com/"), 0, SLICE("one"));
}

static void only_what_is_not_stored_is_missing(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct link_text texts[5];
    assert_int_equal(missing(fixture, 1, texts, 0), 0);
    fill(texts);
    size_t count = missing(fixture, 1, texts, 5);
    assert_int_equal(count, 4); /* one came twice */
    store(fixture, 1, texts, 2);
    fill(texts);
    assert_int_equal(missing(fixture, 1, texts, 5), 2);
    store(fixture, 1, texts, 2);
    fill(texts);
    store(fixture, 1, texts, 5); /* somebody was faster: nothing changes */
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM link_texts"), 4);
    assert_int_equal(missing(fixture, 1, texts, 5), 0);
    fill(texts);
    assert_int_equal(missing(fixture, 2, texts, 5), 4); /* another organization's are its own */
}

int main(void) {
    struct CMUnitTest tests[] = {contract_test(only_what_is_not_stored_is_missing)};
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
