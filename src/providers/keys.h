/* keys: reading PEM without surprises (no passphrase prompt, no junk behind, nothing left in OpenSSL's error queue). */
#ifndef INKLING_PROVIDERS_KEYS_H
#define INKLING_PROVIDERS_KEYS_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/slice.h"

#define KEY_PEM_MAX_BYTES 16384

/* NULL when it is none. The caller frees. */
EVP_PKEY *key_read_private(struct slice pem);
/* The first certificate of the text. */
X509 *key_read_certificate(struct slice pem);

#endif
