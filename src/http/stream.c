#include "http/stream.h"

#include <poll.h>
#include <stdlib.h>

#include "base/memory.h"
#include "http/request.h"

#include "base/banned.h"

/* What libmicrohttpd asks for at once, if its memory for the connection allows. */
#define BLOCK_BYTES 512

struct http_stream {
    struct http_server *server;
    const struct http_stream_source *source;
    void *context;
    struct MHD_Connection *mhd;
    int socket;
    pthread_mutex_t lock; /* for the three that follow */
    bool suspended, woken, ending;
    struct http_stream *previous, *next; /* under the server's stream_lock */
};

struct http_stream *http_answer_stream(struct http_request *request, const char *content_type,
                                       const struct http_stream_source *source, void *context) {
    struct http_server *server = request->connection->loop->server;
    struct http_stream *stream = memory_alloc(sizeof(*stream));
    answer_set(request, 200, content_type);
    stream->server = server;
    stream->source = source;
    stream->context = context;
    stream->mhd = request->connection->mhd;
    stream->socket = request->connection->socket;
    pthread_mutex_init(&stream->lock, NULL);
    request->answer.stream = stream;

    pthread_mutex_lock(&server->stream_lock);
    stream->ending = server->streams_ending;
    stream->next = server->streams;
    if (server->streams != NULL) server->streams->previous = stream;
    server->streams = stream;
    pthread_mutex_unlock(&server->stream_lock);
    return stream;
}

/* libmicrohttpd resumes from any thread, but only what is suspended. */
static void wake(struct http_stream *stream, bool ending) {
    pthread_mutex_lock(&stream->lock);
    stream->woken = true;
    if (ending) stream->ending = true;
    if (stream->suspended) {
        stream->suspended = false;
        MHD_resume_connection(stream->mhd);
    }
    pthread_mutex_unlock(&stream->lock);
}

void http_stream_wake(struct http_stream *stream) {
    wake(stream, false);
}

/* Between the source's "nothing" and the suspension somebody may wake it: then it is asked once more. */
ssize_t stream_read(void *stream_, uint64_t position, char *out, size_t max) {
    struct http_stream *stream = stream_;
    for (;;) {
        pthread_mutex_lock(&stream->lock);
        bool ending = stream->ending;
        stream->woken = false;
        pthread_mutex_unlock(&stream->lock);
        if (ending) return MHD_CONTENT_READER_END_OF_STREAM;
        ptrdiff_t len = stream->source->read(stream->context, out, max);
        if (len != 0) return len > 0 ? len : MHD_CONTENT_READER_END_OF_STREAM;

        pthread_mutex_lock(&stream->lock);
        bool sleeps = !stream->woken;
        if (sleeps) {
            stream->suspended = true;
            MHD_suspend_connection(stream->mhd);
        }
        pthread_mutex_unlock(&stream->lock);
        if (sleeps) return 0;
    }
}

struct MHD_Response *stream_response(struct http_stream *stream) {
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, stream_read, stream, stream_free);
}

void stream_free(void *stream_) {
    struct http_stream *stream = stream_;
    struct http_server *server = stream->server;
    pthread_mutex_lock(&server->stream_lock);
    if (stream->previous != NULL)
        stream->previous->next = stream->next;
    else
        server->streams = stream->next;
    if (stream->next != NULL) stream->next->previous = stream->previous;
    pthread_mutex_unlock(&server->stream_lock);
    stream->source->end(stream->context);
    pthread_mutex_destroy(&stream->lock);
    free(stream);
}

/* How many sockets are asked about at once. */
#define ASKED_AT_ONCE 256

static void end_gone(struct http_stream **streams, struct pollfd *sockets, nfds_t count) {
    if (count == 0 || poll(sockets, count, 0) <= 0) return;
    for (nfds_t i = 0; i < count; i++)
        if (sockets[i].revents & (POLLRDHUP | POLLHUP | POLLERR)) wake(streams[i], true);
}

/* A suspended connection is in no epoll set, so the end of the client would be noticed at the next but one write. A
 * stream in the list has its descriptor still: libmicrohttpd closes it after stream_free. */
void streams_end_gone(struct http_server *server) {
    struct http_stream *streams[ASKED_AT_ONCE];
    struct pollfd sockets[ASKED_AT_ONCE];
    nfds_t count = 0;
    pthread_mutex_lock(&server->stream_lock);
    for (struct http_stream *stream = server->streams; stream != NULL; stream = stream->next) {
        streams[count] = stream;
        sockets[count++] = (struct pollfd){.fd = stream->socket, .events = POLLRDHUP};
        if (count < ASKED_AT_ONCE) continue;
        end_gone(streams, sockets, count);
        count = 0;
    }
    end_gone(streams, sockets, count);
    pthread_mutex_unlock(&server->stream_lock);
}

void streams_end(struct http_server *server) {
    pthread_mutex_lock(&server->stream_lock);
    server->streams_ending = true;
    for (struct http_stream *stream = server->streams; stream != NULL; stream = stream->next)
        wake(stream, true);
    pthread_mutex_unlock(&server->stream_lock);
}
