#include "providers/batch.h"

#include "providers/text.h"

#include "base/banned.h"

#define CAPACITY_FIRST 16

/* ---- names ---- */

const struct event_name *event_name_find(const struct event_name *names, size_t count, struct slice name) {
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(name, slice_cstr(names[i].name))) return &names[i];
    }
    return NULL;
}

const struct event_name *event_name_for(const struct event_name *names, size_t count, const struct event *event) {
    const struct event_name *similar = NULL;
    for (size_t i = 0; i < count; i++) {
        if (names[i].type != event->type) continue;
        if (names[i].bounce == event->bounce) return &names[i];
        if (!similar) similar = &names[i];
    }
    return similar;
}

/* ---- events ---- */

void batch_init(struct batch *batch, struct arena *arena) {
    *batch = (struct batch){.parsed = {.outcome = PROVIDER_EVENTS}};
    reading_init(&batch->reading, arena);
}

void batch_release(struct batch *batch) {
    reading_release(&batch->reading);
}

int batch_wrong(const struct batch *batch, const char *what, struct err *err) {
    return err_set(err, ERR_INVALID, "event %zu: %s", batch->index, what);
}

static struct event *next_event(struct batch *batch) {
    struct parsed_delivery *parsed = &batch->parsed;
    if (parsed->event_count == batch->capacity) {
        size_t capacity = batch->capacity ? 2 * batch->capacity : CAPACITY_FIRST;
        struct event *events = arena_alloc_array(batch->reading.arena, capacity, sizeof(*events));
        if (parsed->event_count) memcpy(events, parsed->events, parsed->event_count * sizeof(*events));
        parsed->events = events;
        batch->capacity = capacity;
    }
    struct event *event = &parsed->events[parsed->event_count];
    *event = (struct event){.link_position = LINK_POSITION_NONE};
    return event;
}

int batch_one(struct batch *batch, struct json_value object, batch_translate *translate, struct err *err) {
    if (batch->index == PROVIDER_EVENTS_MAX)
        return err_set(err, ERR_TOO_LARGE, "a delivery holds at most %d events", PROVIDER_EVENTS_MAX);
    if (object.type != JSON_KIND_OBJECT) return batch_wrong(batch, "is no object", err);
    struct event *event = next_event(batch);
    int result = translate(batch, object, event, err);
    if (result < 0) return result;
    struct slice metadata = metadata_finish(&batch->reading.metadata, batch->reading.arena);
    if (result > 0) {
        event->metadata = metadata;
        batch->parsed.event_count++;
    } else {
        batch->parsed.ignored++;
    }
    batch->index++;
    return 0;
}

int batch_each(struct batch *batch, struct json_value array, batch_translate *translate, struct err *err) {
    struct json_iterator iterator = json_elements(array);
    int result = 0;
    for (struct json_value element; result == 0 && json_next(&iterator, &element);)
        result = batch_one(batch, element, translate, err);
    return result;
}

/* ---- slots ---- */

void batch_client(const struct batch *batch, struct event *event, struct slice ip_address, struct slice user_agent) {
    event->ip_address = text_keep(batch->reading.arena, ip_address, READING_IP_MAX_BYTES);
    event->user_agent = text_keep(batch->reading.arena, user_agent, EVENT_AGENT_MAX_BYTES);
}

void batch_url(const struct batch *batch, struct event *event, struct slice url) {
    if (event->type == EVENT_CLICK) event->url = text_keep(batch->reading.arena, url, EVENT_URL_MAX_BYTES);
}

void batch_event_id(const struct batch *batch, struct event *event, struct slice id) {
    event->provider_event_id = text_keep(batch->reading.arena, id, EVENT_PROVIDER_ID_MAX_BYTES);
}

void batch_key(const struct batch *batch, struct event *event, struct slice message_id) {
    struct slice key = text_keep_key(batch->reading.arena, message_id);
    if (slice_empty(key)) return;
    for (size_t i = 0; i < EVENT_KEYS_MAX; i++) {
        if (slice_equal(event->keys[i], key)) return;
        if (!slice_empty(event->keys[i])) continue;
        event->keys[i] = key;
        return;
    }
}
