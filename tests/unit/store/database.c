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

struct databases *databases_new_sqlite(void) {
    struct databases *databases = memory_alloc(sizeof(*databases));
    snprintf(databases->folder, sizeof(databases->folder), "/tmp/inkling-test-XXXXXX");
    if (!mkdtemp(databases->folder)) give_up("there is no temporary folder");
    return databases;
}

struct databases *databases_new(void) {
    struct databases *databases = databases_new_sqlite();
    const char *given = getenv("INKLING_TEST_POSTGRES");
    if (given) {
        set_server_url(databases, given);
    } else if (postgres_is_installed()) {
        databases->server = private_postgres_start("fsync = off\nfull_page_writes = off\nautovacuum = off\n"
                                                   "wal_level = minimal\nmax_wal_senders = 0\nshared_buffers = 64MB\n");
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

static void create_in_server(const struct databases *databases, const char *template, const char *name) {
    char url[DATABASE_URL_MAX + 16], sql[256];
    snprintf(url, sizeof(url), "%spostgres", databases->server_url);
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE %s ENCODING 'UTF8'", name, template);
    PGconn *connection = PQconnectdb(url);
    PGresult *result = PQexec(connection, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) give_up(PQerrorMessage(connection));
    PQclear(result);
    PQfinish(connection);
}

static void copy_file(const char *from, const char *to) {
    char buffer[65536];
    size_t len;
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    if (!in || !out) give_up("a database cannot be copied");
    while ((len = fread(buffer, 1, sizeof(buffer), in)) > 0)
        if (fwrite(buffer, 1, len, out) != len) give_up("a database cannot be copied");
    fclose(in);
    if (fclose(out) != 0) give_up("a database cannot be copied");
}

static void new_url(struct databases *databases, bool postgres, char url[DATABASE_URL_MAX]) {
    const char *before = postgres ? databases->server_url : "sqlite:";
    const char *folder = postgres ? "" : databases->folder;
    int len = snprintf(url, DATABASE_URL_MAX, "%s%s%sinkling_test_%ld_%d", before, folder, postgres ? "" : "/",
                       (long)getpid(), ++databases->made);
    if (len >= DATABASE_URL_MAX) give_up("the URL is too long");
}

static const char *name_in(const struct databases *databases, const char *url) {
    return url + strlen(databases->server_url);
}

void database_create(struct databases *databases, bool postgres, char url[DATABASE_URL_MAX]) {
    new_url(databases, postgres, url);
    if (postgres) create_in_server(databases, "template0", name_in(databases, url));
}

void database_copy(struct databases *databases, const char *from_url, char url[DATABASE_URL_MAX]) {
    bool postgres = strncmp(from_url, "sqlite:", strlen("sqlite:")) != 0;
    new_url(databases, postgres, url);
    if (postgres)
        create_in_server(databases, name_in(databases, from_url), name_in(databases, url));
    else
        copy_file(from_url + strlen("sqlite:"), url + strlen("sqlite:"));
}
