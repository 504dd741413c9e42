#include "http/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void handler(struct http_request *request) {}

enum { ROOT, EMAILS, EMAIL, EMAIL_PATCH, NEW_POST, EVENTS, PIXEL, THREE, END };
static const struct http_route routes[] = {
    [ROOT] = {HTTP_GET, "/", handler, 0, 0, NULL},
    [EMAILS] = {HTTP_POST, "/emails", handler, 0, 10, NULL},
    [EMAIL] = {HTTP_GET, "/emails/{id}", handler, 0, 0, NULL},
    [EMAIL_PATCH] = {HTTP_PATCH, "/emails/{id}", handler, 0, 0, NULL},
    [NEW_POST] = {HTTP_POST, "/emails/new", handler, 0, 0, NULL},
    [EVENTS] = {HTTP_GET, "/emails/{email}/events", handler, 0, 0, NULL},
    [PIXEL] = {HTTP_GET, "/o/{token}", handler, 0, 0, NULL},
    [THREE] = {HTTP_DELETE, "/{a}/x/{b}/{c}", handler, 0, 0, NULL},
    [END] = {0},
};

static struct router_match match(enum http_method method, size_t count, const char *const *texts) {
    struct slice segments[8];
    struct router_match found;
    struct router *router = router_new(routes);
    for (size_t i = 0; i < count; i++)
        segments[i] = slice_cstr(texts[i]);
    router_match(router, method, segments, count, &found);
    router_free(router);
    return found;
}
#define MATCH(method, ...)                                                                                             \
    match(method, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), (const char *const[]){__VA_ARGS__})

static void test_literals_and_braces(void **state) {
    assert_ptr_equal(MATCH(HTTP_GET, "").route, &routes[ROOT]);
    assert_ptr_equal(MATCH(HTTP_POST, "emails").route, &routes[EMAILS]);
    struct router_match found = MATCH(HTTP_GET, "emails", "17");
    assert_ptr_equal(found.route, &routes[EMAIL]);
    assert_true(slice_equal(found.params[0], SLICE("17")));
    assert_ptr_equal(MATCH(HTTP_GET, "emails", "17", "events").route, &routes[EVENTS]);
    found = MATCH(HTTP_DELETE, "1", "x", "2", "3");
    assert_ptr_equal(found.route, &routes[THREE]);
    assert_true(slice_equal(found.params[0], SLICE("1")));
    assert_true(slice_equal(found.params[1], SLICE("2")));
    assert_true(slice_equal(found.params[2], SLICE("3")));
}

static void test_literal_wins_but_gives_way(void **state) {
    assert_ptr_equal(MATCH(HTTP_POST, "emails", "new").route, &routes[NEW_POST]);
    struct router_match found = MATCH(HTTP_GET, "emails", "new");
    assert_ptr_equal(found.route, &routes[EMAIL]);
    assert_true(slice_equal(found.params[0], SLICE("new")));
    found = MATCH(HTTP_DELETE, "emails", "x", "2", "3");
    assert_ptr_equal(found.route, &routes[THREE]);
    assert_true(slice_equal(found.params[0], SLICE("emails")));
}

static void test_nothing_there(void **state) {
    struct router_match found = MATCH(HTTP_GET, "nothing");
    assert_null(found.route);
    assert_int_equal(found.allowed, 0);
    assert_int_equal(MATCH(HTTP_GET, "emails", "").allowed, 0);
    assert_int_equal(MATCH(HTTP_GET, "emails", "1", "").allowed, 0);
    assert_int_equal(MATCH(HTTP_GET, "emails", "1", "events", "more").allowed, 0);
}

static void test_other_methods(void **state) {
    struct router_match found = MATCH(HTTP_DELETE, "emails", "new");
    assert_null(found.route);
    assert_int_equal(found.allowed, 1u << HTTP_POST | 1u << HTTP_GET | 1u << HTTP_PATCH);
    assert_int_equal(MATCH(HTTP_METHOD_COUNT, "emails").allowed, 1u << HTTP_POST);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_literals_and_braces),
        cmocka_unit_test(test_literal_wins_but_gives_way),
        cmocka_unit_test(test_nothing_there),
        cmocka_unit_test(test_other_methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
