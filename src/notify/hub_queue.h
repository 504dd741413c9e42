/* hub_queue: messages as they are shared by the queues of many streams, and such a queue. Internal to notify/hub.c.
 * A message is immutable once it has its id; a queue is guarded by its owner. */
#ifndef INKLING_NOTIFY_HUB_QUEUE_H
#define INKLING_NOTIFY_HUB_QUEUE_H

#include <stdatomic.h>

#include "notify/hub.h"

#define FRAME_HEAD_MAX (HUB_ID_MAX + 8)

struct frame {
    _Atomic int64_t references;
    enum hub_kind kind;
    int64_t organization_id, user_id, job_id;
    int64_t number;
    struct frame *next; /* the inbox's */
    size_t start, len;  /* of what is sent, within `bytes` */
    char bytes[];
};

/* "event: …\ndata: …\n\n" with room for the id in front. References: 1. */
struct frame *frame_new(const char *event, struct slice data);
/* As it is: a comment, say. */
struct frame *frame_text(struct slice text);
void frame_set_id(struct frame *frame, const char *id);
void frame_release(struct frame *frame); /* NULL accepted */

struct queue {
    struct frame **frames; /* a ring; NULL while nothing ever waited */
    size_t capacity, first, count;
    size_t sent; /* bytes of the first frame that are out */
};

/* Takes a reference. False when `max` wait already. */
bool queue_push(struct queue *queue, struct frame *frame, size_t max);
size_t queue_take(struct queue *queue, char *out, size_t max);
/* Drops everything but a frame that is half out. */
void queue_drop(struct queue *queue);
void queue_release(struct queue *queue);

#endif
