/* hub: from those who have news to the open streams of this process. Knows neither HTTP nor the database.
 *
 * Promises:
 * - hub_publish never waits for a stream: it copies the message into a bounded inbox and returns. A thread of the hub's
 *   own hands it on. What does not fit is lost, and every stream that it might have concerned is told of a gap.
 * - Every stream has a bounded queue. One that does not keep up loses what waits and gets a "gap" event instead, after
 *   which it loads anew what it shows; others do not notice.
 * - A stream gets what is for its user, or for everybody of its organization who may see the job (compliance C-114).
 * - Messages have ids "<run>-<number>-<ms>". A stream that comes back with the last id it saw gets from a bounded ring
 *   what it missed; when the ring does not reach back that far, or the id is of another run or node, the subscriber is
 *   told from when on something is missing.
 *
 * Frames are those of Server-Sent Events (HTML Standard, section 9.2). Threads: all functions from any thread. */
#ifndef INKLING_NOTIFY_HUB_H
#define INKLING_NOTIFY_HUB_H

#include "base/err.h"
#include "base/slice.h"

#define HUB_ID_MAX   64
#define HUB_DATA_MAX (64 * 1024)

struct hub;
struct hub_subscriber;

struct hub_options {
    size_t subscribers_max;
    size_t ring_max;      /* messages kept for each organization; 0: 512 */
    size_t queue_max;     /* messages waiting for one stream; 0: 256 */
    size_t inbox_max;     /* messages not yet handed on; 0: 16 384 */
    int64_t heartbeat_ms; /* 0: 15 000 */
    int64_t life_max_ms;  /* of a stream, so that rights are looked at anew now and then; 0: 15 minutes */
    void (*on_change)(void *context, int64_t subscribers); /* how many streams there are; NULL: nobody asks */
    void *context;
};

MUST_USE int hub_start(const struct hub_options *options, struct hub **ret, struct err *err);
/* All subscribers must be gone. NULL accepted. */
struct hub *hub_free(struct hub *hub);

enum hub_kind { HUB_NOTIFICATION, HUB_WITHDRAWN, HUB_ENGAGEMENT };

struct hub_message {
    enum hub_kind kind;
    int64_t organization_id;
    int64_t user_id;   /* for this user, who may see it: the publisher made sure. 0: everybody who may see the job */
    int64_t job_id;    /* 0: about none */
    struct slice data; /* JSON in one line, at most HUB_DATA_MAX */
};
void hub_publish(struct hub *hub, const struct hub_message *message);
/* Has this organization an open stream, or had it one a moment ago that may come back? */
bool hub_is_heard(struct hub *hub, int64_t organization_id);

/* Who listens. */
struct hub_viewer {
    int64_t organization_id;
    int64_t user_id;    /* 0: a program, for which there are no notifications */
    int64_t session_id; /* 0: a program */
    int64_t api_key_id; /* 0: a person */
    int64_t ends_at;    /* of the key; 0: it does not end by itself */
    bool all_jobs;
    const int64_t *jobs; /* the only ones to be seen unless all_jobs; copied */
    size_t job_count;
    bool engagement; /* HUB_ENGAGEMENT too */
};

struct hub_resume {
    bool missed;   /* not everything since the last id is in the ring */
    int64_t since; /* then: ms of the last message that was seen; 0: not known */
};

/* `wake` is called, from any thread, when hub_take has something; it must not call the hub. ERR_FULL when there are
 * too many. `last_id`: as the client sent it; empty: none. */
MUST_USE int hub_subscribe(struct hub *hub, const struct hub_viewer *viewer, struct slice last_id,
                           void (*wake)(void *context), void *context, struct hub_subscriber **ret,
                           struct hub_resume *ret_resume, struct err *err);
/* Puts an event in front of what is waiting, for what was missed; before the first hub_take, in order. */
void hub_catch_up(struct hub_subscriber *subscriber, enum hub_kind kind, struct slice data);
/* Tells this stream of a gap. */
void hub_tell_gap(struct hub_subscriber *subscriber);
/* Copies at most `max` bytes. 0: nothing waits; negative: the stream is to end. */
ptrdiff_t hub_take(struct hub_subscriber *subscriber, char *out, size_t max);
void hub_unsubscribe(struct hub_subscriber *subscriber);

/* Ends the streams of these; their clients come back if they may. */
void hub_end_user(struct hub *hub, int64_t organization_id, int64_t user_id);
void hub_end_session(struct hub *hub, int64_t organization_id, int64_t session_id);
void hub_end_api_key(struct hub *hub, int64_t organization_id, int64_t api_key_id);
/* Visits who listens, under the hub's lock: `visit` must not call the hub. */
void hub_each(struct hub *hub, void (*visit)(void *context, const struct hub_viewer *viewer), void *context);

#endif
