/* Withdrawing notifications, on both databases. */
#include "store/notifications.h"
#include "tests/unit/store/store_contract.h"

#include "base/banned.h"

#define NOW 1764000000000LL

static struct notification told(int64_t user, int64_t candidate, enum event_type type, int64_t count, int64_t first,
                                int64_t last) {
    return (struct notification){.organization_id = 1,
                                 .user_id = user,
                                 .candidate_id = candidate,
                                 .event_type = type,
                                 .email_log_id = 9,
                                 .count = count,
                                 .first_at = first,
                                 .last_at = last};
}

static int64_t tell(struct db *db, struct notification news) {
    assert_done(db_begin(db, DB_WRITE, err));
    assert_done(notification_merge(db, &news, 0, NOW, err));
    assert_done(db_commit(db, err));
    return news.id;
}

static size_t retract(struct fixture *fixture, int64_t at, struct withdrawn **ret) {
    size_t count;
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(notifications_retract(fixture->db, 1, 5, EVENT_OPEN, at, NOW + 1, fixture->arena, ret, &count, err));
    assert_done(db_commit(fixture->db, err));
    return count;
}

/* One event was told to a user by one notification, even where two reach over its time. */
static void an_event_is_taken_out(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    struct withdrawn *found;
    int64_t wide = tell(db, told(1, 5, EVENT_OPEN, 2, NOW - 100, NOW - 10));
    run_sql(db, "UPDATE notifications SET read_at = 1"); /* so that nothing is merged into it */
    int64_t narrow = tell(db, told(1, 5, EVENT_OPEN, 1, NOW - 50, NOW - 50));
    int64_t other = tell(db, told(2, 5, EVENT_OPEN, 1, NOW - 50, NOW - 50));
    tell(db, told(1, 5, EVENT_CLICK, 1, NOW - 50, NOW - 50));
    tell(db, told(1, 6, EVENT_OPEN, 1, NOW - 50, NOW - 50));
    assert_int_equal(retract(fixture, NOW - 101, &found), 0);
    assert_int_equal(retract(fixture, NOW - 50, &found), 2);
    assert_true((found[0].id == narrow && found[0].user_id == 1 && found[1].id == other && found[1].user_id == 2) ||
                (found[1].id == narrow && found[1].user_id == 1 && found[0].id == other && found[0].user_id == 2));
#define left_of_wide() ask_int(db, "SELECT count FROM notifications WHERE read_at = 1 AND withdrawn_at IS NULL")
    assert_int_equal(left_of_wide(), 2);
    assert_int_equal(retract(fixture, NOW - 50, &found), 0);
    assert_int_equal(left_of_wide(), 1);
    assert_int_equal(retract(fixture, NOW - 50, &found), 1);
    assert_int_equal(found[0].id, wide);
    assert_int_equal(ask_int(db, "SELECT count(*) FROM notifications WHERE withdrawn_at IS NULL"), 2);
}

/* However many there are. */
static void all_of_a_candidate(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    struct withdrawn *found;
    size_t count;
    enum { MANY = 1500 };
    for (int i = 1; i <= MANY; i++)
        tell(db, told(i, 5, EVENT_OPEN, 3, NOW - 100, NOW - 10));
    int64_t reply = tell(db, told(1, 5, EVENT_REPLY, 1, NOW, NOW));
    assert_done(db_begin(db, DB_WRITE, err));
    assert_done(notifications_withdraw_candidate(db, 1, 5, EVENT_OPEN, NOW + 1, fixture->arena, &found, &count, err));
    assert_done(db_commit(db, err));
    assert_int_equal(count, MANY);
    assert_int_equal(ask_int(db, "SELECT id FROM notifications WHERE withdrawn_at IS NULL"), reply);
}

int main(void) {
    struct CMUnitTest tests[] = {contract_test(an_event_is_taken_out), contract_test(all_of_a_candidate)};
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
