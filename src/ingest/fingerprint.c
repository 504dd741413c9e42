#include "ingest/work.h"

#include "base/banned.h"

struct message_key orphan_fingerprint(struct job *job, const struct work *work) {
    const struct prepared_event *prepared = work->prepared;
    /* An orphan's email is named by its first message id, or by the id in the provider's metadata. */
    const int64_t parts[] = {
        prepared->key_count > 0 ? prepared->keys[0].hash : 0,
        prepared->key_count > 0 ? prepared->keys[0].check : 0,
        work->event->email_log_id,
        work->event->occurred_at,
        work->event->type,
        prepared->link.hash,
        prepared->link.check,
        prepared->recipient_hash,
    };
    return message_key(job->applier->hash_key, slice_of((const char *)parts, sizeof(parts)));
}

struct message_key count_fingerprint(struct job *job, const struct work *work) {
    /* Hits of a cohort look alike when they fall into one millisecond: there the number that each got tells them apart.
     */
    struct message_key number = {0};
    if (work->event->cohort_id != 0) number = message_key(job->applier->hash_key, work->event->provider_event_id);
    const int64_t parts[] = {
        work->key.email_log_id,
        work->key.occurred_at,
        work->key.event_type,
        work->key.recipient_ref,
        work->prepared->link.hash,
        work->prepared->link.check,
        work->event->cohort_id,
        number.hash,
        number.check,
    };
    return message_key(job->applier->hash_key, slice_of((const char *)parts, sizeof(parts)));
}

struct slice shortened_address_text(struct job *job, const struct work *work) {
    if (!work->prepared->has_address || work->policy->address == ADDRESS_DROP) return SLICE_NONE;
    struct address address = work->prepared->address;
    if (work->policy->address == ADDRESS_TRUNCATE) address = address_truncate(address);
    char text[ADDRESS_TEXT_MAX];
    return arena_copy(job->arena, address_format(address, text));
}
