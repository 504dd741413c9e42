/* replay.c: a kept delivery is judged by its endpoint as it is stored now. */
#include "ingest/replay.h"

#include "base/clock.h"
#include "store/organizations.h"
#include "tests/unit/ingest/endpoint_support.h"

#include "base/banned.h"

struct scene {
    struct fixture *fixture;
    struct metrics metrics;
    struct writer *writer;
    struct endpoints *endpoints;
    struct endpoint_row row;
    struct kept_delivery kept;
};

/* A delivery signed by `secret`, as it was kept when it was rejected. */
static void keep(struct scene *scene, const char *secret, int64_t now) {
    struct arena *arena = scene->fixture->arena;
    struct event event = {.type = EVENT_OPEN,
                          .occurred_at = now - 1000,
                          .keys = {SLICE("m1")},
                          .recipient = SLICE("j@example.org"),
                          .link_position = LINK_POSITION_NONE};
    struct composed_delivery composed;
    struct strbuf headers;
    assert_done(
        provider_find(SLICE("generic"))->compose(NULL, &event, 1, slice_cstr(secret), now, arena, &composed, err));
    strbuf_init(&headers, 10000);
    for (size_t i = 0; i < composed.header_count; i++)
        strbuf_printf(&headers, "%s\"%s\":\"%.*s\"", i == 0 ? "{" : ",", composed.headers[i].name,
                      SLICE_FMT(composed.headers[i].value));
    strbuf_printf(&headers, "}");
    scene->kept = (struct kept_delivery){.organization_id = 1,
                                         .endpoint_id = scene->row.id,
                                         .kind = DELIVERY_REJECTED,
                                         .reason = SLICE("signature: wrong"),
                                         .headers = arena_copy(arena, strbuf_slice(&headers)),
                                         .body = composed.body,
                                         .body_size = (int64_t)composed.body.len,
                                         .received_at = now,
                                         .next_attempt_at = TIME_UNSET};
    strbuf_release(&headers);
    assert_done(db_begin(scene->fixture->db, DB_WRITE, err));
    assert_done(delivery_keep(scene->fixture->db, &scene->kept, 100, err));
    assert_done(db_commit(scene->fixture->db, err));
}

static void begin(struct scene *scene, struct fixture *fixture) {
    struct organization organization;
    *scene = (struct scene){.fixture = fixture, .endpoints = endpoints_new(&box, "https://inkling.example.org")};
    organization_init(&organization);
    organization.name = SLICE("one");
    scene->row = row_with(fixture->arena, "token", "[\"" SECRET_ONE "\"]");
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(organization_insert(fixture->db, &organization, clock_now(), err));
    assert_done(endpoint_row_insert(fixture->db, &scene->row, clock_now(), err));
    assert_done(db_commit(fixture->db, err));
    struct writer_options options = {.store = fixture->store,
                                     .threads = 1,
                                     .queue_events_max = 1000,
                                     .queue_jobs_max = 10,
                                     .group_events_max = 100,
                                     .metrics = &scene->metrics};
    assert_done(writer_start(&options, &scene->writer, err));
    assert_done(endpoints_refresh(scene->endpoints, fixture->db, err));
}

static void end(struct scene *scene) {
    writer_free(scene->writer);
    endpoints_free(scene->endpoints);
}

static struct kept_delivery replayed(struct scene *scene) {
    struct replay replay = {.store = scene->fixture->store,
                            .writer = scene->writer,
                            .endpoints = scene->endpoints,
                            .metrics = &scene->metrics};
    struct kept_delivery ret;
    assert_done(
        replay_delivery(&replay, scene->fixture->db, 1, scene->kept.id, clock_now(), scene->fixture->arena, &ret, err));
    return ret;
}

/* Another process sets the right secret; nobody has told this one yet. */
static void by_the_secret_that_was_set_a_moment_ago(void **state) {
    struct scene scene;
    begin(&scene, fixture_of(state));
    struct db *db = scene.fixture->db;
    keep(&scene, SECRET_TWO, clock_now());
    assert_int_equal(replayed(&scene).state, DELIVERY_KEPT);
    scene.row.secrets = seal(scene.fixture->arena, "[\"" SECRET_TWO "\"]");
    assert_done(db_begin(db, DB_WRITE, err));
    assert_done(endpoint_row_update(db, &scene.row, clock_now(), err));
    assert_done(deliveries_make_due(db, 1, scene.row.id, clock_now(), err));
    assert_done(db_commit(db, err));
    struct kept_delivery ret = replayed(&scene);
    assert_int_equal(ret.state, DELIVERY_REPLAYED);
    assert_int_equal(ret.attempts, 2);
    assert_int_equal(ret.next_attempt_at, TIME_UNSET);
    assert_int_equal(ask_int(db, "SELECT count(*) FROM orphan_events"), 1);
    end(&scene);
}

int main(void) {
    struct CMUnitTest tests[] = {contract_test(by_the_secret_that_was_set_a_moment_ago)};
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
