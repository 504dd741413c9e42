#include "ingest/verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/memory.h"
#include "ingest/verify_activity.h"
#include "ingest/verify_email.h"
#include "ingest/verify_scores.h"
#include "store/db.h"
#include "store/store.h"

#include "base/banned.h"

#define PROGRESS_EMAILS 20000
/* Clocks of providers may run ahead of ours: events up to a day older than their email may be gone with retention. */
#define RETENTION_MARGIN_MS DAY_MS

/* A stream and its row at hand. */
struct reader {
    struct db_rows *rows;
    bool at_end;
    union {
        struct recount_email email;
        struct recount_event event;
        struct recount_link link;
        struct recount_cohort cohort;
        struct recount_breakdown breakdown;
        struct recount_activity activity;
    } row;
};

/* One of the counters of a cohort by kind and item. */
struct tally {
    int64_t kind, item, n;
};

struct verification {
    struct db *db;
    const struct verify_observer *observer;
    struct verify_report report;
    int64_t organization_id;
    int64_t sent_since; /* older emails are left out */
    struct reader readers[RECOUNT_STREAMS];
    struct email_recount email;
    /* Of the cohort at hand. */
    int64_t cohort_id;
    bool cohort_left_out;
    struct contribution sums;
    bool cohort_has_day;
    int64_t cohort_day; /* sent */
    struct activity_recount activity;
    struct tally *tallies;
    size_t tally_count, tally_capacity;
};

/* ---- differences ---- */

__attribute__((format(printf, 2, 3))) static void differ(struct verification *verification, const char *format, ...) {
    const struct verify_observer *observer = verification->observer;
    if (verification->report.differences++ >= VERIFY_DIFFERENCES_TOLD || !observer || !observer->difference) return;
    char sentence[300];
    int used = snprintf(sentence, sizeof(sentence), "organization %lld, ", (long long)verification->organization_id);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence + used, sizeof(sentence) - (size_t)used, format, arguments);
    va_end(arguments);
    observer->difference(observer->context, sentence);
}

static const char *time_or_never(int64_t ms, char out[TIME_TEXT_MAX]) {
    if (ms == TIME_UNSET) return "never";
    out[time_format(ms, out).len] = '\0';
    return out;
}

static void compare_count(struct verification *verification, const char *field, int64_t stored, int64_t counted) {
    if (stored != counted)
        differ(verification, "email %lld: %s is %lld, the events give %lld",
               (long long)verification->email.stats.email_log_id, field, (long long)stored, (long long)counted);
}

static void compare_time(struct verification *verification, const char *field, int64_t stored, int64_t counted) {
    char stored_text[TIME_TEXT_MAX], counted_text[TIME_TEXT_MAX];
    if (stored != counted)
        differ(verification, "email %lld: %s is %s, the events give %s",
               (long long)verification->email.stats.email_log_id, field, time_or_never(stored, stored_text),
               time_or_never(counted, counted_text));
}

static void compare_link(struct verification *verification, const struct link_stats *stored,
                         const struct link_stats *counted) {
    if (stored->clicked_at == counted->clicked_at && stored->click_count == counted->click_count &&
        stored->machine_click_count == counted->machine_click_count)
        return;
    char stored_text[TIME_TEXT_MAX], counted_text[TIME_TEXT_MAX];
    differ(verification,
           "email %lld, link %lld: clicked_at %s, click_count %lld, machine_click_count %lld; the events give %s, "
           "%lld, %lld",
           (long long)counted->email_log_id, (long long)counted->link_id,
           time_or_never(stored->clicked_at, stored_text), (long long)stored->click_count,
           (long long)stored->machine_click_count, time_or_never(counted->clicked_at, counted_text),
           (long long)counted->click_count, (long long)counted->machine_click_count);
}

/* ---- streams ---- */

static int advance(struct verification *verification, enum recount_stream stream, struct err *err) {
    struct reader *reader = &verification->readers[stream];
    int result = db_next(reader->rows, err);
    if (result < 0) return result;
    reader->at_end = result == 0;
    if (reader->at_end) return 0;
    switch (stream) {
    case RECOUNT_EMAILS:
        recount_email(reader->rows, &reader->row.email);
        break;
    case RECOUNT_EVENTS:
        recount_event(reader->rows, &reader->row.event);
        break;
    case RECOUNT_LINKS:
        recount_link(reader->rows, &reader->row.link);
        break;
    case RECOUNT_COHORTS:
        recount_cohort(reader->rows, &reader->row.cohort);
        break;
    case RECOUNT_BREAKDOWNS:
        recount_breakdown(reader->rows, &reader->row.breakdown);
        break;
    case RECOUNT_ACTIVITY:
        recount_activity(reader->rows, &reader->row.activity);
        break;
    }
    return 0;
}

/* The cohort that a stream stands at; INT64_MAX at its end. */
static int64_t cohort_at(const struct verification *verification, enum recount_stream stream) {
    const struct reader *reader = &verification->readers[stream];
    if (reader->at_end) return INT64_MAX;
    switch (stream) {
    case RECOUNT_EMAILS:
        return reader->row.email.stats.cohort_id;
    case RECOUNT_EVENTS:
        return reader->row.event.cohort_id;
    case RECOUNT_LINKS:
        return reader->row.link.cohort_id;
    case RECOUNT_COHORTS:
        return reader->row.cohort.cohort_id;
    case RECOUNT_BREAKDOWNS:
        return reader->row.breakdown.cohort_id;
    case RECOUNT_ACTIVITY:
        return reader->row.activity.cohort_id;
    }
    return INT64_MAX;
}

static bool is_at(const struct verification *verification, enum recount_stream stream) {
    return cohort_at(verification, stream) == verification->cohort_id;
}

/* ---- counters of a cohort by kind and item ---- */

static int compare_tallies(const void *left, const void *right) {
    const struct tally *a = left, *b = right;
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    return (a->item > b->item) - (a->item < b->item);
}

static void merge_tallies(struct verification *verification) {
    struct tally *tallies = verification->tallies;
    size_t kept = 0;
    if (verification->tally_count == 0) return;
    qsort(tallies, verification->tally_count, sizeof(*tallies), compare_tallies);
    for (size_t i = 1; i < verification->tally_count; i++) {
        if (compare_tallies(&tallies[kept], &tallies[i]) == 0)
            tallies[kept].n += tallies[i].n;
        else
            tallies[++kept] = tallies[i];
    }
    verification->tally_count = kept + 1;
}

static void add_tally(struct verification *verification, enum breakdown_kind kind, int64_t item, int64_t n) {
    if (n == 0) return;
    if (verification->tally_count == verification->tally_capacity) {
        merge_tallies(verification);
        if (2 * verification->tally_count >= verification->tally_capacity) {
            verification->tally_capacity =
                memory_next_capacity(verification->tally_capacity, verification->tally_capacity + 4096);
            verification->tallies =
                memory_grow(verification->tallies, verification->tally_capacity, sizeof(*verification->tallies));
        }
    }
    verification->tallies[verification->tally_count++] = (struct tally){.kind = kind, .item = item, .n = n};
}

/* ---- one email ---- */

/* What the database needs to find the events of the email, or to know a repetition. */
static void compare_timeline(struct verification *verification, const struct recount_email *stored) {
    const struct email_recount *email = &verification->email;
    if (email->events > CHAIN_EVENTS_MAX) return;
    if (stored->has_chain) {
        int64_t reached = email_recount_reached(email, stored->stats.last_event_at);
        if (reached != email->events)
            differ(verification, "email %lld: its timeline reaches %lld of %lld events",
                   (long long)stored->stats.email_log_id, (long long)reached, (long long)email->events);
    } else if (email->events > 0 && stored->stats.last_event_at < email->chain[email->chain_count - 1].occurred_at) {
        differ(verification, "email %lld: its timeline goes on after last_event_at",
               (long long)stored->stats.email_log_id);
    }
}

static void compare_stats(struct verification *verification, const struct recount_email *stored) {
    const struct email_stats *is = &stored->stats, *should = &verification->email.stats;
#define COMPARE_TIME(field)  compare_time(verification, #field, is->field, should->field);
#define COMPARE_COUNT(field) compare_count(verification, #field, is->field, should->field);
    COMPARE_TIME(delivered_at)
    COMPARE_TIME(opened_at)
    COMPARE_TIME(clicked_at)
    COMPARE_TIME(replied_at)
    COMPARE_TIME(bounced_at)
    COMPARE_TIME(dropped_at)
    COMPARE_TIME(complained_at)
    COMPARE_TIME(unsubscribed_at)
    COMPARE_TIME(last_human_at)
    COMPARE_COUNT(open_count)
    COMPARE_COUNT(machine_open_count)
    COMPARE_COUNT(click_count)
    COMPARE_COUNT(total_click_count)
    COMPARE_COUNT(machine_click_count)
    COMPARE_COUNT(bounce_type)
    compare_timeline(verification, stored);
}

static int compare_links(struct verification *verification, bool left_out, struct err *err) {
    const struct email_recount *email = &verification->email;
    const struct recount_link *stored = &verification->readers[RECOUNT_LINKS].row.link;
    size_t at = 0;
    while (is_at(verification, RECOUNT_LINKS) && stored->stats.email_log_id == email->stats.email_log_id) {
        struct link_stats none;
        link_stats_init(&none);
        none.email_log_id = email->stats.email_log_id;
        for (; !left_out && at < email->link_count && email->links[at].link_id < stored->stats.link_id; at++)
            compare_link(verification, &none, &email->links[at]);
        none.link_id = stored->stats.link_id;
        bool counted = at < email->link_count && email->links[at].link_id == stored->stats.link_id;
        if (!left_out) compare_link(verification, &stored->stats, counted ? &email->links[at] : &none);
        if (counted) at++;
        int result = advance(verification, RECOUNT_LINKS, err);
        if (result < 0) return result;
    }
    for (; !left_out && at < email->link_count; at++) {
        struct link_stats none;
        link_stats_init(&none);
        compare_link(verification, &none, &email->links[at]);
    }
    return 0;
}

static void add_to_cohort(struct verification *verification) {
    const struct email_recount *email = &verification->email;
    struct contribution contribution = counters_contribution(&email->stats);
    contribution_add(&verification->sums, &contribution);
    if (email->stats.opened_at != TIME_UNSET)
        add_tally(verification, BREAKDOWN_OPEN_DELAY, open_delay_bucket(open_delay_ms(&email->stats)), 1);
    for (size_t i = 0; i < email->link_count; i++) {
        const struct link_stats *link = &email->links[i];
        add_tally(verification, BREAKDOWN_LINK_EMAILS, link->link_id, link->click_count > 0);
        add_tally(verification, BREAKDOWN_LINK_CLICKS, link->link_id, link->click_count);
        add_tally(verification, BREAKDOWN_LINK_MACHINE_CLICKS, link->link_id, link->machine_click_count);
    }
}

static int verify_email(struct verification *verification, struct err *err) {
    const struct recount_email stored = verification->readers[RECOUNT_EMAILS].row.email;
    const struct recount_event *event = &verification->readers[RECOUNT_EVENTS].row.event;
    bool left_out = stored.stats.sent_at < verification->sent_since;
    email_recount_begin(&verification->email, &stored.stats);
    while (is_at(verification, RECOUNT_EVENTS) && event->key.email_log_id == stored.stats.email_log_id) {
        if (!left_out) email_recount_add(&verification->email, event);
        int result = advance(verification, RECOUNT_EVENTS, err);
        if (result < 0) return result;
    }
    int result = compare_links(verification, left_out, err);
    if (result < 0) return result;
    if (left_out) {
        verification->report.left_out++;
        verification->cohort_left_out = true;
        return 0;
    }
    email_recount_end(&verification->email);
    compare_stats(verification, &stored);
    add_to_cohort(verification);
    verification->report.emails++;
    verification->report.events += verification->email.events;
    const struct verify_observer *observer = verification->observer;
    if (verification->report.emails % PROGRESS_EMAILS == 0 && observer && observer->progress)
        observer->progress(observer->context, &verification->report);
    return 0;
}

/* ---- one cohort ---- */

/* What belongs to no email at all: cohort 0, and what stands between the emails of a cohort. */
static int verify_strays(struct verification *verification, struct err *err) {
    int64_t last_event_of = 0, last_link_of = 0;
    while (is_at(verification, RECOUNT_EVENTS)) {
        int64_t email_log_id = verification->readers[RECOUNT_EVENTS].row.event.key.email_log_id;
        if (email_log_id != last_event_of)
            differ(verification, "email %lld: there are events, but no such email", (long long)email_log_id);
        last_event_of = email_log_id;
        int result = advance(verification, RECOUNT_EVENTS, err);
        if (result < 0) return result;
    }
    while (is_at(verification, RECOUNT_LINKS)) {
        int64_t email_log_id = verification->readers[RECOUNT_LINKS].row.link.stats.email_log_id;
        if (email_log_id != last_link_of)
            differ(verification, "email %lld: there are clicked links, but no such email", (long long)email_log_id);
        last_link_of = email_log_id;
        int result = advance(verification, RECOUNT_LINKS, err);
        if (result < 0) return result;
    }
    return 0;
}

static int compare_sums(struct verification *verification, struct err *err) {
    struct contribution stored = {0};
    while (is_at(verification, RECOUNT_COHORTS)) {
        const struct recount_cohort *row = &verification->readers[RECOUNT_COHORTS].row.cohort;
        contribution_add(&stored, &row->sums);
        if (row->has_day) {
            verification->cohort_has_day = true;
            verification->cohort_day = row->day;
        }
        int result = advance(verification, RECOUNT_COHORTS, err);
        if (result < 0) return result;
    }
    if (verification->cohort_left_out) return 0;
#define COMPARE_SUM(field)                                                                                             \
    if (stored.field != verification->sums.field)                                                                      \
        differ(verification, "cohort %lld: %s is %lld, its emails give %lld", (long long)verification->cohort_id,      \
               #field, (long long)stored.field, (long long)verification->sums.field);
    CONTRIBUTION_FIELDS(COMPARE_SUM)
#undef COMPARE_SUM
    return 0;
}

static void compare_activity_day(struct verification *verification, int64_t day, const struct contribution *stored,
                                 const struct contribution *counted) {
    char date[TIME_TEXT_MAX];
    struct slice text = day_format((int32_t)day, date);
    if (verification->cohort_left_out) return;
#define COMPARE_HAPPENED(field)                                                                                        \
    if (stored->field != counted->field)                                                                               \
        differ(verification, "cohort %lld, what happened on %.*s: %s is %lld, its emails give %lld",                   \
               (long long)verification->cohort_id, SLICE_FMT(text), #field, (long long)stored->field,                  \
               (long long)counted->field);
    CONTRIBUTION_FIELDS(COMPARE_HAPPENED)
#undef COMPARE_HAPPENED
}

static int compare_activity(struct verification *verification, struct err *err) {
    const struct contribution nothing = {0};
    const struct recount_activity *row = &verification->readers[RECOUNT_ACTIVITY].row.activity;
    struct activity_recount *activity = &verification->activity;
    size_t at = 0;
    /* Without its row a cohort's day is not known: that it is missing was told. */
    const struct contribution sent = {.sent = verification->sums.sent,
                                      .open_base = verification->sums.open_base,
                                      .click_base = verification->sums.click_base};
    if (verification->cohort_has_day) activity_recount_add(activity, verification->cohort_day, &sent);
    activity_recount_sort(activity);
    while (is_at(verification, RECOUNT_ACTIVITY)) {
        struct activity_day stored = {.day = row->day};
        while (is_at(verification, RECOUNT_ACTIVITY) && row->day == stored.day) {
            contribution_add(&stored.sums, &row->sums);
            int result = advance(verification, RECOUNT_ACTIVITY, err);
            if (result < 0) return result;
        }
        for (; at < activity->count && activity->days[at].day < stored.day; at++)
            compare_activity_day(verification, activity->days[at].day, &nothing, &activity->days[at].sums);
        bool counted = at < activity->count && activity->days[at].day == stored.day;
        compare_activity_day(verification, stored.day, &stored.sums, counted ? &activity->days[at].sums : &nothing);
        if (counted) at++;
    }
    for (; at < activity->count; at++)
        compare_activity_day(verification, activity->days[at].day, &nothing, &activity->days[at].sums);
    return 0;
}

static void compare_tally(struct verification *verification, int64_t kind, int64_t item, int64_t stored,
                          int64_t counted) {
    if (stored != counted && !verification->cohort_left_out)
        differ(verification, "cohort %lld, breakdown %lld of %lld: %lld, its emails give %lld",
               (long long)verification->cohort_id, (long long)kind, (long long)item, (long long)stored,
               (long long)counted);
}

static int compare_breakdowns(struct verification *verification, struct err *err) {
    const struct recount_breakdown *row = &verification->readers[RECOUNT_BREAKDOWNS].row.breakdown;
    size_t at = 0;
    merge_tallies(verification);
    while (is_at(verification, RECOUNT_BREAKDOWNS)) {
        struct tally stored = {.kind = row->kind, .item = row->item};
        while (is_at(verification, RECOUNT_BREAKDOWNS) && row->kind == stored.kind && row->item == stored.item) {
            stored.n += row->n;
            int result = advance(verification, RECOUNT_BREAKDOWNS, err);
            if (result < 0) return result;
        }
        const struct tally *tallies = verification->tallies;
        for (; at < verification->tally_count && compare_tallies(&tallies[at], &stored) < 0; at++)
            compare_tally(verification, tallies[at].kind, tallies[at].item, 0, tallies[at].n);
        bool counted = at < verification->tally_count && compare_tallies(&tallies[at], &stored) == 0;
        compare_tally(verification, stored.kind, stored.item, stored.n, counted ? tallies[at].n : 0);
        if (counted) at++;
    }
    for (; at < verification->tally_count; at++)
        compare_tally(verification, verification->tallies[at].kind, verification->tallies[at].item, 0,
                      verification->tallies[at].n);
    return 0;
}

static int verify_cohort(struct verification *verification, struct err *err) {
    int result = 0;
    verification->cohort_left_out = false;
    verification->sums = (struct contribution){0};
    verification->tally_count = 0;
    verification->cohort_has_day = false;
    activity_recount_begin(&verification->activity);
    while (result == 0 && is_at(verification, RECOUNT_EMAILS)) {
        result = verify_email(verification, err);
        if (result == 0) result = advance(verification, RECOUNT_EMAILS, err);
    }
    if (result == 0) result = verify_strays(verification, err);
    if (result == 0) result = compare_sums(verification, err);
    if (result == 0) result = compare_breakdowns(verification, err);
    if (result == 0) result = compare_activity(verification, err);
    if (!verification->cohort_left_out) verification->report.cohorts++;
    return result;
}

/* ---- sums of days ---- */

/* `rows`: of recount_days or recount_activity_days; freed here. */
static int verify_day_totals(struct verification *verification, const char *what, struct db_rows *rows,
                             struct err *err) {
    int result;
    while ((result = db_next(rows, err)) > 0) {
        struct contribution difference;
        char date[TIME_TEXT_MAX];
        int32_t day;
        recount_day(rows, &day, &difference);
        struct slice text = day_format(day, date);
#define COMPARE_DAY(field)                                                                                             \
    if (difference.field != 0)                                                                                         \
        differ(verification, "%s %.*s: %s is %lld less than in its cohorts", what, SLICE_FMT(text), #field,            \
               (long long)difference.field);
        CONTRIBUTION_FIELDS(COMPARE_DAY)
#undef COMPARE_DAY
    }
    db_rows_free(rows);
    return result;
}

static int verify_groups(struct verification *verification, struct err *err) {
    static const char *const names[] = {"?", "job", "template", "campaign"};
    struct db_rows *rows;
    int result = recount_groups(verification->db, verification->organization_id, &rows, err);
    if (result < 0) return result;
    while ((result = db_next(rows, err)) > 0) {
        struct contribution difference;
        char date[TIME_TEXT_MAX];
        int32_t day;
        int64_t kind, item;
        recount_day(rows, &day, &difference);
        recount_group(rows, &kind, &item);
        struct slice text = day_format(day, date);
#define COMPARE_GROUP(field)                                                                                           \
    if (difference.field != 0)                                                                                         \
        differ(verification, "day %.*s, %s %lld: %s is %lld less than in its cohorts", SLICE_FMT(text),                \
               names[kind >= 1 && kind <= 3 ? kind : 0], (long long)item, #field, (long long)difference.field);
        CONTRIBUTION_FIELDS(COMPARE_GROUP)
#undef COMPARE_GROUP
    }
    db_rows_free(rows);
    return result;
}

static int verify_day_breakdowns(struct verification *verification, struct err *err) {
    struct db_rows *rows;
    int result = recount_day_breakdowns(verification->db, verification->organization_id, &rows, err);
    if (result < 0) return result;
    while ((result = db_next(rows, err)) > 0) {
        struct recount_breakdown difference;
        char date[TIME_TEXT_MAX];
        int32_t day;
        recount_day_breakdown(rows, &day, &difference);
        struct slice text = day_format(day, date);
        differ(verification, "day %.*s, breakdown %lld of %lld is %lld less than in its cohorts", SLICE_FMT(text),
               (long long)difference.kind, (long long)difference.item, (long long)difference.n);
    }
    db_rows_free(rows);
    return result;
}

/* ---- scores ---- */

static void differ_score(void *context, const char *sentence) {
    differ(context, "%s", sentence);
}

static int verify_scores_of(struct verification *verification, int64_t now, struct err *err) {
    const struct score_observer observer = {.differ = differ_score, .context = verification};
    int64_t scores = 0;
    int result = verify_scores(verification->db, verification->organization_id, now, &observer, &scores, err);
    verification->report.scores += scores;
    return result;
}

/* ---- all of it ---- */

static int verify_organization(struct verification *verification, const struct recount_organization *organization,
                               int64_t now, struct err *err) {
    struct db_rows *days;
    int result = 0;
    verification->organization_id = organization->id;
    verification->activity.zones = organization->days;
    verification->sent_since = now - organization->retention_days * DAY_MS + RETENTION_MARGIN_MS;
    for (int stream = 0; stream < RECOUNT_STREAMS && result == 0; stream++) {
        result = recount_open(verification->db, (enum recount_stream)stream, organization->id,
                              &verification->readers[stream].rows, err);
        if (result == 0) result = advance(verification, (enum recount_stream)stream, err);
    }
    while (result == 0) {
        int64_t first = INT64_MAX;
        for (int stream = 0; stream < RECOUNT_STREAMS; stream++) {
            int64_t cohort_id = cohort_at(verification, (enum recount_stream)stream);
            if (cohort_id < first) first = cohort_id;
        }
        if (first == INT64_MAX) break;
        verification->cohort_id = first;
        result = verify_cohort(verification, err);
    }
    for (int stream = 0; stream < RECOUNT_STREAMS; stream++) {
        db_rows_free(verification->readers[stream].rows);
        verification->readers[stream] = (struct reader){0};
    }
    if (result == 0) result = recount_days(verification->db, organization->id, &days, err);
    if (result == 0) result = verify_day_totals(verification, "day", days, err);
    if (result == 0) result = recount_activity_days(verification->db, organization->id, &days, err);
    if (result == 0) result = verify_day_totals(verification, "what happened on", days, err);
    if (result == 0) result = verify_groups(verification, err);
    if (result == 0) result = verify_day_breakdowns(verification, err);
    if (result == 0) result = verify_scores_of(verification, now, err);
    return result;
}

int verify_counters(struct store *store, const struct verify_observer *observer, struct verify_report *ret,
                    struct err *err) {
    struct verification verification = {.observer = observer};
    struct recount_organization *organizations;
    struct arena *arena = arena_new();
    size_t count = 0;
    email_recount_init(&verification.email, activity_recount_happened, &verification.activity);
    int result = store_writer(store, &verification.db, err);
    if (result == 0) result = recount_prepare(verification.db, err);
    if (result == 0) result = db_begin(verification.db, DB_READ, err);
    if (result < 0) goto out;
    result = recount_organizations(verification.db, arena, &organizations, &count, err);
    for (size_t i = 0; i < count && result == 0; i++)
        result = verify_organization(&verification, &organizations[i], clock_now(), err);
    db_rollback(verification.db);
    if (result == 0) *ret = verification.report;
out:
    store_writer_close(store, verification.db);
    email_recount_release(&verification.email);
    activity_recount_release(&verification.activity);
    free(verification.tallies);
    arena_free(arena);
    return result;
}
