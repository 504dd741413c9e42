#include "notify/news.h"

#include "base/clock.h"
#include "providers/text.h"
#include "store/candidates.h"

#include "base/banned.h"

static void add_time(struct strbuf *out, const char *name, int64_t ms) {
    char text[TIME_TEXT_MAX];
    text_write_text(out, name, ms == TIME_UNSET ? SLICE_NONE : time_format(ms, text));
}

/* Things of the applicant tracking system: {"id", "<label>"}, or null. */
static void add_thing(struct strbuf *out, const char *name, struct slice id, const char *label, struct slice text) {
    text_write_name(out, name);
    if (!id.ptr) {
        strbuf_add_cstr(out, "null");
        return;
    }
    strbuf_add_char(out, '{');
    text_write_text(out, "id", id);
    text_write_text(out, label, text);
    strbuf_add_char(out, '}');
}

static void add_candidate(struct strbuf *out, int64_t id, struct slice external_id, struct slice name) {
    char ref[CANDIDATE_REF_MAX];
    text_write_name(out, "candidate");
    if (!external_id.ptr) {
        strbuf_add_cstr(out, "null");
        return;
    }
    strbuf_add_char(out, '{');
    text_write_text(out, "id", external_id);
    text_write_text(out, "ref", candidate_ref(id, ref));
    text_write_text(out, "name", name);
    strbuf_add_char(out, '}');
}

static void add_email(struct strbuf *out, int64_t id, struct slice subject) {
    text_write_name(out, "email");
    strbuf_add_char(out, '{');
    text_write_int(out, "id", id);
    text_write_text(out, "subject", subject);
    strbuf_add_char(out, '}');
}

static void add_sender(struct strbuf *out, int64_t sender_id) {
    text_write_name(out, "sender_id");
    if (sender_id)
        strbuf_add_i64(out, sender_id);
    else
        strbuf_add_cstr(out, "null");
}

void news_write_notification(struct strbuf *out, const struct notification *notification) {
    strbuf_add_char(out, '{');
    text_write_int(out, "id", notification->id);
    text_write_text(out, "event_type", slice_cstr(event_type_name(notification->event_type)));
    text_write_int(out, "count", notification->count);
    add_candidate(out, notification->candidate_id, notification->candidate_external_id, notification->candidate_name);
    add_email(out, notification->email_log_id, notification->subject);
    add_thing(out, "job", notification->job_external_id, "title", notification->job_title);
    text_write_text(out, "url", notification->url);
    add_sender(out, notification->sender_id);
    text_write_name(out, "toast");
    strbuf_add_cstr(out, notification->toast ? "true" : "false");
    add_time(out, "first_at", notification->first_at);
    add_time(out, "last_at", notification->last_at);
    add_time(out, "created_at", notification->created_at);
    add_time(out, "updated_at", notification->updated_at);
    add_time(out, "read_at", notification->read_at);
    strbuf_add_char(out, '}');
}

void news_write_withdrawn(struct strbuf *out, int64_t id) {
    strbuf_printf(out, "{\"id\":%lld}", (long long)id);
}

void news_write_engagement(struct strbuf *out, const struct outbox_item *item) {
    strbuf_add_char(out, '{');
    text_write_text(out, "event_type", slice_cstr(event_type_name(item->row.event_type)));
    add_time(out, "occurred_at", item->row.occurred_at);
    add_candidate(out, item->candidate_id, item->candidate_external_id, item->candidate_name);
    add_email(out, item->row.email_log_id, item->subject);
    add_thing(out, "job", item->job_external_id, "title", item->job_title);
    text_write_text(out, "url", item->url);
    add_sender(out, item->sender_id);
    strbuf_add_char(out, '}');
}
