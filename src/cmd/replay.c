/* replay: processes kept deliveries and orphan events again. */
#include "ingest/replay.h"

#include "base/clock.h"
#include "cmd/session.h"
#include "ingest/registration.h"
#include "store/organizations.h"

#include "base/banned.h"

#define PAGE             200
#define ORPHANS_AT_ONCE  500
#define QUEUE_EVENTS_MAX 100000
#define GROUP_EVENTS_MAX 5000

enum { ORG, FAILED, REJECTED, ORPHANS, SINCE };
static const struct command_option replay_options[] = {
    [ORG] = {"org", "ID", "One organization only."},
    [FAILED] = {"failed", NULL, "Deliveries that were signed, but unreadable."},
    [REJECTED] = {"rejected", NULL,
                  "Deliveries with a wrong signature, credentials or source. The signature is checked again; "
                  "credentials and source are not: that is your decision."},
    [ORPHANS] = {"orphans", NULL, "Events of unknown emails: looks for their emails again."},
    [SINCE] = {"since", "TIME", "Only deliveries received since then: 2026-11-24 or 2026-11-24T07:00:00Z."},
    {0},
};

struct replaying {
    struct session *session;
    struct replay replay;
    struct metrics metrics;
    struct arena *arena; /* reset after each delivery */
    int64_t since;
    int64_t processed, failed_again, adopted;
};

static int read_since(const char *text, int64_t *ret, struct err *err) {
    int32_t day;
    if (!text || time_parse(slice_cstr(text), ret)) return 0;
    if (!day_parse(slice_cstr(text), &day))
        return err_set(err, ERR_INVALID, "--since must be a date or a time: 2026-11-24 or 2026-11-24T07:00:00Z");
    *ret = day * DAY_MS;
    return 0;
}

static int replay_kind(struct replaying *replaying, int64_t organization_id, enum delivery_kind kind, struct err *err) {
    struct delivery_filter filter = {.kind = (int)kind, .state = DELIVERY_KEPT, .received_from = replaying->since};
    struct arena *pages = arena_new();
    struct kept_delivery *deliveries, delivery;
    int64_t before = INT64_MAX;
    size_t count;
    int r;
    do {
        arena_reset(pages);
        r = deliveries_load(replaying->session->db, organization_id, &filter, before, PAGE, pages, &deliveries, &count,
                            err);
        for (size_t i = 0; i < count && r == 0; i++) {
            before = deliveries[i].id;
            if (delivery_is_cut(&deliveries[i])) continue;
            r = replay_delivery(&replaying->replay, replaying->session->db, organization_id, before, clock_now(),
                                replaying->arena, &delivery, err);
            if (r == -ERR_CONFLICT || r == -ERR_NOT_FOUND) {
                r = 0; /* the service was faster */
            } else if (r == 0) {
                replaying->processed += delivery.state == DELIVERY_REPLAYED;
                replaying->failed_again += delivery.state != DELIVERY_REPLAYED;
            }
            arena_reset(replaying->arena);
        }
    } while (r == 0 && count == PAGE);
    arena_free(pages);
    return r;
}

struct adopting {
    int64_t organization_id, cursor;
    size_t adopted;
};

static int adopt_run(void *context, struct applier *applier, struct db *db, struct err *err) {
    struct adopting *adopting = context;
    int64_t cursor = adopting->cursor; /* this may be called again */
    int r = adopt_orphans(applier, db, adopting->organization_id, ORPHANS_AT_ONCE, &cursor, &adopting->adopted, err);
    if (r == 0) adopting->cursor = cursor;
    return r;
}

static int adopt(struct replaying *replaying, int64_t organization_id, struct err *err) {
    struct adopting adopting = {.organization_id = organization_id};
    int r;
    do {
        adopting.adopted = 0;
        r = writer_call(replaying->replay.writer, adopt_run, &adopting, err);
        replaying->adopted += (int64_t)adopting.adopted;
    } while (r == 0 && adopting.cursor != 0);
    return r;
}

static int replay_organization(struct replaying *replaying, int64_t organization_id, struct err *err) {
    const char *const *values = replaying->session->values;
    bool all = !values[FAILED] && !values[REJECTED] && !values[ORPHANS];
    int r = 0;
    if (all || values[FAILED]) r = replay_kind(replaying, organization_id, DELIVERY_FAILED, err);
    if (r == 0 && values[REJECTED]) r = replay_kind(replaying, organization_id, DELIVERY_REJECTED, err);
    if (r == 0 && (all || values[ORPHANS])) r = adopt(replaying, organization_id, err);
    return r;
}

static int replay_all(struct replaying *replaying, struct err *err) {
    struct session *session = replaying->session;
    struct organization *organizations;
    int64_t id, after = 0;
    size_t count;
    int r;
    if (session->values[ORG]) {
        r = session_organization(session, session->values[ORG], &id, err);
        return r < 0 ? r : replay_organization(replaying, id, err);
    }
    do {
        r = organizations_list(session->db, after, PAGE, session->arena, &organizations, &count, err);
        for (size_t i = 0; i < count && r == 0; i++) {
            after = organizations[i].id;
            r = replay_organization(replaying, after, err);
        }
    } while (r == 0 && count == PAGE);
    return r;
}

/* What a service has and replay needs. */
static int open_all(struct replaying *replaying, struct http_client_options *outgoing, struct err *err) {
    struct session *session = replaying->session;
    struct replay *replay = &replaying->replay;
    struct writer_options options = {
        .store = session->store,
        .threads = 1,
        .queue_events_max = QUEUE_EVENTS_MAX,
        .queue_jobs_max = 16,
        .group_events_max = GROUP_EVENTS_MAX,
        .metrics = &replaying->metrics,
    };
    http_client_global_init();
    mail_global_init();
    outgoing->allow_internal = session->config->outgoing_allow_internal;
    replay->store = session->store;
    replay->metrics = &replaying->metrics;
    replay->intake.match_days = session->config->mail_match_days;
    replay->intake.excerpt_max = (size_t)session->config->mail_excerpt_max;
    replay->endpoints = endpoints_new(&session->box, session->config->public_url);
    replay->certificates = certificates_new(session->config->sns_certificates_directory, fetch_certificate, outgoing);
    int r = endpoints_refresh(replay->endpoints, session->db, err);
    if (r == 0) r = writer_start(&options, &replay->writer, err);
    return r;
}

static void close_all(struct replaying *replaying) {
    writer_free(replaying->replay.writer);
    endpoints_free(replaying->replay.endpoints);
    certificates_free(replaying->replay.certificates);
    arena_free(replaying->arena);
    http_client_global_cleanup();
}

static int print_result(const struct replaying *replaying, struct err *err) {
    struct api_table *object = api_table_new(API_TABLE_OBJECT, 4096);
    api_table_int(object, "processed", replaying->processed);
    api_table_int(object, "failed_again", replaying->failed_again);
    api_table_int(object, "adopted_events", replaying->adopted);
    return session_print(object, err);
}

static int run(const struct command *command, int argument_count, char *const *arguments, struct err *err) {
    struct session session;
    struct replaying replaying = {.session = &session};
    struct http_client_options outgoing = {0};
    int r = session_begin(&session, command, argument_count, arguments, err);
    if (r == 0 && session.rest_count > 0) r = err_set(err, ERR_INVALID, "inkling replay takes options only");
    if (r == 0) r = read_since(session.values[SINCE], &replaying.since, err);
    if (r == 0) r = session_open(&session, false, err);
    if (r == 0) {
        replaying.arena = arena_new();
        r = open_all(&replaying, &outgoing, err);
        if (r == 0) r = replay_all(&replaying, err);
        if (r == 0) r = print_result(&replaying, err);
        close_all(&replaying);
    }
    session_close(&session);
    return r;
}

const struct command command_replay = {
    .name = "replay",
    .usage = "[--failed] [--rejected] [--orphans] [--since TIME]",
    .summary = "Processes kept deliveries and orphan events again.",
    .details = "Without a choice: failed deliveries and orphan events. What was stored before is not counted twice.",
    .options = replay_options,
    .run = run,
};
