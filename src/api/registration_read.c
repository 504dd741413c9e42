#include "api/registration_read.h"

#include "api/rewriting.h"
#include "base/clock.h"

#include "base/banned.h"

/* Bytes. Subjects are bounded by the longest line of a message (RFC 5322 section 2.1.1), the rest by what a list shows.
 */
#define SUBJECT_MAX     998
#define EXTERNAL_ID_MAX 255
#define NAME_MAX_BYTES  500
#define STEP_MAX        1000000
/* Mail is reported when it was sent; a clock may be a little ahead, a date far ahead is a mistake. */
#define SENT_AHEAD_MAX DAY_MS

/* The applicant tracking system's own id: text, or a number that is taken as its digits. */
static int read_id(struct api_call *call, struct json_value object, const char *name, struct slice *ret,
                   struct err *err) {
    struct json_value value = json_get(object, slice_cstr(name));
    int64_t number;
    if (!json_i64(value, &number)) return api_text(call, object, name, EXTERNAL_ID_MAX, ret, err);
    *ret = slice_cstr(arena_printf(call->arena, "%lld", (long long)number));
    return 0;
}

static int read_address(struct api_call *call, struct json_value object, struct slice *ret, struct err *err) {
    struct slice text = SLICE_NONE;
    int result = api_text(call, object, "email", EVENT_RECIPIENT_MAX_BYTES, &text, err);
    if (result < 0 || slice_empty(text)) return result;
    struct slice address = recipient_address(text);
    ptrdiff_t at = slice_find_char(address, '@');
    if (at <= 0 || (size_t)at + 1 == address.len)
        return err_set(err, ERR_INVALID, "email is no address: %.*s", SLICE_FMT(slice_first(text, 80)));
    *ret = address;
    return 0;
}

/* A nested object, absent or with the members named; *ret_given: it is there. */
static int open_part(struct json_value email, const char *name, const char *const *members,
                     struct json_value *ret_object, bool *ret_given, struct err *err) {
    *ret_object = json_get(email, slice_cstr(name));
    *ret_given = ret_object->type != JSON_KIND_NONE && ret_object->type != JSON_KIND_NULL;
    if (!*ret_given) return 0;
    if (ret_object->type != JSON_KIND_OBJECT)
        return err_set(err, ERR_INVALID, "%s must be an object such as {\"id\": \"42\"}", name);
    int result = api_known_members(*ret_object, members, err);
    return result < 0 ? err_prefix(err, "%s", name) : 0;
}

static int read_candidate(struct api_call *call, struct json_value email, struct registration *registration,
                          struct err *err) {
    static const char *const members[] = {"id", "name", "email", "title", NULL};
    struct json_value object;
    bool given;
    int result = open_part(email, "candidate", members, &object, &given, err);
    if (result != 0) return result;
    if (given) {
        result = read_id(call, object, "id", &registration->candidate.external_id, err);
        if (result == 0) result = api_text(call, object, "name", NAME_MAX_BYTES, &registration->candidate.name, err);
        if (result == 0) result = read_address(call, object, &registration->candidate.email, err);
        if (result == 0) result = api_text(call, object, "title", NAME_MAX_BYTES, &registration->candidate.title, err);
        if (result != 0) return err_prefix(err, "candidate");
    }
    if (slice_empty(registration->candidate.external_id) && slice_empty(registration->candidate.email))
        return err_set(err, ERR_INVALID, "candidate.id or candidate.email must be given: whose email is it?");
    return 0;
}

static int read_sender(struct api_call *call, struct json_value email, struct registration *registration,
                       struct err *err) {
    static const char *const members[] = {"id", "name", "email", NULL};
    struct json_value object;
    bool given;
    int result = open_part(email, "sender", members, &object, &given, err);
    if (result < 0 || !given) return result;
    result = read_id(call, object, "id", &registration->sender.external_id, err);
    if (result == 0) result = api_text(call, object, "name", NAME_MAX_BYTES, &registration->sender.name, err);
    if (result == 0) result = read_address(call, object, &registration->sender.email, err);
    return result < 0 ? err_prefix(err, "sender") : 0;
}

/* job, template, campaign or sequence; `label`: the member with its name. */
static int read_reference(struct api_call *call, struct json_value email, const char *name, const char *label,
                          int64_t *ret_step, struct reference *ret, struct err *err) {
    const char *const members[] = {"id", label, ret_step ? "step" : NULL, NULL};
    struct json_value object;
    bool given;
    int result = open_part(email, name, members, &object, &given, err);
    if (result < 0 || !given) return result;
    result = read_id(call, object, "id", &ret->external_id, err);
    if (result == 0) result = api_text(call, object, label, NAME_MAX_BYTES, &ret->name, err);
    if (result == 0 && ret_step) result = api_integer(object, "step", 0, STEP_MAX, ret_step, err);
    if (result == 0 && slice_empty(ret->external_id)) result = err_set(err, ERR_INVALID, "id must be given");
    return result < 0 ? err_prefix(err, "%s", name) : 0;
}

static int read_sent_at(struct api_call *call, struct json_value email, int64_t *ret, struct err *err) {
    struct json_value value = json_get(email, SLICE("sent_at"));
    *ret = call->now;
    if (value.type == JSON_KIND_NONE || value.type == JSON_KIND_NULL) return 0;
    if (!json_time(value, ret)) return err_set(err, ERR_INVALID, "sent_at must be a time such as 2026-01-31T09:00:00Z");
    if (*ret > call->now + SENT_AHEAD_MAX)
        return err_set(err, ERR_INVALID, "sent_at lies in the future: register emails when they have been sent");
    return 0;
}

static int read_level(struct json_value email, enum tracking_level *ret, struct err *err) {
    struct json_value value = json_get(email, SLICE("tracking"));
    struct slice name;
    *ret = TRACKING_FULL;
    if (value.type == JSON_KIND_NONE || value.type == JSON_KIND_NULL) return 0;
    if (!json_text(value, &name) || !tracking_level_parse(name, ret))
        return err_set(err, ERR_INVALID, "tracking must be none, aggregate, clicks or full");
    return 0;
}

int registration_read(struct api_call *call, struct json_value email, struct registration *ret, struct err *err) {
    static const char *const members[] = {
        "message_id", "rfc_message_id", "subject",  "sent_at",  "candidate",       "sender", "job",
        "template",   "campaign",       "sequence", "tracking", REWRITING_MEMBERS, NULL};
    *ret = (struct registration){.sequence_step = -1};
    int result = api_known_members(email, members, err);
    if (result == 0) result = api_text(call, email, "message_id", EVENT_KEY_MAX_BYTES, &ret->message_id, err);
    if (result == 0) result = api_text(call, email, "rfc_message_id", EVENT_KEY_MAX_BYTES, &ret->rfc_message_id, err);
    if (result == 0) result = api_text(call, email, "subject", SUBJECT_MAX, &ret->subject, err);
    if (result == 0) result = read_sent_at(call, email, &ret->sent_at, err);
    if (result == 0) result = read_level(email, &ret->tracking, err);
    if (result == 0) result = read_candidate(call, email, ret, err);
    if (result == 0) result = read_sender(call, email, ret, err);
    if (result == 0) result = read_reference(call, email, "job", "title", NULL, &ret->job, err);
    if (result == 0) result = read_reference(call, email, "template", "name", NULL, &ret->template_, err);
    if (result == 0) result = read_reference(call, email, "campaign", "name", NULL, &ret->campaign, err);
    if (result == 0) result = read_reference(call, email, "sequence", "name", &ret->sequence_step, &ret->sequence, err);
    return result;
}
