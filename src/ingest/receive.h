/* receive: a webhook delivery, from raw request to a batch, the same for live requests and for replay of kept ones. */
#ifndef INKLING_INGEST_RECEIVE_H
#define INKLING_INGEST_RECEIVE_H

#include "ingest/batch.h"
#include "ingest/certificates.h"
#include "ingest/endpoints.h"

enum receive_stage { RECEIVE_ADDRESS, RECEIVE_CREDENTIALS, RECEIVE_SIGNATURE, RECEIVE_PARSE };
/* "address", "credentials", "signature", "body": in records of refusals. */
const char *receive_stage_name(enum receive_stage stage);

struct receive_outcome {
    struct event_batch *batch;           /* the caller's; NULL for a handshake or when there is nothing to store */
    struct provider_handshake handshake; /* kind empty: none; strings in `arena` */
    const struct received_mail *mails;   /* of an inbound delivery, in `arena`: for mail_batch_new */
    size_t mail_count;
    size_t ignored;
    enum receive_stage failed_at; /* set on failure, */
    bool challenge;               /* and this too: ask for basic credentials, none were sent */
};

/* Checks credentials and signature, then parses. `arena` is for scratch and the handshake; the batch has its own.
 * `client`: the source, NULL on replay (then neither allow list nor credentials are checked: they were, or an admin
 * decides). ERR_DENIED address, ERR_SIGNATURE credentials or signature, ERR_UNREADABLE / ERR_INVALID / ERR_TOO_LARGE
 * from parsing, ERR_UNAVAILABLE no certificate now; without may_block that means: try again where it may be fetched. */
MUST_USE int receive_delivery(const struct endpoint *endpoint, const struct delivery *delivery,
                              const struct address *client, struct certificates *certificates, bool may_block,
                              struct json_reader *json, struct arena *arena,
                              const unsigned char hash_key[HASH_KEY_SIZE], int64_t now, struct receive_outcome *ret,
                              struct err *err);

#endif
