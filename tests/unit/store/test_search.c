/* What is found by what somebody types, on both databases; the rest is in tests/integration/views.test.mjs. */
#include "tests/unit/store/store_contract.h"

#include "store/migrate.h"
#include "store/references.h"
#include "store/search.h"
#include "tests/unit/store/undo.h"

#include "base/banned.h"

#define ORGANIZATION 1
#define NOW          1764000000000LL

static void add(struct db *db, const char *id, struct slice name) {
    struct candidate_reference candidate = {.external_id = slice_cstr(id), .name = name};
    assert_done(db_begin(db, DB_WRITE, err));
    assert_done(candidate_upsert(db, ORGANIZATION, &candidate, NOW, err));
    assert_done(db_commit(db, err));
}

/* `ids`: what is found, in order, with blanks between. */
static void assert_found(struct fixture *fixture, const char *text, const char *ids) {
    struct found *found;
    size_t count;
    char all[200] = "";
    assert_done(
        search_candidates(fixture->db, ORGANIZATION, 0, slice_cstr(text), 10, fixture->arena, &found, &count, err));
    for (size_t i = 0, len = 0; i < count; i++)
        len +=
            (size_t)snprintf(all + len, sizeof(all) - len, "%s%.*s", i > 0 ? " " : "", SLICE_FMT(found[i].external_id));
    assert_string_equal(all, ids);
}

static void whatever_the_case(void **state) {
    struct fixture *fixture = fixture_of(state);
    add(fixture->db, "1", SLICE("Jürgen MÜLLER"));
    add(fixture->db, "2", SLICE("jÜRGEN Straßer"));
    add(fixture->db, "3", SLICE("ИВАН Müllerin"));
    add(fixture->db, "4", SLICE("ΝΙΚΟΣ"));
    assert_found(fixture, "jürg", "1 2");
    assert_found(fixture, "JÜRGEN", "1 2");
    assert_found(fixture, "müller", "1 3");
    assert_found(fixture, "MÜLLER", "1 3");
    assert_found(fixture, "Иван", "3");
    assert_found(fixture, "STRASSE", "2");
    assert_found(fixture, "νικος", "4");
    assert_found(fixture, "νικοσ", "4");
    assert_found(fixture, "muller", "");
}

/* What is searched follows the name, and stays when an email comes without one. */
static void a_name_that_changes(void **state) {
    struct fixture *fixture = fixture_of(state);
    add(fixture->db, "1", SLICE("Zoë Äpfel"));
    add(fixture->db, "1", SLICE_NONE);
    assert_found(fixture, "äpf", "1");
    add(fixture->db, "1", SLICE("Zoë Öhm"));
    assert_found(fixture, "ÖHM", "1");
    assert_found(fixture, "äpf", "");
    add(fixture->db, "2", SLICE_NONE);
    assert_found(fixture, "2", "2");
}

/* Bytes that are no text are stored, and found as they are; nothing of it fails. */
static void what_is_no_text(void **state) {
    struct fixture *fixture = fixture_of(state);
    add(fixture->db, "1", SLICE("B\xc3\xc3"));
    add(fixture->db, "2", SLICE("B\xc3\x9c\xe2\x82"));
    assert_found(fixture, "b", "2 1");
}

static void names_of_before(void **state) {
    struct fixture *fixture = fixture_of(state);
    add(fixture->db, "1", SLICE("Jürgen MÜLLER"));
    add(fixture->db, "2", SLICE_NONE);
    undo_migrations(fixture->db, 13);
    assert_done(migrate(fixture->db, err));
    assert_found(fixture, "jürgen m", "1");
    assert_found(fixture, "müller", "1");
}

int main(void) {
    struct CMUnitTest tests[] = {contract_test(whatever_the_case), contract_test(a_name_that_changes),
                                 contract_test(what_is_no_text), contract_test(names_of_before)};
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
