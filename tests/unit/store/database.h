/* database: empty databases for tests of the store. SQLite ones are files in a temporary folder; PostgreSQL ones live
 * in a private server that is started here (on a socket in that folder, without syncing) and ends with the test, or in
 * the server named by INKLING_TEST_POSTGRES, a connection URI of someone who may create databases. */
#ifndef INKLING_TESTS_STORE_DATABASE_H
#define INKLING_TESTS_STORE_DATABASE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DATABASES_URL_MAX 1024

struct databases {
    char folder[64];
    char server_url[DATABASES_URL_MAX]; /* up to the name of the database; empty: there is no PostgreSQL */
    pid_t server;                       /* 0: not ours */
    int made;
};

static inline _Noreturn void databases_fail(const char *what) {
    fprintf(stderr, "test database: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* PostgreSQL refuses to run as root: its own user does it then. Called in the child. */
static inline void databases_become_postgres(void) {
    if (geteuid() != 0) return;
    const struct passwd *user = getpwnam("postgres");
    if (!user || initgroups(user->pw_name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0)
        databases_fail("cannot become user postgres");
}

static inline pid_t databases_spawn(const struct databases *databases, const char *const *words) {
    pid_t parent = getpid(), pid = fork();
    if (pid < 0) databases_fail("fork");
    if (pid > 0) return pid;
    databases_become_postgres();
    /* The server does not outlive a test that crashes. After the change of user, which would forget it. */
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (getppid() != parent) _exit(1);
    if (chdir(databases->folder) < 0) databases_fail(databases->folder);
    int log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (log < 0) databases_fail("log");
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    char *arguments[24] = {0};
    for (size_t i = 0; words[i] && i < 23; i++)
        arguments[i] = strdup(words[i]);
    execv(arguments[0], arguments);
    _exit(127);
}

static inline void databases_show_log(const struct databases *databases) {
    char path[128], line[512];
    snprintf(path, sizeof(path), "%s/log", databases->folder);
    FILE *log = fopen(path, "r");
    while (log && fgets(line, sizeof(line), log))
        fputs(line, stderr);
    if (log) fclose(log);
}

/* Waits until the server answers, at most half a minute. */
static inline void databases_wait(struct databases *databases, const char *url) {
    for (int tries = 0; tries < 1500; tries++) {
        if (PQping(url) == PQPING_OK) return;
        if (waitpid(databases->server, NULL, WNOHANG) == databases->server) break;
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    databases_show_log(databases);
    fprintf(stderr, "test database: PostgreSQL does not start\n");
    exit(1);
}

static inline void databases_start_server(struct databases *databases) {
    glob_t found;
    char initdb[300], postgres[300], data[128], url[DATABASES_URL_MAX + 16];
    if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) != 0) return;
    snprintf(initdb, sizeof(initdb), "%s/initdb", found.gl_pathv[found.gl_pathc - 1]);
    snprintf(postgres, sizeof(postgres), "%s/postgres", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    if (user && chown(databases->folder, user->pw_uid, user->pw_gid) < 0) databases_fail(databases->folder);
    snprintf(data, sizeof(data), "%s/data", databases->folder);

    int status;
    const char *const init[] = {initdb,      "-D",         data,   "-A",       "trust", "-U", "inkling",
                                "--no-sync", "--encoding", "UTF8", "--locale", "C",     NULL};
    pid_t pid = databases_spawn(databases, init);
    if (waitpid(pid, &status, 0) != pid || status != 0) {
        databases_show_log(databases);
        databases_fail("initdb failed");
    }
    const char *const serve[] = {postgres,
                                 "-D",
                                 data,
                                 "-k",
                                 databases->folder,
                                 "-c",
                                 "listen_addresses=",
                                 "-c",
                                 "fsync=off",
                                 "-c",
                                 "full_page_writes=off",
                                 "-c",
                                 "shared_buffers=64MB",
                                 NULL};
    databases->server = databases_spawn(databases, serve);
    snprintf(databases->server_url, sizeof(databases->server_url),
             "postgresql://inkling@/?host=%s&dbname=", databases->folder);
    snprintf(url, sizeof(url), "%spostgres", databases->server_url);
    databases_wait(databases, url);
}

static inline void databases_start(struct databases *databases) {
    *databases = (struct databases){.folder = "/tmp/inkling-test-XXXXXX"};
    if (!mkdtemp(databases->folder)) databases_fail(databases->folder);
    const char *given = getenv("INKLING_TEST_POSTGRES");
    if (given)
        snprintf(databases->server_url, sizeof(databases->server_url), "%s%cdbname=", given,
                 strchr(given, '?') ? '&' : '?');
    else
        databases_start_server(databases);
}

static inline int databases_remove(const char *path, const struct stat *status, int kind, struct FTW *place) {
    return remove(path);
}

static inline void databases_stop(struct databases *databases) {
    if (databases->server > 0) {
        kill(databases->server, SIGQUIT);
        waitpid(databases->server, NULL, 0);
    }
    nftw(databases->folder, databases_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void databases_create(const struct databases *databases, const char *name) {
    char url[DATABASES_URL_MAX + 16], sql[128];
    snprintf(url, sizeof(url), "%spostgres", databases->server_url);
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8'", name);
    PGconn *connection = PQconnectdb(url);
    PGresult *result = PQexec(connection, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        fprintf(stderr, "test database: %s", PQerrorMessage(connection));
        exit(1);
    }
    PQclear(result);
    PQfinish(connection);
}

/* The URL of an empty database. */
static inline void database_new(struct databases *databases, bool postgres, char url[DATABASES_URL_MAX]) {
    char name[64];
    snprintf(name, sizeof(name), "inkling_test_%ld_%d", (long)getpid(), ++databases->made);
    if (!postgres) {
        snprintf(url, DATABASES_URL_MAX, "sqlite:%s/%s.db", databases->folder, name);
        return;
    }
    databases_create(databases, name);
    int len = snprintf(url, DATABASES_URL_MAX, "%s%s", databases->server_url, name);
    if (len >= DATABASES_URL_MAX) databases_fail("the URL is too long");
}

#endif
