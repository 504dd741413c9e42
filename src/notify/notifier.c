#include "notify/notifier.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "notify/audience.h"
#include "notify/news.h"
#include "store/db.h"
#include "store/store.h"
#include "subscription/plan.h"

#include "base/banned.h"

#define POLL_MS           500 /* for rows whose writer told nobody: consent, other nodes */
#define LOOK_EVERY_US     (2 * 1000000LL)
#define SESSIONS_EVERY_US (2 * 1000000LL)
#define PORTION           500 /* rows of one transaction */
#define TOASTS_A_MINUTE   30  /* more are in the list only */
#define SCORES_WAIT_MS    500
#define NEWS_TEXT_MAX     HUB_DATA_MAX
#define SESSIONS_MAX      20000

struct notifier {
    struct notifier_options options;
    struct event_sink sink;
    struct writer *writer;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool pending, look, ending;
    /* Who wants to hear of what; replaced as a whole by the thread, read by the writer's threads. */
    pthread_rwlock_t wanted_lock;
    struct arena *arena;
    struct watcher *watchers;
    size_t watcher_count;
    bool asks_scores; /* of somebody's preferences; the thread's own */
    struct interest *interests;
    size_t interest_count;
};

/* ---- the sink ---- */

static bool sink_heard(void *notifier_, int64_t organization_id) {
    struct notifier *notifier = notifier_;
    if (hub_is_heard(notifier->options.hub, organization_id)) return true;
    if (wishes_of(notifier->options.wishes, organization_id) != 0) return true;
    pthread_rwlock_rdlock(&notifier->wanted_lock);
    bool heard = interest_find(notifier->interests, notifier->interest_count, organization_id) != NULL;
    pthread_rwlock_unlock(&notifier->wanted_lock);
    return heard;
}

static bool sink_wants(void *notifier_, int64_t organization_id, int64_t sender_id, enum event_type type) {
    struct notifier *notifier = notifier_;
    if (hub_is_heard(notifier->options.hub, organization_id)) return true;
    if (wishes_want(notifier->options.wishes, organization_id, type)) return true;
    pthread_rwlock_rdlock(&notifier->wanted_lock);
    const struct interest *interest = interest_find(notifier->interests, notifier->interest_count, organization_id);
    bool wants = interest && interest_wants(interest, sender_id, type);
    pthread_rwlock_unlock(&notifier->wanted_lock);
    return wants;
}

static bool sink_wants_levels(void *notifier_, int64_t organization_id) {
    struct notifier *notifier = notifier_;
    return (wishes_of(notifier->options.wishes, organization_id) & WEBHOOK_BIT(WEBHOOK_LEVEL_CHANGED)) != 0;
}

static void wake(struct notifier *notifier, bool look) {
    pthread_mutex_lock(&notifier->lock);
    notifier->pending = true;
    if (look) notifier->look = true;
    pthread_cond_signal(&notifier->wake);
    pthread_mutex_unlock(&notifier->lock);
}

static void sink_committed(void *notifier_) {
    wake(notifier_, false);
}

void notifier_look_again(struct notifier *notifier) {
    wake(notifier, true);
}

const struct event_sink *notifier_sink(struct notifier *notifier) {
    return &notifier->sink;
}

static int look(struct notifier *notifier, struct err *err) {
    struct arena *arena = arena_new(), *former = arena;
    struct watcher *watchers = NULL;
    struct db *db = NULL;
    size_t count = 0;
    int r = store_reader(notifier->options.store, &db, err);
    if (r == 0) r = wishes_refresh(notifier->options.wishes, db, err);
    if (r == 0) r = watchers_load(db, arena, &watchers, &count, err);
    store_reader_return(notifier->options.store, db);
    if (r == 0) {
        size_t interest_count;
        struct interest *interests = interests_make(watchers, count, arena, &interest_count);
        pthread_rwlock_wrlock(&notifier->wanted_lock);
        former = notifier->arena;
        notifier->arena = arena;
        notifier->watchers = watchers;
        notifier->watcher_count = count;
        notifier->asks_scores = false;
        for (size_t i = 0; i < count && !notifier->asks_scores; i++)
            notifier->asks_scores = audience_asks_score(&watchers[i]);
        notifier->interests = interests;
        notifier->interest_count = interest_count;
        pthread_rwlock_unlock(&notifier->wanted_lock);
    }
    arena_free(former);
    return r;
}

/* ---- one portion ---- */

/* Notifications that one row takes back. */
struct withdrawal {
    int64_t organization_id;
    struct withdrawn *notifications;
    size_t count;
};

struct portion {
    struct notifier *notifier;
    struct arena *arena;
    struct outbox_item *items;
    size_t count;
    int64_t now;
    /* Made before the transaction: events of one user, candidate and type are one already. */
    struct notification *news;
    const struct watcher **news_for;
    size_t news_count;
    /* By the transaction. */
    struct notification *merged;
    struct withdrawal *withdrawals;
    size_t withdrawal_count;
    /* Deliveries of webhooks. */
    int64_t webhook_backlog_max;
    struct plan_result planned;
};

static struct notification *find_news(struct portion *portion, const struct watcher *watcher,
                                      const struct outbox_item *item) {
    for (size_t i = 0; i < portion->news_count; i++) {
        struct notification *news = &portion->news[i];
        if (portion->news_for[i] == watcher && news->candidate_id == item->candidate_id &&
            news->event_type == item->row.event_type)
            return news;
    }
    return NULL;
}

static void tell(struct portion *portion, const struct watcher *watcher, const struct outbox_item *item) {
    struct notification *news = find_news(portion, watcher, item);
    if (!news) {
        portion->news_for[portion->news_count] = watcher;
        news = &portion->news[portion->news_count++];
        *news = (struct notification){.organization_id = watcher->organization_id,
                                      .user_id = watcher->user_id,
                                      .candidate_id = item->candidate_id,
                                      .event_type = item->row.event_type,
                                      .first_at = item->row.occurred_at,
                                      .last_at = item->row.occurred_at,
                                      .toast = !audience_is_quiet(watcher, portion->now)};
    }
    news->count++;
    if (item->row.occurred_at < news->first_at) news->first_at = item->row.occurred_at;
    if (item->row.occurred_at < news->last_at) return;
    news->last_at = item->row.occurred_at;
    news->email_log_id = item->row.email_log_id;
    news->link_id = item->row.link_id;
    news->job_id = item->job_id;
    news->sender_id = item->sender_id;
    news->candidate_external_id = item->candidate_external_id;
    news->candidate_name = item->candidate_name;
    news->subject = item->subject;
    news->job_external_id = item->job_external_id;
    news->job_title = item->job_title;
    news->url = item->url;
}

/* The watchers belong to this thread, which alone replaces them. */
static void plan(struct portion *portion) {
    const struct notifier *notifier = portion->notifier;
    size_t capacity = 0;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1) {
            portion->news = arena_alloc_array(portion->arena, capacity, sizeof(*portion->news));
            portion->news_for = arena_alloc_array(portion->arena, capacity, sizeof(struct watcher *));
        }
        for (size_t i = 0; i < portion->count; i++) {
            const struct outbox_item *item = &portion->items[i];
            if (item->row.kind != OUTBOX_EVENT || notification_events_of(item->row.event_type) == 0) continue;
            for (size_t n = 0; n < notifier->watcher_count; n++) {
                if (!audience_wants(&notifier->watchers[n], item, portion->now)) continue;
                if (pass == 0)
                    capacity++;
                else
                    tell(portion, &notifier->watchers[n], item);
            }
        }
    }
}

static int withdraw(struct portion *portion, struct db *db, const struct outbox_item *item, enum event_type type,
                    struct err *err) {
    const struct outbox_row *row = &item->row;
    struct withdrawal found = {.organization_id = row->organization_id};
    int r = row->kind == OUTBOX_RETRACTED
                ? notifications_retract(db, row->organization_id, item->candidate_id, type, row->occurred_at,
                                        portion->now, portion->arena, &found.notifications, &found.count, err)
                : notifications_withdraw_candidate(db, row->organization_id, item->candidate_id, type, portion->now,
                                                   portion->arena, &found.notifications, &found.count, err);
    if (r < 0 || found.count == 0) return r;
    portion->withdrawals[portion->withdrawal_count++] = found;
    return 0;
}

static int withdraw_all(struct portion *portion, struct db *db, struct err *err) {
    int r = 0;
    portion->withdrawal_count = 0;
    for (size_t i = 0; i < portion->count && r == 0; i++) {
        const struct outbox_item *item = &portion->items[i];
        if (item->row.kind == OUTBOX_EVENT || item->row.kind == OUTBOX_LEVEL) continue;
        if (item->row.kind == OUTBOX_RETRACTED || item->row.event_type != 0) {
            r = withdraw(portion, db, item, item->row.event_type, err);
            continue;
        }
        r = withdraw(portion, db, item, EVENT_OPEN, err);
        if (r == 0) r = withdraw(portion, db, item, EVENT_CLICK, err);
    }
    return r;
}

/* Repeatable: the writer may run it again. */
static int run_portion(void *portion_, struct applier *applier, struct db *db, struct err *err) {
    struct portion *portion = portion_;
    (void)applier;
    int r = outbox_remove(db, portion->items, portion->count, portion->arena, err);
    if (r == 0)
        r = plan_deliveries(db, portion->items, portion->count, portion->webhook_backlog_max, portion->now,
                            portion->arena, &portion->planned, err);
    for (size_t i = 0; i < portion->news_count && r == 0; i++) {
        struct notification *merged = &portion->merged[i];
        int64_t recent = 0;
        *merged = portion->news[i];
        if (merged->toast)
            r = notifications_recent(db, merged->organization_id, merged->user_id, portion->now - MINUTE_MS, &recent,
                                     err);
        if (recent >= TOASTS_A_MINUTE) merged->toast = false;
        if (r == 0) r = notification_merge(db, merged, portion->news_for[i]->preferences.merge_ms, portion->now, err);
    }
    return r == 0 ? withdraw_all(portion, db, err) : r;
}

static void publish(struct portion *portion) {
    struct hub *hub = portion->notifier->options.hub;
    struct strbuf text;
    strbuf_init(&text, NEWS_TEXT_MAX);
    for (size_t i = 0; i < portion->count; i++) {
        const struct outbox_item *item = &portion->items[i];
        if (item->row.kind != OUTBOX_EVENT || !hub_is_heard(hub, item->row.organization_id)) continue;
        strbuf_clear(&text);
        news_write_engagement(&text, item);
        if (text.overflow) continue;
        hub_publish(hub, &(struct hub_message){.kind = HUB_ENGAGEMENT,
                                               .organization_id = item->row.organization_id,
                                               .job_id = item->job_id,
                                               .data = strbuf_slice(&text)});
    }
    for (size_t i = 0; i < portion->news_count; i++) {
        const struct notification *news = &portion->merged[i];
        strbuf_clear(&text);
        news_write_notification(&text, news);
        if (text.overflow) continue;
        hub_publish(hub, &(struct hub_message){.kind = HUB_NOTIFICATION,
                                               .organization_id = news->organization_id,
                                               .user_id = news->user_id,
                                               .job_id = news->job_id,
                                               .data = strbuf_slice(&text)});
    }
    for (size_t i = 0; i < portion->withdrawal_count; i++) {
        const struct withdrawal *withdrawal = &portion->withdrawals[i];
        for (size_t n = 0; n < withdrawal->count; n++) {
            strbuf_clear(&text);
            news_write_withdrawn(&text, withdrawal->notifications[n].id);
            hub_publish(hub, &(struct hub_message){.kind = HUB_WITHDRAWN,
                                                   .organization_id = withdrawal->organization_id,
                                                   .user_id = withdrawal->notifications[n].user_id,
                                                   .data = strbuf_slice(&text)});
        }
    }
    strbuf_release(&text);
}

static void tell_planned(struct notifier *notifier, const struct plan_result *planned) {
    const struct notifier_options *options = &notifier->options;
    if (planned->added > 0) options->webhooks_planned(options->context);
    if (planned->dropped == 0) return;
    if (options->metrics) metric_add(options->metrics, METRIC_OUTGOING_DROPPED, (int64_t)planned->dropped);
    log_warning("events are not told to a webhook subscription: too many wait already",
                LOG_INT("events", (int64_t)planned->dropped));
}

static int load_portion(struct portion *portion, struct err *err) {
    struct db *db = NULL;
    int r = store_reader(portion->notifier->options.store, &db, err);
    if (r == 0) r = outbox_load(db, PORTION, portion->arena, &portion->items, &portion->count, err);
    store_reader_return(portion->notifier->options.store, db);
    return r;
}

/* How many rows were dealt with, or an error. */
static int do_portion(struct notifier *notifier, struct arena *arena, struct err *err) {
    struct portion portion = {.notifier = notifier,
                              .arena = arena,
                              .now = clock_now(),
                              .webhook_backlog_max = notifier->options.webhook_backlog_max(notifier->options.context)};
    int r = load_portion(&portion, err);
    if (r < 0 || portion.count == 0) return r;
    /* The event itself may have made its candidate hot. */
    if (notifier->asks_scores) {
        (void)writer_refresh_scores(notifier->writer, SCORES_WAIT_MS);
        r = load_portion(&portion, err);
        if (r < 0 || portion.count == 0) return r;
    }
    plan(&portion);
    portion.merged = arena_alloc_array(arena, portion.news_count, sizeof(*portion.merged));
    portion.withdrawals = arena_alloc_array(arena, 2 * portion.count, sizeof(*portion.withdrawals)); /* opens, clicks */
    r = writer_call(notifier->writer, run_portion, &portion, err);
    if (r < 0) return r;
    tell_planned(notifier, &portion.planned);
    publish(&portion);
    if (notifier->options.metrics)
        metric_add(notifier->options.metrics, METRIC_NOTIFICATIONS, (int64_t)portion.news_count);
    return (int)portion.count;
}

static void drain(struct notifier *notifier) {
    struct arena *arena = arena_new();
    struct err err = {0};
    int done;
    do {
        arena_reset(arena);
        done = do_portion(notifier, arena, &err);
    } while (done > 0);
    /* A conflict: another node told of them. Tried again with the next poll, so all else. */
    if (done < 0 && err.code != ERR_CONFLICT)
        log_warning("events cannot be told of now, tried again", LOG_TEXT("error", err.text));
    arena_free(arena);
}

/* ---- sessions and keys of open streams ---- */

struct open_sessions {
    int64_t *ids, *organizations;
    size_t count;
    int64_t now;
    int64_t expired_key, expired_organization; /* one at a time: keys end seldom */
};

static void note_session(void *open_, const struct hub_viewer *viewer) {
    struct open_sessions *open = open_;
    if (viewer->ends_at != 0 && viewer->ends_at <= open->now) {
        open->expired_key = viewer->api_key_id;
        open->expired_organization = viewer->organization_id;
    }
    if (viewer->session_id == 0 || open->count == SESSIONS_MAX) return;
    open->organizations[open->count] = viewer->organization_id;
    open->ids[open->count++] = viewer->session_id;
}

/* Streams of one organization stand together (hub_each). */
static int end_dead_sessions(struct notifier *notifier, struct arena *arena, struct err *err) {
    struct open_sessions open = {.ids = arena_alloc_array(arena, SESSIONS_MAX, sizeof(int64_t)),
                                 .organizations = arena_alloc_array(arena, SESSIONS_MAX, sizeof(int64_t)),
                                 .now = clock_now()};
    bool *alive = arena_alloc_array(arena, SESSIONS_MAX, sizeof(*alive));
    int64_t made_after = 0, used_after = 0;
    struct db *db = NULL;
    hub_each(notifier->options.hub, note_session, &open);
    if (open.expired_key != 0) hub_end_api_key(notifier->options.hub, open.expired_organization, open.expired_key);
    if (open.count == 0) return 0;
    notifier->options.session_limits(notifier->options.context, &made_after, &used_after);
    int r = store_reader(notifier->options.store, &db, err);
    for (size_t from = 0, to; from < open.count && r == 0; from = to) {
        int64_t organization = open.organizations[from];
        for (to = from; to < open.count && open.organizations[to] == organization;)
            to++;
        r = sessions_alive(db, organization, &open.ids[from], to - from, made_after, used_after, &alive[from], arena,
                           err);
        for (size_t i = from; i < to && r == 0; i++)
            if (!alive[i]) hub_end_session(notifier->options.hub, organization, open.ids[i]);
    }
    store_reader_return(notifier->options.store, db);
    return r;
}

/* ---- life ---- */

/* False: it is to end. */
static bool wait_for_work(struct notifier *notifier, bool *ret_look) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += POLL_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&notifier->lock);
    while (!notifier->pending && !notifier->ending)
        if (pthread_cond_timedwait(&notifier->wake, &notifier->lock, &until) != 0) break;
    *ret_look = notifier->look;
    notifier->pending = notifier->look = false;
    bool go_on = !notifier->ending;
    pthread_mutex_unlock(&notifier->lock);
    return go_on;
}

static void *notifier_main(void *notifier_) {
    struct notifier *notifier = notifier_;
    int64_t looked = clock_monotonic_us(), checked = looked;
    bool asked;
    while (wait_for_work(notifier, &asked)) {
        struct err err = {0};
        int64_t now = clock_monotonic_us();
        if (asked || now - looked > LOOK_EVERY_US) {
            looked = now;
            if (look(notifier, &err) < 0) log_warning("preferences cannot be read now", LOG_TEXT("error", err.text));
        }
        drain(notifier);
        if (now - checked < SESSIONS_EVERY_US) continue;
        checked = now;
        struct arena *arena = arena_new();
        if (end_dead_sessions(notifier, arena, &err) < 0)
            log_warning("sessions cannot be read now", LOG_TEXT("error", err.text));
        arena_free(arena);
    }
    return NULL;
}

struct notifier *notifier_new(const struct notifier_options *options) {
    struct notifier *notifier = memory_alloc(sizeof(*notifier));
    pthread_condattr_t attributes;
    notifier->options = *options;
    notifier->sink = (struct event_sink){.heard = sink_heard,
                                         .wants = sink_wants,
                                         .wants_levels = sink_wants_levels,
                                         .committed = sink_committed,
                                         .context = notifier};
    pthread_mutex_init(&notifier->lock, NULL);
    pthread_rwlock_init(&notifier->wanted_lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&notifier->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    return notifier;
}

int notifier_start(struct notifier *notifier, struct writer *writer, struct err *err) {
    notifier->writer = writer;
    notifier->pending = true; /* what a former process left */
    int r = look(notifier, err);
    if (r < 0) return r;
    if (pthread_create(&notifier->thread, NULL, notifier_main, notifier) != 0)
        return err_set(err, ERR_UNAVAILABLE, "a thread could not be started: the system refuses more threads");
    notifier->started = true;
    return 0;
}

void notifier_stop(struct notifier *notifier) {
    if (!notifier || !notifier->started) return;
    pthread_mutex_lock(&notifier->lock);
    notifier->ending = true;
    pthread_cond_signal(&notifier->wake);
    pthread_mutex_unlock(&notifier->lock);
    pthread_join(notifier->thread, NULL);
    notifier->started = false;
}

struct notifier *notifier_free(struct notifier *notifier) {
    if (!notifier) return NULL;
    notifier_stop(notifier);
    arena_free(notifier->arena);
    pthread_cond_destroy(&notifier->wake);
    pthread_mutex_destroy(&notifier->lock);
    pthread_rwlock_destroy(&notifier->wanted_lock);
    free(notifier);
    return NULL;
}
