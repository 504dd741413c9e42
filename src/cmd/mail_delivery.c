#include "cmd/mail_delivery.h"

#include "mail/reply_token.h"
#include "store/organizations.h"
#include "store/store.h"

#include "base/banned.h"

/* ---- whose it is ---- */

static int read_pair(struct slice part, struct slice *ret_domain, int64_t *ret_id, struct err *err) {
    struct slice rest = part;
    if (slice_split_next(&rest, '=', ret_domain) && rest.ptr && slice_parse_i64(slice_trim(rest), ret_id) &&
        *ret_id > 0) {
        *ret_domain = slice_trim(*ret_domain);
        return 0;
    }
    return err_set(err, ERR_INVALID, "mail_organizations: write DOMAIN=ORGANIZATION, not \"%.*s\"",
                   SLICE_FMT(slice_first(part, 80)));
}

/* 0 in *ret_id: the option does not say. */
static int look_up(const char *organizations, struct slice domain, int64_t *ret_id, struct err *err) {
    struct slice rest = slice_cstr(organizations), part, name;
    int64_t id, others = 0, found = 0;
    while (slice_split_next(&rest, ',', &part)) {
        if (slice_empty(slice_trim(part))) continue;
        int r = read_pair(slice_trim(part), &name, &id, err);
        if (r < 0) return r;
        if (slice_equal(name, SLICE("*")))
            others = id;
        else if (slice_equal_nocase(name, domain))
            found = id;
    }
    *ret_id = found != 0 ? found : others;
    return 0;
}

static int only_organization(struct store *store, int64_t *ret_id, struct err *err) {
    struct arena *arena = arena_new();
    struct organization *organizations;
    struct db *db = NULL;
    size_t count = 0;
    int r = store_reader(store, &db, err);
    if (r == 0) r = organizations_list(db, 0, 2, arena, &organizations, &count, err);
    if (r == 0 && count != 1)
        r = err_set(err, ERR_NOT_FOUND,
                    count == 0 ? "there is no organization yet: run inkling setup"
                               : "nobody says whose mail this is: see the option mail_organizations");
    if (r == 0) *ret_id = organizations[0].id;
    store_reader_return(store, db);
    arena_free(arena);
    return r;
}

int mail_delivery_owner(const struct mail_delivery *delivery, struct slice address, int64_t *ret_organization,
                        struct err *err) {
    struct store *store = delivery->intake.store;
    int64_t email, id = 0;
    if (reply_token_find(store_hash_key(store), address, ret_organization, &email)) return 0;
    size_t at = address.len;
    while (at > 0 && address.ptr[at - 1] != '@')
        at--;
    int r = look_up(delivery->organizations, slice_from(address, at), &id, err);
    if (r < 0) return r;
    if (id == 0) return only_organization(store, ret_organization, err);
    *ret_organization = id;
    return 0;
}

/* ---- storing ---- */

static int store_for(const struct mail_delivery *delivery, const struct received_mail *mail, int64_t organization_id,
                     struct err *err) {
    struct event_batch *batch = NULL;
    int r = mail_batch_new(&delivery->intake, organization_id, delivery->endpoint_id, mail, 1, mail->received_at,
                           &batch, err);
    return r == 0 && batch ? writer_store(delivery->writer, batch, err) : r;
}

static enum lmtp_answer answer_to(int result) {
    if (result == 0) return LMTP_STORED;
    return result == -ERR_UNREADABLE || result == -ERR_TOO_LARGE ? LMTP_UNREADABLE : LMTP_NOT_STORED;
}

int mail_delivery_store(const struct mail_delivery *delivery, const struct received_mail *mail, const int64_t *owners,
                        enum lmtp_answer *ret_answers, struct err *err) {
    struct slice recipients[RECEIVED_MAIL_RECIPIENTS_MAX];
    bool done[RECEIVED_MAIL_RECIPIENTS_MAX] = {false};
    int result = 0;
    if (mail->recipient_count > RECEIVED_MAIL_RECIPIENTS_MAX)
        return err_set(err, ERR_TOO_LARGE, "more than %d recipients", RECEIVED_MAIL_RECIPIENTS_MAX);
    for (size_t first = 0; first < mail->recipient_count; first++) {
        struct received_mail part = *mail;
        struct err failure = {0};
        if (done[first]) continue;
        part.recipients = recipients;
        part.recipient_count = 0;
        for (size_t i = first; i < mail->recipient_count; i++)
            if (owners[i] == owners[first]) recipients[part.recipient_count++] = mail->recipients[i];
        int r = store_for(delivery, &part, owners[first], &failure);
        if (r < 0 && result == 0) {
            result = r;
            if (err) *err = failure;
        }
        for (size_t i = first; i < mail->recipient_count; i++) {
            if (owners[i] != owners[first]) continue;
            done[i] = true;
            if (ret_answers) ret_answers[i] = answer_to(r);
        }
    }
    return result;
}
