#include "tests/unit/store/database.h"

#include <ftw.h>
#include <glob.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/unit/store/private_postgres.h"

#include "base/banned.h"

struct databases {
    char folder[64];
    struct private_postgres *server;   /* NULL: not ours */
    char server_url[DATABASE_URL_MAX]; /* up to the name of the database; empty: there is no PostgreSQL */
    int made;
};

static _Noreturn void give_up(const char *what) {
    fprintf(stderr, "test database: %s\n", what);
    exit(1);
}

static bool postgres_is_installed(void) {
    glob_t found = {0};
    bool any = glob("/usr/lib/postgresql/*/bin/postgres", 0, NULL, &found) == 0;
    globfree(&found);
    return any;
}

/* The name of the database comes last, and counts though the URL may name another one before. */
static void set_server_url(struct databases *databases, const char *url) {
    snprintf(databases->server_url, sizeof(databases->server_url), "%s%cdbname=", url, strchr(url, '?') ? '&' : '?');
}

struct databases *databases_new(void) {
    struct databases *databases = memory_alloc(sizeof(*databases));
    snprintf(databases->folder, sizeof(databases->folder), "/tmp/inkling-test-XXXXXX");
    if (!mkdtemp(databases->folder)) give_up("there is no temporary folder");
    const char *given = getenv("INKLING_TEST_POSTGRES");
    if (given) {
        set_server_url(databases, given);
    } else if (postgres_is_installed()) {
        databases->server = private_postgres_start("fsync = off\nfull_page_writes = off\nshared_buffers = 64MB\n");
        if (!databases->server) give_up("PostgreSQL does not start");
        set_server_url(databases, private_postgres_url(databases->server));
    }
    return databases;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place) {
    return remove(path);
}

struct databases *databases_free(struct databases *databases) {
    if (!databases) return NULL;
    private_postgres_stop(databases->server);
    nftw(databases->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(databases);
    return NULL;
}

bool databases_have_postgres(const struct databases *databases) {
    return databases->server_url[0] != '\0';
}

static void create_in_server(const struct databases *databases, const char *name) {
    char url[DATABASE_URL_MAX + 16], sql[128];
    snprintf(url, sizeof(url), "%spostgres", databases->server_url);
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8'", name);
    PGconn *connection = PQconnectdb(url);
    PGresult *result = PQexec(connection, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) give_up(PQerrorMessage(connection));
    PQclear(result);
    PQfinish(connection);
}

void database_create(struct databases *databases, bool postgres, char url[DATABASE_URL_MAX]) {
    char name[64];
    snprintf(name, sizeof(name), "inkling_test_%ld_%d", (long)getpid(), ++databases->made);
    if (!postgres) {
        snprintf(url, DATABASE_URL_MAX, "sqlite:%s/%s.db", databases->folder, name);
        return;
    }
    create_in_server(databases, name);
    if (snprintf(url, DATABASE_URL_MAX, "%s%s", databases->server_url, name) >= DATABASE_URL_MAX)
        give_up("the URL is too long");
}
