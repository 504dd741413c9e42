#include "ingest/mail.h"

#include "base/clock.h"
#include "mail/subject.h"
#include "providers/metadata.h"
#include "store/engagement.h"
#include "store/mail_matching.h"
#include "store/store.h"

#include "base/banned.h"

#define SENT_MAX      200     /* emails to one address that are held against the subject */
#define SENT_AHEAD_MS HOUR_MS /* clocks of the sender and of the author differ */

struct matcher {
    const struct mail_intake *intake;
    struct db *db;
    int64_t organization_id;
    struct arena *scratch;
    const struct mail_meaning *meaning;
};

struct matched {
    enum mail_match match;
    int64_t email_log_id; /* 0: none */
    struct slice id;      /* under which it was found; empty: not by one */
};

/* ---- finding the email ---- */

static int match_ids(const struct matcher *matcher, struct matched *ret, struct err *err) {
    const struct mail_meaning *meaning = matcher->meaning;
    struct email_lookup lookups[MAIL_IDS_MAX];
    for (size_t i = 0; i < meaning->id_count; i++)
        lookups[i] = (struct email_lookup){
            .organization_id = matcher->organization_id,
            .key = message_key(store_hash_key(matcher->intake->store), meaning->ids[i].id),
        };
    if (meaning->id_count == 0) return 0;
    int r = engagement_find_emails(matcher->db, lookups, meaning->id_count, err);
    if (r < 0) return r;
    for (size_t i = 0; i < meaning->id_count; i++) {
        if (lookups[i].email_log_id == 0) continue;
        *ret = (struct matched){meaning->ids[i].match, lookups[i].email_log_id, meaning->ids[i].id};
        return 0;
    }
    return 0;
}

static bool has_subject(const struct matcher *matcher, struct slice subject) {
    struct slice normal = subject_normalize(subject, matcher->scratch);
    if (slice_empty(normal)) return false;
    for (size_t i = 0; i < 2; i++)
        if (slice_equal(matcher->meaning->subjects[i], normal)) return true;
    return false;
}

/* By address and subject; an unsubscription, whose subject is its own, by the address alone: then it is the newest. */
static int match_address(const struct matcher *matcher, struct slice address, struct matched *ret, struct err *err) {
    bool any = matcher->meaning->kind == MAIL_UNSUBSCRIBE;
    struct sent_email *emails;
    size_t count;
    int64_t until = matcher->meaning->sent_at + SENT_AHEAD_MS;
    if (slice_empty(address) || (!any && slice_empty(matcher->meaning->subjects[0]))) return 0;
    int r = emails_to_address(matcher->db, matcher->organization_id, address,
                              matcher->meaning->sent_at - matcher->intake->match_days * DAY_MS, until, SENT_MAX,
                              matcher->scratch, &emails, &count, err);
    if (r < 0) return r;
    for (size_t i = 0; i < count; i++) {
        bool same = has_subject(matcher, emails[i].subject);
        if (!same && !any) continue;
        *ret = (struct matched){same ? MATCH_SUBJECT : MATCH_ADDRESS, emails[i].email_log_id, SLICE_NONE};
        return 0;
    }
    return 0;
}

/* What the mail as a whole is about. */
static int match_mail(const struct matcher *matcher, struct matched *ret, struct err *err) {
    const struct mail_meaning *meaning = matcher->meaning;
    struct email_parties parties;
    if (meaning->has_token && meaning->token_organization_id == matcher->organization_id) {
        int r = email_parties_load(matcher->db, matcher->organization_id, meaning->token_email_log_id, matcher->scratch,
                                   &parties, err);
        if (r == 0) *ret = (struct matched){MATCH_TOKEN, meaning->token_email_log_id, SLICE_NONE};
        if (r != -ERR_NOT_FOUND) return r;
    }
    return match_ids(matcher, ret, err);
}

/* Recruiters answer all, too, and their copy comes here: that is no answer of the candidate's. */
static int is_own(const struct matcher *matcher, const struct matched *matched, bool *ret, struct err *err) {
    struct slice author = matcher->meaning->author;
    struct email_parties parties;
    bool answers = matcher->meaning->kind == MAIL_REPLY || matcher->meaning->kind == MAIL_AUTOMATIC;
    *ret = false;
    if (!answers || matched->email_log_id == 0 || slice_empty(author)) return 0;
    int r = email_parties_load(matcher->db, matcher->organization_id, matched->email_log_id, matcher->scratch, &parties,
                               err);
    if (r == -ERR_NOT_FOUND) return 0;
    if (r < 0) return r;
    *ret = slice_equal_nocase(author, parties.sender_address) && !slice_equal_nocase(author, parties.recipient_address);
    return 0;
}

/* ---- events ---- */

static void set_keys(const struct mail_meaning *meaning, const struct matched *matched, struct arena *arena,
                     struct event *event) {
    if (!slice_empty(matched->id)) event->keys[0] = arena_copy(arena, matched->id);
    event->email_log_id = matched->email_log_id;
    if (matched->email_log_id != 0) return;
    for (size_t i = 0; i < meaning->id_count && i < EVENT_KEYS_MAX; i++)
        event->keys[i] = arena_copy(arena, meaning->ids[i].id);
}

static void make_event(const struct matcher *matcher, const struct received_mail *mail,
                       const struct mail_finding *finding, const struct matched *matched, struct metadata *metadata,
                       struct arena *arena, struct event *ret) {
    const struct mail_meaning *meaning = matcher->meaning;
    bool waits = matched->email_log_id == 0 && meaning->id_count > 0;
    metadata_add_text(metadata, SLICE("match"), slice_cstr(mail_match_name(waits ? MATCH_LATER : matched->match)));
    metadata_add_text(metadata, SLICE("status"), finding->status);
    metadata_add_text(metadata, SLICE("reason"), finding->diagnostic);
    metadata_add_text(metadata, SLICE("sign"), finding->sign);
    metadata_add_text(metadata, SLICE("excerpt"), meaning->excerpt);
    *ret = (struct event){
        .type = finding->type,
        .bounce = finding->bounce,
        .occurred_at = meaning->sent_at,
        .recipient = arena_copy(arena, finding->recipient),
        .link_position = LINK_POSITION_NONE,
        .provider_event_id =
            arena_copy(arena, slice_empty(mail->provider_id) ? meaning->message_id : mail->provider_id),
        .metadata = metadata_finish(metadata, arena),
    };
    set_keys(meaning, matched, arena, ret);
}

/* The events of one mail, appended to `events`. */
static int add_events(struct matcher *matcher, const struct received_mail *mail, struct metadata *metadata,
                      struct arena *arena, struct event *events, size_t *count, struct err *err) {
    const struct mail_meaning *meaning = matcher->meaning;
    struct matched mail_matched = {0};
    bool own = false;
    if (meaning->finding_count == 0) return 0;
    int r = match_mail(matcher, &mail_matched, err);
    for (size_t i = 0; i < meaning->finding_count && r == 0; i++) {
        const struct mail_finding *finding = &meaning->findings[i];
        struct matched matched = mail_matched;
        if (matched.email_log_id == 0) r = match_address(matcher, finding->recipient, &matched, err);
        if (r == 0) r = is_own(matcher, &matched, &own, err);
        if (r < 0) return r;
        /* A machine's mail that names no message at all is nobody's answer. */
        bool noise = meaning->kind == MAIL_AUTOMATIC && matched.email_log_id == 0 && meaning->id_count == 0;
        if (!own && !noise) make_event(matcher, mail, finding, &matched, metadata, arena, &events[(*count)++]);
    }
    return r;
}

int mail_batch_new(const struct mail_intake *intake, int64_t organization_id, int64_t endpoint_id,
                   const struct received_mail *mails, size_t count, int64_t received_at, struct event_batch **ret,
                   struct err *err) {
    const unsigned char *hash_key = store_hash_key(intake->store);
    struct mail_options options = {.hash_key = hash_key, .excerpt_max = intake->excerpt_max};
    struct matcher matcher = {.intake = intake, .organization_id = organization_id, .scratch = arena_new()};
    struct mail_meaning *meanings = arena_alloc_array(matcher.scratch, count, sizeof(*meanings));
    struct arena *arena = arena_new(); /* the batch's */
    struct metadata metadata;
    size_t event_max = 0, event_count = 0;
    int r = 0;
    metadata_init(&metadata);
    for (size_t i = 0; i < count && r == 0; i++) {
        r = mail_understand(&mails[i], &options, matcher.scratch, &meanings[i], err);
        if (r == 0) event_max += meanings[i].finding_count;
    }
    if (r < 0) goto out;
    struct event *events = arena_alloc_array(arena, event_max, sizeof(*events));
    if (event_max > 0) r = store_reader(intake->store, &matcher.db, err);
    for (size_t i = 0; i < count && event_max > 0 && r == 0; i++) {
        matcher.meaning = &meanings[i];
        r = add_events(&matcher, &mails[i], &metadata, arena, events, &event_count, err);
    }
    if (r < 0) goto out;
    *ret = NULL;
    if (event_count > 0) {
        *ret = event_batch_new(arena, events, event_count, organization_id, endpoint_id, received_at, hash_key);
        arena = NULL;
    }
out:
    store_reader_return(intake->store, matcher.db);
    metadata_release(&metadata);
    arena_free(arena);
    arena_free(matcher.scratch);
    return r;
}
