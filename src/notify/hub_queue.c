#include "notify/hub_queue.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

#include "base/banned.h"

#define QUEUE_FIRST_CAPACITY 8

static struct frame *allocate(size_t len) {
    struct frame *frame = memory_alloc(sizeof(*frame) + FRAME_HEAD_MAX + len + 1);
    atomic_store(&frame->references, 1);
    frame->start = FRAME_HEAD_MAX;
    frame->len = len;
    return frame;
}

struct frame *frame_text(struct slice text) {
    struct frame *frame = allocate(text.len);
    memcpy(frame->bytes + frame->start, text.ptr, text.len);
    return frame;
}

struct frame *frame_new(const char *event, struct slice data) {
    size_t len = strlen("event: \ndata: \n\n") + strlen(event) + data.len;
    struct frame *frame = allocate(len);
    snprintf(frame->bytes + frame->start, len + 1, "event: %s\ndata: %.*s\n\n", event, SLICE_FMT(data));
    return frame;
}

void frame_set_id(struct frame *frame, const char *id) {
    char line[FRAME_HEAD_MAX + 1];
    size_t len = (size_t)snprintf(line, sizeof(line), "id: %s\n", id);
    if (len > frame->start) BUG("an id of %zu bytes", len);
    frame->start -= len;
    frame->len += len;
    memcpy(frame->bytes + frame->start, line, len);
}

void frame_release(struct frame *frame) {
    if (frame && atomic_fetch_sub(&frame->references, 1) == 1) free(frame);
}

static void grow(struct queue *queue) {
    size_t capacity = queue->capacity == 0 ? QUEUE_FIRST_CAPACITY : 2 * queue->capacity;
    struct frame **frames = memory_alloc_array(capacity, sizeof(struct frame *));
    for (size_t i = 0; i < queue->count; i++)
        frames[i] = queue->frames[(queue->first + i) % queue->capacity];
    free(queue->frames);
    queue->frames = frames;
    queue->capacity = capacity;
    queue->first = 0;
}

bool queue_push(struct queue *queue, struct frame *frame, size_t max) {
    if (queue->count >= max) return false;
    if (queue->count == queue->capacity) grow(queue);
    atomic_fetch_add(&frame->references, 1);
    queue->frames[(queue->first + queue->count++) % queue->capacity] = frame;
    return true;
}

/* An idle stream keeps no more than it began with. */
static void shrink(struct queue *queue) {
    if (queue->count > 0 || queue->capacity <= QUEUE_FIRST_CAPACITY) return;
    free(queue->frames);
    queue->frames = NULL;
    queue->capacity = queue->first = 0;
}

size_t queue_take(struct queue *queue, char *out, size_t max) {
    size_t len = 0;
    while (queue->count > 0 && len < max) {
        struct frame *frame = queue->frames[queue->first];
        size_t part = frame->len - queue->sent;
        if (part > max - len) part = max - len;
        memcpy(out + len, frame->bytes + frame->start + queue->sent, part);
        len += part;
        queue->sent += part;
        if (queue->sent < frame->len) break;
        queue->sent = 0;
        queue->first = (queue->first + 1) % queue->capacity;
        queue->count--;
        frame_release(frame);
    }
    shrink(queue);
    return len;
}

void queue_drop(struct queue *queue) {
    size_t keep = queue->sent > 0 ? 1 : 0;
    while (queue->count > keep)
        frame_release(queue->frames[(queue->first + --queue->count) % queue->capacity]);
}

void queue_release(struct queue *queue) {
    queue->sent = 0;
    queue_drop(queue);
    free(queue->frames);
    *queue = (struct queue){0};
}
