#include "providers/batch.h"

#include "base/strbuf.h"
#include "providers/text.h"

#include "base/banned.h"

#define IP_TEXT_MAX_BYTES 64
#define CAPACITY_FIRST    16

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
    *batch = (struct batch){.arena = arena, .parsed = {.outcome = PROVIDER_EVENTS}};
    metadata_init(&batch->metadata);
}

void batch_release(struct batch *batch) {
    metadata_release(&batch->metadata);
}

int batch_wrong(const struct batch *batch, const char *what, struct err *err) {
    return err_set(err, ERR_INVALID, "event %zu: %s", batch->index, what);
}

static struct event *next_event(struct batch *batch) {
    struct parsed_delivery *parsed = &batch->parsed;
    if (parsed->event_count == batch->capacity) {
        size_t capacity = batch->capacity ? 2 * batch->capacity : CAPACITY_FIRST;
        struct event *events = arena_alloc_array(batch->arena, capacity, sizeof(*events));
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
    struct slice metadata = metadata_finish(&batch->metadata, batch->arena);
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
    event->ip_address = text_keep(batch->arena, ip_address, IP_TEXT_MAX_BYTES);
    event->user_agent = text_keep(batch->arena, user_agent, EVENT_AGENT_MAX_BYTES);
}

void batch_url(const struct batch *batch, struct event *event, struct slice url) {
    if (event->type == EVENT_CLICK) event->url = text_keep(batch->arena, url, EVENT_URL_MAX_BYTES);
}

void batch_event_id(const struct batch *batch, struct event *event, struct slice id) {
    event->provider_event_id = text_keep(batch->arena, id, EVENT_PROVIDER_ID_MAX_BYTES);
}

void batch_key(const struct batch *batch, struct event *event, struct slice message_id) {
    struct slice key = text_keep_key(batch->arena, message_id);
    if (slice_empty(key)) return;
    for (size_t i = 0; i < EVENT_KEYS_MAX; i++) {
        if (slice_equal(event->keys[i], key)) return;
        if (!slice_empty(event->keys[i])) continue;
        event->keys[i] = key;
        return;
    }
}

void batch_email_log_id(struct event *event, struct json_value value) {
    int64_t id;
    if (json_i64_lenient(value, &id) && id > 0) event->email_log_id = id;
}

void batch_custom(struct batch *batch, struct event *event, struct json_value object) {
    struct json_iterator iterator = json_members(object);
    struct slice name;
    struct json_value value;
    while (json_next_member(&iterator, &name, &value)) {
        if (slice_equal(name, SLICE("email_log_id"))) {
            batch_email_log_id(event, value);
        } else {
            metadata_add(&batch->metadata, name, value);
        }
    }
}

void batch_brief(struct batch *batch, struct json_value object, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        metadata_add_brief(&batch->metadata, slice_cstr(names[i]), json_get(object, slice_cstr(names[i])));
}

/* ---- compose ---- */

int composed_body(const struct strbuf *body, struct arena *arena, struct composed_delivery *ret, struct err *err) {
    if (body->overflow) return err_set(err, ERR_TOO_LARGE, "the events are too large for one delivery");
    ret->body = text_keep_padded(arena, strbuf_slice(body));
    return 0;
}

void composed_custom(struct strbuf *out, const char *name, const struct event *event) {
    strbuf_printf(out, "\"%s\":{", name);
    if (event->metadata.len > 2) strbuf_add(out, event->metadata.ptr + 1, event->metadata.len - 2);
    if (event->email_log_id > 0)
        strbuf_printf(out, "%s\"email_log_id\":\"%lld\"", event->metadata.len > 2 ? "," : "",
                      (long long)event->email_log_id);
    strbuf_add_cstr(out, "},");
}
