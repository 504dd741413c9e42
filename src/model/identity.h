/* identity: the hashed keys by which emails, links, agents and recipients are found, and the public ids of events. */
#ifndef INKLING_MODEL_IDENTITY_H
#define INKLING_MODEL_IDENTITY_H

#include "base/err.h"
#include "base/hash.h"
#include "base/strbuf.h"
#include "model/event.h"

/* A message id as a table key: 64 + 31 bits of a keyed hash, both non-negative when read as signed. At 100 million
 * emails two of them share a key with a chance below 10^-12. */
struct message_key {
    int64_t hash;  /* 64 bits, may be negative */
    int64_t check; /* 0 … 2^31 - 1 */
};
struct message_key message_key(const unsigned char hash_key[HASH_KEY_SIZE], struct slice normalized_message_id);

/* A link of an email as a table key: its url, at most EVENT_URL_MAX_BYTES, and its position. */
struct message_key link_key(const unsigned char hash_key[HASH_KEY_SIZE], struct slice url, int32_t position);

/* The recipient as it enters an event's identity: a 63-bit keyed hash of the lower-cased address, never 0; 0 for an
 * empty one. */
int64_t recipient_hash(const unsigned char hash_key[HASH_KEY_SIZE], struct slice address);

/* An event's place in the world: the table's primary key, and the key under which it counts once (BR-558.5). */
struct event_key {
    int64_t organization_id;
    int64_t occurred_at;
    int64_t email_log_id;
    int64_t event_type;
    int64_t link_id;       /* 0: none */
    int64_t recipient_ref; /* 0: the email's own recipient; else recipient_hash, or RECIPIENT_EVIDENCE */
};
/* The email's own recipient in a provider's event that is kept as evidence beside our own hits (VERDICT_EVIDENCE): it
 * must not take the place of a hit of the same millisecond. recipient_hash is never negative. */
#define RECIPIENT_EVIDENCE (-1)
int event_key_compare(const struct event_key *a,
                      const struct event_key *b); /* by organization, email, time, type, link, recipient */

/* The public `engagement_event_id`: opaque text that encodes the key without its organization; and back. */
#define EVENT_PUBLIC_ID_MAX 64
struct slice event_public_id(const struct event_key *key, char out[EVENT_PUBLIC_ID_MAX]);
/* False for anything that event_public_id does not write. Leaves organization_id alone. */
bool event_public_id_parse(struct slice text, struct event_key *ret);

/* A provider's event id in as few bytes as give it back exactly: base64url text and UUIDs are stored as the bytes
 * they stand for. The first byte says which. At most EVENT_PROVIDER_ID_MAX_BYTES + 1 bytes; longer ids are cut. Empty
 * in, empty out. */
int provider_event_id_pack(struct slice id, struct strbuf *out);
int provider_event_id_unpack(struct slice packed, struct strbuf *out); /* -1: not a packed id */

#endif
