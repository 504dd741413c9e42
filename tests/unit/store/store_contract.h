/* store_contract: runs a suite of tests on both databases, each test on an empty one of its own. A test file includes
 * this, writes tests that take their `struct fixture` from fixture_of(state), and ends with
 *
 *     int main(void) { return run_contract(tests, sizeof(tests) / sizeof(tests[0])); } */
#ifndef INKLING_TESTS_STORE_CONTRACT_H
#define INKLING_TESTS_STORE_CONTRACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "store/db.h"
#include "store/engagement.h"
#include "store/store.h"
#include "tests/unit/store/database.h"

struct fixture {
    struct databases *databases;
    bool postgres;
    char template_url[DATABASE_URL_MAX]; /* migrated, and otherwise empty */
    char url[DATABASE_URL_MAX];
    struct store *store;
    struct db *db; /* a writer */
    struct arena *arena;
};

static inline struct fixture *fixture_of(void **state) {
    return *(struct fixture **)state;
}

/* Succeeds or shows the message. */
#define assert_done(call)                                                                                              \
    do {                                                                                                               \
        struct err err_ = {0};                                                                                         \
        struct err *err = &err_;                                                                                       \
        if ((call) < 0) fail_msg("%s: %s", #call, err_.text);                                                          \
    } while (0)
/* Fails with this code, and with a sentence. */
#define assert_fails(code_, call)                                                                                      \
    do {                                                                                                               \
        struct err err_ = {0};                                                                                         \
        struct err *err = &err_;                                                                                       \
        int rc_ = (call);                                                                                              \
        if (rc_ != -(int)(code_)) fail_msg("%s gave %d: %s", #call, rc_, err_.text);                                   \
        assert_int_equal(err_.code, (code_));                                                                          \
        assert_true(err_.text[0] != '\0');                                                                             \
    } while (0)

static inline int open_store(const char *url, struct store **ret, struct err *err) {
    return store_open(&(struct store_options){.url = url, .readers_max = 2}, ret, err);
}

static inline int fixture_setup(void **state) {
    struct fixture *fixture = fixture_of(state);
    if (fixture->template_url[0] == '\0') {
        database_create(fixture->databases, fixture->postgres, fixture->template_url);
        assert_done(open_store(fixture->template_url, &fixture->store, err));
        store_close(fixture->store);
    }
    database_copy(fixture->databases, fixture->template_url, fixture->url);
    assert_done(open_store(fixture->url, &fixture->store, err));
    assert_done(store_writer(fixture->store, &fixture->db, err));
    fixture->arena = arena_new();
    return 0;
}

static inline int fixture_teardown(void **state) {
    struct fixture *fixture = fixture_of(state);
    fixture->arena = arena_free(fixture->arena);
    fixture->db = store_writer_close(fixture->store, fixture->db);
    fixture->store = store_close(fixture->store);
    return 0;
}

#define contract_test(function)                                                                                        \
    { .name = #function, .test_func = function, .setup_func = fixture_setup, .teardown_func = fixture_teardown }

static inline int run_on(struct databases *databases, bool postgres, struct CMUnitTest *tests, size_t count) {
    struct fixture fixture = {.databases = databases, .postgres = postgres};
    for (size_t i = 0; i < count; i++)
        tests[i].initial_state = &fixture;
    return _cmocka_run_group_tests(postgres ? "PostgreSQL" : "SQLite", tests, count, NULL, NULL);
}

static inline int run_contract(struct CMUnitTest *tests, size_t count) {
    struct databases *databases = databases_new();
    int failed = run_on(databases, false, tests, count);
    if (databases_have_postgres(databases)) failed += run_on(databases, true, tests, count);
    if (!databases_have_postgres(databases)) fprintf(stderr, "PostgreSQL is not installed: tested on SQLite alone\n");
    databases_free(databases);
    return failed;
}

/* For what only PostgreSQL has. Exit code 77 is meson's "skipped". */
static inline int run_on_postgres(struct CMUnitTest *tests, size_t count) {
    struct databases *databases = databases_new();
    int failed = databases_have_postgres(databases) ? run_on(databases, true, tests, count) : 77;
    databases_free(databases);
    return failed;
}

static inline int run_on_sqlite(struct CMUnitTest *tests, size_t count) {
    struct databases *databases = databases_new_sqlite();
    int failed = run_on(databases, false, tests, count);
    databases_free(databases);
    return failed;
}

/* ---- small questions ---- */

static inline int64_t ask(struct db *db, const struct statement *statement) {
    struct db_rows *rows = NULL;
    struct err err = {0};
    int rc = db_query_row(db, statement, NULL, 0, &rows, &err);
    if (rc != 1) fail_msg("%s: %d %s", statement->sql, rc, err.text);
    int64_t value = db_column_int(rows, 0);
    db_rows_free(rows);
    return value;
}
/* The first value of a query's first row. */
#define ask_int(db, text)                                                                                              \
    ({                                                                                                                 \
        static const struct statement question_ = {.name = "question", .sql = text};                                   \
        ask(db, &question_);                                                                                           \
    })

static inline void run_sql(struct db *db, const char *sql) {
    assert_done(db_script(db, slice_cstr(sql), err));
}

#endif
