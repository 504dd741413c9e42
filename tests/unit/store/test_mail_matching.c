/* What received mail is held against, on both databases. */
#include "tests/unit/store/store_contract.h"

#include "store/mail_matching.h"
#include "store/references.h"

#include "base/banned.h"

#define NOW 1764000000000LL

static int64_t add_candidate(struct db *db, int64_t organization, const char *id, const char *email) {
    struct candidate_reference candidate = {.external_id = slice_cstr(id), .email = slice_cstr(email)};
    assert_done(candidate_upsert(db, organization, &candidate, NOW, err));
    return candidate.id;
}

static int64_t add_email(struct db *db, int64_t organization, int64_t candidate, int64_t sender, int64_t sent_at,
                         const char *subject) {
    struct email_row row = {.organization_id = organization,
                            .subject = slice_cstr(subject),
                            .recipient_address = SLICE("jane@example.org"),
                            .sent_at = sent_at,
                            .recipient_id = candidate,
                            .sender_id = sender,
                            .cohort_id = 1,
                            .sequence_step = -1,
                            .now = NOW};
    assert_done(engagement_insert_emails(db, &row, 1, err));
    return row.id;
}

static void emails_to_an_address(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    struct sent_email *emails;
    size_t count;
    assert_done(db_begin(db, DB_WRITE, err));
    int64_t jane = add_candidate(db, 1, "1", "Jane@Example.org"), twin = add_candidate(db, 1, "2", "jane@example.org");
    int64_t john = add_candidate(db, 1, "3", "john@example.org"), other = add_candidate(db, 2, "1", "jane@example.org");
    int64_t first = add_email(db, 1, jane, 0, NOW - 3, "one"), second = add_email(db, 1, twin, 0, NOW - 2, "two");
    int64_t third = add_email(db, 1, jane, 0, NOW - 1, "");
    add_email(db, 1, john, 0, NOW - 1, "john's");
    add_email(db, 2, other, 0, NOW - 1, "another organization's");
    assert_done(db_commit(db, err));

    assert_done(emails_to_address(db, 1, SLICE("JANE@example.ORG"), NOW - 3, NOW - 1, 10, fixture->arena, &emails,
                                  &count, err));
    assert_int_equal(count, 3);
    assert_true(emails[0].email_log_id == third && emails[0].sent_at == NOW - 1 && slice_empty(emails[0].subject));
    assert_true(emails[1].email_log_id == second && slice_equal(emails[1].subject, SLICE("two")));
    assert_true(emails[2].email_log_id == first);
    /* Both ends count, and the newest come first when there are more. */
    assert_done(emails_to_address(db, 1, SLICE("jane@example.org"), NOW - 2, NOW - 2, 10, fixture->arena, &emails,
                                  &count, err));
    assert_true(count == 1 && emails[0].email_log_id == second);
    assert_done(emails_to_address(db, 1, SLICE("jane@example.org"), 0, NOW, 2, fixture->arena, &emails, &count, err));
    assert_true(count == 2 && emails[0].email_log_id == third && emails[1].email_log_id == second);
    assert_done(emails_to_address(db, 1, SLICE("nobody@x.org"), 0, NOW, 2, fixture->arena, &emails, &count, err));
    assert_int_equal(count, 0);
}

static void parties_of_an_email(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    struct email_parties parties;
    int64_t sender = 0;
    assert_done(db_begin(db, DB_WRITE, err));
    int64_t jane = add_candidate(db, 1, "1", "jane@example.org");
    assert_done(sender_upsert(db, 1, SLICE("s1"), SLICE("recruiter@acme.org"), SLICE("R"), NOW, &sender, err));
    int64_t sent = add_email(db, 1, jane, sender, NOW, "x"), anonymous = add_email(db, 1, jane, 0, NOW, "x");
    assert_done(db_commit(db, err));

    assert_done(email_parties_load(db, 1, sent, fixture->arena, &parties, err));
    assert_true(slice_equal(parties.recipient_address, SLICE("jane@example.org")));
    assert_true(slice_equal(parties.sender_address, SLICE("recruiter@acme.org")));
    assert_done(email_parties_load(db, 1, anonymous, fixture->arena, &parties, err));
    assert_true(slice_empty(parties.sender_address));
    assert_fails(ERR_NOT_FOUND, email_parties_load(db, 2, sent, fixture->arena, &parties, err));
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(emails_to_an_address),
        contract_test(parties_of_an_email),
    };
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
