#include "providers/keys.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/banned.h"

static int no_passphrase(char *buffer, int size, int writing, void *context) {
    return -1;
}

EVP_PKEY *key_read_private(struct slice pem) {
    if (pem.len > KEY_PEM_MAX_BYTES) return NULL;
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    if (!key) ERR_clear_error();
    return key;
}

X509 *key_read_certificate(struct slice pem) {
    if (pem.len > KEY_PEM_MAX_BYTES) return NULL;
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    if (!certificate) ERR_clear_error();
    return certificate;
}
