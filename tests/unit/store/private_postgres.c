#include "private_postgres.h"

#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_ATTEMPTS 600 /* of 50 ms */

struct private_postgres {
    char directory[64], data[80], url[160], programs[200];
    pid_t pid;
};

static bool find_programs(struct private_postgres *server) {
    glob_t found = {0};
    bool any = glob("/usr/lib/postgresql/*/bin/postgres", 0, NULL, &found) == 0;
    if (any) {
        const char *last = found.gl_pathv[found.gl_pathc - 1];
        snprintf(server->programs, sizeof(server->programs), "%.*s", (int)(strrchr(last, '/') - last), last);
    }
    globfree(&found);
    return any;
}

static void become_unprivileged(void) {
    const struct passwd *user = getuid() == 0 ? getpwnam("postgres") : NULL;
    if (getuid() != 0) return;
    if (!user || setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0) _exit(126);
}

/* Starts a program of PostgreSQL in the directory, its output in the file `log`. */
static pid_t start(const struct private_postgres *server, const char *program, const char *const arguments[]) {
    char path[300];
    const char *all[16] = {program};
    for (size_t i = 0; arguments[i]; i++)
        all[i + 1] = arguments[i];
    snprintf(path, sizeof(path), "%s/%s", server->programs, program);
    pid_t parent = getpid(), pid = fork();
    if (pid != 0) return pid;
    become_unprivileged();
    /* It does not outlive a program that crashes. After the change of user, which would undo it. */
    if (prctl(PR_SET_PDEATHSIG, SIGQUIT) != 0 || getppid() != parent) _exit(126);
    if (chdir(server->directory) != 0) _exit(126);
    int log = open("log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0) _exit(126);
    execv(path, (char *const *)(uintptr_t)all);
    _exit(127);
}

static bool finished_well(pid_t pid) {
    int status;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool start_server(struct private_postgres *server) {
    const struct timespec pause = {.tv_nsec = 50000000};
    server->pid = start(server, "postgres", (const char *const[]){"-D", server->data, NULL});
    for (int attempt = 0; attempt < START_ATTEMPTS; attempt++) {
        if (server->pid <= 0 || waitpid(server->pid, NULL, WNOHANG) != 0) break;
        if (PQping(server->url) == PQPING_OK) return true;
        nanosleep(&pause, NULL);
    }
    server->pid = 0;
    return false;
}

static bool prepare_directory(struct private_postgres *server) {
    snprintf(server->directory, sizeof(server->directory), "/tmp/inkling-postgres-XXXXXX");
    if (!mkdtemp(server->directory)) return false;
    snprintf(server->data, sizeof(server->data), "%s/data", server->directory);
    snprintf(server->url, sizeof(server->url), "postgresql://inkling@/postgres?host=%s", server->directory);
    const struct passwd *user = getuid() == 0 ? getpwnam("postgres") : NULL;
    if (getuid() == 0 && (!user || chown(server->directory, user->pw_uid, user->pw_gid) != 0)) return false;
    return finished_well(start(server, "initdb",
                               (const char *const[]){"-D", server->data, "-U", "inkling", "-A", "trust", "-E", "UTF8",
                                                     "--locale=C", "--no-sync", NULL}));
}

static bool configure(const struct private_postgres *server, const char *settings) {
    char path[120];
    snprintf(path, sizeof(path), "%s/postgresql.conf", server->data);
    FILE *file = fopen(path, "a");
    if (!file) return false;
    fprintf(file, "listen_addresses = ''\nunix_socket_directories = '%s'\nmax_connections = 40\n%s", server->directory,
            settings ? settings : "");
    return fclose(file) == 0;
}

struct private_postgres *private_postgres_start(const char *settings) {
    struct private_postgres *server = calloc(1, sizeof(*server));
    if (!server) return NULL;
    if (!find_programs(server))
        fprintf(stderr, "there is no PostgreSQL server under /usr/lib/postgresql\n");
    else if (!prepare_directory(server) || !configure(server, settings) || !start_server(server))
        fprintf(stderr, "PostgreSQL did not start, see %s/log\n", server->directory);
    else
        return server;
    free(server); /* the directory stays, for its log */
    return NULL;
}

const char *private_postgres_url(const struct private_postgres *server) {
    return server->url;
}

const char *private_postgres_directory(const struct private_postgres *server) {
    return server->directory;
}

int private_postgres_restart(struct private_postgres *server) {
    kill(server->pid, SIGQUIT);
    waitpid(server->pid, NULL, 0);
    return start_server(server) ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where) {
    return remove(path);
}

struct private_postgres *private_postgres_stop(struct private_postgres *server) {
    if (!server) return NULL;
    if (server->pid > 0) {
        kill(server->pid, SIGINT);
        waitpid(server->pid, NULL, 0);
    }
    nftw(server->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(server);
    return NULL;
}
