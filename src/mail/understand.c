#include "mail/automatic.h"
#include "mail/excerpt.h"
#include "mail/headers.h"
#include "mail/mail.h"
#include "mail/parse.h"
#include "mail/reply_token.h"
#include "mail/report.h"
#include "mail/subject.h"

#include "base/banned.h"

#define ADDRESSES_MAX  50
#define LOCAL_PART_MIN 16 /* characters of an id before '@' that stand for the whole */

const char *mail_kind_name(enum mail_kind kind) {
    static const char *const names[] = {"other", "reply", "automatic", "bounce", "complaint", "unsubscribe"};
    return names[kind];
}

const char *mail_match_name(enum mail_match match) {
    static const char *const names[] = {"none",     "token",   "in_reply_to", "references",
                                        "returned", "subject", "address",     "later"};
    return names[match];
}

/* ---- message ids ---- */

static void add_id(struct mail_meaning *meaning, struct slice id, enum mail_match match) {
    if (meaning->id_count == MAIL_IDS_MAX || slice_empty(id) || id.len > EVENT_KEY_MAX_BYTES) return;
    for (size_t i = 0; i < meaning->id_count; i++)
        if (slice_equal(meaning->ids[i].id, id)) return;
    meaning->ids[meaning->id_count++] = (struct mail_id){.id = id, .match = match};
}

static void add_ids(struct mail_meaning *meaning, struct slice value, enum mail_match match, bool last_first,
                    struct arena *arena) {
    struct slice ids[MAIL_IDS_MAX];
    size_t count = header_ids(value, arena, ids, MAIL_IDS_MAX);
    for (size_t i = 0; i < count; i++)
        add_id(meaning, ids[last_first ? count - 1 - i : i], match);
}

/* References may be longer than what is looked up: its last ids are the nearest. */
static struct slice last_references(struct slice value) {
    size_t begin = value.len, ids = 0;
    while (begin > 0 && ids < MAIL_IDS_MAX)
        if (value.ptr[--begin] == '<') ids++;
    return slice_from(value, begin);
}

/* Several services hand out as message id what their Message-ID has before '@': Amazon SES (id@region.amazonses.com),
 * Postmark (uuid@mtasv.net), SendGrid (id@geopod…). Under that name the email may be registered. */
static void add_local_parts(struct mail_meaning *meaning) {
    size_t whole = meaning->id_count;
    for (size_t i = 0; i < whole; i++) {
        ptrdiff_t at = slice_find_char(meaning->ids[i].id, '@');
        if (at >= LOCAL_PART_MIN) add_id(meaning, slice_first(meaning->ids[i].id, (size_t)at), meaning->ids[i].match);
    }
}

static void collect_ids(const struct received_mail *mail, const struct returned *returned, struct arena *arena,
                        struct mail_meaning *meaning) {
    struct slice message_id = field_value(returned->headers, returned->count, SLICE("Message-ID"));
    add_ids(meaning, message_id, MATCH_RETURNED, false, arena);
    add_ids(meaning, header_value(mail, SLICE("In-Reply-To")), MATCH_IN_REPLY_TO, false, arena);
    add_ids(meaning, last_references(header_value(mail, SLICE("References"))), MATCH_REFERENCES, true, arena);
    if (meaning->id_count > MAIL_IDS_MAX / 2) meaning->id_count = MAIL_IDS_MAX / 2;
    add_local_parts(meaning);
}

/* ---- tokens in addresses ---- */

static bool take_token(const struct mail_options *options, struct slice address, struct mail_meaning *meaning) {
    meaning->has_token =
        reply_token_find(options->hash_key, address, &meaning->token_organization_id, &meaning->token_email_log_id);
    return meaning->has_token;
}

static bool take_token_of(const struct mail_options *options, struct slice value, struct arena *arena,
                          struct mail_meaning *meaning) {
    struct slice addresses[ADDRESSES_MAX];
    size_t count = header_addresses(value, arena, addresses, ADDRESSES_MAX);
    for (size_t i = 0; i < count; i++)
        if (take_token(options, addresses[i], meaning)) return true;
    return false;
}

/* What the mail was sent to; of a report also what the returned message would be answered to. */
static void find_token(const struct received_mail *mail, const struct returned *returned,
                       const struct mail_options *options, struct arena *arena, struct mail_meaning *meaning) {
    static const struct slice ours[] = {{"To", 2},           {"Delivered-To", 12},   {"X-Original-To", 13},
                                        {"Envelope-To", 11}, {"X-Forwarded-To", 14}, {"Cc", 2}};
    static const struct slice theirs[] = {{"Return-Path", 11}, {"Reply-To", 8}, {"From", 4}, {"Sender", 6}};
    for (size_t i = 0; i < mail->recipient_count; i++)
        if (take_token(options, mail->recipients[i], meaning)) return;
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (take_token_of(options, header_value(mail, ours[i]), arena, meaning)) return;
    for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++) {
        struct slice value = field_value(returned->headers, returned->count, theirs[i]);
        if (take_token_of(options, value, arena, meaning)) return;
    }
}

/* ---- what kind of mail ---- */

static bool is_for_unsubscribing(struct slice address) {
    return slice_equal_nocase(slice_first(address, 11), SLICE("unsubscribe"));
}

/* Sent by a mail program for a List-Unsubscribe header with mailto: (RFC 2369 section 3.2): the subject is what that
 * header asks for, by custom "unsubscribe". */
static bool is_unsubscribe(const struct received_mail *mail, struct slice subject, struct arena *arena) {
    struct slice to[1];
    if (slice_equal_nocase(slice_trim(subject), SLICE("unsubscribe"))) return true;
    for (size_t i = 0; i < mail->recipient_count; i++)
        if (is_for_unsubscribing(mail->recipients[i])) return true;
    return mail->recipient_count == 0 && header_addresses(header_value(mail, SLICE("To")), arena, to, 1) == 1 &&
           is_for_unsubscribing(to[0]);
}

static void add_finding(struct mail_meaning *meaning, enum mail_kind kind, enum event_type type, struct slice sign) {
    meaning->kind = kind;
    meaning->findings[meaning->finding_count++] =
        (struct mail_finding){.type = type, .recipient = meaning->author, .sign = sign};
}

static void judge_answer(const struct received_mail *mail, struct slice subject, const struct mail_options *options,
                         struct arena *arena, struct mail_meaning *meaning) {
    struct slice sign = automatic_sign(mail, subject);
    bool answers = meaning->id_count > 0 || meaning->has_token || subject_is_answer(subject);
    if (is_unsubscribe(mail, subject, arena)) {
        add_finding(meaning, MAIL_UNSUBSCRIBE, EVENT_UNSUBSCRIBE, SLICE("mail"));
    } else if (!slice_empty(sign)) {
        add_finding(meaning, MAIL_AUTOMATIC, EVENT_AUTO_REPLY, sign);
    } else if (answers) {
        add_finding(meaning, MAIL_REPLY, EVENT_REPLY, SLICE_NONE);
        if (options->excerpt_max > 0) meaning->excerpt = excerpt_of(mail->text, options->excerpt_max, arena);
    }
}

static void read_subjects(const struct received_mail *mail, const struct returned *returned, struct slice subject,
                          struct arena *arena, struct mail_meaning *meaning) {
    if (returned->count > 0)
        subject = header_decode(field_value(returned->headers, returned->count, SLICE("Subject")), arena);
    meaning->subjects[0] = subject_normalize(subject, arena);
    meaning->subjects[1] = subject_normalize(header_text(mail, SLICE("Thread-Topic"), arena), arena);
}

static struct slice author_of(const struct received_mail *mail, struct arena *arena) {
    struct slice from[1];
    if (header_addresses(header_value(mail, SLICE("From")), arena, from, 1) == 1) return from[0];
    return recipient_address(mail->sender);
}

int mail_understand(const struct received_mail *mail, const struct mail_options *options, struct arena *arena,
                    struct mail_meaning *ret, struct err *err) {
    struct received_mail parsed = *mail;
    struct returned *returned = arena_alloc(arena, sizeof(*returned));
    if (!slice_empty(mail->raw)) {
        int r = mail_parse(mail, true, arena, &parsed, err);
        if (r < 0) return r;
    }
    if (parsed.header_count == 0) return err_set(err, ERR_UNREADABLE, "this is no mail: it has no headers");
    struct mail_meaning *meaning = arena_alloc(arena, sizeof(*meaning));
    struct slice subject = header_text(&parsed, SLICE("Subject"), arena);
    struct slice own_id[1];
    if (header_ids(header_value(&parsed, SLICE("Message-ID")), arena, own_id, 1) == 1) meaning->message_id = own_id[0];
    meaning->author = author_of(&parsed, arena);
    meaning->sent_at = mail_time(&parsed, arena);
    bool is_report = report_read_feedback(&parsed, arena, meaning, returned) ||
                     report_read_delivery(&parsed, arena, meaning, returned) ||
                     bounce_read_plain(&parsed, arena, meaning, returned);
    collect_ids(&parsed, returned, arena, meaning);
    find_token(&parsed, returned, options, arena, meaning);
    read_subjects(&parsed, returned, subject, arena, meaning);
    if (!is_report) judge_answer(&parsed, subject, options, arena, meaning);
    *ret = *meaning;
    return 0;
}
