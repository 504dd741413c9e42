/* endpoints.c and receive.c: from stored rows to a judged delivery. */
#include "ingest/receive.h"

#include "store/organizations.h"
#include "tests/unit/ingest/endpoint_support.h"

#include "base/banned.h"

#define NOW 1764000000000LL

static void insert(struct fixture *fixture, struct endpoint_row *row) {
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(endpoint_row_insert(fixture->db, row, NOW, err));
    assert_done(db_commit(fixture->db, err));
}

static struct slice token_of(const struct endpoint *endpoint) {
    return endpoint ? endpoint->token : SLICE_NONE;
}

static void follow_the_database(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct endpoints *endpoints = endpoints_new(&box, "https://inkling.example.org");
    struct endpoint_row first = row_with(fixture->arena, "first", "[\"" SECRET_ONE "\",\"" SECRET_TWO "\"]");
    struct endpoint_row second = row_with(fixture->arena, "second", NULL);
    assert_null(endpoints_acquire(endpoints, SLICE("first")));
    insert(fixture, &first);
    insert(fixture, &second);
    assert_null(endpoints_acquire(endpoints, SLICE("first")));
    assert_done(endpoints_refresh(endpoints, fixture->db, err));
    const struct endpoint *held = endpoints_acquire(endpoints, SLICE("first"));
    assert_non_null(held);
    assert_int_equal(held->settings.secret_count, 2);
    assert_false(held->broken);
    assert_true(slice_equal(token_of(held), SLICE("first")));
    const struct endpoint *by_id = endpoints_acquire_by_id(endpoints, 1, second.id);
    assert_true(slice_equal(token_of(by_id), SLICE("second")));
    assert_null(endpoints_acquire_by_id(endpoints, 2, second.id));
    endpoints_release(by_id);
    assert_null(endpoints_acquire(endpoints, SLICE("")));
    assert_null(endpoints_acquire(endpoints, SLICE("firstt")));

    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(endpoint_row_disable(fixture->db, 1, first.id, NOW, err));
    assert_fails(ERR_NOT_FOUND, endpoint_row_disable(fixture->db, 1, first.id, NOW, err));
    assert_done(db_commit(fixture->db, err));
    assert_done(endpoints_refresh(endpoints, fixture->db, err));
    assert_null(endpoints_acquire(endpoints, SLICE("first")));
    assert_true(slice_equal(token_of(held), SLICE("first"))); /* ours until we give it back */
    endpoints_release(held);
    endpoints_release(NULL);
    endpoints_free(endpoints);
}

static void refresh_looks_at_the_version_only(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct endpoints *endpoints = endpoints_new(&box, "https://inkling.example.org");
    struct endpoint_row row = row_with(fixture->arena, "first", NULL);
    insert(fixture, &row);
    assert_done(endpoints_refresh(endpoints, fixture->db, err));
    const struct endpoint *before = endpoints_acquire(endpoints, SLICE("first"));
    assert_done(endpoints_refresh(endpoints, fixture->db, err));
    const struct endpoint *after = endpoints_acquire(endpoints, SLICE("first"));
    assert_ptr_equal(before, after);
    endpoints_release(before);
    endpoints_release(after);
    endpoints_free(endpoints);
}

static void unreadable_settings_refuse_everything(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct secret_box other = {.key = {9}};
    struct endpoints *endpoints = endpoints_new(&box, "https://inkling.example.org"),
                     *strange = endpoints_new(&other, "https://inkling.example.org");
    struct endpoint_row rows[5];
    for (int i = 0; i < 5; i++)
        rows[i] = row_with(fixture->arena, arena_printf(fixture->arena, "row%d", i), "[\"" SECRET_ONE "\"]");
    rows[1].secrets = seal(fixture->arena, "[\"no secret of this provider\"]");
    rows[2].allowed_cidrs = SLICE("[\"10.0.0.0/99\"]");
    rows[3].topic_arns = SLICE("no JSON");
    rows[4].provider = SLICE("carrier-pigeon");
    for (int i = 0; i < 5; i++)
        insert(fixture, &rows[i]);
    assert_done(endpoints_refresh(endpoints, fixture->db, err));
    assert_done(endpoints_refresh(strange, fixture->db, err));
    for (int i = 0; i < 4; i++) {
        const struct endpoint *endpoint = endpoints_acquire(endpoints, rows[i].token);
        assert_non_null(endpoint);
        assert_int_equal(endpoint->broken, i > 0);
        endpoints_release(endpoint);
        endpoint = endpoints_acquire(strange, rows[i].token);
        assert_true(endpoint->broken);
        endpoints_release(endpoint);
    }
    assert_null(endpoints_acquire(endpoints, rows[4].token));
    endpoints_free(endpoints);
    endpoints_free(strange);
}

/* ---- deliveries ---- */

struct headers {
    const struct composed_delivery *composed;
    const char *authorization;
};

static struct slice header(const struct delivery *delivery, struct slice name) {
    const struct headers *headers = delivery->headers;
    if (slice_equal_nocase(name, SLICE("authorization"))) return slice_cstr(headers->authorization);
    for (size_t i = 0; i < headers->composed->header_count; i++)
        if (slice_equal_nocase(slice_cstr(headers->composed->headers[i].name), name))
            return headers->composed->headers[i].value;
    return SLICE_NONE;
}

struct bench {
    struct fixture *fixture;
    struct endpoints *endpoints;
    const struct endpoint *endpoint;
    struct composed_delivery composed;
    struct headers headers;
    struct receive_outcome outcome;
};

static void bench_open(struct bench *bench, struct fixture *fixture, struct endpoint_row *row) {
    *bench = (struct bench){.fixture = fixture, .endpoints = endpoints_new(&box, "https://inkling.example.org")};
    insert(fixture, row);
    assert_done(endpoints_refresh(bench->endpoints, fixture->db, err));
    bench->endpoint = endpoints_acquire(bench->endpoints, row->token);
    struct event event = {.type = EVENT_OPEN,
                          .occurred_at = NOW,
                          .keys = {SLICE("m1")},
                          .recipient = SLICE("j@example.org"),
                          .link_position = LINK_POSITION_NONE};
    assert_done(bench->endpoint->settings.provider->compose(&bench->endpoint->settings, &event, 1, SLICE(SECRET_ONE),
                                                            NOW, fixture->arena, &bench->composed, err));
    bench->headers.composed = &bench->composed;
}

static void bench_close(struct bench *bench) {
    endpoints_release(bench->endpoint);
    endpoints_free(bench->endpoints);
}

static int receive(struct bench *bench, struct slice body, const char *client_text, struct err *err) {
    struct arena *arena = bench->fixture->arena;
    char *padded = arena_alloc(arena, body.len + JSON_PADDING);
    memcpy(padded, body.ptr, body.len);
    struct delivery delivery = {
        .body = slice_of(padded, body.len), .header = header, .headers = &bench->headers, .received_at = NOW};
    struct address client;
    struct json_reader *json = json_reader_new();
    if (client_text) assert_true(address_parse(slice_cstr(client_text), &client));
    int r = receive_delivery(bench->endpoint, &delivery, client_text ? &client : NULL, NULL, true, json, arena,
                             store_hash_key(bench->fixture->store), NOW, &bench->outcome, err);
    json_reader_free(json);
    return r;
}

static void signed_delivery_becomes_a_batch(void **state) {
    struct bench bench;
    struct endpoint_row row = row_with(fixture_of(state)->arena, "t", "[\"" SECRET_TWO "\",\"" SECRET_ONE "\"]");
    bench_open(&bench, fixture_of(state), &row);
    assert_done(receive(&bench, bench.composed.body, "192.0.2.1", err));
    assert_non_null(bench.outcome.batch);
    assert_int_equal(bench.outcome.batch->count, 1);
    assert_int_equal(bench.outcome.batch->endpoint_id, row.id);
    assert_int_equal(bench.outcome.batch->events[0].type, EVENT_OPEN);
    event_batch_free(bench.outcome.batch);
    struct slice changed = arena_copy(bench.fixture->arena, bench.composed.body);
    ((char *)(uintptr_t)changed.ptr)[changed.len - 2] ^= 1;
    assert_fails(ERR_SIGNATURE, receive(&bench, changed, "192.0.2.1", err));
    assert_int_equal(bench.outcome.failed_at, RECEIVE_SIGNATURE);
    assert_null(bench.outcome.batch);
    bench_close(&bench);
}

static void the_allow_list_comes_first(void **state) {
    struct bench bench;
    struct endpoint_row row = row_with(fixture_of(state)->arena, "t", "[\"" SECRET_ONE "\"]");
    row.allowed_cidrs = SLICE("[\"192.0.2.0/24\",\"2001:db8::/32\"]");
    bench_open(&bench, fixture_of(state), &row);
    assert_fails(ERR_DENIED, receive(&bench, bench.composed.body, "198.51.100.1", err));
    assert_int_equal(bench.outcome.failed_at, RECEIVE_ADDRESS);
    static const char *const allowed[] = {"192.0.2.77", "2001:db8::1", NULL}; /* NULL: replay */
    for (int i = 0; i < 3; i++) {
        assert_done(receive(&bench, bench.composed.body, allowed[i], err));
        event_batch_free(bench.outcome.batch);
    }
    bench_close(&bench);
}

static void credentials_in_every_form(void **state) {
    static const struct {
        const char *authorization;
        bool good;
    } cases[] = {
        {"Basic dXNlcjpwYXNz", true}, /* user:pass */
        {"basic   dXNlcjpwYXNz ", true},
        {"Bearer token", true},
        {"BEARER token", true},
        {"", false},
        {"Basic", false},
        {"Basic dXNlcjpwYXNz=", false},
        {"Basic dXNlcg==", false},
        {"Basic dXNlcjpwYXNzcw==", false},
        {"Basic OnRva2Vu", false}, /* :token */
        {"Bearer pass", false},
        {"Bearer tokens", false},
        {"Bearer ", false},
        {"Digest dXNlcjpwYXNz", false},
    };
    struct bench bench;
    struct endpoint_row row = row_with(fixture_of(state)->arena, "t", "[\"" SECRET_ONE "\"]");
    row.credentials =
        seal(fixture_of(state)->arena, "[{\"username\":\"user\",\"password\":\"pass\"},{\"password\":\"token\"}]");
    bench_open(&bench, fixture_of(state), &row);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        bench.headers.authorization = cases[i].authorization;
        int r = receive(&bench, bench.composed.body, "192.0.2.1", &err);
        if ((r == 0) != cases[i].good) fail_msg("\"%s\": %d", cases[i].authorization, r);
        if (r == 0)
            event_batch_free(bench.outcome.batch);
        else
            assert_int_equal(bench.outcome.failed_at, RECEIVE_CREDENTIALS);
    }
    bench.headers.authorization = NULL;
    assert_done(receive(&bench, bench.composed.body, NULL, err)); /* replay: an admin decides */
    event_batch_free(bench.outcome.batch);
    bench_close(&bench);
}

static void a_broken_endpoint_refuses(void **state) {
    struct bench bench;
    struct endpoint_row row = row_with(fixture_of(state)->arena, "t", "[\"" SECRET_ONE "\"]");
    row.require_signature = false;
    row.allowed_cidrs = SLICE("[\"nonsense\"]");
    bench_open(&bench, fixture_of(state), &row);
    assert_true(bench.endpoint->broken);
    assert_fails(ERR_SIGNATURE, receive(&bench, bench.composed.body, "192.0.2.1", err));
    assert_fails(ERR_SIGNATURE, receive(&bench, bench.composed.body, NULL, err));
    bench_close(&bench);
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(follow_the_database),
        contract_test(refresh_looks_at_the_version_only),
        contract_test(unreadable_settings_refuse_everything),
        contract_test(signed_delivery_becomes_a_batch),
        contract_test(the_allow_list_comes_first),
        contract_test(credentials_in_every_form),
        contract_test(a_broken_endpoint_refuses),
    };
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
