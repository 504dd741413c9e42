#include "subscription/payload.h"

#include "base/clock.h"
#include "model/identity.h"
#include "providers/text.h"

#include "base/banned.h"

bool payload_allowed(const struct webhook_delivery *delivery) {
    const struct outbox_item *item = &delivery->item;
    switch (delivery->event) {
    case WEBHOOK_TEST:
        return true;
    case WEBHOOK_LEVEL_CHANGED:
    case WEBHOOK_TRACKING_WITHDRAWN:
    case WEBHOOK_EVENT_WITHDRAWN: /* what takes back may always be told */
        return item->candidate_external_id.ptr != NULL;
    default:
        return !delivery->withdrawn && item->candidate_external_id.ptr != NULL &&
               tracking_decide(item->tracking, item->row.event_type) == TRACKING_RECORD;
    }
}

/* ---- JSON ---- */

/* {"id", "<label>"}, or null. */
static void add_thing(struct strbuf *out, const char *name, struct slice id, const char *label, struct slice text) {
    text_write_name(out, name);
    if (!id.ptr && !text.ptr) {
        strbuf_add_cstr(out, "null");
        return;
    }
    strbuf_add_char(out, '{');
    text_write_text(out, "id", id);
    text_write_text(out, label, text);
    strbuf_add_char(out, '}');
}

static void add_candidate(struct strbuf *out, const struct outbox_item *item) {
    add_thing(out, "candidate", item->candidate_external_id, "name", item->candidate_name);
}

static void add_event(struct strbuf *out, const struct outbox_item *item) {
    const struct outbox_row *row = &item->row;
    char id[EVENT_PUBLIC_ID_MAX];
    const struct event_key key = {.organization_id = row->organization_id,
                                  .occurred_at = row->occurred_at,
                                  .email_log_id = row->email_log_id,
                                  .event_type = row->event_type,
                                  .link_id = row->link_id,
                                  .recipient_ref = row->recipient_ref};
    text_write_text(out, "engagement_event_id", event_public_id(&key, id));
    text_write_text(out, "event_type", slice_cstr(event_type_name(row->event_type)));
    text_write_name(out, "email");
    strbuf_add_char(out, '{');
    text_write_int(out, "id", row->email_log_id);
    text_write_text(out, "message_id", item->message_id);
    text_write_text(out, "subject", item->subject);
    strbuf_add_char(out, '}');
    add_candidate(out, item);
    add_thing(out, "sender", item->sender_external_id, "email", item->sender_email);
    add_thing(out, "job", item->job_external_id, "title", item->job_title);
    text_write_text(out, "url", item->url);
    if (item->link_position == LINK_POSITION_NONE)
        text_write_text(out, "link_position", SLICE_NONE);
    else
        text_write_int(out, "link_position", item->link_position);
    if (row->event_type == EVENT_BOUNCE)
        text_write_text(out, "bounce_type", slice_cstr(bounce_kind_name(item->bounce_type)));
}

static void add_level(struct strbuf *out, const struct outbox_item *item) {
    add_candidate(out, item);
    if (item->row.score == SCORE_UNKNOWN)
        text_write_text(out, "engagement_score", SLICE_NONE);
    else
        text_write_int(out, "engagement_score", item->row.score);
    text_write_text(out, "engagement_level", slice_cstr(score_level_name(item->row.level)));
    text_write_text(out, "former_level", slice_cstr(score_level_name(item->row.former_level)));
}

/* The event as it was told, and why it is taken back. */
static void add_event_withdrawn(struct strbuf *out, const struct outbox_item *item) {
    add_event(out, item);
    text_write_text(out, "reason", item->row.kind == OUTBOX_OBJECTED ? SLICE("tracking_withdrawn") : SLICE("machine"));
}

/* What of the person is to be forgotten. */
static void add_withdrawn(struct strbuf *out, const struct outbox_item *item) {
    add_candidate(out, item);
    text_write_name(out, "event_types");
    strbuf_add_char(out, '[');
    if (item->row.event_type == 0 || item->row.event_type == EVENT_OPEN)
        text_write_text(out, NULL, slice_cstr(event_type_name(EVENT_OPEN)));
    if (item->row.event_type == 0 || item->row.event_type == EVENT_CLICK)
        text_write_text(out, NULL, slice_cstr(event_type_name(EVENT_CLICK)));
    strbuf_add_char(out, ']');
}

void payload_write(struct strbuf *out, const struct webhook_delivery *delivery) {
    char time[TIME_TEXT_MAX];
    /* Taken back when we heard so; the row's own time belongs to the event's key. */
    int64_t at = delivery->event == WEBHOOK_EVENT_WITHDRAWN ? delivery->created_at : delivery->item.row.occurred_at;
    strbuf_add_char(out, '{');
    text_write_text(out, "type", slice_cstr(webhook_event_name(delivery->event)));
    text_write_text(out, "timestamp", time_format(at, time));
    text_write_name(out, "data");
    strbuf_add_char(out, '{');
    switch (delivery->event) {
    case WEBHOOK_TEST:
        text_write_int(out, "subscription_id", delivery->subscription_id);
        break;
    case WEBHOOK_LEVEL_CHANGED:
        add_level(out, &delivery->item);
        break;
    case WEBHOOK_EVENT_WITHDRAWN:
        add_event_withdrawn(out, &delivery->item);
        break;
    case WEBHOOK_TRACKING_WITHDRAWN:
        add_withdrawn(out, &delivery->item);
        break;
    default:
        add_event(out, &delivery->item);
    }
    strbuf_add_cstr(out, "}}");
}
