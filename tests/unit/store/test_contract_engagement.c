/* What engagement.h promises of emails, figures, events, timelines and totals, on both databases. */
#include "tests/unit/store/store_contract.h"

#include "base/banned.h"

#define ORGANIZATION 7
#define TIME_0       1700000000000

static struct message_key key_of(struct fixture *fixture, const char *text) {
    return message_key(store_hash_key(fixture->store), slice_cstr(text));
}

/* Registers an email under a message id; its own transaction. */
static int64_t add_email(struct fixture *fixture, int64_t organization_id, const char *message_id) {
    struct email_row row = {
        .organization_id = organization_id,
        .message_id = slice_cstr(message_id),
        .subject = SLICE("Interview invitation"),
        .sent_at = TIME_0,
        .recipient_id = 3,
        .cohort_id = 11,
        .sequence_step = -1,
        .recipient_hash = 0x123456789abcdef,
        .tracking = TRACKING_FULL,
        .tracking_now = TRACKING_CLICKS,
        .keys = {key_of(fixture, message_id)},
        .key_count = 1,
        .now = TIME_0 + 1,
    };
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(engagement_registration_lock(fixture->db, organization_id, REGISTRATION_EMAILS, err));
    assert_done(engagement_insert_emails(fixture->db, &row, 1, err));
    assert_done(db_commit(fixture->db, err));
    assert_true(row.id > 0);
    return row.id;
}

static struct email_stats load_stats(struct fixture *fixture, int64_t organization_id, int64_t email_log_id) {
    struct email_stats stats = {.organization_id = organization_id, .email_log_id = email_log_id};
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(engagement_lock_stats(fixture->db, &stats, 1, err));
    db_rollback(fixture->db);
    return stats;
}

static void assert_same_stats(const struct email_stats *a, const struct email_stats *b) {
#define SAME(field) assert_true(a->field == b->field)
    SAME(email_log_id), SAME(organization_id), SAME(cohort_id), SAME(sent_at), SAME(recipient_hash);
    SAME(tracking), SAME(tracking_now), SAME(bounce_type), SAME(last_event_at);
    SAME(delivered_at), SAME(opened_at), SAME(clicked_at), SAME(replied_at), SAME(bounced_at), SAME(dropped_at);
    SAME(complained_at), SAME(unsubscribed_at);
    SAME(open_count), SAME(machine_open_count), SAME(click_count), SAME(total_click_count), SAME(machine_click_count);
#undef SAME
}

/* An event of an email, `offset` ms after TIME_0. */
static struct event_row event_at(int64_t email_log_id, int64_t offset, enum event_type type) {
    return (struct event_row){
        .key = {.organization_id = ORGANIZATION,
                .occurred_at = TIME_0 + offset,
                .email_log_id = email_log_id,
                .event_type = type},
        .received_at = TIME_0 + offset + 3000,
        .endpoint_id = 2,
    };
}

static int compare_rows(const void *a, const void *b) {
    const struct event_row *const *left = a, *const *right = b;
    return event_key_compare(&(*left)->key, &(*right)->key);
}

/* Stores events of one email, in one transaction, as a batch does. Returns how many were new. */
static size_t store_events(struct fixture *fixture, struct event_row *rows, size_t count) {
    struct db *db = fixture->db;
    struct email_stats stats = {.organization_id = ORGANIZATION, .email_log_id = rows[0].key.email_log_id};
    const struct email_stats *changed = &stats;
    struct event_row **order = arena_alloc_array(fixture->arena, count, sizeof(*order));
    struct event_row *sorted = arena_alloc_array(fixture->arena, count, sizeof(*sorted));
    for (size_t i = 0; i < count; i++)
        order[i] = &rows[i];
    qsort(order, count, sizeof(struct event_row *), compare_rows);
    assert_done(db_begin(db, DB_WRITE, err));
    assert_done(engagement_lock_stats(db, &stats, 1, err));
    for (size_t i = 0; i < count; i++) {
        sorted[i] = *order[i];
        sorted[i].stats = &stats;
    }
    assert_done(engagement_insert_events(db, sorted, count, err));
    size_t inserted = 0;
    for (size_t i = 0; i < count; i++) {
        order[i]->inserted = sorted[i].inserted;
        inserted += sorted[i].inserted;
    }
    assert_done(engagement_save_stats(db, &changed, 1, err));
    assert_done(db_commit(db, err));
    return inserted;
}

static size_t timeline(struct fixture *fixture, int64_t email_log_id, size_t limit, struct stored_event **ret) {
    size_t count = 0;
    assert_done(engagement_timeline(fixture->db, ORGANIZATION, email_log_id, limit, fixture->arena, ret, &count, err));
    return count;
}

/* ---- emails ---- */

static void emails_are_found_by_their_keys(void **state) {
    struct fixture *fixture = fixture_of(state);
    int64_t a = add_email(fixture, ORGANIZATION, "a"), b = add_email(fixture, ORGANIZATION, "b");
    int64_t foreign = add_email(fixture, 8, "a");
    assert_true(a != b && a != foreign);
    struct message_key wrong_check = key_of(fixture, "a");
    wrong_check.check ^= 1;
    struct email_lookup lookups[] = {
        {.organization_id = ORGANIZATION, .key = key_of(fixture, "b"), .email_log_id = -1},
        {.organization_id = ORGANIZATION, .key = key_of(fixture, "a"), .email_log_id = -1},
        {.organization_id = 8, .key = key_of(fixture, "a"), .email_log_id = -1},
        {.organization_id = 9, .key = key_of(fixture, "a"), .email_log_id = -1},
        {.organization_id = ORGANIZATION, .key = key_of(fixture, "c"), .email_log_id = -1},
        {.organization_id = ORGANIZATION, .key = key_of(fixture, "b"), .email_log_id = -1},
        {.organization_id = ORGANIZATION, .key = wrong_check, .email_log_id = -1},
    };
    assert_done(engagement_find_emails(fixture->db, lookups, 7, err));
    const int64_t expected[] = {b, a, foreign, 0, 0, b, 0};
    for (int i = 0; i < 7; i++)
        assert_int_equal(lookups[i].email_log_id, expected[i]);
    assert_done(engagement_find_emails(fixture->db, lookups, 0, err));
}

static void a_registered_email_has_its_row_and_empty_figures(void **state) {
    struct fixture *fixture = fixture_of(state);
    int64_t id = add_email(fixture, ORGANIZATION, "a");
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM email_logs WHERE organization_id = 7 AND "
                                          "message_id = 'a' AND rfc_message_id IS NULL AND recipient_id = 3 AND "
                                          "cohort_id = 11 AND sequence_step IS NULL AND recipient_type = 'Candidate' "
                                          "AND subject = 'Interview invitation' AND created_at = updated_at"),
                     1);
    struct email_stats stats = load_stats(fixture, ORGANIZATION, id), empty;
    email_stats_init(&empty);
    empty.email_log_id = id;
    empty.organization_id = ORGANIZATION;
    empty.cohort_id = 11;
    empty.sent_at = TIME_0;
    empty.recipient_hash = 0x123456789abcdef;
    empty.tracking = TRACKING_FULL;
    empty.tracking_now = TRACKING_CLICKS;
    assert_same_stats(&stats, &empty);
}

static void many_emails_are_registered_at_once(void **state) {
    struct fixture *fixture = fixture_of(state);
    enum { COUNT = 300 };
    struct email_row *rows = arena_alloc_array(fixture->arena, COUNT, sizeof(*rows));
    for (int i = 0; i < COUNT; i++) {
        const char *id = arena_printf(fixture->arena, "m%d", i), *rfc = arena_printf(fixture->arena, "r%d", i);
        rows[i] = (struct email_row){
            .organization_id = ORGANIZATION,
            .message_id = slice_cstr(id),
            .rfc_message_id = slice_cstr(rfc),
            .sent_at = TIME_0 + i,
            .recipient_id = i,
            .sender_id = i % 7,
            .cohort_id = 1 + i % 5,
            .sequence_step = i % 3,
            .tracking = TRACKING_FULL,
            .tracking_now = TRACKING_FULL,
            .keys = {key_of(fixture, id), key_of(fixture, rfc)},
            .key_count = 2,
            .now = TIME_0,
        };
    }
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(engagement_insert_emails(fixture->db, rows, COUNT, err));
    assert_done(db_commit(fixture->db, err));
    struct email_lookup lookups[2 * COUNT];
    for (int i = 0; i < 2 * COUNT; i++)
        lookups[i] = (struct email_lookup){.organization_id = ORGANIZATION, .key = rows[i / 2].keys[i % 2]};
    assert_done(engagement_find_emails(fixture->db, lookups, (size_t)2 * COUNT, err));
    for (int i = 0; i < 2 * COUNT; i++)
        assert_int_equal(lookups[i].email_log_id, rows[i / 2].id);
    for (int i = 0; i < COUNT; i += 37) {
        struct email_stats stats = load_stats(fixture, ORGANIZATION, rows[i].id);
        assert_int_equal(stats.sent_at, TIME_0 + i);
        assert_int_equal(stats.cohort_id, 1 + i % 5);
    }
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM email_logs WHERE sequence_step = 2"), COUNT / 3);
}

static void a_taken_key_is_a_conflict(void **state) {
    struct fixture *fixture = fixture_of(state);
    add_email(fixture, ORGANIZATION, "a");
    struct email_row row = {.organization_id = ORGANIZATION,
                            .recipient_id = 1,
                            .cohort_id = 1,
                            .keys = {key_of(fixture, "a")},
                            .key_count = 1};
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_fails(ERR_CONFLICT, engagement_insert_emails(fixture->db, &row, 1, err));
    db_rollback(fixture->db);
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM email_logs"), 1);
}

/* ---- figures ---- */

static void figures_are_saved_and_loaded(void **state) {
    struct fixture *fixture = fixture_of(state);
    const int64_t ids[] = {add_email(fixture, ORGANIZATION, "a"), add_email(fixture, ORGANIZATION, "b"),
                           add_email(fixture, 8, "c")};
    struct email_stats stats[4] = {
        {.organization_id = ORGANIZATION, .email_log_id = ids[0]},
        {.organization_id = ORGANIZATION, .email_log_id = ids[1]},
        {.organization_id = ORGANIZATION, .email_log_id = 1000000},
        {.organization_id = 8, .email_log_id = ids[2]},
    };
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(engagement_lock_stats(fixture->db, stats, 4, err));
    assert_int_equal(stats[2].email_log_id, 0);
    int64_t *times[] = {&stats[0].delivered_at,  &stats[0].opened_at,      &stats[0].clicked_at,
                        &stats[0].replied_at,    &stats[0].bounced_at,     &stats[0].dropped_at,
                        &stats[0].complained_at, &stats[0].unsubscribed_at};
    for (int i = 0; i < 8; i++)
        *times[i] = TIME_0 + 100 + i;
    stats[0].open_count = 1;
    stats[0].machine_open_count = 2;
    stats[0].click_count = 3;
    stats[0].total_click_count = 4;
    stats[0].machine_click_count = 5;
    stats[0].bounce_type = BOUNCE_HARD;
    stats[1].opened_at = 0; /* 1970 is a time, too */
    stats[3].delivered_at = -5;
    const struct email_stats *changed[] = {&stats[0], &stats[1], &stats[3]};
    assert_done(engagement_save_stats(fixture->db, changed, 3, err));
    assert_done(db_commit(fixture->db, err));
    for (int i = 0; i < 3; i++) {
        struct email_stats loaded = load_stats(fixture, changed[i]->organization_id, changed[i]->email_log_id);
        assert_same_stats(&loaded, changed[i]);
    }
    assert_int_equal(load_stats(fixture, 8, ids[0]).email_log_id, 0); /* another organization's */
}

static void dictionaries_give_one_id_for_one_text(void **state) {
    struct fixture *fixture = fixture_of(state);
    for (int which = 0; which < 2; which++) {
        enum dictionary dictionary = which == 0 ? DICTIONARY_LINKS : DICTIONARY_AGENTS;
        struct dictionary_row rows[] = {
            {.organization_id = ORGANIZATION, .key = {-5, 1}, .text = SLICE("https://a.example/"), .position = -1},
            {.organization_id = ORGANIZATION, .key = {-5, 2}, .text = SLICE("https://b.example/"), .position = 3},
            {.organization_id = ORGANIZATION, .key = {9, 1}, .text = SLICE_NONE, .position = 0},
            {.organization_id = 8, .key = {-5, 1}, .text = SLICE("https://a.example/"), .position = -1},
        };
        struct dictionary_row again[4];
        memcpy(again, rows, sizeof(rows));
        assert_done(db_begin(fixture->db, DB_WRITE, err));
        assert_done(engagement_dictionary(fixture->db, dictionary, rows, 3, err));
        assert_done(db_commit(fixture->db, err));
        assert_done(db_begin(fixture->db, DB_WRITE, err));
        assert_done(engagement_dictionary(fixture->db, dictionary, again, 4, err));
        assert_done(db_commit(fixture->db, err));
        for (int i = 0; i < 3; i++) {
            assert_true(rows[i].id > 0);
            assert_int_equal(again[i].id, rows[i].id);
        }
        assert_true(rows[0].id != rows[1].id && rows[1].id != rows[2].id && rows[0].id != rows[2].id);
        assert_true(again[3].id > 0);
    }
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM links"), 4);
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM agents"), 4);
    assert_int_equal(ask_int(fixture->db, "SELECT position FROM links WHERE url = 'https://b.example/'"), 3);
}

static void figures_of_links_are_saved_and_loaded(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct link_row rows[] = {
        {.organization_id = ORGANIZATION, .stats = {.email_log_id = 1, .link_id = 5}},
        {.organization_id = ORGANIZATION, .stats = {.email_log_id = 2, .link_id = 5}},
    };
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(engagement_load_links(fixture->db, rows, 2, err));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rows[i].stats.email_log_id, 1 + i);
        assert_int_equal(rows[i].stats.link_id, 5);
        assert_true(rows[i].stats.clicked_at == TIME_UNSET);
        assert_int_equal(rows[i].stats.click_count + rows[i].stats.machine_click_count, 0);
    }
    rows[0].stats.machine_click_count = 2;
    rows[1].stats.clicked_at = TIME_0;
    rows[1].stats.click_count = 1;
    assert_done(engagement_save_links(fixture->db, rows, 2, err));
    rows[0].stats.clicked_at = TIME_0 + 9;
    rows[0].stats.click_count = 4;
    assert_done(engagement_save_links(fixture->db, rows, 1, err));
    struct link_row loaded[] = {
        {.organization_id = ORGANIZATION, .stats = {.email_log_id = 1, .link_id = 5, .click_count = 77}},
        {.organization_id = ORGANIZATION, .stats = {.email_log_id = 2, .link_id = 5, .click_count = 77}},
        {.organization_id = 8, .stats = {.email_log_id = 2, .link_id = 5, .click_count = 77}},
    };
    assert_done(engagement_load_links(fixture->db, loaded, 3, err));
    assert_memory_equal(&loaded[0].stats, &rows[0].stats, sizeof(struct link_stats));
    assert_memory_equal(&loaded[1].stats, &rows[1].stats, sizeof(struct link_stats));
    assert_int_equal(loaded[2].stats.click_count, 0);
    assert_done(db_commit(fixture->db, err));
}

/* ---- events ---- */

static void an_event_comes_back_whole(void **state) {
    struct fixture *fixture = fixture_of(state);
    int64_t email = add_email(fixture, ORGANIZATION, "a");
    struct dictionary_row link = {
        .organization_id = ORGANIZATION, .key = {1, 1}, .text = SLICE("https://a.example/"), .position = 2};
    struct dictionary_row agent = {.organization_id = ORGANIZATION, .key = {1, 1}, .text = SLICE("Mozilla/5.0")};
    assert_done(engagement_dictionary(fixture->db, DICTIONARY_LINKS, &link, 1, err));
    assert_done(engagement_dictionary(fixture->db, DICTIONARY_AGENTS, &agent, 1, err));
    struct event_row rows[] = {event_at(email, 5, EVENT_CLICK), event_at(email, 6, EVENT_BOUNCE)};
    rows[0].key.link_id = link.id;
    rows[0].key.recipient_ref = INT64_MAX;
    rows[0].verdict = VERDICT_MACHINE;
    rows[0].reasons = INT64_MAX;
    rows[0].agent_id = agent.id;
    rows[0].ip_address = slice_of("\xc0\x00\x02\x00", 4);
    rows[0].provider_event_id = slice_of("\x02\x00\x01", 3);
    rows[0].metadata = SLICE("{\"reason\":\"\xc3\xa9\"}");
    rows[1].bounce = BOUNCE_BLOCK;
    rows[1].received_at = rows[1].key.occurred_at - 2000; /* the provider's clock is ahead */
    assert_int_equal(store_events(fixture, rows, 2), 2);
    struct stored_event *events = NULL;
    assert_int_equal(timeline(fixture, email, 100, &events), 2);
    assert_int_equal(event_key_compare(&events[0].key, &rows[0].key), 0);
    assert_int_equal(events[0].verdict, VERDICT_MACHINE);
    assert_true(events[0].reasons == INT64_MAX);
    assert_int_equal(events[0].bounce, BOUNCE_NONE);
    assert_int_equal(events[0].endpoint_id, 2);
    assert_int_equal(events[0].received_at, rows[0].received_at);
    assert_true(slice_equal(events[0].url, SLICE("https://a.example/")));
    assert_int_equal(events[0].link_position, 2);
    assert_true(slice_equal(events[0].user_agent, SLICE("Mozilla/5.0")));
    assert_true(slice_equal(events[0].ip_address, rows[0].ip_address));
    assert_true(slice_equal(events[0].provider_event_id, rows[0].provider_event_id));
    assert_true(slice_equal(events[0].metadata, rows[0].metadata));
    assert_int_equal(event_key_compare(&events[1].key, &rows[1].key), 0);
    assert_int_equal(events[1].bounce, BOUNCE_BLOCK);
    assert_int_equal(events[1].received_at, rows[1].received_at);
    assert_int_equal(events[1].link_position, LINK_POSITION_NONE);
    assert_true(slice_empty(events[1].url) && slice_empty(events[1].user_agent) && slice_empty(events[1].ip_address));
    assert_true(slice_empty(events[1].provider_event_id) && slice_empty(events[1].metadata));
}

static void an_event_is_stored_once(void **state) {
    struct fixture *fixture = fixture_of(state);
    int64_t email = add_email(fixture, ORGANIZATION, "a");
    struct event_row rows[] = {event_at(email, 1, EVENT_DELIVERED), event_at(email, 2, EVENT_OPEN),
                               event_at(email, 2, EVENT_CLICK), event_at(email, 2, EVENT_CLICK),
                               event_at(email, 2, EVENT_CLICK)};
    rows[3].key.link_id = 1;
    rows[4].key.recipient_ref = 1;
    assert_int_equal(store_events(fixture, rows, 5), 5);
    assert_int_equal(store_events(fixture, rows, 5), 0);
    for (int i = 0; i < 5; i++)
        assert_false(rows[i].inserted);
    struct event_row mixed[] = {event_at(email, 2, EVENT_OPEN), event_at(email, 3, EVENT_OPEN)};
    mixed[0].verdict = VERDICT_MACHINE; /* no part of the key: what is stored stays */
    assert_int_equal(store_events(fixture, mixed, 2), 1);
    assert_false(mixed[0].inserted);
    assert_true(mixed[1].inserted);
    struct stored_event *events = NULL;
    assert_int_equal(timeline(fixture, email, 100, &events), 6);
    assert_int_equal(events[1].key.event_type, EVENT_OPEN);
    assert_int_equal(events[1].verdict, VERDICT_HUMAN);
}

static void a_rolled_back_event_is_new_again(void **state) {
    struct fixture *fixture = fixture_of(state);
    int64_t email = add_email(fixture, ORGANIZATION, "a");
    struct event_row first = event_at(email, 1, EVENT_OPEN), second = event_at(email, 2, EVENT_OPEN);
    assert_int_equal(store_events(fixture, &first, 1), 1);
    struct email_stats stats = {.organization_id = ORGANIZATION, .email_log_id = email};
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(engagement_lock_stats(fixture->db, &stats, 1, err));
    second.stats = &stats;
    assert_done(engagement_insert_events(fixture->db, &second, 1, err));
    assert_true(second.inserted);
    db_rollback(fixture->db);
    assert_int_equal(store_events(fixture, &second, 1), 1);
    struct stored_event *events = NULL;
    assert_int_equal(timeline(fixture, email, 100, &events), 2);
}

static uint64_t next_number(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Whatever the order of arrival, the repetitions and the batches: the timeline is the sorted set. */
static void a_timeline_is_the_set_of_events_in_order(void **state) {
    struct fixture *fixture = fixture_of(state);
    uint64_t numbers = 88172645463325252u;
    for (int round = 0; round < 8; round++) {
        enum { COUNT = 60 };
        int64_t email = add_email(fixture, ORGANIZATION, arena_printf(fixture->arena, "m%d", round));
        struct event_row set[COUNT];
        for (int i = 0; i < COUNT; i++) {
            /* Few different times: many events share a millisecond. Some lie before 1970 and far ahead. */
            set[i] = event_at(email, (int64_t)(next_number(&numbers) % 20) * 100000 - 500000,
                              (enum event_type)(1 + next_number(&numbers) % 4));
            if (i % 10 == 9) set[i].key.occurred_at = (int64_t)(next_number(&numbers) % 4000000000000) - 100000;
            set[i].key.link_id = (int64_t)(next_number(&numbers) % 2);
        }
        size_t inserted = 0;
        for (int at = 0; at < 3 * COUNT;) {
            struct event_row batch[8];
            size_t wanted = 1 + next_number(&numbers) % 8, count = 0;
            for (; wanted > 0 && at < 3 * COUNT; wanted--, at++) {
                struct event_row row = at < COUNT ? set[at] : set[next_number(&numbers) % COUNT];
                bool there = false;
                for (size_t i = 0; i < count; i++)
                    there = there || event_key_compare(&batch[i].key, &row.key) == 0;
                if (!there) batch[count++] = row;
            }
            inserted += store_events(fixture, batch, count);
        }
        struct stored_event *events = NULL;
        size_t count = timeline(fixture, email, TIMELINE_MAX, &events);
        assert_int_equal(count, inserted);
        for (size_t i = 1; i < count; i++)
            assert_true(event_key_compare(&events[i - 1].key, &events[i].key) < 0);
        for (int i = 0; i < COUNT; i++) {
            bool found = false;
            for (size_t k = 0; k < count; k++)
                found = found || event_key_compare(&set[i].key, &events[k].key) == 0;
            assert_true(found);
        }
    }
}

static void a_timeline_keeps_to_its_email_and_limit(void **state) {
    struct fixture *fixture = fixture_of(state);
    int64_t a = add_email(fixture, ORGANIZATION, "a"), b = add_email(fixture, ORGANIZATION, "b");
    struct event_row rows[50];
    for (int i = 0; i < 50; i++)
        rows[i] = event_at(i % 5 == 0 ? b : a, i / 2, EVENT_OPEN + i % 2);
    for (int i = 0; i < 50; i++)
        assert_int_equal(store_events(fixture, &rows[i], 1), 1);
    struct stored_event *events = NULL;
    assert_int_equal(timeline(fixture, a, 100, &events), 40);
    assert_int_equal(timeline(fixture, b, 100, &events), 10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(events[i].key.email_log_id, b);
    assert_int_equal(timeline(fixture, b, 4, &events), 4);
    assert_int_equal(events[3].key.occurred_at, TIME_0 + 22); /* the latest are kept */
    assert_int_equal(timeline(fixture, b, 0, &events), 0);
    assert_int_equal(timeline(fixture, 1000000, 100, &events), 0);
    size_t count = 1;
    assert_done(engagement_timeline(fixture->db, 8, a, 100, fixture->arena, &events, &count, err));
    assert_int_equal(count, 0);
    assert_done(db_begin(fixture->db, DB_READ, err)); /* inside a transaction it uses that one */
    assert_int_equal(timeline(fixture, a, 100, &events), 40);
    assert_done(db_commit(fixture->db, err));
}

/* ---- totals ---- */

static int64_t sum_of(struct fixture *fixture, int64_t cohort_id, int index) {
    static const struct statement one = {
        .name = "cohort",
        .sql = "SELECT sent, open_base, click_base, delivered, opened, clicked, opened_or_clicked, replied, bounced, "
               "bounced_hard, complained, unsubscribed, dropped, opens, clicks, total_clicks, machine_opens, "
               "machine_clicks, open_delay_ms FROM cohorts WHERE organization_id = 7 AND id = $1"};
    struct db_rows *rows = NULL;
    assert_int_equal(db_query_row(fixture->db, &one, DB_VALUES(db_int(cohort_id)), &rows, NULL), 1);
    int64_t value = db_column_int(rows, index);
    db_rows_free(rows);
    return value;
}

static void changes_are_folded_into_totals(void **state) {
    struct fixture *fixture = fixture_of(state);
    run_sql(fixture->db, "INSERT INTO cohorts (organization_id, id, day) VALUES (7, 1, 10); "
                         "INSERT INTO cohorts (organization_id, id, day) VALUES (7, 2, 11)");
    struct cohort_delta cohorts[] = {{.organization_id = 7, .cohort_id = 1},
                                     {.organization_id = 7, .cohort_id = 2, .change = {.sent = 1, .opens = -3}},
                                     {.organization_id = 7, .cohort_id = 1, .change = {.sent = 1, .open_delay_ms = 5}}};
    for (size_t i = 0; i < CONTRIBUTION_COUNT; i++)
        ((int64_t *)&cohorts[0].change)[i] = 100 + (int64_t)i;
    struct breakdown_delta breakdowns[] = {
        {.organization_id = 7, .cohort_id = 1, .kind = BREAKDOWN_OPEN_DELAY, .item = 4, .n = 2},
        {.organization_id = 7, .cohort_id = 1, .kind = BREAKDOWN_OPEN_DELAY, .item = 4, .n = 3},
        {.organization_id = 7, .cohort_id = 1, .kind = BREAKDOWN_LINK_CLICKS, .item = 4, .n = 1},
        {.organization_id = 7, .cohort_id = 2, .kind = BREAKDOWN_OPEN_DELAY, .item = 4, .n = -1},
    };
    int64_t backlog = -1, folded = -1;
    assert_done(engagement_fold_backlog(fixture->db, &backlog, err));
    assert_int_equal(backlog, 0);
    for (int round = 1; round <= 2; round++) {
        assert_done(db_begin(fixture->db, DB_WRITE, err));
        assert_done(engagement_append_deltas(fixture->db, cohorts, 3, breakdowns, 4, err));
        assert_done(db_commit(fixture->db, err));
        assert_done(engagement_fold_backlog(fixture->db, &backlog, err));
        assert_int_equal(backlog, 7);
        assert_done(db_begin(fixture->db, DB_WRITE, err));
        assert_done(engagement_fold(fixture->db, 1000, &folded, err));
        assert_done(db_commit(fixture->db, err));
        assert_int_equal(folded, 7);
        for (int i = 0; i < (int)CONTRIBUTION_COUNT; i++) {
            int64_t once = 100 + i + (i == 0 ? 1 : 0) + (i == (int)CONTRIBUTION_COUNT - 1 ? 5 : 0);
            assert_int_equal(sum_of(fixture, 1, i), once * round);
        }
        assert_int_equal(sum_of(fixture, 2, 13), -3 * round);
    }
    assert_int_equal(ask_int(fixture->db, "SELECT n FROM breakdowns WHERE organization_id = 7 AND cohort_id = 1 AND "
                                          "kind = 1 AND item = 4"),
                     10);
    assert_int_equal(ask_int(fixture->db, "SELECT sum(n) FROM breakdowns WHERE cohort_id = 1"), 12);
    assert_int_equal(ask_int(fixture->db, "SELECT sum(n) FROM breakdowns WHERE cohort_id = 2"), -2);
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM cohort_deltas"), 0);
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM breakdown_deltas"), 0);
}

static void folding_goes_in_portions_and_can_be_undone(void **state) {
    struct fixture *fixture = fixture_of(state);
    run_sql(fixture->db, "INSERT INTO cohorts (organization_id, id, day) VALUES (7, 1, 10)");
    struct cohort_delta delta = {.organization_id = 7, .cohort_id = 1, .change = {.opens = 1}};
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    for (int i = 0; i < 25; i++)
        assert_done(engagement_append_deltas(fixture->db, &delta, 1, NULL, 0, err));
    assert_done(db_commit(fixture->db, err));
    int64_t folded = -1;
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(engagement_fold(fixture->db, 10, &folded, err));
    assert_int_equal(folded, 10);
    db_rollback(fixture->db);
    const int64_t expected[] = {10, 10, 5, 0};
    for (int i = 0; i < 4; i++) {
        assert_done(db_begin(fixture->db, DB_WRITE, err));
        assert_done(engagement_fold(fixture->db, 10, &folded, err));
        assert_done(db_commit(fixture->db, err));
        assert_int_equal(folded, expected[i]);
    }
    assert_int_equal(sum_of(fixture, 1, 13), 25);
}

/* A writer appends and does not commit while another connection folds: nothing is lost, nothing counted twice. */
static void folding_leaves_what_others_have_not_committed(void **state) {
    struct fixture *fixture = fixture_of(state);
    if (!fixture->postgres) skip(); /* SQLite has one writer at a time */
    run_sql(fixture->db, "INSERT INTO cohorts (organization_id, id, day) VALUES (7, 1, 10)");
    struct cohort_delta delta = {.organization_id = 7, .cohort_id = 1, .change = {.opens = 1}};
    struct db *other = NULL, *third = NULL;
    int64_t folded = -1;
    assert_done(store_writer(fixture->store, &other, err));
    assert_done(store_writer(fixture->store, &third, err));
    assert_done(db_begin(other, DB_WRITE, err));
    assert_done(engagement_append_deltas(other, &delta, 1, NULL, 0, err)); /* the smaller id */
    assert_done(engagement_append_deltas(fixture->db, &delta, 1, NULL, 0, err));
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(engagement_fold(fixture->db, 10, &folded, err));
    assert_int_equal(folded, 1);
    assert_done(db_begin(third, DB_WRITE, err));
    assert_done(engagement_fold(third, 10, &folded, err)); /* one folds at a time */
    assert_int_equal(folded, 0);
    assert_done(db_commit(third, err));
    assert_done(db_commit(other, err));
    assert_done(db_commit(fixture->db, err));
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(engagement_fold(fixture->db, 10, &folded, err));
    assert_done(db_commit(fixture->db, err));
    assert_int_equal(folded, 1);
    assert_int_equal(sum_of(fixture, 1, 13), 2);
    store_writer_close(fixture->store, other);
    store_writer_close(fixture->store, third);
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(emails_are_found_by_their_keys),
        contract_test(a_registered_email_has_its_row_and_empty_figures),
        contract_test(many_emails_are_registered_at_once),
        contract_test(a_taken_key_is_a_conflict),
        contract_test(figures_are_saved_and_loaded),
        contract_test(dictionaries_give_one_id_for_one_text),
        contract_test(figures_of_links_are_saved_and_loaded),
        contract_test(an_event_comes_back_whole),
        contract_test(an_event_is_stored_once),
        contract_test(a_rolled_back_event_is_new_again),
        contract_test(a_timeline_is_the_set_of_events_in_order),
        contract_test(a_timeline_keeps_to_its_email_and_limit),
        contract_test(changes_are_folded_into_totals),
        contract_test(folding_goes_in_portions_and_can_be_undone),
        contract_test(folding_leaves_what_others_have_not_committed),
    };
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
