#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/session.h"
#include "ingest/verify.h"

#include "base/banned.h"

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
    printf("%" PRId64 " emails with %" PRId64 " events and %" PRId64 " cohorts and the scores of %" PRId64
           " candidates compared, %" PRId64 " emails left out, %" PRId64 " differences\n",
           report->emails, report->events, report->cohorts, report->scores, report->left_out, report->differences);
}

static int run(const struct command *command, int argument_count, char *const *arguments, struct err *err) {
    struct session session;
    struct verify_report report;
    bool terminal = isatty(STDERR_FILENO);
    const struct verify_observer observer = {.difference = print_difference,
                                             .progress = terminal ? show_progress : NULL};
    int r = session_begin(&session, command, argument_count, arguments, err);
    if (r == 0 && session.rest_count > 0) r = err_set(err, ERR_INVALID, "verify takes no argument %s", session.rest[0]);
    if (r == 0) r = session_open(&session, false, err);
    if (r == 0) r = verify_counters(session.store, &observer, &report, err);
    if (terminal) fputs("\r\033[K", stderr); /* clears the line of progress */
    if (r == 0) {
        print_report(&report);
        if (report.differences > 0)
            r = err_set(err, ERR_CONFLICT, "%" PRId64 " figures differ from a recount of the events",
                        report.differences);
    }
    session_close(&session);
    return r;
}

const struct command command_verify = {
    .name = "verify",
    .usage = "",
    .summary = "Recounts every figure from the events and prints what differs.",
    .details = "Compares the figures of emails, links, cohorts and breakdowns with a recount from the events, and the "
               "scores of\n"
               "candidates with those figures, in one snapshot; the service may run meanwhile. Exits with 1 when there "
               "is any\n"
               "difference. Emails that may have lost events to retention are left out.",
    .run = run,
};
