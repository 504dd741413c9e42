#include "providers/reading.h"

#include "base/clock.h"
#include "providers/text.h"

#include "base/banned.h"

#define INNER_JSON_MAX_BYTES 65536 /* of a caller's own JSON: more is kept as text, in brief */

void reading_init(struct reading *reading, struct arena *arena) {
    *reading = (struct reading){.arena = arena};
    metadata_init(&reading->metadata);
}

void reading_release(struct reading *reading) {
    metadata_release(&reading->metadata);
    json_reader_free(reading->inner);
}

int reading_events(struct json_value root, reading_event_fn *read, struct arena *arena, struct parsed_delivery *ret,
                   struct err *err) {
    if (root.type != JSON_KIND_ARRAY && root.type != JSON_KIND_OBJECT)
        return err_set(err, ERR_UNREADABLE, "the body is neither an event nor an array of events");
    bool single = root.type == JSON_KIND_OBJECT;
    size_t count = single ? 1 : json_count(root), index = 0;
    if (count > PROVIDER_EVENTS_MAX)
        return err_set(err, ERR_TOO_LARGE, "a delivery holds at most %d events", PROVIDER_EVENTS_MAX);
    struct parsed_delivery parsed = {
        .outcome = PROVIDER_EVENTS,
        .events = arena_alloc_array(arena, count, sizeof(struct event)),
    };
    struct reading reading;
    reading_init(&reading, arena);
    struct json_iterator iterator = json_elements(root);
    struct json_value object = root;
    int result = 0;
    while (single ? index == 0 : json_next(&iterator, &object)) {
        struct event event = {.link_position = LINK_POSITION_NONE};
        result = object.type == JSON_KIND_OBJECT ? read(object, index, &reading, &event, err)
                                                 : err_set(err, ERR_INVALID, "event %zu is no object", index);
        if (result < 0) goto out;
        event.metadata = metadata_finish(&reading.metadata, arena); /* empties it in any case */
        if (result > 0) {
            parsed.events[parsed.event_count++] = event;
        } else {
            parsed.ignored++;
        }
        index++;
    }
    result = 0;
    *ret = parsed;
out:
    reading_release(&reading);
    return result;
}

/* ---- names of events ---- */

bool reading_find_type(const struct reading_name *table, size_t count, struct slice name, enum event_type *ret) {
    for (size_t i = 0; i < count; i++) {
        if (!slice_equal(name, slice_cstr(table[i].name))) continue;
        *ret = table[i].type;
        return true;
    }
    return false;
}

const char *reading_name_of(const struct reading_name *table, size_t count, enum event_type type) {
    for (size_t i = 0; i < count; i++) {
        if (table[i].type == type) return table[i].name;
    }
    return NULL;
}

/* ---- members ---- */

struct slice reading_text(struct json_value object, const char *name, struct reading *reading) {
    struct slice text;
    return text_of_value(json_get(object, slice_cstr(name)), reading->arena, &text) ? text : SLICE_NONE;
}

bool reading_flag(struct json_value object, const char *name) {
    struct json_value value = json_get(object, slice_cstr(name));
    bool flag = false;
    int64_t number = 0;
    struct slice text = SLICE_NONE;
    if (json_bool(value, &flag)) return flag;
    if (json_i64(value, &number)) return number == 1;
    return json_text(value, &text) && (slice_equal_nocase(text, SLICE("true")) || slice_equal(text, SLICE("1")));
}

int reading_wrong(struct err *err, size_t index, const char *member, const char *what) {
    return err_set(err, ERR_INVALID, "event %zu: %s %s", index, member, what);
}

int reading_time(struct json_value object, size_t index, const char *name, struct event *ret, struct err *err) {
    if (json_time(json_get(object, slice_cstr(name)), &ret->occurred_at)) return 0;
    return reading_wrong(err, index, name, "is missing or no time");
}

int reading_identity(struct json_value object, size_t index, const char *time_name, const char *recipient_name,
                     const char *key_name, struct reading *reading, struct event *ret, struct err *err) {
    int result = reading_time(object, index, time_name, ret, err);
    if (result != 0) return result;
    ret->recipient = text_keep_recipient(reading->arena, json_get_string(object, slice_cstr(recipient_name)));
    if (slice_empty(ret->recipient)) return reading_wrong(err, index, recipient_name, "is missing");
    if (!key_name) return 0;
    ret->keys[0] = text_keep_key(reading->arena, reading_text(object, key_name, reading));
    if (slice_empty(ret->keys[0])) return reading_wrong(err, index, key_name, "is missing or too long");
    return 0;
}

void reading_client(struct json_value object, const char *url_name, const char *ip_name, const char *agent_name,
                    struct reading *reading, struct event *ret) {
    struct arena *arena = reading->arena;
    if (url_name && ret->type == EVENT_CLICK)
        ret->url = text_keep(arena, json_get_string(object, slice_cstr(url_name)), EVENT_URL_MAX_BYTES);
    if (ip_name) ret->ip_address = text_keep(arena, json_get_string(object, slice_cstr(ip_name)), READING_IP_MAX_BYTES);
    if (agent_name)
        ret->user_agent = text_keep(arena, json_get_string(object, slice_cstr(agent_name)), EVENT_AGENT_MAX_BYTES);
}

void reading_keep(struct json_value object, const char *const *names, struct reading *reading) {
    for (size_t i = 0; names[i]; i++) {
        struct json_value value = json_get(object, slice_cstr(names[i]));
        bool list = value.type == JSON_KIND_ARRAY || value.type == JSON_KIND_OBJECT;
        if (!list || json_count(value) > 0) metadata_add_brief(&reading->metadata, slice_cstr(names[i]), value);
    }
}

void reading_variable(struct slice name, struct json_value value, struct reading *reading, struct event *ret) {
    if (!slice_equal(name, SLICE("email_log_id"))) {
        metadata_add(&reading->metadata, name, value);
    } else if (!json_i64_lenient(value, &ret->email_log_id) || ret->email_log_id < 0) {
        ret->email_log_id = 0;
    }
}

void reading_variables(struct json_value object, struct reading *reading, struct event *ret) {
    struct json_iterator iterator = json_members(object);
    struct slice name;
    struct json_value value;
    while (json_next_member(&iterator, &name, &value))
        reading_variable(name, value, reading, ret);
}

bool reading_json_text(struct slice text, struct reading *reading, struct json_value *ret) {
    if (slice_empty(text) || text.len > INNER_JSON_MAX_BYTES) return false;
    if (!reading->inner) reading->inner = json_reader_new();
    return json_parse(reading->inner, text_keep_padded(reading->arena, text), ret, NULL) == 0;
}

void reading_variables_text(struct slice text, const char *name, struct reading *reading, struct event *ret) {
    struct json_value value;
    if (slice_starts_with(slice_trim(text), SLICE("{")) && reading_json_text(text, reading, &value)) {
        reading_variables(value, reading, ret);
    } else {
        metadata_add_text(&reading->metadata, slice_cstr(name), text);
    }
}

/* ---- compose ---- */

void reading_write_variables_object(struct strbuf *out, const struct event *event) {
    bool any = event->metadata.len > 2;
    strbuf_add_slice(out, any ? slice_first(event->metadata, event->metadata.len - 1) : SLICE("{"));
    if (event->email_log_id > 0)
        strbuf_printf(out, "%s\"email_log_id\":\"%lld\"", any ? "," : "", (long long)event->email_log_id);
    strbuf_add_char(out, '}');
}

void reading_write_variables(struct strbuf *out, const char *name, const struct event *event) {
    if (event->metadata.len <= 2 && event->email_log_id <= 0) return;
    text_write_json(out, slice_cstr(name));
    strbuf_add_char(out, ':');
    reading_write_variables_object(out, event);
    strbuf_add_char(out, ',');
}

int reading_composed(const struct strbuf *out, const char *content_type, struct arena *arena,
                     struct composed_delivery *ret, struct err *err) {
    if (out->overflow) return err_set(err, ERR_TOO_LARGE, "the events are too large for one delivery");
    *ret = (struct composed_delivery){.content_type = content_type, .body = text_keep_padded(arena, strbuf_slice(out))};
    return 0;
}

int reading_no_event(const char *title, enum event_type type, struct err *err) {
    return err_set(err, ERR_INVALID, "%s has no webhook for the event %s", title, event_type_name(type));
}
