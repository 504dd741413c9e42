#include "http/request.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

#include "base/banned.h"

/* Up to this size a body lies in the arena, whose block is reused from request to request. */
#define IN_ARENA_MAX 4096
/* A chunked body that grew too long is read on for a while, so that its sender gets to see the 413. */
#define DROPPED_MAX           (256 * 1024)
#define PACE_BYTES_PER_SECOND 8192

static void make_room(struct http_request *request, size_t need) {
    struct request_body *body = &request->body;
    if (need + BODY_PADDING <= body->capacity) return;
    if (body->bytes == NULL && body->announced <= IN_ARENA_MAX && !body->chunked) {
        body->capacity = body->announced + BODY_PADDING;
        body->bytes = arena_bytes(request->arena, body->capacity);
        body->in_arena = true;
        return;
    }
    size_t capacity =
        body->chunked ? memory_next_capacity(body->capacity, need + BODY_PADDING) : body->announced + BODY_PADDING;
    body->bytes = memory_grow(body->bytes, capacity, 1);
    body->capacity = capacity;
}

static bool too_slow(const struct http_request *request) {
    int64_t grace_ms = request->connection->loop->server->options.body_grace_ms;
    int64_t allowed_us =
        grace_ms * 1000 + (int64_t)(request->body.len + request->body.dropped) * 1000000 / PACE_BYTES_PER_SECOND;
    return clock_monotonic_us() - request->body.started_us > allowed_us;
}

enum body_progress body_take(struct http_request *request, const char *bytes, size_t len) {
    struct request_body *body = &request->body;
    if (body->dropped > 0 || len > body->max - body->len) {
        body->dropped += len;
        if (body->dropped > DROPPED_MAX) return BODY_ENDLESS;
    } else {
        make_room(request, body->len + len);
        memcpy(body->bytes + body->len, bytes, len);
        body->len += len;
        memset(body->bytes + body->len, 0, BODY_PADDING);
    }
    return too_slow(request) ? BODY_TOO_SLOW : BODY_TAKEN;
}

void body_release(struct request_body *body) {
    if (!body->in_arena) free(body->bytes);
    *body = (struct request_body){0};
}
