#include "notify/hub.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "notify/hub_queue.h"

#include "base/banned.h"

#define RING_DEFAULT         512
#define QUEUE_DEFAULT        256
#define INBOX_DEFAULT        16384
#define HEARTBEAT_DEFAULT_MS 15000
#define LIFE_DEFAULT_MS      (15 * MINUTE_MS)
#define TICK_MS              250
#define LINGER_US            (2 * 60 * 1000000LL) /* how long a ring is filled for streams that may come back */
#define RETRY_MS             2000

struct hub_subscriber {
    struct hub *hub;
    struct channel *channel;
    struct hub_viewer viewer; /* owns its jobs */
    void (*wake)(void *context);
    void *context;
    pthread_mutex_t lock; /* for the three that follow */
    struct queue queue;
    bool gap, ended;
    int64_t born_us, spoke_us;              /* the hub's thread alone */
    struct hub_subscriber *previous, *next; /* under the hub's lock */
};

/* The streams of one organization, and what went over them last. */
struct channel {
    int64_t organization_id;
    struct hub_subscriber *first;
    struct frame **ring;
    size_t ring_count; /* at most ring_max */
    int64_t number;    /* of the last message */
    int64_t heard_us;  /* when the last stream left */
    struct channel *next;
};

struct hub {
    struct hub_options options;
    uint32_t run; /* tells the ids of this run from others */
    pthread_t thread;
    pthread_mutex_t lock; /* for the channels and who listens; not while waiting for anything */
    struct channel *channels;
    size_t subscriber_count;
    pthread_mutex_t inbox_lock;
    pthread_cond_t inbox_wake;
    struct frame *inbox, **inbox_last;
    size_t inbox_count;
    bool inbox_overflow, ending;
};

static const char *const kind_names[] = {
    [HUB_NOTIFICATION] = "notification", [HUB_WITHDRAWN] = "notification_withdrawn", [HUB_ENGAGEMENT] = "engagement"};

/* ---- publishing ---- */

void hub_publish(struct hub *hub, const struct hub_message *message) {
    if (message->data.len > HUB_DATA_MAX) BUG("a message of %zu bytes", message->data.len);
    struct frame *frame = frame_new(kind_names[message->kind], message->data);
    frame->kind = message->kind;
    frame->organization_id = message->organization_id;
    frame->user_id = message->user_id;
    frame->job_id = message->job_id;
    pthread_mutex_lock(&hub->inbox_lock);
    bool fits = hub->inbox_count < hub->options.inbox_max;
    if (fits) {
        *hub->inbox_last = frame;
        hub->inbox_last = &frame->next;
        hub->inbox_count++;
    } else {
        hub->inbox_overflow = true;
    }
    pthread_cond_signal(&hub->inbox_wake);
    pthread_mutex_unlock(&hub->inbox_lock);
    if (!fits) frame_release(frame);
}

/* ---- channels; with the hub's lock ---- */

static struct channel *find_channel(struct hub *hub, int64_t organization_id) {
    struct channel *channel = hub->channels;
    while (channel && channel->organization_id != organization_id)
        channel = channel->next;
    return channel;
}

static struct channel *make_channel(struct hub *hub, int64_t organization_id) {
    struct channel *channel = find_channel(hub, organization_id);
    if (channel) return channel;
    channel = memory_alloc(sizeof(*channel));
    channel->organization_id = organization_id;
    channel->ring = memory_alloc_array(hub->options.ring_max, sizeof(struct frame *));
    channel->next = hub->channels;
    hub->channels = channel;
    return channel;
}

static void free_channel(struct hub *hub, struct channel *channel) {
    for (size_t i = 0; i < hub->options.ring_max; i++)
        frame_release(channel->ring[i]);
    free(channel->ring);
    free(channel);
}

static void drop_silent_channels(struct hub *hub, int64_t now_us) {
    for (struct channel **at = &hub->channels; *at;) {
        struct channel *channel = *at;
        if (channel->first || now_us - channel->heard_us < LINGER_US) {
            at = &channel->next;
            continue;
        }
        *at = channel->next;
        free_channel(hub, channel);
    }
}

bool hub_is_heard(struct hub *hub, int64_t organization_id) {
    pthread_mutex_lock(&hub->lock);
    bool heard = find_channel(hub, organization_id) != NULL;
    pthread_mutex_unlock(&hub->lock);
    return heard;
}

static void write_id(const struct hub *hub, const struct channel *channel, char out[HUB_ID_MAX]) {
    snprintf(out, HUB_ID_MAX, "%08" PRIx32 "-%" PRId64 "-%" PRId64, hub->run, channel->number, clock_now());
}

/* ---- handing on ---- */

static bool concerns(const struct hub_viewer *viewer, const struct frame *frame) {
    if (frame->user_id != 0) return frame->user_id == viewer->user_id;
    if (frame->kind == HUB_ENGAGEMENT && !viewer->engagement) return false;
    if (viewer->all_jobs) return true;
    for (size_t i = 0; i < viewer->job_count; i++)
        if (viewer->jobs[i] == frame->job_id) return frame->job_id != 0;
    return false;
}

static void push(struct hub_subscriber *subscriber, struct frame *frame) {
    pthread_mutex_lock(&subscriber->lock);
    if (!queue_push(&subscriber->queue, frame, subscriber->hub->options.queue_max)) {
        queue_drop(&subscriber->queue);
        subscriber->gap = true;
    }
    pthread_mutex_unlock(&subscriber->lock);
    subscriber->wake(subscriber->context);
}

static void hand_on(struct hub *hub, struct frame *frame, int64_t now_us) {
    struct channel *channel = find_channel(hub, frame->organization_id);
    char id[HUB_ID_MAX];
    if (!channel) return;
    frame->number = ++channel->number;
    write_id(hub, channel, id);
    frame_set_id(frame, id);
    struct frame **place = &channel->ring[(size_t)frame->number % hub->options.ring_max];
    frame_release(*place);
    *place = frame;
    atomic_fetch_add(&frame->references, 1);
    if (channel->ring_count < hub->options.ring_max) channel->ring_count++;
    for (struct hub_subscriber *to = channel->first; to; to = to->next) {
        if (!concerns(&to->viewer, frame)) continue;
        to->spoke_us = now_us;
        push(to, frame);
    }
}

static void end_subscriber(struct hub_subscriber *subscriber) {
    pthread_mutex_lock(&subscriber->lock);
    subscriber->ended = true;
    pthread_mutex_unlock(&subscriber->lock);
    subscriber->wake(subscriber->context);
}

void hub_tell_gap(struct hub_subscriber *subscriber) {
    pthread_mutex_lock(&subscriber->lock);
    subscriber->gap = true;
    pthread_mutex_unlock(&subscriber->lock);
}

static void all_missed_something(struct hub *hub) {
    for (struct channel *channel = hub->channels; channel; channel = channel->next)
        for (struct hub_subscriber *to = channel->first; to; to = to->next) {
            hub_tell_gap(to);
            to->wake(to->context);
        }
}

static void keep_alive(struct hub *hub, struct frame *beat, int64_t now_us) {
    for (struct channel *channel = hub->channels; channel; channel = channel->next)
        for (struct hub_subscriber *to = channel->first; to; to = to->next) {
            if (now_us - to->born_us > hub->options.life_max_ms * 1000) {
                end_subscriber(to);
            } else if (now_us - to->spoke_us > hub->options.heartbeat_ms * 1000) {
                to->spoke_us = now_us;
                push(to, beat);
            }
        }
}

/* False: the hub is to end. */
static bool wait_for_inbox(struct hub *hub, struct frame **ret, bool *ret_overflow) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += TICK_MS * 1000000L;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&hub->inbox_lock);
    while (!hub->inbox && !hub->inbox_overflow && !hub->ending)
        if (pthread_cond_timedwait(&hub->inbox_wake, &hub->inbox_lock, &until) != 0) break;
    *ret = hub->inbox;
    *ret_overflow = hub->inbox_overflow;
    hub->inbox = NULL;
    hub->inbox_last = &hub->inbox;
    hub->inbox_count = 0;
    hub->inbox_overflow = false;
    bool go_on = !hub->ending;
    pthread_mutex_unlock(&hub->inbox_lock);
    return go_on;
}

static void *hub_main(void *hub_) {
    struct hub *hub = hub_;
    struct frame *frames, *beat = frame_text(SLICE(": still here\n\n"));
    bool overflow;
    int64_t ticked_us = 0;
    for (bool go_on = true; go_on;) {
        go_on = wait_for_inbox(hub, &frames, &overflow);
        int64_t now_us = clock_monotonic_us();
        while (frames) {
            struct frame *frame = frames;
            frames = frame->next;
            pthread_mutex_lock(&hub->lock);
            hand_on(hub, frame, now_us);
            pthread_mutex_unlock(&hub->lock);
            frame_release(frame);
        }
        if (!overflow && now_us - ticked_us < TICK_MS * 1000) continue;
        ticked_us = now_us;
        pthread_mutex_lock(&hub->lock);
        if (overflow) all_missed_something(hub);
        keep_alive(hub, beat, now_us);
        drop_silent_channels(hub, now_us);
        pthread_mutex_unlock(&hub->lock);
    }
    frame_release(beat);
    return NULL;
}

/* ---- subscribers ---- */

static bool parse_id(const struct hub *hub, struct slice text, int64_t *ret_number, int64_t *ret_ms) {
    struct slice run, number;
    char ours[16];
    snprintf(ours, sizeof(ours), "%08" PRIx32, hub->run);
    *ret_ms = 0;
    if (!slice_split_next(&text, '-', &run) || !slice_split_next(&text, '-', &number)) return false;
    if (!slice_parse_i64(text, ret_ms) || *ret_ms < 0) *ret_ms = 0;
    return slice_equal(run, slice_cstr(ours)) && slice_parse_i64(number, ret_number) && *ret_number >= 0;
}

/* What the client missed, out of the ring. */
static void resume(struct hub *hub, struct channel *channel, struct hub_subscriber *subscriber, struct slice last_id,
                   struct hub_resume *ret) {
    int64_t last, oldest = channel->number - (int64_t)channel->ring_count;
    *ret = (struct hub_resume){0};
    if (slice_empty(last_id)) return;
    if (!parse_id(hub, last_id, &last, &ret->since) || last < oldest || last > channel->number) {
        ret->missed = true;
        return;
    }
    for (int64_t number = last + 1; number <= channel->number; number++) {
        struct frame *frame = channel->ring[(size_t)number % hub->options.ring_max];
        if (!concerns(&subscriber->viewer, frame)) continue;
        if (!queue_push(&subscriber->queue, frame, hub->options.queue_max)) {
            queue_drop(&subscriber->queue);
            ret->missed = true;
            return;
        }
    }
}

/* Gives the client an id to come back with, before anything has happened. */
static void greet(struct hub *hub, const struct channel *channel, struct hub_subscriber *subscriber) {
    char id[HUB_ID_MAX], text[160];
    write_id(hub, channel, id);
    int len = snprintf(text, sizeof(text), "retry: %d\nid: %s\nevent: ready\ndata: {}\n\n", RETRY_MS, id);
    struct frame *frame = frame_text(slice_of(text, (size_t)len));
    (void)queue_push(&subscriber->queue, frame, hub->options.queue_max);
    frame_release(frame);
}

static void tell_number(const struct hub *hub) {
    if (hub->options.on_change) hub->options.on_change(hub->options.context, (int64_t)hub->subscriber_count);
}

int hub_subscribe(struct hub *hub, const struct hub_viewer *viewer, struct slice last_id, void (*wake)(void *context),
                  void *context, struct hub_subscriber **ret, struct hub_resume *ret_resume, struct err *err) {
    pthread_mutex_lock(&hub->lock);
    if (hub->subscriber_count >= hub->options.subscribers_max) {
        pthread_mutex_unlock(&hub->lock);
        return err_set(err, ERR_FULL, "there are too many open streams");
    }
    struct hub_subscriber *subscriber = memory_alloc(sizeof(*subscriber));
    struct channel *channel = make_channel(hub, viewer->organization_id);
    *subscriber = (struct hub_subscriber){.hub = hub,
                                          .channel = channel,
                                          .viewer = *viewer,
                                          .wake = wake,
                                          .context = context,
                                          .born_us = clock_monotonic_us()};
    subscriber->spoke_us = subscriber->born_us;
    pthread_mutex_init(&subscriber->lock, NULL);
    if (viewer->job_count > 0) {
        int64_t *jobs = memory_alloc_array(viewer->job_count, sizeof(*jobs));
        memcpy(jobs, viewer->jobs, viewer->job_count * sizeof(*jobs));
        subscriber->viewer.jobs = jobs;
    }
    if (slice_empty(last_id)) greet(hub, channel, subscriber);
    resume(hub, channel, subscriber, last_id, ret_resume);
    if (ret_resume->missed) greet(hub, channel, subscriber);
    subscriber->next = channel->first;
    if (channel->first) channel->first->previous = subscriber;
    channel->first = subscriber;
    hub->subscriber_count++;
    tell_number(hub);
    pthread_mutex_unlock(&hub->lock);
    *ret = subscriber;
    return 0;
}

void hub_catch_up(struct hub_subscriber *subscriber, enum hub_kind kind, struct slice data) {
    struct frame *frame = frame_new(kind_names[kind], data);
    pthread_mutex_lock(&subscriber->lock);
    if (!queue_push(&subscriber->queue, frame, subscriber->hub->options.queue_max)) subscriber->gap = true;
    pthread_mutex_unlock(&subscriber->lock);
    frame_release(frame);
}

ptrdiff_t hub_take(struct hub_subscriber *subscriber, char *out, size_t max) {
    pthread_mutex_lock(&subscriber->lock);
    if (subscriber->gap && subscriber->queue.sent == 0) {
        struct frame *gap = frame_new("gap", SLICE("{}"));
        subscriber->gap = !queue_push(&subscriber->queue, gap, SIZE_MAX);
        frame_release(gap);
    }
    ptrdiff_t len = subscriber->ended ? -1 : (ptrdiff_t)queue_take(&subscriber->queue, out, max);
    pthread_mutex_unlock(&subscriber->lock);
    return len;
}

void hub_unsubscribe(struct hub_subscriber *subscriber) {
    struct hub *hub = subscriber->hub;
    pthread_mutex_lock(&hub->lock);
    if (subscriber->previous)
        subscriber->previous->next = subscriber->next;
    else
        subscriber->channel->first = subscriber->next;
    if (subscriber->next) subscriber->next->previous = subscriber->previous;
    subscriber->channel->heard_us = clock_monotonic_us();
    hub->subscriber_count--;
    tell_number(hub);
    pthread_mutex_unlock(&hub->lock);
    queue_release(&subscriber->queue);
    pthread_mutex_destroy(&subscriber->lock);
    free((void *)(uintptr_t)subscriber->viewer.jobs);
    free(subscriber);
}

static void end_some(struct hub *hub, int64_t organization_id, int64_t user, int64_t session, int64_t key) {
    pthread_mutex_lock(&hub->lock);
    struct channel *channel = find_channel(hub, organization_id);
    for (struct hub_subscriber *at = channel ? channel->first : NULL; at; at = at->next) {
        const struct hub_viewer *viewer = &at->viewer;
        if ((user && viewer->user_id == user) || (session && viewer->session_id == session) ||
            (key && viewer->api_key_id == key))
            end_subscriber(at);
    }
    pthread_mutex_unlock(&hub->lock);
}

void hub_end_user(struct hub *hub, int64_t organization_id, int64_t user_id) {
    end_some(hub, organization_id, user_id, 0, 0);
}

void hub_end_session(struct hub *hub, int64_t organization_id, int64_t session_id) {
    end_some(hub, organization_id, 0, session_id, 0);
}

void hub_end_api_key(struct hub *hub, int64_t organization_id, int64_t api_key_id) {
    end_some(hub, organization_id, 0, 0, api_key_id);
}

void hub_each(struct hub *hub, void (*visit)(void *context, const struct hub_viewer *viewer), void *context) {
    pthread_mutex_lock(&hub->lock);
    for (struct channel *channel = hub->channels; channel; channel = channel->next)
        for (struct hub_subscriber *at = channel->first; at; at = at->next)
            visit(context, &at->viewer);
    pthread_mutex_unlock(&hub->lock);
}

/* ---- life ---- */

static size_t or_default(size_t given, size_t standard) {
    return given ? given : standard;
}

int hub_start(const struct hub_options *options, struct hub **ret, struct err *err) {
    struct hub *hub = memory_alloc(sizeof(*hub));
    pthread_condattr_t attributes;
    hub->options = *options;
    hub->options.ring_max = or_default(options->ring_max, RING_DEFAULT);
    hub->options.queue_max = or_default(options->queue_max, QUEUE_DEFAULT);
    hub->options.inbox_max = or_default(options->inbox_max, INBOX_DEFAULT);
    if (options->heartbeat_ms == 0) hub->options.heartbeat_ms = HEARTBEAT_DEFAULT_MS;
    if (options->life_max_ms == 0) hub->options.life_max_ms = LIFE_DEFAULT_MS;
    random_bytes(&hub->run, sizeof(hub->run));
    hub->inbox_last = &hub->inbox;
    pthread_mutex_init(&hub->lock, NULL);
    pthread_mutex_init(&hub->inbox_lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&hub->inbox_wake, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&hub->thread, NULL, hub_main, hub) != 0) {
        free(hub);
        return err_set(err, ERR_UNAVAILABLE, "a thread could not be started: the system refuses more threads");
    }
    *ret = hub;
    return 0;
}

struct hub *hub_free(struct hub *hub) {
    if (!hub) return NULL;
    pthread_mutex_lock(&hub->inbox_lock);
    hub->ending = true;
    pthread_cond_signal(&hub->inbox_wake);
    pthread_mutex_unlock(&hub->inbox_lock);
    pthread_join(hub->thread, NULL);
    while (hub->channels) {
        struct channel *channel = hub->channels;
        if (channel->first) BUG("a stream outlives the hub");
        hub->channels = channel->next;
        free_channel(hub, channel);
    }
    for (struct frame *frame = hub->inbox, *next; frame; frame = next) {
        next = frame->next;
        frame_release(frame);
    }
    pthread_cond_destroy(&hub->inbox_wake);
    pthread_mutex_destroy(&hub->inbox_lock);
    pthread_mutex_destroy(&hub->lock);
    free(hub);
    return NULL;
}
