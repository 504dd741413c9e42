/* demo: throwaway data, a realistic history, the service itself, and traffic as providers send it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cmd/command.h"
#include "demo/live.h"
#include "demo/setup.h"
#include "http/client.h"
#include "http/listen.h"
#include "store/store.h"

#include "base/banned.h"

#define LISTEN_DEFAULT   "127.0.0.1:8558"
#define READY_TIMEOUT_MS (30 * SECOND_MS)
#define READY_STEP_MS    30
#define PACE_LEAST       0.05
#define PACE_MOST        100.0
#define SEED_DEFAULT     558

struct demo_options {
    const char *listen;
    double pace;
    uint64_t seed;
    bool keep, quiet;
};

struct demo {
    struct demo_options options;
    struct demo_place place;
    struct demo_process process;
    struct demo_keys keys;
    struct demo_api api;
    struct demo_webhooks webhooks;
    struct demo_world world;
    struct demo_history history;
    char listen[DEMO_URL_MAX]; /* where the service really listens */
    bool on_terminal;
};

/* ---- options ---- */

static const struct command_option demo_command_options[] = {
    {"listen", "ADDR:PORT", "Where to listen; default " LISTEN_DEFAULT ", or a free port when that one is taken."},
    {"pace", "FACTOR", "Speed of the live traffic: 1 can be followed by people, 20 is lively."},
    {"seed", "NUMBER", "Another number makes another history."},
    {"keep", NULL, "Leave the directory with the database when the demo ends."},
    {"quiet", NULL, "Tell only a summary now and then."},
    {0},
};

static int parse_pace(const char *text, double *ret, struct err *err) {
    char *end;
    double pace = text ? strtod(text, &end) : 0;
    if (!text || end == text || *end || !isfinite(pace) || pace < PACE_LEAST || pace > PACE_MOST)
        return err_set(err, ERR_INVALID, "--pace needs a number from %g to %g", PACE_LEAST, PACE_MOST);
    *ret = pace;
    return 0;
}

static int parse_option(const char *name, const char *value, struct demo_options *options, struct err *err) {
    int64_t seed;
    if (strcmp(name, "--listen") == 0) {
        if (!value || !strrchr(value, ':')) return err_set(err, ERR_INVALID, "--listen needs ADDRESS:PORT");
        options->listen = value;
        return 0;
    }
    if (strcmp(name, "--pace") == 0) return parse_pace(value, &options->pace, err);
    if (strcmp(name, "--seed") == 0) {
        if (!slice_parse_i64(slice_cstr(value), &seed)) return err_set(err, ERR_INVALID, "--seed needs a whole number");
        options->seed = (uint64_t)seed;
        return 0;
    }
    return err_set(err, ERR_INVALID, "there is no option %s: see inkling demo --help", name);
}

/* "--name value" and "--name=value". */
static int parse_options(int count, char *const *arguments, struct demo_options *options, struct err *err) {
    int result = 0;
    for (int i = 0; i < count && result == 0; i++) {
        char name[32];
        const char *equals = strchr(arguments[i], '=');
        size_t len = equals ? (size_t)(equals - arguments[i]) : strlen(arguments[i]);
        if (strcmp(arguments[i], "--keep") == 0) {
            options->keep = true;
        } else if (strcmp(arguments[i], "--quiet") == 0) {
            options->quiet = true;
        } else {
            snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : sizeof(name) - 1), arguments[i]);
            const char *value = equals ? equals + 1 : i + 1 < count ? arguments[++i] : NULL;
            result = parse_option(name, value, options, err);
        }
    }
    return result;
}

/* ---- starting ---- */

/* Makes sure of an address: the one that was asked for, or another port of the same host. */
static int choose_address(struct demo *demo, struct err *err) {
    const char *wanted = demo->options.listen;
    int host_len = (int)(strrchr(wanted, ':') - wanted), socket, port;
    char any_port[DEMO_URL_MAX];
    struct err second;
    if (host_len >= DEMO_URL_MAX / 2) return err_set(err, ERR_INVALID, "--listen: the address is too long");
    snprintf(any_port, sizeof(any_port), "%.*s:0", host_len, wanted);
    int result = listen_open(wanted, &socket, &port, err);
    if (result < 0 && listen_open(any_port, &socket, &port, &second) == 0) {
        printf("%s is taken, so the demo listens at another port.\n", wanted);
        result = 0;
    }
    if (result < 0) return result;
    close(socket); /* the service opens it again */
    struct slice host = slice_of(wanted, (size_t)host_len);
    bool everywhere = host_len == 0 || slice_equal(host, SLICE("0.0.0.0")) || slice_equal(host, SLICE("[::]"));
    if (everywhere) host = SLICE("127.0.0.1");
    snprintf(demo->listen, sizeof(demo->listen), "%.*s:%d", host_len, wanted, port);
    snprintf(demo->api.base, sizeof(demo->api.base), "http://%.*s:%d", SLICE_FMT(host), port);
    return 0;
}

static int start_service(struct demo *demo, struct err *err) {
    const struct demo_place *place = &demo->place;
    const char *const arguments[] = {"inkling",
                                     "serve",
                                     "--config",
                                     "/dev/null",
                                     "--database",
                                     place->database,
                                     "--listen",
                                     demo->listen,
                                     "--data-directory",
                                     place->directory,
                                     "--sns-certificates-directory",
                                     place->certificates,
                                     NULL};
    int64_t until_us = clock_monotonic_us() + READY_TIMEOUT_MS * 1000;
    int result = demo_process_start(&demo->process, arguments, place->log, err);
    while (result == 0 && !demo_api_ready(&demo->api)) {
        if (clock_monotonic_us() > until_us)
            return err_set(err, ERR_UNAVAILABLE, "the service did not get ready within %lld seconds",
                           READY_TIMEOUT_MS / SECOND_MS);
        result = demo_process_wait(&demo->process, READY_STEP_MS, err);
    }
    return result;
}

static int tell_progress(void *context, size_t emails, size_t events, struct err *err) {
    struct demo *demo = context;
    if (demo->on_terminal) {
        printf("\rWriting four months of history: %zu emails, %zu events ", emails, events);
        fflush(stdout);
    }
    return demo_process_wait(&demo->process, 0, err);
}

static int write_history(struct demo *demo, struct err *err) {
    const struct store_options store_options = {
        .url = demo->place.database, .readers_max = 1, .sqlite_cache_bytes = (int64_t)32 << 20};
    struct demo_history_options options = {
        .organization_id = demo->place.organization_id, .progress = tell_progress, .context = demo};
    for (size_t i = 0; i < DEMO_PROVIDER_COUNT; i++)
        options.endpoint_ids[i] = demo->webhooks.outboxes[i].endpoint_id;
    int64_t began_us = clock_monotonic_us();
    int result = store_open(&store_options, &options.store, err);
    if (result < 0) return result;
    demo_world_init(&demo->world, demo->options.seed, clock_now());
    result = demo_history_write(&options, &demo->world, &demo->history, err);
    if (result == 0)
        printf("%sFour months of history: %zu emails to %d candidates, %zu events, written in %.1f s.\n",
               demo->on_terminal ? "\r" : "", demo->history.emails, DEMO_CANDIDATES, demo->history.events,
               (double)(clock_monotonic_us() - began_us) / 1e6);
    store_close(options.store);
    return result;
}

static void tell_how_to_use(const struct demo *demo) {
    static const char *const paths[] = {"/engagement/summary", "/engagement/templates", "/emails?limit=3",
                                        "/candidates/cand-1001"};
    const char *base = demo->api.base, *key = demo->place.api_key;
    printf("\n"
           "  Open      %s/\n"
           "  Sign in   %s   password  %s\n"
           "            %s (recruiter) and %s (hiring manager) have the same password\n"
           "  API key   %s\n"
           "\n"
           "Stay on the dashboard: what candidates do is told as it happens, here and in the browser.\n"
           "\n"
           "Try:\n",
           base, DEMO_ADMIN_EMAIL, demo->place.password, demo_senders[DEMO_RECRUITER].email, DEMO_MANAGER_EMAIL, key);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        printf("  curl -s -H 'Authorization: Bearer %s' '%s/api/v1%s'\n", key, base, paths[i]);
    printf("\n"
           "The data and the service's log are in %s.\n"
           "Ctrl-C ends the demo and %s.\n"
           "\n",
           demo->place.directory, demo->options.keep ? "leaves them there" : "removes everything");
    fflush(stdout);
}

/* DEMO_STOP when somebody asked to stop; negative on failure. */
static int run(struct demo *demo, struct err *err) {
    int result = demo_place_make(&demo->place, err);
    if (result == 0) result = choose_address(demo, err);
    if (result == 0) result = demo_keys_make(&demo->keys, err);
    if (result == 0)
        result = demo_place_pin(&demo->place, demo_certificate_name(), strbuf_slice(&demo->keys.sns_certificate), err);
    if (result == 0) result = demo_place_fill(&demo->place, clock_now(), err);
    demo->api.key = demo->place.api_key;
    if (result == 0) result = start_service(demo, err);
    if (result == 0) result = demo_webhooks_create(&demo->webhooks, &demo->api, &demo->keys, err);
    if (result == 0) result = write_history(demo, err);
    if (result != 0) return result;
    tell_how_to_use(demo);
    const struct demo_live_options live = {.process = &demo->process,
                                           .api = &demo->api,
                                           .webhooks = &demo->webhooks,
                                           .world = &demo->world,
                                           .history = &demo->history,
                                           .pace = demo->options.pace,
                                           .quiet = demo->options.quiet};
    return demo_live_run(&live, err);
}

/* The first thing that went wrong is the one to tell. */
static int finish(struct demo *demo, int result, struct err *err) {
    int stopped = demo_process_stop(&demo->process, result < 0 ? NULL : err);
    if (result >= 0 && stopped < 0) result = stopped;
    if (!demo->options.keep) {
        int removed = demo_place_remove(&demo->place, result < 0 ? NULL : err);
        if (result >= 0 && removed < 0) result = removed;
    }
    demo_history_release(&demo->history);
    demo_keys_release(&demo->keys);
    return result;
}

static void tell_end(const struct demo *demo) {
    if (demo->options.keep)
        printf("\nThe demo has ended; its data are in %s.\n", demo->place.directory);
    else
        printf("\nThe demo has ended; nothing of it is left.\n");
}

static int run_command(const struct command *command, int argument_count, char *const *arguments, struct err *err) {
    struct demo *demo = memory_alloc(sizeof(*demo));
    demo->options = (struct demo_options){.listen = LISTEN_DEFAULT, .pace = 1, .seed = SEED_DEFAULT};
    int result = parse_options(argument_count, arguments, &demo->options, err);
    if (result == 0) {
        demo->on_terminal = isatty(STDOUT_FILENO);
        setvbuf(stdout, NULL, _IOLBF, 0); /* whoever reads through a pipe reads along */
        demo_signals_block();
        http_client_global_init();
        result = finish(demo, run(demo, err), err);
        http_client_global_cleanup();
        if (result >= 0) tell_end(demo);
    }
    free(demo);
    return result < 0 ? result : 0;
}

const struct command command_demo = {
    .name = "demo",
    .usage = "[--listen ADDR:PORT] [--pace FACTOR] [--seed NUMBER] [--keep] [--quiet]",
    .summary = "Starts the service on throwaway data, with a history and live simulated traffic.",
    .details = "Prints the address, a sign-in, an API key and commands to try. Ctrl-C ends it and removes everything.\n"
               "It reads no configuration: neither file nor variables.",
    .options = demo_command_options,
    .own_options_only = true,
    .run = run_command,
};
