/* stream: the live channel, Server-Sent Events (compliance C-114: same session, same origin, per user, ends with it).
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "api/auth.h"
#include "api/browser.h"
#include "api/resources.h"
#include "base/memory.h"
#include "http/stream.h"
#include "notify/hub.h"
#include "notify/news.h"
#include "store/notifications.h"

#include "base/banned.h"

#define CATCH_UP_MAX     100
#define CATCH_UP_OVERLAP 5000 /* ms: a transaction may commit a moment after one that began later */
#define NEWS_MAX         HUB_DATA_MAX

struct live {
    struct hub_subscriber *subscriber;
    _Atomic(struct http_stream *) stream; /* NULL until the answer is set; it is read from then on anyway */
};

static ptrdiff_t live_read(void *live_, char *out, size_t max) {
    struct live *live = live_;
    return hub_take(live->subscriber, out, max);
}

/* hub_unsubscribe waits for a wake that is under way, so none comes afterwards. */
static void live_end(void *live_) {
    struct live *live = live_;
    hub_unsubscribe(live->subscriber);
    free(live);
}

static void live_wake(void *live_) {
    struct live *live = live_;
    struct http_stream *stream = atomic_load(&live->stream);
    if (stream) http_stream_wake(stream);
}

static const struct http_stream_source live_source = {.read = live_read, .end = live_end};

static int read_viewer(struct api_call *call, struct hub_viewer *ret, struct err *err) {
    struct hub_viewer viewer = {.organization_id = call->organization_id,
                                .api_key_id = call->api_key_id,
                                .ends_at = call->api_key_ends_at,
                                .all_jobs = call->jobs_of == 0,
                                .engagement = !slice_equal(http_query(call->request, SLICE("engagement")), SLICE("0"))};
    if (call->session) {
        viewer.user_id = call->session->account.user.id;
        viewer.session_id = call->session->web.id;
    }
    if (!viewer.all_jobs) {
        int64_t *jobs;
        int r =
            user_job_ids(call->db, call->organization_id, call->jobs_of, call->arena, &jobs, &viewer.job_count, err);
        if (r < 0) return r;
        viewer.jobs = jobs;
    }
    *ret = viewer;
    return 0;
}

/* What the ring does not reach back to: notifications from their table; of all else, that there is a gap. */
static int catch_up(struct api_call *call, struct hub_subscriber *subscriber, const struct hub_viewer *viewer,
                    int64_t since, struct err *err) {
    struct notification *notifications;
    struct strbuf text;
    size_t count = 0;
    int r = 0;
    if (viewer->user_id != 0 && since > 0)
        r = notifications_changed(call->db, call->organization_id, viewer->user_id, call->jobs_of,
                                  since - CATCH_UP_OVERLAP, CATCH_UP_MAX, call->arena, &notifications, &count, err);
    if (r < 0) return r;
    strbuf_init(&text, NEWS_MAX);
    for (size_t i = 0; i < count; i++) {
        bool gone = notifications[i].withdrawn_at != TIME_UNSET;
        strbuf_clear(&text);
        if (gone)
            news_write_withdrawn(&text, notifications[i].id);
        else
            news_write_notification(&text, &notifications[i]);
        if (!text.overflow) hub_catch_up(subscriber, gone ? HUB_WITHDRAWN : HUB_NOTIFICATION, strbuf_slice(&text));
    }
    strbuf_release(&text);
    hub_tell_gap(subscriber);
    return 0;
}

static struct slice last_event_id(const struct api_call *call) {
    struct slice id = slice_trim(http_header(call->request, SLICE("Last-Event-ID")));
    return slice_empty(id) ? http_query(call->request, SLICE("last_event_id")) : id;
}

int stream_open(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {"engagement", "last_event_id", NULL};
    struct hub_viewer viewer;
    struct hub_resume resume;
    int r = api_known_parameters(call, parameters, err);
    if (r == 0 && call->session) r = browser_check_origin(call, err);
    if (r == 0) r = read_viewer(call, &viewer, err);
    if (r != 0) return r;
    struct live *live = memory_alloc(sizeof(*live));
    r = hub_subscribe(call->app->hub, &viewer, last_event_id(call), live_wake, live, &live->subscriber, &resume, err);
    if (r != 0) {
        free(live);
        return r;
    }
    if (resume.missed) r = catch_up(call, live->subscriber, &viewer, resume.since, err);
    if (r != 0) {
        live_end(live);
        return r;
    }
    /* Proxies must not hold frames back until they have enough of them. */
    http_set_header(call->request, "X-Accel-Buffering", SLICE("no"));
    http_set_header(call->request, "Cache-Control", SLICE("no-store"));
    atomic_store(&live->stream,
                 http_answer_stream(call->request, "text/event-stream; charset=utf-8", &live_source, live));
    call->answered = true;
    return 0;
}
