#include "demo/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

#include "base/banned.h"

#define STOP_GRACE_MS (30 * SECOND_MS)
#define TAIL_BYTES    240 /* of the log, in a message */

extern char **environ;

static sigset_t awaited_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    return set;
}

void demo_signals_block(void) {
    sigset_t set = awaited_signals();
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* The variables that the service may see: what configures another installation must not reach this one. */
static char **service_environment(void) {
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    char **variables = memory_alloc_array(count + 1, sizeof(*variables));
    for (size_t i = 0; i < count; i++) {
        struct slice variable = slice_cstr(environ[i]);
        if (slice_starts_with(variable, SLICE("INKLING_")) &&
            !slice_starts_with(variable, SLICE("INKLING_CLOCK_OFFSET_MS=")))
            continue;
        variables[kept++] = environ[i];
    }
    return variables;
}

/* Never returns. Between fork and exec. */
static void become_service(char *const *arguments, char *const *variables, int log) {
    sigset_t none;
    /* A group of its own: Ctrl-C reaches the demo, which then stops the service in order. Should the demo be killed,
     * the service is told too. */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
        _exit(127);
    execve("/proc/self/exe", arguments, variables);
    _exit(127);
}

int demo_process_start(struct demo_process *process, const char *const *arguments, const char *log_path,
                       struct err *err) {
    size_t count = 0;
    int result = 0;
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0) return err_set(err, ERR_UNAVAILABLE, "%s cannot be written: %s", log_path, strerror(errno));
    while (arguments[count])
        count++;
    char **copies = memory_alloc_array(count + 1, sizeof(*copies)), **variables = service_environment();
    for (size_t i = 0; i < count; i++)
        copies[i] = memory_cstr(arguments[i], strlen(arguments[i]));
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) become_service(copies, variables, log);
    if (child < 0)
        result = err_set(err, ERR_UNAVAILABLE, "the service cannot be started: %s", strerror(errno));
    else
        *process = (struct demo_process){child, log_path};
    for (size_t i = 0; i < count; i++)
        free(copies[i]);
    free(copies);
    free(variables);
    close(log);
    return result;
}

/* The last line of the log, as far as it fits. */
static struct slice last_words(const char *path, char buffer[TAIL_BYTES]) {
    FILE *file = fopen(path, "re");
    size_t len = 0;
    if (!file) return SLICE_NONE;
    if (fseek(file, -TAIL_BYTES, SEEK_END) != 0) rewind(file);
    len = fread(buffer, 1, TAIL_BYTES, file);
    fclose(file);
    struct slice text = slice_trim(slice_of(buffer, len)), line = SLICE_NONE;
    while (slice_split_next(&text, '\n', &line))
        continue;
    return line;
}

/* Did it end? Then how, in words. */
static bool has_ended(struct demo_process *process, int options, bool *ret_well, struct err *err) {
    int status;
    if (process->child == 0 || waitpid(process->child, &status, options) != process->child) return false;
    char buffer[TAIL_BYTES];
    struct slice words = last_words(process->log_path, buffer);
    process->child = 0;
    /* Whoever is asked to end before it can listen to that just ends. */
    *ret_well = WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGTERM;
    if (WIFSIGNALED(status))
        err_set(err, ERR_UNAVAILABLE, "the service was ended by signal %d (%s); its last words: %.*s", WTERMSIG(status),
                strsignal(WTERMSIG(status)), SLICE_FMT(words));
    else
        err_set(err, ERR_UNAVAILABLE, "the service ended with status %d; its last words: %.*s", WEXITSTATUS(status),
                SLICE_FMT(words));
    return true;
}

int demo_process_wait(struct demo_process *process, int64_t ms, struct err *err) {
    sigset_t set = awaited_signals();
    int64_t until_us = clock_monotonic_us() + (ms > 0 ? ms : 0) * 1000;
    for (;;) {
        bool well;
        int64_t left_us = until_us - clock_monotonic_us();
        if (left_us < 0) left_us = 0;
        struct timespec left = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
        int number = sigtimedwait(&set, NULL, &left);
        if (number == SIGINT || number == SIGTERM || number == SIGHUP) return DEMO_STOP;
        if (has_ended(process, WNOHANG, &well, err)) return -ERR_UNAVAILABLE;
        if (number < 0 && errno == EAGAIN) return 0;
    }
}

int demo_process_stop(struct demo_process *process, struct err *err) {
    sigset_t children;
    bool well = true, killed = false;
    if (process->child == 0) return 0;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    kill(process->child, SIGTERM);
    int64_t until_us = clock_monotonic_us() + STOP_GRACE_MS * 1000;
    while (!has_ended(process, WNOHANG, &well, err)) {
        struct timespec step = {.tv_nsec = 200000000};
        sigtimedwait(&children, NULL, &step);
        if (!killed && clock_monotonic_us() > until_us) {
            kill(process->child, SIGKILL);
            killed = true;
        }
    }
    return well ? 0 : -ERR_UNAVAILABLE;
}
