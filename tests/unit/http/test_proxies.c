/* Whose address a request counts for (compliance C-77). */
#include "http/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "http/raw_client.h"

static void say_address(struct http_request *request) {
    char text[ADDRESS_TEXT_MAX];
    http_answer(request, 200, "text/plain", address_format(http_client_address(request), text));
}

static const struct http_route routes[] = {{HTTP_GET, "/", say_address, 0, 0, NULL}, {0}};

static struct http_server *start(const char *const *trusted, size_t count, struct cidr *cidrs, size_t each_max) {
    struct http_server *server = NULL;
    struct err err;
    for (size_t i = 0; i < count; i++)
        assert_int_equal(cidr_parse(slice_cstr(trusted[i]), &cidrs[i], &err), 0);
    struct http_server_options options = {
        .listen = "127.0.0.1:0",
        .event_threads = 1,
        .trusted_proxies = cidrs,
        .trusted_proxy_count = count,
        .connections_per_address_max = each_max,
    };
    assert_int_equal(http_server_start(&options, routes, &server, &err), 0);
    return server;
}

static void expect(struct http_server *server, const char *headers, const char *address) {
    char request[1024];
    struct reply reply;
    snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: t\r\n%s\r\n", headers);
    raw_exchange(http_server_port(server), request, &reply);
    assert_int_equal(reply.status, 200);
    if (strcmp(reply.body, address) != 0) fail_msg("%s instead of %s for:\n%s", reply.body, address, headers);
}

static void test_header_of_a_stranger_is_ignored(void **state) {
    struct http_server *server = start(NULL, 0, NULL, 0);
    expect(server, "", "127.0.0.1");
    expect(server, "X-Forwarded-For: 192.0.2.1\r\n", "127.0.0.1");
    http_server_free(server);
}

static void test_right_most_untrusted_hop(void **state) {
    static const char *const trusted[] = {"127.0.0.0/8", "10.0.0.0/8", "2001:db8:ffff::/48"};
    struct cidr cidrs[3];
    struct http_server *server = start(trusted, 3, cidrs, 0);
    expect(server, "", "127.0.0.1");
    expect(server, "X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1");
    expect(server, "X-Forwarded-For: 198.51.100.7, 192.0.2.1\r\n", "192.0.2.1");
    expect(server, "X-Forwarded-For: 198.51.100.7 , 192.0.2.1,10.1.2.3\r\n", "192.0.2.1");
    expect(server, "X-Forwarded-For: 198.51.100.7\r\nx-forwarded-for: 192.0.2.1\r\nX-Forwarded-For: 10.0.0.1\r\n",
           "192.0.2.1");
    expect(server, "X-Forwarded-For: 10.0.0.2, 10.0.0.1\r\n", "10.0.0.2");
    expect(server, "X-Forwarded-For: 2001:db8::5, 2001:db8:ffff::1\r\n", "2001:db8::5");
    expect(server, "X-Forwarded-For: 192.0.2.1:4711\r\n", "192.0.2.1");
    expect(server, "X-Forwarded-For: [2001:db8::5]:4711\r\n", "2001:db8::5");
    http_server_free(server);
}

static void test_what_is_no_address_ends_the_search(void **state) {
    static const char *const trusted[] = {"127.0.0.1", "10.0.0.0/8"};
    struct cidr cidrs[2];
    struct http_server *server = start(trusted, 2, cidrs, 0);
    expect(server, "X-Forwarded-For: 192.0.2.1, unknown\r\n", "127.0.0.1");
    expect(server, "X-Forwarded-For: 192.0.2.1, unknown, 10.0.0.1\r\n", "10.0.0.1");
    expect(server, "X-Forwarded-For: 192.0.2.1,\r\n", "127.0.0.1");
    expect(server, "X-Forwarded-For:\r\n", "127.0.0.1");
    http_server_free(server);
}

static void test_proxy_may_hold_many_connections(void **state) {
    static const char *const trusted[] = {"127.0.0.1"};
    struct cidr cidrs[1];
    struct reply reply;
    struct raw *raw[4];
    struct http_server *server = start(trusted, 1, cidrs, 1);
    for (int i = 0; i < 4; i++) {
        raw[i] = raw_open(http_server_port(server));
        raw_send(raw[i], "GET / HTTP/1.1\r\nHost: t\r\n\r\n");
        raw_read(raw[i], &reply, false);
        assert_int_equal(reply.status, 200);
    }
    for (int i = 0; i < 4; i++)
        raw_close(raw[i]);
    http_server_free(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_of_a_stranger_is_ignored),
        cmocka_unit_test(test_right_most_untrusted_hop),
        cmocka_unit_test(test_what_is_no_address_ends_the_search),
        cmocka_unit_test(test_proxy_may_hold_many_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
