#include <stdlib.h>

#include "base/clock.h"
#include "ingest/work.h"
#include "score/score.h"
#include "store/scores.h"

#include "base/banned.h"

/* The changes that one transaction makes, collected before they are written. */
struct changes {
    struct link_row *links; /* by organization, email, link */
    size_t link_count;
    const struct email_stats **stats;
    size_t stats_count;
    int64_t *rescored;    /* emails that change their candidate's score, in the order of stats */
    int64_t *rescored_of; /* their organizations */
    size_t rescored_count;
    struct cohort_delta *cohorts; /* by cohort and day of what happened; grows */
    size_t cohort_count, cohort_capacity;
    struct breakdown_delta *breakdowns;
    size_t breakdown_count;
};

static int compare_i64(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

static int compare_links(const void *left, const void *right) {
    const struct link_row *a = left, *b = right;
    int order = compare_i64(a->organization_id, b->organization_id);
    if (order == 0) order = compare_i64(a->stats.email_log_id, b->stats.email_log_id);
    return order ? order : compare_i64(a->stats.link_id, b->stats.link_id);
}

static int compare_cohorts(const void *left, const void *right) {
    const struct cohort_delta *a = left, *b = right;
    int order = compare_i64(a->organization_id, b->organization_id);
    if (order == 0) order = compare_i64(a->cohort_id, b->cohort_id);
    return order ? order : compare_i64(a->day, b->day);
}

static int compare_breakdowns(const void *left, const void *right) {
    const struct breakdown_delta *a = left, *b = right;
    int order = compare_i64(a->organization_id, b->organization_id);
    if (order == 0) order = compare_i64(a->cohort_id, b->cohort_id);
    if (order == 0) order = compare_i64(a->kind, b->kind);
    return order ? order : compare_i64(a->item, b->item);
}

static bool is_counted_click(const struct event_row *row) {
    return row->inserted && row->key.event_type == EVENT_CLICK && row->key.link_id != 0 &&
           row->verdict != VERDICT_EVIDENCE;
}

static int load_links(struct job *job, struct changes *changes, struct err *err) {
    changes->links = arena_alloc_array(job->arena, job->row_count, sizeof(*changes->links));
    size_t count = 0, unique = 0;
    for (size_t i = 0; i < job->row_count; i++) {
        if (!is_counted_click(&job->rows[i])) continue;
        struct link_row *link = &changes->links[count++];
        link_stats_init(&link->stats);
        link->organization_id = job->rows[i].key.organization_id;
        link->stats.email_log_id = job->rows[i].key.email_log_id;
        link->stats.link_id = job->rows[i].key.link_id;
    }
    if (count == 0) return 0;
    qsort(changes->links, count, sizeof(*changes->links), compare_links);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || compare_links(&changes->links[unique - 1], &changes->links[i]) != 0)
            changes->links[unique++] = changes->links[i];
    changes->link_count = unique;
    return engagement_load_links(job->db, changes->links, unique, err);
}

static void add_breakdown(struct changes *changes, const struct email_stats *stats, enum breakdown_kind kind,
                          int64_t item, int64_t n) {
    changes->breakdowns[changes->breakdown_count++] = (struct breakdown_delta){
        .organization_id = stats->organization_id, .cohort_id = stats->cohort_id, .kind = kind, .item = item, .n = n};
}

/* ---- the cohort's change, by the day on which it happened ---- */

struct happenings {
    struct arena *arena;
    struct changes *changes;
    const struct email_stats *stats;
    const struct local_days *days;
    size_t first; /* of this email's changes */
};

static void add_happening(void *context, int64_t at, const struct contribution *change) {
    struct happenings *happenings = context;
    struct changes *changes = happenings->changes;
    int32_t day = local_day(happenings->days, at);
    for (size_t i = changes->cohort_count; i > happenings->first; i--) {
        if (changes->cohorts[i - 1].day != day) continue;
        contribution_add(&changes->cohorts[i - 1].change, change);
        return;
    }
    if (changes->cohort_count == changes->cohort_capacity) {
        size_t capacity = changes->cohort_capacity * 2 + 16;
        struct cohort_delta *grown = arena_alloc_array(happenings->arena, capacity, sizeof(*grown));
        if (changes->cohort_count > 0) memcpy(grown, changes->cohorts, changes->cohort_count * sizeof(*grown));
        changes->cohorts = grown;
        changes->cohort_capacity = capacity;
    }
    changes->cohorts[changes->cohort_count++] =
        (struct cohort_delta){.organization_id = happenings->stats->organization_id,
                              .cohort_id = happenings->stats->cohort_id,
                              .day = day,
                              .change = *change};
}

static void count_row(struct changes *changes, const struct event_row *row, struct happenings *happenings) {
    struct link_stats *link = NULL, link_before;
    if (is_counted_click(row)) {
        struct link_row wanted = {.organization_id = row->key.organization_id,
                                  .stats = {.email_log_id = row->key.email_log_id, .link_id = row->key.link_id}};
        struct link_row *found = bsearch(&wanted, changes->links, changes->link_count, sizeof(wanted), compare_links);
        link = &found->stats;
        bool human = verdict_is_human(row->verdict);
        if (human && link->click_count == 0)
            add_breakdown(changes, row->stats, BREAKDOWN_LINK_EMAILS, link->link_id, 1);
        add_breakdown(changes, row->stats, human ? BREAKDOWN_LINK_CLICKS : BREAKDOWN_LINK_MACHINE_CLICKS, link->link_id,
                      1);
    }
    const struct counted_event event = {.type = (enum event_type)row->key.event_type,
                                        .bounce = row->bounce,
                                        .verdict = row->verdict,
                                        .occurred_at = row->key.occurred_at};
    if (link) link_before = *link;
    counters_add(row->stats, link, &event);
    counters_event_happened(&event, add_happening, happenings);
    if (link) counters_link_happened(&link_before, link, add_happening, happenings);
}

/* The first open moved (or came): its place in the histogram moves with it. */
static void move_open_delay(struct changes *changes, const struct email_stats *before,
                            const struct email_stats *after) {
    if (before->opened_at == after->opened_at) return;
    int32_t to = open_delay_bucket(open_delay_ms(after));
    if (before->opened_at != TIME_UNSET) {
        int32_t from = open_delay_bucket(open_delay_ms(before));
        if (from == to) return;
        add_breakdown(changes, after, BREAKDOWN_OPEN_DELAY, from, -1);
    }
    add_breakdown(changes, after, BREAKDOWN_OPEN_DELAY, to, 1);
}

/* Rows of one email stand together. */
static void count_rows(struct job *job, struct changes *changes) {
    const int64_t now = clock_now();
    for (size_t i = 0; i < job->row_count;) {
        struct email_stats *stats = job->rows[i].stats;
        struct email_stats before = *stats;
        struct happenings happenings = {.arena = job->arena,
                                        .changes = changes,
                                        .stats = stats,
                                        .days = &job->row_works[i]->policy->days,
                                        .first = changes->cohort_count};
        bool changed = false;
        for (; i < job->row_count && job->rows[i].stats == stats; i++) {
            if (!job->rows[i].inserted) continue;
            count_row(changes, &job->rows[i], &happenings);
            changed = true;
        }
        if (!changed) continue;
        counters_happened(&before, stats, add_happening, &happenings);
        changes->stats[changes->stats_count++] = stats;
        move_open_delay(changes, &before, stats);
        if (score_affected(&before, stats, now)) {
            changes->rescored_of[changes->rescored_count] = stats->organization_id;
            changes->rescored[changes->rescored_count++] = stats->email_log_id;
        }
    }
}

static void merge_cohorts(struct changes *changes) {
    size_t unique = 0, kept = 0;
    if (changes->cohort_count == 0) return;
    qsort(changes->cohorts, changes->cohort_count, sizeof(*changes->cohorts), compare_cohorts);
    for (size_t i = 0; i < changes->cohort_count; i++) {
        if (unique > 0 && compare_cohorts(&changes->cohorts[unique - 1], &changes->cohorts[i]) == 0)
            contribution_add(&changes->cohorts[unique - 1].change, &changes->cohorts[i].change);
        else
            changes->cohorts[unique++] = changes->cohorts[i];
    }
    for (size_t i = 0; i < unique; i++)
        if (!contribution_is_zero(&changes->cohorts[i].change)) changes->cohorts[kept++] = changes->cohorts[i];
    changes->cohort_count = kept;
}

static void merge_breakdowns(struct changes *changes) {
    size_t unique = 0, kept = 0;
    qsort(changes->breakdowns, changes->breakdown_count, sizeof(*changes->breakdowns), compare_breakdowns);
    for (size_t i = 0; i < changes->breakdown_count; i++) {
        if (unique > 0 && compare_breakdowns(&changes->breakdowns[unique - 1], &changes->breakdowns[i]) == 0)
            changes->breakdowns[unique - 1].n += changes->breakdowns[i].n;
        else
            changes->breakdowns[unique++] = changes->breakdowns[i];
    }
    for (size_t i = 0; i < unique; i++)
        if (changes->breakdowns[i].n != 0) changes->breakdowns[kept++] = changes->breakdowns[i];
    changes->breakdown_count = kept;
}

/* The scores themselves are computed later, many at a time (ingest/scores.h). */
static int mark_scores(struct job *job, const struct changes *changes, struct err *err) {
    int r = 0;
    for (size_t first = 0, next; first < changes->rescored_count && r == 0; first = next) {
        for (next = first + 1; next < changes->rescored_count; next++)
            if (changes->rescored_of[next] != changes->rescored_of[first]) break;
        r = scores_mark_emails(job->db, changes->rescored_of[first], changes->rescored + first, next - first, err);
    }
    job->applier->rescored = changes->rescored_count;
    return r;
}

int count_events(struct job *job, struct err *err) {
    /* Bounds: a click adds at most two breakdowns, an email's first open two more, an event that is only counted one.
     */
    struct changes changes = {
        .stats = arena_alloc_array(job->arena, job->stats_count, sizeof(*changes.stats)),
        .rescored = arena_alloc_array(job->arena, job->stats_count, sizeof(*changes.rescored)),
        .rescored_of = arena_alloc_array(job->arena, job->stats_count, sizeof(*changes.rescored_of)),
        .breakdowns = arena_alloc_array(job->arena, 2 * job->row_count + 2 * job->stats_count + job->count,
                                        sizeof(*changes.breakdowns)),
    };
    int r = load_links(job, &changes, err);
    if (r < 0) return r;
    count_rows(job, &changes);
    for (size_t i = 0; i < job->count; i++) {
        const struct work *work = &job->works[i];
        if (work->fate != FATE_COUNT_ONLY) continue;
        changes.breakdowns[changes.breakdown_count++] = (struct breakdown_delta){
            .organization_id = work->key.organization_id,
            .cohort_id = work->stats ? work->stats->cohort_id : work->event->cohort_id,
            .kind = BREAKDOWN_AGGREGATE,
            .item = work->event->type,
            .n = 1,
        };
    }
    merge_cohorts(&changes);
    merge_breakdowns(&changes);
    if (changes.stats_count > 0) r = engagement_save_stats(job->db, changes.stats, changes.stats_count, err);
    if (r == 0 && changes.link_count > 0) r = engagement_save_links(job->db, changes.links, changes.link_count, err);
    if (r == 0 && changes.cohort_count + changes.breakdown_count > 0)
        r = engagement_append_deltas(job->db, changes.cohorts, changes.cohort_count, changes.breakdowns,
                                     changes.breakdown_count, err);
    if (r == 0) r = mark_scores(job, &changes, err);
    job->applier->delta_rows = changes.cohort_count + changes.breakdown_count;
    return r;
}
