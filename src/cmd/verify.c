#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/session.h"
#include "ingest/verify.h"
#include "store/audit.h"
#include "store/organizations.h"

#include "base/banned.h"

#define ORGANIZATIONS_PAGE 200

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

struct chains {
    struct session *session;
    int64_t entries, faults;
};

static int verify_audit(struct chains *chains, struct err *err) {
    struct session *session = chains->session;
    unsigned char key[AUDIT_KEY_SIZE];
    struct organization *organizations;
    int64_t after = 0;
    size_t count;
    secret_box_derive(&session->box, AUDIT_LABEL, key);
    int r = db_begin(session->db, DB_READ, err);
    if (r < 0) return r;
    do {
        r = organizations_list(session->db, after, ORGANIZATIONS_PAGE, session->arena, &organizations, &count, err);
        for (size_t i = 0; i < count && r == 0; i++) {
            int64_t entries = 0, faults = 0;
            after = organizations[i].id;
            r = audit_verify(session->db, key, after, print_difference, NULL, &entries, &faults, err);
            chains->entries += entries;
            chains->faults += faults;
        }
    } while (r == 0 && count == ORGANIZATIONS_PAGE);
    db_rollback(session->db);
    if (r == 0)
        printf("%" PRId64 " entries of the audit log checked, %" PRId64 " faults\n", chains->entries, chains->faults);
    return r;
}

static int run(const struct command *command, int argument_count, char *const *arguments, struct err *err) {
    struct session session;
    struct verify_report report;
    struct chains chains = {.session = &session};
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
        r = verify_audit(&chains, err);
        if (r == 0 && chains.faults > 0)
            r = err_set(err, ERR_CONFLICT, "the audit log is not as it was written");
        else if (r == 0 && report.differences > 0)
            r = err_set(err, ERR_CONFLICT, "%" PRId64 " figures differ from a recount of the events",
                        report.differences);
    }
    session_close(&session);
    return r;
}

const struct command command_verify = {
    .name = "verify",
    .usage = "",
    .summary = "Recounts every figure from the events, checks the audit log, and prints what differs.",
    .details = "Compares the figures of emails, links, cohorts and breakdowns with a recount from the events, and the "
               "scores of\n"
               "candidates with those figures, in one snapshot; the service may run meanwhile. Exits with 1 when there "
               "is any\n"
               "difference. Emails that may have lost events to retention are left out. The audit log is "
               "checked\n"
               "against its chain of hashes.",
    .run = run,
};
