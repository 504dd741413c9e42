/* request: what the files of http/ share about a server, its connections and their requests. Not for other modules.
 *
 * Threads: a connection and its request belong to the event thread of their loop. Between http_defer (or the hand-over
 * to a worker) and http_finish the request belongs to whoever holds it; libmicrohttpd's suspend and resume, which take
 * a lock each, pass it from thread to thread. */
#ifndef INKLING_HTTP_REQUEST_H
#define INKLING_HTTP_REQUEST_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "http/peers.h"
#include "http/router.h"
#include "http/server.h"
#include "http/target.h"
#include "http/workers.h"

#define BODY_PADDING 64 /* readable bytes behind a body; what base/json.h asks for */

enum request_phase {
    PHASE_HEAD,   /* the request line is there */
    PHASE_BODY,   /* the head is accepted, or refused with an answer that waits until libmicrohttpd takes it */
    PHASE_HANDED, /* a handler, a worker or the owner of the deferred request has it */
    PHASE_QUEUED, /* the answer is on its way */
};

struct http_field {
    struct slice name, value;
};

struct answer_header {
    struct answer_header *next;
    const char *name, *value;
};

struct http_prepared {
    struct arena *arena; /* it lies in it, with all that it points to */
    int status;
    const char *content_type;
    struct slice body;
    const struct answer_header *headers;
};

/* Responses of one kind that an event thread keeps for reuse, and one of them. */
struct prepared_kind {
    const struct http_prepared *prepared;
    struct prepared_response *spare;
    size_t spare_count;
};
struct prepared_response {
    struct prepared_kind *kind;
    struct MHD_Response *mhd;
    time_t second;       /* of its Date */
    const char *varying; /* name of the field that another request added; NULL: none */
    struct prepared_response *next;
};

struct http_answer {
    int status; /* 0: none yet */
    const char *content_type;
    struct slice body; /* in the arena, of `prepared`, or `owned` */
    char *owned;       /* freed with the request */
    const struct http_prepared *prepared;
    struct answer_header varying;    /* of http_answer_prepared_with */
    struct prepared_response *taken; /* what went out, when it was one of the event thread's */
    struct http_stream *stream;      /* until libmicrohttpd has taken it over */
    struct answer_header *first, **last;
};

struct request_body {
    char *bytes; /* NULL: nothing came yet */
    size_t len, capacity;
    size_t max;
    bool in_arena;
    bool chunked;
    size_t announced; /* Content-Length */
    size_t dropped;   /* bytes of a chunked body beyond `max` */
    int64_t started_us;
};

struct http_request {
    struct http_connection *connection;
    struct arena *arena;
    char id[HTTP_REQUEST_ID_MAX];
    enum request_phase phase;
    const char *sent_target; /* libmicrohttpd's; it changes the bytes behind it, so only for looking at the address */
    struct slice raw_target; /* our copy, in `short_target` if it fits: a pixel then touches nothing of the arena */
    char short_target[128];
    struct http_target target;
    bool http_1_0;
    bool is_head;
    enum http_method method; /* HTTP_METHOD_COUNT: one that no route can have */
    struct router_match match;
    struct http_field
        *headers; /* HTTP_HEADERS_MAX fit; the bytes are libmicrohttpd's, good until the request is over */
    size_t header_count;
    uint64_t header_kinds; /* a bit for each name that came, see header_kind */
    struct request_body body;
    int64_t received_us;
    bool suspended;
    http_handler handler; /* the route's, or what http_to_worker named */
    bool *deferred;       /* while a handler runs: where http_defer leaves its mark */
    struct http_answer answer;
};

/* Arena and headers: what it takes to answer. An open stream does without; request_end takes them again. */
void request_take_room(struct http_request *request);
void request_give_room(struct http_request *request);

/* One of 64 bits by length and first letter: most names that are asked for did not come, and need not be compared. */
static inline uint64_t header_kind(struct slice name) {
    return name.len > 0 ? 1ULL << ((name.len * 5 + ((unsigned char)name.ptr[0] & 31)) & 63) : 0;
}

struct http_connection {
    struct http_request request;
    struct http_loop *loop;
    struct MHD_Connection *mhd;
    int socket;
    struct address peer;
    bool peer_is_proxy;
    /* For http_server_stop and the watch, which read them from other threads. */
    _Atomic bool busy;             /* a request is under way */
    _Atomic bool in_handler;       /* a handler runs on the event thread, so the request may yet be deferred */
    _Atomic int64_t head_since_us; /* since when the next request's head is awaited; 0: it is there */
    struct http_connection *previous, *next;
};

#define PREPARED_KINDS_MAX 16

/* One event thread: a libmicrohttpd daemon of its own. */
struct http_loop {
    struct http_server *server;
    size_t index;
    struct MHD_Daemon *daemon;
    int listen_socket; /* a duplicate of the server's: libmicrohttpd closes what it is given */
    uint64_t requests;
    pthread_mutex_t lock; /* for the two lists */
    struct http_connection *open;
    struct http_connection *spare; /* by `next` */
    size_t spare_count;
    /* The thread's own. */
    struct prepared_kind prepared[PREPARED_KINDS_MAX];
    time_t date_second;
    char date[32]; /* of `date_second`, as the header field has it */
};

struct http_server {
    struct http_server_options options;
    struct router *router;
    struct workers *workers;
    struct peers *peers; /* NULL: no limit for each address */
    int listen_socket;
    int port;
    char *tls_certificate, *tls_key;
    uint64_t id_seed;
    struct http_loop *loops;
    size_t loop_count;
    _Atomic bool closing;        /* answers say "Connection: close" */
    _Atomic bool refusing;       /* no handler is called any more */
    _Atomic int64_t deferred;    /* suspended connections that nobody has resumed yet */
    pthread_mutex_t stream_lock; /* for the two that follow; taken before a stream's own */
    struct http_stream *streams;
    bool streams_ending;
    bool stopped;
    bool watching;
    pthread_t watch;
    pthread_mutex_t watch_lock;
    pthread_cond_t watch_end;
    bool watch_ending;
};

/* connection.c: libmicrohttpd's callbacks about connections. `loop_` is the struct http_loop. */
enum MHD_Result connection_may_open(void *loop_, const struct sockaddr *address, socklen_t address_len);
void connection_changed(void *loop_, struct MHD_Connection *mhd, void **ret_connection,
                        enum MHD_ConnectionNotificationCode what);
void connections_free_spare(struct http_loop *loop);
/* Is a request under way, or a handler running, on any connection? */
bool connections_any_busy(struct http_server *server);
bool connections_any_in_handler(struct http_server *server);
/* Cuts connections whose next request head is not there `limit_us` after it was awaited. */
void connections_cut_slow_heads(struct http_server *server, int64_t now_us, int64_t limit_us);

/* request.c: libmicrohttpd's callbacks about requests. */
void *request_begin(void *loop_, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result request_continue(void *loop_, struct MHD_Connection *mhd, const char *url, const char *method,
                                 const char *version, const char *upload, size_t *upload_len, void **request_);
void request_end(void *loop_, struct MHD_Connection *mhd, void **request_, enum MHD_RequestTerminationCode why);
/* Runs on a worker thread. */
void request_work(void *request_);

/* head.c: judges the head of a request. 0, or the status of the refusal that it left as the answer; *ret_framing when
 * where the request ends cannot be told, so that the connection has to go. */
int head_judge(struct http_request *request, const char *method, const char *version, bool *ret_framing);

/* body.c */
enum body_progress { BODY_TAKEN, BODY_TOO_SLOW, BODY_ENDLESS };
enum body_progress body_take(struct http_request *request, const char *bytes, size_t len);
void body_release(struct request_body *body);

/* stream.c */
struct MHD_Response *stream_response(struct http_stream *stream); /* takes it over */
ssize_t stream_read(void *stream_, uint64_t position, char *out, size_t max);
void stream_free(void *stream_);
/* Ends those whose client is gone. */
void streams_end_gone(struct http_server *server);
/* Ends all streams, those too that begin later. */
void streams_end(struct http_server *server);

/* answer.c */
/* Begins the one answer of a request. */
void answer_set(struct http_request *request, int status, const char *content_type);
void answer_reset(struct http_answer *answer);
void answer_release(struct http_answer *answer);
/* A new response with all that the answer says; its body is not copied. NULL: out of memory. */
struct MHD_Response *answer_response(const struct http_answer *answer);
/* Gives the answer to libmicrohttpd. */
enum MHD_Result answer_queue(struct http_request *request);
void request_refuse(struct http_request *request, int status, const char *title, const char *detail);
/* 413 for a body over the route's bound; tells the route. */
void request_refuse_too_large(struct http_request *request);
void count_refused(struct http_server *server);

/* prepared.c; on the loop's thread. */
/* The answer's own until given back. NULL: there are too many kinds; it has to be put together. */
struct prepared_response *prepared_take(struct http_loop *loop, const struct http_answer *answer);
void prepared_give(struct prepared_response *response);
void prepared_free_spare(struct http_loop *loop); /* once the thread has ended */

#endif
