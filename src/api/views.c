#include "api/views.h"

#include <stdio.h>

#include "api/metrics_fields.h"
#include "base/cidr.h"

#include "base/banned.h"

static void set_text(json_t *object, const char *name, struct slice text) {
    json_object_set_new(object, name, api_json_text(text));
}

static void set_name(json_t *object, const char *name, const char *text) {
    json_object_set_new(object, name, text ? json_string(text) : json_null());
}

static void set_int(json_t *object, const char *name, int64_t value) {
    json_object_set_new(object, name, json_integer(value));
}

static void set_int_or_null(json_t *object, const char *name, int64_t value, int64_t none) {
    json_object_set_new(object, name, value == none ? json_null() : json_integer(value));
}

static void set_time(json_t *object, const char *name, int64_t ms) {
    json_object_set_new(object, name, api_json_time(ms));
}

/* ---- emails ---- */

static json_t *named_json(const struct named *named, const char *name) {
    json_t *object = json_object();
    set_text(object, "id", named->external_id);
    set_text(object, name, named->name);
    return object;
}

static void set_people(json_t *object, const struct email_view *email) {
    json_t *candidate = json_object(), *sender = json_object();
    set_text(candidate, "id", email->candidate.external_id);
    set_text(candidate, "name", email->candidate.name);
    set_text(candidate, "email", email->candidate.email);
    set_text(candidate, "title", email->candidate.title);
    json_object_set_new(object, "candidate", candidate);
    set_text(sender, "id", email->sender.external_id);
    set_text(sender, "name", email->sender.name);
    set_text(sender, "email", email->sender.email);
    json_object_set_new(object, "sender", sender);
}

json_t *view_email(const struct email_view *email) {
    const struct email_stats *stats = &email->stats;
    json_t *object = json_object(), *sequence;
    set_int(object, "id", stats->email_log_id);
    set_text(object, "message_id", email->message_id);
    set_text(object, "rfc_message_id", email->rfc_message_id);
    set_text(object, "subject", email->subject);
    set_time(object, "sent_at", stats->sent_at);
    set_people(object, email);
    json_object_set_new(object, "job", named_json(&email->job, "title"));
    json_object_set_new(object, "template", named_json(&email->template_, "name"));
    json_object_set_new(object, "campaign", named_json(&email->campaign, "name"));
    json_object_set_new(object, "sequence", sequence = named_json(&email->sequence, "name"));
    set_int_or_null(sequence, "step", email->sequence_step, -1);
    set_time(object, "delivered_at", stats->delivered_at);
    set_time(object, "opened_at", stats->opened_at);
    set_int(object, "open_count", stats->open_count);
    set_int(object, "machine_open_count", stats->machine_open_count);
    set_time(object, "clicked_at", stats->clicked_at);
    set_int(object, "click_count", stats->click_count);
    set_int(object, "total_click_count", stats->total_click_count);
    set_int(object, "machine_click_count", stats->machine_click_count);
    set_time(object, "replied_at", stats->replied_at);
    set_time(object, "bounced_at", stats->bounced_at);
    set_name(object, "bounce_type", stats->bounced_at == TIME_UNSET ? NULL : bounce_kind_name(stats->bounce_type));
    set_time(object, "dropped_at", stats->dropped_at);
    set_time(object, "unsubscribed_at", stats->unsubscribed_at);
    set_time(object, "complained_at", stats->complained_at);
    set_name(object, "tracking", tracking_level_name(stats->tracking));
    set_name(object, "tracking_now", tracking_level_name(tracking_strictest(stats->tracking, stats->tracking_now)));
    return object;
}

json_t *view_email_link(const struct email_link *link) {
    json_t *object = json_object();
    set_text(object, "url", link->url);
    set_int_or_null(object, "link_position", link->position, LINK_POSITION_NONE);
    set_time(object, "clicked_at", link->stats.clicked_at);
    set_int(object, "click_count", link->stats.click_count);
    set_int(object, "machine_click_count", link->stats.machine_click_count);
    return object;
}

/* ---- events ---- */

static json_t *reasons_json(int64_t reasons) {
    json_t *names = json_array();
    for (int bit = 0; bit < 63; bit++) {
        const char *name = reasons >> bit & 1 ? verdict_reason_name((enum verdict_reason)bit) : NULL;
        if (name) json_array_append_new(names, json_string(name));
    }
    return names;
}

/* Addresses are stored as the organization's policy left them; nothing more is known. */
static json_t *address_json(struct slice bytes) {
    struct address address = {{[10] = 0xff, [11] = 0xff}};
    char text[ADDRESS_TEXT_MAX];
    if (bytes.len != 4 && bytes.len != sizeof(address.bytes)) return json_null();
    memcpy(address.bytes + sizeof(address.bytes) - bytes.len, bytes.ptr, bytes.len);
    return api_json_text(address_format(address, text));
}

static json_t *provider_event_id_json(struct slice packed) {
    struct strbuf text;
    strbuf_init(&text, 4 * EVENT_PROVIDER_ID_MAX_BYTES);
    json_t *value = slice_empty(packed) || provider_event_id_unpack(packed, &text) < 0
                        ? json_null()
                        : api_json_text(strbuf_slice(&text));
    strbuf_release(&text);
    return value;
}

static json_t *metadata_json(struct slice text) {
    json_t *value = slice_empty(text) ? NULL : json_loadb(text.ptr, text.len, 0, NULL);
    return value ? value : json_null();
}

json_t *view_event(const struct stored_event *event, struct slice provider) {
    char id[EVENT_PUBLIC_ID_MAX];
    json_t *object = json_object();
    enum event_type type = (enum event_type)event->key.event_type;
    set_text(object, "engagement_event_id", event_public_id(&event->key, id));
    set_int(object, "email_log_id", event->key.email_log_id);
    set_name(object, "event_type", event_type_name(type));
    set_time(object, "occurred_at", event->key.occurred_at);
    set_time(object, "received_at", event->received_at);
    set_text(object, "url", slice_empty(event->url) ? SLICE_NONE : event->url);
    set_int_or_null(object, "link_position", event->key.link_id == 0 ? LINK_POSITION_NONE : event->link_position,
                    LINK_POSITION_NONE);
    /* Only opens and clicks are judged: of the others a machine cannot be the cause. */
    set_name(object, "verdict", event_type_is_tracking(type) ? verdict_name(event->verdict) : NULL);
    json_object_set_new(object, "score", json_null()); /* rules that weigh are not here yet: a verdict is yes or no */
    json_object_set_new(object, "reasons", reasons_json(event->reasons));
    set_name(object, "bounce_type", bounce_kind_name(event->bounce));
    json_object_set_new(object, "own_recipient", json_boolean(event->key.recipient_ref == 0));
    set_text(object, "provider", slice_empty(provider) ? SLICE_NONE : provider);
    json_object_set_new(object, "provider_event_id", provider_event_id_json(event->provider_event_id));
    json_object_set_new(object, "country", json_null()); /* no database of networks is read */
    json_object_set_new(object, "ip_address", address_json(event->ip_address));
    set_text(object, "user_agent", slice_empty(event->user_agent) ? SLICE_NONE : event->user_agent);
    json_object_set_new(object, "metadata", metadata_json(event->metadata));
    return object;
}

/* ---- candidates ---- */

json_t *view_candidate(const struct candidate_view *candidate, const struct candidate_figures *figures) {
    json_t *object = json_object(), *stats = json_object();
    set_text(object, "id", candidate->external_id);
    set_text(object, "name", candidate->name);
    set_text(object, "email", candidate->email);
    set_text(object, "title", candidate->title);
    set_name(object, "tracking", candidate->has_tracking ? tracking_level_name(candidate->tracking) : NULL);
    set_time(object, "last_sent_at", figures->last_sent_at);
    metrics_to_json(stats, &figures->figures);
    json_object_set_new(object, "stats", stats);
    set_time(object, "created_at", candidate->created_at);
    set_time(object, "updated_at", candidate->updated_at);
    return object;
}

/* ---- objects as rows ---- */

static bool is_absent(json_t *object) {
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value) {
        if (!json_is_null(value)) return false;
    }
    return true;
}

json_t *view_finish(json_t *object) {
    const char *name;
    void *next;
    json_t *value;
    json_object_foreach_safe(object, next, name, value) {
        if (json_is_object(value) && json_object_size(value) > 0 && is_absent(value))
            json_object_set_new(object, name, json_null());
    }
    return object;
}

static void value_to_row(struct api_table *table, const char *name, json_t *value) {
    if (json_is_string(value))
        api_table_text(table, name, slice_of(json_string_value(value), json_string_length(value)));
    else if (json_is_integer(value))
        api_table_int(table, name, json_integer_value(value));
    else if (json_is_boolean(value))
        api_table_bool(table, name, json_boolean_value(value));
    else if (json_is_null(value))
        api_table_text(table, name, SLICE_NONE);
    else
        api_table_json(table, name, json_incref(value));
}

void view_to_row(struct api_table *table, json_t *object) {
    const char *name, *inner_name;
    json_t *value, *inner;
    bool flat = api_table_format(table) == API_TABLE_CSV;
    api_table_row(table);
    if (!flat) object = view_finish(object);
    json_object_foreach(object, name, value) {
        /* "metadata" is the provider's own object: its members differ from row to row. */
        if (!flat || !json_is_object(value) || strcmp(name, "metadata") == 0) {
            value_to_row(table, name, value);
            continue;
        }
        json_object_foreach(value, inner_name, inner) {
            char column[96];
            snprintf(column, sizeof(column), "%s_%s", name, inner_name);
            value_to_row(table, column, inner);
        }
    }
    json_decref(object);
}
