/* stream: answers without an end, such as Server-Sent Events. The bytes come from a source, which is asked for them on
 * the event thread of the connection whenever the client can take more; while it has none, the connection sleeps and
 * costs nothing but its memory.
 *
 * A client that closes the connection is noticed within about a second (with an idle timeout: it is the same watch);
 * one that vanished without a word when something is written to it, so a source has to say something now and then. For
 * a client that takes nothing the source is not asked, and the server's idle timeout closes the connection.
 * http_server_stop ends all streams. */
#ifndef INKLING_HTTP_STREAM_H
#define INKLING_HTTP_STREAM_H

#include "http/server.h"

struct http_stream;

struct http_stream_source {
    /* Writes at most `max` bytes to `out`. 0: there are none now (http_stream_wake tells when there are); negative: the
     * stream is over. On an event thread: must not block. */
    ptrdiff_t (*read)(void *context, char *out, size_t max);
    /* Called exactly once, when the stream is over for whatever reason or never began; then the context is let go. On
     * an event thread, as a rule. */
    void (*end)(void *context);
};

/* Sets a 200 answer that is streamed from `source`. What is returned is valid until source->end is called, which may
 * happen as soon as the request is finished (or the handler returns). */
struct http_stream *http_answer_stream(struct http_request *request, const char *content_type,
                                       const struct http_stream_source *source, void *context);
/* There are bytes to read, or the source wants to end. From any thread; never blocks on the client. */
void http_stream_wake(struct http_stream *stream);

#endif
