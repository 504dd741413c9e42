#include "api/views.h"

#include "api/metrics_fields.h"
#include "api/score_fields.h"
#include "base/cidr.h"

#include "base/banned.h"

/* A text that is one of the program's own words; NULL: null. */
static void write_name(struct api_table *table, const char *name, const char *text) {
    api_table_text(table, name, slice_cstr(text));
}

static struct slice given(struct slice text) {
    return slice_empty(text) ? SLICE_NONE : text;
}

static bool is_csv(const struct api_table *table) {
    return api_table_format(table) == API_TABLE_CSV;
}

void view_thing(struct api_table *table, const char *name, struct slice id, const char *label, struct slice text) {
    if (!id.ptr) {
        api_table_null(table, name);
        return;
    }
    api_table_object(table, name);
    api_table_text(table, "id", id);
    api_table_text(table, label, text);
    api_table_close(table);
}

void view_named_candidate(struct api_table *table, int64_t id, struct slice external_id, struct slice name) {
    char ref[CANDIDATE_REF_MAX];
    if (!external_id.ptr) {
        api_table_null(table, "candidate");
        return;
    }
    api_table_object(table, "candidate");
    api_table_text(table, "id", external_id);
    api_table_text(table, "ref", candidate_ref(id, ref));
    api_table_text(table, "name", name);
    api_table_close(table);
}

/* ---- emails ---- */

/* One field of something nested, and its column in CSV. */
struct part {
    const char *name, *column;
    struct slice text;
};

/* Begins the object; false when there is none, then null is written. */
static bool begin_parts(struct api_table *table, const char *name, const struct part *parts, size_t count) {
    bool any = false;
    for (size_t i = 0; i < count; i++)
        any = any || parts[i].text.ptr;
    if (is_csv(table)) return true;
    if (any)
        api_table_object(table, name);
    else
        api_table_null(table, name);
    return any;
}

static void write_parts(struct api_table *table, const char *name, const struct part *parts, size_t count) {
    if (!begin_parts(table, name, parts, count)) return;
    for (size_t i = 0; i < count; i++)
        api_table_text(table, is_csv(table) ? parts[i].column : parts[i].name, parts[i].text);
    if (!is_csv(table)) api_table_close(table);
}

static void write_people(struct api_table *table, const struct email_view *email) {
    char ref[CANDIDATE_REF_MAX];
    struct slice candidate_id = email->candidate.external_id;
    const struct part candidate[] = {
        {"id", "candidate_id", candidate_id},
        {"ref", "candidate_ref", candidate_id.ptr ? candidate_ref(email->candidate.id, ref) : SLICE_NONE},
        {"name", "candidate_name", email->candidate.name},
        {"email", "candidate_email", email->candidate.email},
        {"title", "candidate_title", email->candidate.title},
    };
    const struct part sender[] = {
        {"id", "sender_id", email->sender.external_id},
        {"name", "sender_name", email->sender.name},
        {"email", "sender_email", email->sender.email},
    };
    write_parts(table, "candidate", candidate, 5);
    write_parts(table, "sender", sender, 3);
}

static void write_sequence(struct api_table *table, const struct email_view *email) {
    const struct part sequence[] = {
        {"id", "sequence_id", email->sequence.external_id},
        {"name", "sequence_name", email->sequence.name},
    };
    if (!begin_parts(table, "sequence", sequence, 2)) return;
    for (size_t i = 0; i < 2; i++)
        api_table_text(table, is_csv(table) ? sequence[i].column : sequence[i].name, sequence[i].text);
    api_table_int_or_null(table, is_csv(table) ? "sequence_step" : "step", email->sequence_step, -1);
    if (!is_csv(table)) api_table_close(table);
}

static void write_belongings(struct api_table *table, const struct email_view *email) {
    const struct part job[] = {{"id", "job_id", email->job.external_id}, {"title", "job_title", email->job.name}};
    const struct part template_[] = {{"id", "template_id", email->template_.external_id},
                                     {"name", "template_name", email->template_.name}};
    const struct part campaign[] = {{"id", "campaign_id", email->campaign.external_id},
                                    {"name", "campaign_name", email->campaign.name}};
    write_parts(table, "job", job, 2);
    write_parts(table, "template", template_, 2);
    write_parts(table, "campaign", campaign, 2);
    write_sequence(table, email);
}

void view_email(struct api_table *table, const struct email_view *email) {
    const struct email_stats *stats = &email->stats;
    api_table_int(table, "id", stats->email_log_id);
    api_table_text(table, "message_id", email->message_id);
    api_table_text(table, "rfc_message_id", email->rfc_message_id);
    api_table_text(table, "subject", email->subject);
    api_table_time(table, "sent_at", stats->sent_at);
    write_people(table, email);
    write_belongings(table, email);
    api_table_time(table, "delivered_at", stats->delivered_at);
    api_table_time(table, "opened_at", stats->opened_at);
    api_table_int(table, "open_count", stats->open_count);
    api_table_int(table, "machine_open_count", stats->machine_open_count);
    api_table_time(table, "clicked_at", stats->clicked_at);
    api_table_int(table, "click_count", stats->click_count);
    api_table_int(table, "total_click_count", stats->total_click_count);
    api_table_int(table, "machine_click_count", stats->machine_click_count);
    api_table_time(table, "replied_at", stats->replied_at);
    api_table_time(table, "bounced_at", stats->bounced_at);
    write_name(table, "bounce_type", stats->bounced_at == TIME_UNSET ? NULL : bounce_kind_name(stats->bounce_type));
    api_table_time(table, "dropped_at", stats->dropped_at);
    api_table_time(table, "unsubscribed_at", stats->unsubscribed_at);
    api_table_time(table, "complained_at", stats->complained_at);
    write_name(table, "tracking", tracking_level_name(stats->tracking));
    write_name(table, "tracking_now", tracking_level_name(tracking_strictest(stats->tracking, stats->tracking_now)));
}

void view_email_link(struct api_table *table, const struct email_link *link) {
    api_table_text(table, "url", link->url);
    api_table_int_or_null(table, "link_position", link->position, LINK_POSITION_NONE);
    api_table_text(table, "link_text", link->text);
    api_table_time(table, "clicked_at", link->stats.clicked_at);
    api_table_int(table, "click_count", link->stats.click_count);
    api_table_int(table, "machine_click_count", link->stats.machine_click_count);
}

/* ---- events ---- */

static void write_reasons(struct api_table *table, int64_t reasons) {
    api_table_array(table, "reasons");
    for (int bit = 0; bit < 63; bit++) {
        const char *name = reasons >> bit & 1 ? verdict_reason_name((enum verdict_reason)bit) : NULL;
        if (name) write_name(table, NULL, name);
    }
    api_table_close(table);
}

/* Addresses are stored as the organization's policy left them; nothing more is known. */
static void write_address(struct api_table *table, struct slice bytes) {
    struct address address = {{[10] = 0xff, [11] = 0xff}};
    char text[ADDRESS_TEXT_MAX];
    if (bytes.len != 4 && bytes.len != sizeof(address.bytes)) {
        api_table_null(table, "ip_address");
        return;
    }
    memcpy(address.bytes + sizeof(address.bytes) - bytes.len, bytes.ptr, bytes.len);
    api_table_text(table, "ip_address", address_format(address, text));
}

static void write_provider_event_id(struct api_table *table, struct slice packed) {
    struct strbuf text;
    strbuf_init(&text, 4 * EVENT_PROVIDER_ID_MAX_BYTES);
    bool known = !slice_empty(packed) && provider_event_id_unpack(packed, &text) == 0;
    api_table_text(table, "provider_event_id", known ? strbuf_slice(&text) : SLICE_NONE);
    strbuf_release(&text);
}

void view_event(struct api_table *table, const struct stored_event *event, struct slice provider) {
    char id[EVENT_PUBLIC_ID_MAX];
    enum event_type type = (enum event_type)event->key.event_type;
    api_table_text(table, "engagement_event_id", event_public_id(&event->key, id));
    api_table_int(table, "email_log_id", event->key.email_log_id);
    write_name(table, "event_type", event_type_name(type));
    api_table_time(table, "occurred_at", event->key.occurred_at);
    api_table_time(table, "received_at", event->received_at);
    api_table_text(table, "url", given(event->url));
    api_table_int_or_null(table, "link_position", event->key.link_id == 0 ? LINK_POSITION_NONE : event->link_position,
                          LINK_POSITION_NONE);
    /* Only opens and clicks are judged: of the others a machine cannot be the cause. */
    write_name(table, "verdict", event_type_is_tracking(type) ? verdict_name(event->verdict) : NULL);
    api_table_null(table, "score"); /* rules that weigh are not here yet: a verdict is yes or no */
    write_reasons(table, event->reasons);
    write_name(table, "bounce_type", bounce_kind_name(event->bounce));
    api_table_bool(table, "own_recipient",
                   event->key.recipient_ref == 0 || event->key.recipient_ref == RECIPIENT_EVIDENCE);
    api_table_text(table, "provider", given(provider));
    write_provider_event_id(table, event->provider_event_id);
    write_address(table, event->ip_address);
    api_table_null(table, "country"); /* no list of networks is read */
    api_table_text(table, "user_agent", given(event->user_agent));
    api_table_json(table, "metadata", event->metadata);
}

/* ---- candidates ---- */

void view_candidate(struct api_table *table, const struct candidate_view *candidate,
                    const struct candidate_figures *figures, const struct score_policy *policy) {
    char ref[CANDIDATE_REF_MAX];
    api_table_text(table, "id", candidate->external_id);
    api_table_text(table, "ref", candidate_ref(candidate->id, ref));
    api_table_text(table, "name", candidate->name);
    api_table_text(table, "email", candidate->email);
    api_table_text(table, "title", candidate->title);
    write_name(table, "tracking", candidate->has_tracking ? tracking_level_name(candidate->tracking) : NULL);
    if (policy) score_fields_write(table, policy, candidate->score);
    api_table_time(table, "last_sent_at", figures->last_sent_at);
    api_table_time(table, "last_engaged_at", figures->last_human_at);
    if (!is_csv(table)) api_table_object(table, "stats");
    metrics_write_fields(table, &figures->figures);
    if (!is_csv(table)) api_table_close(table);
    api_table_time(table, "created_at", candidate->created_at);
    api_table_time(table, "updated_at", candidate->updated_at);
}
