/* import: history that a provider or an applicant tracking system exported. */
#include "import/import.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cmd/session.h"
#include "store/endpoints.h"
#include "store/engagement.h"
#include "store/organizations.h"

#include "base/banned.h"

#define TERMINAL_EVERY_US 200000
#define LINE_EVERY_US     10000000
#define FOLD_PORTION      5000
#define PATH_MAX_BYTES    4096

enum { ORG, FORMAT, PROVIDER, ENDPOINT, COLUMNS, REFUSED, DRY_RUN, RESTART };
static const struct command_option import_options[] = {
    [ORG] = {"org", "ID", "The organization; not needed when there is one only."},
    [FORMAT] = {"format", "NAME", "The kind of file; without it the first record tells."},
    [PROVIDER] = {"provider", "NAME", "The file holds deliveries of this provider's webhook, one JSON object each."},
    [ENDPOINT] = {"endpoint", "ID", "The endpoint that the events are shown to have come from."},
    [COLUMNS] = {"columns", "LIST", "Of a CSV: HEADING=NAME,HEADING=NAME where the headings have other names."},
    [REFUSED] = {"refused", "FILE",
                 "Where refused records are reported; FILE.refused.jsonl beside the file by default."},
    [DRY_RUN] = {"dry-run", NULL, "Reads and checks everything, and stores nothing."},
    [RESTART] = {"restart", NULL, "From the beginning, although an interrupted import of the file could go on."},
    {0},
};

/* ---- progress ---- */

struct display {
    bool terminal, shown, begun;
    int64_t started_us, shown_us;
    int64_t first_records, first_bytes; /* when this run began to work */
};

static void write_left(FILE *out, const struct display *display, const struct import_progress *progress,
                       double seconds) {
    double done = (double)(progress->bytes - display->first_bytes), left = (double)(progress->size - progress->bytes);
    if (progress->size <= 0) return;
    fprintf(out, " · %" PRId64 " %%", progress->bytes * 100 / progress->size);
    if (seconds < 1 || done <= 0) return;
    int64_t remaining = (int64_t)(left / (done / seconds)) + 1;
    if (left > 0) fprintf(out, " · %" PRId64 ":%02" PRId64 " left", remaining / 60, remaining % 60);
}

/* "1 250 000 records (62 000 a second) · 61 % · 0:12 left" */
static void show(void *context, const struct import_progress *progress) {
    struct display *display = context;
    int64_t now = clock_monotonic_us(), records = progress->totals->count[IMPORT_RECORDS];
    if (!progress->format) return;
    if (!display->begun) {
        display->begun = true;
        display->started_us = now;
        display->first_records = records;
        fprintf(stderr, "format: %s\n", progress->format->name);
        if (progress->resumed_at > 0)
            fprintf(stderr, "goes on behind the %" PRId64 " records that were read before\n", progress->resumed_at);
        display->shown_us = now;
    }
    if (records == display->first_records) display->first_bytes = progress->bytes;
    if (now - display->shown_us < (display->terminal ? TERMINAL_EVERY_US : LINE_EVERY_US)) return;
    double seconds = (double)(now - display->started_us) / 1e6;
    fprintf(stderr, "%s%" PRId64 " records (%.0f a second)", display->terminal ? "\r" : "", records,
            seconds > 0 ? (double)(records - display->first_records) / seconds : 0);
    write_left(stderr, display, progress, seconds);
    fputs(display->terminal ? "\033[K" : "\n", stderr);
    display->shown = true;
    display->shown_us = now;
}

/* ---- what is asked for ---- */

static int find_format(const struct session *session, struct import_format *webhook, const struct import_format **ret,
                       struct err *err) {
    const char *format = session->values[FORMAT], *provider = session->values[PROVIDER];
    if (format && provider) return err_set(err, ERR_INVALID, "--format and --provider exclude each other");
    if (provider) {
        *webhook = (struct import_format){.name = provider, .provider = provider_find(slice_cstr(provider))};
        if (!webhook->provider) return err_set(err, ERR_INVALID, "there is no provider %.60s", provider);
        *ret = import_format_find(slice_cstr(provider));
        if (!*ret) *ret = webhook;
        return 0;
    }
    *ret = format ? import_format_find(slice_cstr(format)) : NULL;
    if (!format || *ret) return 0;
    struct strbuf names;
    strbuf_init(&names, 1024);
    for (const struct import_format *known = import_formats; known->name; known++)
        strbuf_printf(&names, "%s%s", names.len ? ", " : "", known->name);
    int r = err_set(err, ERR_INVALID, "there is no format %.40s; there are %s", format, names.ptr);
    strbuf_release(&names);
    return r;
}

static int find_endpoint(struct session *session, int64_t organization_id, const struct import_format *format,
                         int64_t *ret, struct err *err) {
    struct endpoint_row row;
    if (!session->values[ENDPOINT]) return 0;
    int r = session_id("--endpoint", session->values[ENDPOINT], ret, err);
    if (r == 0) r = endpoint_row_load(session->db, organization_id, *ret, session->arena, &row, err);
    if (r == 0 && format && format->provider && !slice_equal(row.provider, slice_cstr(format->provider->name)))
        r = err_set(err, ERR_INVALID, "endpoint %" PRId64 " is one of %.*s, the file is of %s", *ret,
                    SLICE_FMT(row.provider), format->provider->title);
    return r;
}

static int refused_path(struct session *session, const char **ret, struct err *err) {
    const char *path = session->rest[0];
    if (session->values[REFUSED]) {
        *ret = session->values[REFUSED];
        return 0;
    }
    if (strcmp(path, "-") == 0) return 0;
    if (strlen(path) > PATH_MAX_BYTES) return err_set(err, ERR_INVALID, "the path of the file is too long");
    *ret = arena_printf(session->arena, "%s.refused.jsonl", path);
    return 0;
}

/* ---- running ---- */

/* Reports add what is not folded yet; folded, they are quicker. */
static int fold_all(struct db *db, struct err *err) {
    int64_t folded;
    int r;
    do {
        folded = 0;
        r = db_begin(db, DB_WRITE, err);
        if (r == 0) r = engagement_fold(db, FOLD_PORTION, &folded, err);
        if (r == 0) r = db_commit(db, err);
        if (r < 0) db_rollback(db);
    } while (r == 0 && folded > 0);
    return r;
}

static int print_result(const struct import_options *options, const struct import_totals *totals, struct err *err) {
    struct api_table *object = api_table_new(API_TABLE_OBJECT, 8192);
    for (size_t i = 0; i < IMPORT_TOTAL_COUNT; i++)
        if (i < IMPORT_REFUSED_FIRST || totals->count[i] > 0)
            api_table_int(object, import_total_name((enum import_total)i), totals->count[i]);
    api_table_int(object, "refused", import_refused(totals));
    if (options->refused_path && !options->dry_run && import_refused(totals) > 0)
        api_table_text(object, "refused_file", slice_cstr(options->refused_path));
    return session_print(object, err);
}

static int import(struct session *session, struct metrics *metrics, struct err *err) {
    struct display display = {.terminal = isatty(STDERR_FILENO)};
    struct import_format webhook = {0};
    struct organization organization;
    struct import_totals totals = {0};
    struct import_options options = {
        .store = session->store,
        .db = session->db,
        .path = session->rest[0],
        .columns = slice_cstr(session->values[COLUMNS]),
        .dry_run = session->values[DRY_RUN],
        .restart = session->values[RESTART],
        .now = clock_now(),
        .progress = show,
        .context = &display,
    };
    struct writer_options writer = {
        .store = session->store, .threads = 1, .queue_events_max = 1, .queue_jobs_max = 4, .metrics = metrics};
    int r = session_organization(session, session->values[ORG], &options.organization_id, err);
    if (r == 0) r = organization_load(session->db, options.organization_id, session->arena, &organization, err);
    if (r == 0) r = find_format(session, &webhook, &options.format, err);
    if (r == 0) r = find_endpoint(session, options.organization_id, options.format, &options.endpoint_id, err);
    if (r == 0) r = refused_path(session, &options.refused_path, err);
    if (r != 0) return r;
    options.retention_days = organization.retention_days;
    r = writer_start(&writer, &options.writer, err);
    if (r < 0) return r;
    r = import_run(&options, &totals, err);
    writer_free(options.writer);
    if (display.terminal && display.shown) fputs("\r\033[K", stderr);
    if (r == 0 && !options.dry_run) r = fold_all(session->db, err);
    return r < 0 ? r : print_result(&options, &totals, err);
}

static int run(const struct command *command, int argument_count, char *const *arguments, struct err *err) {
    struct session session;
    struct metrics *metrics = memory_alloc(sizeof(*metrics));
    int r = session_begin(&session, command, argument_count, arguments, err);
    if (r == 0 && session.rest_count != 1)
        r = err_set(err, ERR_INVALID, "inkling import takes one file, or - for standard input");
    if (r == 0) r = session_open(&session, false, err);
    if (r == 0) r = import(&session, metrics, err);
    session_close(&session);
    free(metrics);
    return r;
}

const struct command command_import = {
    .name = "import",
    .usage = "FILE [--format NAME] [--org ID] [--dry-run]",
    .summary = "Takes in history that a provider or an applicant tracking system exported.",
    .details =
        "Formats: sendgrid, sendgrid-csv, ses, mailgun, postmark; events, events-csv, emails, emails-csv. Emails come\n"
        "first: events of unknown emails are kept until their email is registered. The file may be packed with gzip.\n"
        "What is there already is not counted twice, and an import that was interrupted goes on where it was.\n"
        "docs/guide/import.md tells more.",
    .options = import_options,
    .run = run,
};
