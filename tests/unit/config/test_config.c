#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/options.h"

struct fixture {
    char file[64];
    struct config *config;
};

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    snprintf(fixture->file, sizeof(fixture->file), "/tmp/inkling-config-XXXXXX");
    int fd = mkstemp(fixture->file);
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < options_count; i++) {
        char name[80] = "INKLING_";
        for (size_t c = 0; options[i].name[c]; c++)
            name[8 + c] = options[i].name[c] == '_' ? '_' : (char)(options[i].name[c] - 'a' + 'A');
        unsetenv(name);
    }
    unsetenv("INKLING_CONFIG");
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    config_free(fixture->config);
    unlink(fixture->file);
    free(fixture);
    return 0;
}

static int load(struct fixture *fixture, const char *const *flags, struct err *err) {
    static char config_flag[] = "--config";
    char *arguments[32] = {config_flag, fixture->file};
    int count = 2;
    while (flags && *flags)
        arguments[count++] = (char *)(uintptr_t)*flags++;
    fixture->config = config_free(fixture->config);
    return config_load(count, arguments, NULL, NULL, &fixture->config, NULL, NULL, err);
}

static void load_ok(struct fixture *fixture, const char *const *flags) {
    struct err err = {0};
    if (load(fixture, flags, &err) < 0) fail_msg("%s", err.text);
}

/* Refused, with each of the two words in the sentence. */
static void load_refused(struct fixture *fixture, const char *const *flags, const char *word, const char *other) {
    struct err err = {0};
    assert_int_equal(load(fixture, flags, &err), -ERR_INVALID);
    if (!strstr(err.text, word) || !strstr(err.text, other)) fail_msg("%s", err.text);
}

#define FLAGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void defaults(void **state) {
    struct fixture *fixture = *state;
    load_ok(fixture, NULL);
    const struct config *config = fixture->config;
    assert_string_equal(config->listen, "127.0.0.1:8558");
    assert_string_equal(config->database, "sqlite:/var/lib/inkling/inkling.db");
    assert_string_equal(config->secret_key_file, "/var/lib/inkling/secret.key");
    assert_string_equal(config->public_url, "");
    assert_int_equal(config->webhook_body_max, 8 << 20);
    assert_int_equal(config->log_level, LOG_INFO);
    assert_int_equal(config->trusted_proxy_count, 0);
    assert_false(config->outgoing_allow_internal);
}

static void file_variable_flag(void **state) {
    struct fixture *fixture = *state;
    write_file(fixture->file, "# a comment\n\n  listen =  0.0.0.0:1  \nlog_level=debug\nidle_timeout_s = 7\r\n"
                              "webhook_body_max = 512k\nsqlite_cache_bytes = 2G\n");
    setenv("INKLING_LOG_LEVEL", "warning", 1);
    setenv("INKLING_IDLE_TIMEOUT_S", "8", 1);
    load_ok(fixture, FLAGS("--idle-timeout-s=9", "--outgoing-allow-internal"));
    assert_string_equal(fixture->config->listen, "0.0.0.0:1");
    assert_int_equal(fixture->config->log_level, LOG_WARNING);
    assert_int_equal(fixture->config->idle_timeout_s, 9);
    assert_int_equal(fixture->config->webhook_body_max, 512 << 10);
    assert_true(fixture->config->sqlite_cache_bytes == 2LL << 30);
    assert_true(fixture->config->outgoing_allow_internal);
    assert_string_equal(fixture->config->file, fixture->file);
}

static void what_is_wrong_is_named(void **state) {
    struct fixture *fixture = *state;
    load_refused(fixture, FLAGS("--lisen", "x"), "--lisen", "");
    load_refused(fixture, FLAGS("--listen"), "--listen", "value");
    load_refused(fixture, FLAGS("--log-level", "loud"), "--log-level", "debug, info, warning or error");
    load_refused(fixture, FLAGS("--idle-timeout-s", "0"), "--idle-timeout-s", "from 1");
    load_refused(fixture, FLAGS("--idle-timeout-s", "1x"), "--idle-timeout-s", "number");
    load_refused(fixture, FLAGS("--webhook-body-max", "99999999999G"), "--webhook-body-max", "number");
    load_refused(fixture, FLAGS("--trusted-proxies", "10.0.0.1/8"), "--trusted-proxies", "");
    load_refused(fixture, FLAGS("--database", "mysql://x"), "sqlite:PATH", "postgresql://");
    load_refused(fixture, FLAGS("--tls-key-file", "x"), "tls_certificate_file", "go together");
    load_refused(fixture, FLAGS("--public-url", "mail.example.org"), "public_url", "https://");
    load_refused(fixture, FLAGS("--tracking-url", "https://links.example.org/\"><x"), "tracking_url", "quotes");
    load_refused(fixture, FLAGS("--tracking-url", "https://links.example.org/?a"), "tracking_url", "query");
    write_file(fixture->file, "listen = 127.0.0.1:1\n\nlisten_port = 5\n");
    load_refused(fixture, NULL, "line 3", "listen_port");
    write_file(fixture->file, "listen\n");
    load_refused(fixture, NULL, "line 1", "name = value");
    write_file(fixture->file, "queue_events_max = many\n");
    load_refused(fixture, NULL, "line 1", "queue_events_max");
    write_file(fixture->file, "");
    setenv("INKLING_WRITER_THREADS", "-1", 1);
    load_refused(fixture, NULL, "INKLING_WRITER_THREADS", "");
    unsetenv("INKLING_WRITER_THREADS");
    unlink(fixture->file);
    load_refused(fixture, NULL, fixture->file, "cannot be read");
}

static void values_that_follow(void **state) {
    struct fixture *fixture = *state;
    load_ok(fixture, FLAGS("--data-directory", "/srv/ink", "--public-url", "https://mail.example.org//"));
    assert_string_equal(fixture->config->database, "sqlite:/srv/ink/inkling.db");
    assert_string_equal(fixture->config->secret_key_file, "/srv/ink/secret.key");
    assert_string_equal(fixture->config->public_url, "https://mail.example.org");
    load_ok(fixture, FLAGS("--database", "sqlite:/var/tmp/a/b.db"));
    assert_string_equal(fixture->config->secret_key_file, "/var/tmp/a/secret.key");
    load_ok(fixture, FLAGS("--database", "sqlite:b.db"));
    assert_string_equal(fixture->config->secret_key_file, "secret.key");
    load_ok(fixture, FLAGS("--database", "postgresql://db/x", "--data-directory", "/d"));
    assert_string_equal(fixture->config->secret_key_file, "/d/secret.key");
    load_ok(fixture, FLAGS("--trusted-proxies", "10.0.0.0/8, 2001:db8::/32 ,192.0.2.1"));
    assert_int_equal(fixture->config->trusted_proxy_count, 3);
}

static void own_options_and_the_rest(void **state) {
    static const struct command_option own[] = {{"org", "NAME", "help"}, {"failed", NULL, "help"}, {0}};
    static const char *const words[] = {"list", "--org", "Acme", "--failed", "--log-level=error", "--", "--org"};
    char *arguments[7];
    for (int i = 0; i < 7; i++)
        arguments[i] = (char *)(uintptr_t)words[i];
    const char *values[2] = {NULL, NULL}, *const * rest;
    struct config *config;
    struct err err = {0};
    size_t count;
    if (config_load(7, arguments, own, values, &config, &rest, &count, &err) < 0) fail_msg("%s", err.text);
    assert_string_equal(values[0], "Acme");
    assert_string_equal(values[1], "yes");
    assert_int_equal(config->log_level, LOG_ERROR);
    assert_int_equal(count, 2);
    assert_string_equal(rest[0], "list");
    assert_string_equal(rest[1], "--org");
    config_free(config);
}

/* The sample shows every option with its default, and is itself a configuration file. */
static void sample(void **state) {
    struct fixture *fixture = *state;
    struct strbuf text, active, before, after;
    struct slice rest, line;
    strbuf_init(&text, 1 << 20);
    strbuf_init(&active, 1 << 20);
    strbuf_init(&before, 1 << 20);
    strbuf_init(&after, 1 << 20);
    load_ok(fixture, NULL);
    config_write(fixture->config, &before);
    config_write_sample(&text);
    write_file(fixture->file, text.ptr);
    load_ok(fixture, NULL);
    rest = strbuf_slice(&text);
    while (slice_split_next(&rest, '\n', &line)) {
        bool set = slice_starts_with(line, SLICE("#")) && !slice_starts_with(line, SLICE("# "));
        strbuf_add_slice(&active, set ? slice_from(line, 1) : line);
        strbuf_add_char(&active, '\n');
    }
    write_file(fixture->file, active.ptr);
    load_ok(fixture, NULL);
    config_write(fixture->config, &after);
    assert_string_equal(before.ptr, after.ptr);
    for (size_t i = 0; i < options_count; i++) {
        char name[80];
        snprintf(name, sizeof(name), "\n#%s = ", options[i].name);
        assert_non_null(strstr(text.ptr, name));
        assert_true(strlen(options[i].help) > 20);
    }
    strbuf_release(&text);
    strbuf_release(&active);
    strbuf_release(&before);
    strbuf_release(&after);
}

static void secrets_are_not_printed(void **state) {
    struct fixture *fixture = *state;
    struct strbuf text;
    strbuf_init(&text, 1 << 20);
    load_ok(fixture, FLAGS("--metrics-token", "very-secret"));
    config_write(fixture->config, &text);
    assert_null(strstr(text.ptr, "very-secret"));
    assert_non_null(strstr(text.ptr, "metrics_token = (set)"));
    strbuf_release(&text);
}

static void typing_errors_in_variables(void **state) {
    struct strbuf text;
    strbuf_init(&text, 1 << 20);
    setenv("INKLING_LISTN", "x", 1);
    setenv("INKLING_LISTEN", "127.0.0.1:1", 1);
    config_unknown_variables(&text);
    assert_string_equal(text.ptr, "INKLING_LISTN\n");
    unsetenv("INKLING_LISTN");
    unsetenv("INKLING_LISTEN");
    strbuf_release(&text);
}

static void what_needs_a_restart(void **state) {
    struct fixture *fixture = *state;
    struct fixture other = *fixture;
    struct strbuf text;
    strbuf_init(&text, 1 << 20);
    other.config = NULL;
    load_ok(fixture, NULL);
    load_ok(&other, FLAGS("--log-level", "debug", "--worker-threads", "7", "--listen", "127.0.0.1:2"));
    config_write_restart(fixture->config, other.config, &text);
    assert_string_equal(text.ptr, "listen\nworker_threads\n");
    config_free(other.config);
    strbuf_release(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(file_variable_flag, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_that_follow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(own_options_and_the_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sample, set_up, tear_down),
        cmocka_unit_test_setup_teardown(secrets_are_not_printed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(typing_errors_in_variables, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_needs_a_restart, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
