#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/commands.h"
#include "config/config.h"
#include "ingest/verify.h"
#include "store/store.h"

#include "base/banned.h"

static const char usage[] =
    "inkling verify - recount every figure from the events\n"
    "\n"
    "usage: inkling verify [--config FILE] [--database URL]\n"
    "\n"
    "Compares the stored figures of emails, links, cohorts and breakdowns with a recount from the events, in one\n"
    "snapshot; the service may run meanwhile. Prints each difference and exits with 1 when there is any. Emails that\n"
    "may have lost events to retention are left out.\n"
    "\n"
    "options:\n";

static void write_help(void) {
    struct strbuf text;
    strbuf_init(&text, 1 << 16);
    strbuf_add_cstr(&text, usage);
    config_write_help(&text);
    fputs(text.ptr, stdout);
    strbuf_release(&text);
}

static void print_difference(void *context, const char *sentence) {
    puts(sentence);
}

static void show_progress(void *context, const struct verify_report *so_far) {
    fprintf(stderr, "\r%" PRId64 " emails, %" PRId64 " events, %" PRId64 " differences", so_far->emails, so_far->events,
            so_far->differences);
}

static void print_report(const struct verify_report *report) {
    if (report->differences > VERIFY_DIFFERENCES_TOLD)
        printf("… and %" PRId64 " more\n", report->differences - VERIFY_DIFFERENCES_TOLD);
    printf("%" PRId64 " emails with %" PRId64 " events and %" PRId64 " cohorts compared, %" PRId64
           " emails left out, %" PRId64 " differences\n",
           report->emails, report->events, report->cohorts, report->left_out, report->differences);
}

int command_verify(int argument_count, char *const *arguments) {
    struct config *config = NULL;
    struct store *store = NULL;
    const char *const *rest;
    size_t rest_count;
    struct verify_report report;
    struct err err = {0};
    int status = 2;
    for (int i = 0; i < argument_count; i++) {
        if (strcmp(arguments[i], "--help") != 0) continue;
        write_help();
        return 0;
    }
    int result = config_load(argument_count, arguments, NULL, &config, &rest, &rest_count, &err);
    if (result == 0 && rest_count > 0)
        result = err_set(&err, ERR_INVALID, "verify takes no argument %s: see inkling verify --help", rest[0]);
    if (result < 0) goto out;
    status = 1;
    const struct store_options options = {
        .url = config->database, .readers_max = 1, .sqlite_cache_bytes = config->sqlite_cache_bytes};
    result = store_open(&options, &store, &err);
    if (result < 0) goto out;
    bool terminal = isatty(STDERR_FILENO);
    const struct verify_observer observer = {.difference = print_difference,
                                             .progress = terminal ? show_progress : NULL};
    result = verify_counters(store, &observer, &report, &err);
    if (terminal) fputs("\r\033[K", stderr); /* clears the line of progress */
    if (result < 0) goto out;
    print_report(&report);
    status = report.differences > 0 ? 1 : 0;
out:
    if (result < 0) fprintf(stderr, "inkling verify: %s\n", err.text);
    store_close(store);
    config_free(config);
    return status;
}
