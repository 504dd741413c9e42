#include "demo/history.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "demo/plan.h"
#include "ingest/apply.h"
#include "ingest/registration.h"
#include "ingest/scores.h"
#include "store/consent.h"
#include "store/db.h"
#include "store/engagement.h"
#include "store/references.h"
#include "store/store.h"

#include "base/banned.h"

#define GROUP_EMAILS  400 /* in one transaction, with the events that follow before the next ones are sent */
#define BATCHES_MAX   400 /* in one call */
#define BATCH_EVENTS  100 /* of one delivery */
#define BATCH_SPAN    (30 * SECOND_MS)
#define WEBHOOK_DELAY (2 * SECOND_MS) /* from the last event of a delivery to its receipt */
#define OPENED_DAYS   14              /* opens that may be repeated later */
#define PROSPECTS_MAX 2000
#define FOLD_ROWS     20000
#define TREND_DAYS    32 /* of which each has its scores */

/* A happening and its email, as an index. */
struct moment {
    struct demo_happening happening;
    size_t email;
};

struct writing {
    const struct demo_history_options *options;
    struct demo_world *world;
    struct applier *applier;
    struct db *db;
    struct demo_plan plan; /* only those that were really sent */
    struct moment *moments;
    size_t moment_count, moment_capacity;
    size_t registered, applied; /* so far: emails and moments */
    bool objected;
};

/* ---- what happened ---- */

static int compare_moments(const void *left, const void *right) {
    const struct moment *a = left, *b = right;
    if (a->happening.at != b->happening.at) return a->happening.at < b->happening.at ? -1 : 1;
    if (a->email != b->email) return a->email < b->email ? -1 : 1;
    return (int)a->happening.type - (int)b->happening.type;
}

/* Plays the plan through: drops what would not have been sent, and gathers all that happened to the rest. */
static void play(struct writing *writing) {
    struct demo_happening happenings[DEMO_HAPPENINGS_MAX];
    size_t kept = 0;
    demo_plan_make(&writing->plan, writing->world);
    for (size_t i = 0; i < writing->plan.count; i++) {
        struct demo_email *email = &writing->plan.emails[kept];
        *email = writing->plan.emails[i];
        if (!demo_may_write(writing->world, email)) continue;
        demo_email_name(writing->world, email);
        size_t count = demo_behave(writing->world, email, 1, happenings);
        if (writing->moment_count + count > writing->moment_capacity) {
            writing->moment_capacity = memory_next_capacity(writing->moment_capacity, writing->moment_count + count);
            writing->moments = memory_grow(writing->moments, writing->moment_capacity, sizeof(*writing->moments));
        }
        for (size_t n = 0; n < count; n++)
            writing->moments[writing->moment_count++] = (struct moment){happenings[n], kept};
        kept++;
    }
    writing->plan.count = kept;
    qsort(writing->moments, writing->moment_count, sizeof(*writing->moments), compare_moments);
}

/* ---- registration ---- */

static struct reference reference_of(const char *id, const char *name) {
    return (struct reference){slice_cstr(id), slice_cstr(name)};
}

static struct registration registration_of(const struct demo_world *world, const struct demo_email *email,
                                           struct arena *arena) {
    const struct demo_candidate *candidate = &world->candidates[email->candidate];
    const struct demo_sender *sender = &demo_senders[email->sender];
    const struct demo_template *template_ = &demo_templates[email->template_];
    struct registration registration = {
        .message_id = slice_cstr(email->message_id),
        .subject = slice_cstr(demo_subject(email, arena)),
        .sent_at = email->sent_at,
        .candidate = {slice_cstr(candidate->id), slice_cstr(candidate->name), slice_cstr(candidate->email),
                      slice_cstr(candidate->title)},
        .sender = {slice_cstr(sender->id), slice_cstr(sender->email), slice_cstr(sender->name)},
        .template_ = reference_of(template_->id, template_->name),
        .sequence_step = email->sequence_step < 0 ? -1 : email->sequence_step + 1,
        .tracking = TRACKING_FULL,
    };
    if (email->job >= 0) registration.job = reference_of(demo_jobs[email->job].id, demo_jobs[email->job].title);
    if (email->campaign >= 0)
        registration.campaign = reference_of(demo_campaigns[email->campaign].id, demo_campaigns[email->campaign].name);
    if (email->sequence_step >= 0) registration.sequence = reference_of(DEMO_SEQUENCE_ID, DEMO_SEQUENCE_NAME);
    return registration;
}

static int register_group(struct writing *writing, size_t count, struct arena *arena, struct err *err) {
    struct registration *registrations = arena_alloc_array(arena, count, sizeof(*registrations));
    int64_t last_sent_at = 0;
    for (size_t i = 0; i < count; i++) {
        const struct demo_email *email = &writing->plan.emails[writing->registered + i];
        registrations[i] = registration_of(writing->world, email, arena);
        last_sent_at = email->sent_at;
    }
    int result = register_emails(writing->applier, writing->db, writing->options->organization_id, registrations, count,
                                 last_sent_at, err);
    if (result == 0) writing->registered += count;
    return result;
}

/* Campaigns of stricter level exist before their first email (BR-558.8). */
static int make_campaigns(struct writing *writing, struct err *err) {
    int result = 0;
    int64_t began = writing->world->now - DEMO_HISTORY_DAYS * DAY_MS;
    for (size_t i = 0; i < demo_campaign_count && result == 0; i++) {
        const struct demo_campaign *campaign = &demo_campaigns[i];
        struct consent consent = {.known = true, .level = campaign->tracking};
        int64_t id;
        if (campaign->tracking == TRACKING_FULL) continue;
        result = reference_upsert(writing->db, REFERENCE_CAMPAIGNS, writing->options->organization_id,
                                  slice_cstr(campaign->id), slice_cstr(campaign->name), began, &id, err);
        if (result == 0)
            result = consent_set_campaign(writing->db, writing->options->organization_id, slice_cstr(campaign->id),
                                          consent, began, &id, err);
    }
    return result;
}

/* ---- events ---- */

/* The moments from `first` on that one delivery tells about. */
static size_t delivery_size(const struct writing *writing, size_t first, int64_t until) {
    const struct moment *moments = writing->moments;
    size_t count = 0;
    while (first + count < writing->moment_count && count < BATCH_EVENTS &&
           moments[first + count].happening.at < until &&
           moments[first + count].happening.provider == moments[first].happening.provider &&
           moments[first + count].happening.at - moments[first].happening.at < BATCH_SPAN)
        count++;
    return count;
}

static struct event_batch *make_batch(struct writing *writing, size_t first, size_t count) {
    struct arena *arena = arena_new();
    struct event *events = arena_alloc_array(arena, count, sizeof(*events));
    const struct demo_happening *last = &writing->moments[first + count - 1].happening;
    for (size_t i = 0; i < count; i++) {
        const struct moment *moment = &writing->moments[first + i];
        events[i] = demo_event(writing->world, &writing->plan.emails[moment->email], &moment->happening, arena);
    }
    return event_batch_new(arena, events, count, writing->options->organization_id,
                           writing->options->endpoint_ids[last->provider], last->at + WEBHOOK_DELAY,
                           store_hash_key(writing->options->store));
}

/* Applies what happened before `until`. */
static int apply_until(struct writing *writing, int64_t until, struct err *err) {
    int result = 0;
    size_t in_delivery = 1;
    while (result == 0 && in_delivery > 0) {
        struct event_batch *batches[BATCHES_MAX];
        size_t count = 0;
        while (count < BATCHES_MAX && (in_delivery = delivery_size(writing, writing->applied, until)) > 0) {
            batches[count++] = make_batch(writing, writing->applied, in_delivery);
            writing->applied += in_delivery;
        }
        if (count > 0) result = apply_batches(writing->applier, writing->db, batches, count, err);
        for (size_t i = 0; i < count; i++)
            event_batch_free(batches[i]);
    }
    return result;
}

static int object(struct writing *writing, int64_t at, struct err *err) {
    int64_t candidate;
    size_t emails;
    int result = apply_until(writing, at, err);
    writing->objected = true;
    if (result < 0) return result;
    return consent_set_candidate(writing->db, writing->options->organization_id,
                                 slice_cstr(writing->world->candidates[DEMO_OBJECTOR].id),
                                 (struct consent){.known = true, .level = TRACKING_NONE}, at, &candidate, &emails, err);
}

static bool has_trend(const struct writing *writing, int64_t at) {
    return at > writing->world->now - TREND_DAYS * DAY_MS;
}

/* The emails of one transaction: in the days whose scores are shown those of one day, else GROUP_EMAILS. */
static size_t group_size(const struct writing *writing) {
    const struct demo_email *emails = &writing->plan.emails[writing->registered];
    size_t left = writing->plan.count - writing->registered, count = 1;
    while (count < left && count < GROUP_EMAILS &&
           (!has_trend(writing, emails[count].sent_at) || emails[count].sent_at / DAY_MS == emails[0].sent_at / DAY_MS))
        count++;
    return count;
}

/* Scores as they were then, so that they have a history. */
static int score(struct writing *writing, int64_t at, struct err *err) {
    size_t looked = 1;
    int result = 0;
    while (result == 0 && looked > 0) {
        bool announced = false;
        result = db_begin(writing->db, DB_WRITE, err);
        if (result == 0) result = scores_refresh(writing->db, NULL, at, SCORES_PORTION, &looked, &announced, err);
        if (result == 0) result = db_commit(writing->db, err);
        if (result < 0) db_rollback(writing->db);
    }
    return result;
}

/* One transaction: some emails, and what happened before the next of them was sent; and the scores of then. */
static int write_group(struct writing *writing, struct err *err) {
    size_t count = group_size(writing);
    size_t next = writing->registered + count;
    int64_t until = next < writing->plan.count ? writing->plan.emails[next].sent_at : writing->world->now;
    int64_t objection = writing->world->now - DEMO_OBJECTED_DAYS * DAY_MS;
    struct arena *arena = arena_new();
    int result = db_begin(writing->db, DB_WRITE, err);
    if (result == 0 && writing->registered == 0) result = make_campaigns(writing, err);
    if (result == 0) result = register_group(writing, count, arena, err);
    if (result == 0 && !writing->objected && objection < until) result = object(writing, objection, err);
    if (result == 0) result = apply_until(writing, until, err);
    if (result == 0) result = db_commit(writing->db, err);
    if (result < 0) db_rollback(writing->db);
    if (result == 0 && has_trend(writing, until)) result = score(writing, until, err);
    arena_free(arena);
    return result;
}

static int fold(struct writing *writing, struct err *err) {
    int64_t folded = 1;
    int result = 0;
    while (folded > 0 && result == 0) {
        result = db_begin(writing->db, DB_WRITE, err);
        if (result == 0) result = engagement_fold(writing->db, FOLD_ROWS, &folded, err);
        if (result == 0) result = db_commit(writing->db, err);
        if (result < 0) db_rollback(writing->db);
    }
    return result;
}

static int write_all(struct writing *writing, struct err *err) {
    const struct demo_history_options *options = writing->options;
    int result = 0;
    while (result == 0 && writing->registered < writing->plan.count) {
        result = write_group(writing, err);
        if (result == 0) result = options->progress(options->context, writing->registered, writing->applied, err);
    }
    return result == 0 ? fold(writing, err) : result;
}

/* ---- what is left for the live traffic ---- */

static void keep_prospects(const struct writing *writing, struct demo_history *history) {
    int64_t since = writing->world->now - OPENED_DAYS * DAY_MS;
    history->coming = memory_alloc_array(PROSPECTS_MAX, sizeof(*history->coming));
    history->opened = memory_alloc_array(PROSPECTS_MAX, sizeof(*history->opened));
    for (size_t i = 0; i < writing->moment_count; i++) {
        const struct moment *moment = &writing->moments[i];
        struct demo_prospect prospect = {writing->plan.emails[moment->email], moment->happening};
        if (i >= writing->applied) {
            if (history->coming_count < PROSPECTS_MAX) history->coming[history->coming_count++] = prospect;
        } else if (moment->happening.type == EVENT_OPEN && !moment->happening.machine && moment->happening.at > since &&
                   prospect.email.candidate != DEMO_OBJECTOR && history->opened_count < PROSPECTS_MAX) {
            history->opened[history->opened_count++] = prospect;
        }
    }
    history->emails = writing->registered;
    history->events = writing->applied;
}

int demo_history_write(const struct demo_history_options *options, struct demo_world *world, struct demo_history *ret,
                       struct err *err) {
    struct writing writing = {.options = options, .world = world};
    int result = store_writer(options->store, &writing.db, err);
    if (result < 0) return result;
    writing.applier = applier_new(store_hash_key(options->store));
    play(&writing);
    result = write_all(&writing, err);
    if (result == 0) {
        *ret = (struct demo_history){0};
        keep_prospects(&writing, ret);
    }
    free(writing.moments);
    demo_plan_release(&writing.plan);
    applier_free(writing.applier);
    store_writer_close(options->store, writing.db);
    return result;
}

void demo_history_release(struct demo_history *history) {
    free(history->coming);
    free(history->opened);
    *history = (struct demo_history){0};
}
