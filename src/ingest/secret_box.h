/* secret_box: secrets in the database are encrypted (libsodium secretbox) with the instance's secret key, which lives
 * in a file beside the database, never in it (compliance C-119). */
#ifndef INKLING_INGEST_SECRET_BOX_H
#define INKLING_INGEST_SECRET_BOX_H

#include "base/err.h"
#include "base/strbuf.h"

struct secret_box {
    unsigned char key[32];
};

/* Reads the key file; creates it with a new key and mode 0600 when absent. ERR_DENIED when others may read it. */
MUST_USE int secret_box_load(const char *path, struct secret_box *ret, struct err *err);
/* Another key of 32 bytes out of the same secret, for the purpose that `label` names. */
void secret_box_derive(const struct secret_box *box, const char *label, unsigned char ret[32]);
/* nonce || ciphertext. */
int secret_box_seal(const struct secret_box *box, struct slice plain, struct strbuf *out);
MUST_USE int secret_box_open(const struct secret_box *box, struct slice sealed, struct strbuf *out, struct err *err);

#endif
