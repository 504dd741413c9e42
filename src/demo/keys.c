#include "demo/keys.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sodium.h>

#include "base/hash.h"
#include "base/random.h"

#include "base/banned.h"

#define TEXT_MAX           16384
#define RSA_BITS           2048
#define SECRET_BYTES       32
#define CERTIFICATE_DAYS   30
#define SECONDS_OF_ONE_DAY 86400

/* Appends what was written to `bio`. */
static int take_text(BIO *bio, struct strbuf *out, struct err *err) {
    char *text;
    long len = BIO_get_mem_data(bio, &text);
    if (len <= 0 || strbuf_add(out, text, (size_t)len) < 0)
        return err_set(err, ERR_INTERNAL, "a key cannot be written");
    return 0;
}

static int write_private(EVP_PKEY *key, struct strbuf *out, struct err *err) {
    BIO *bio = BIO_new(BIO_s_mem());
    int result = bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1
                     ? take_text(bio, out, err)
                     : err_set(err, ERR_INTERNAL, "a private key cannot be written");
    BIO_free(bio);
    return result;
}

/* `public_text` NULL: only the private half. */
static int make_p256(struct strbuf *private_text, struct strbuf *public_text, struct err *err) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    unsigned char *der = NULL;
    int result = key ? write_private(key, private_text, err) : err_set(err, ERR_INTERNAL, "no P-256 key can be made");
    if (result == 0 && public_text) {
        int len = i2d_PUBKEY(key, &der);
        if (len <= 0 || base64_encode(public_text, slice_of((const char *)der, (size_t)len)) < 0)
            result = err_set(err, ERR_INTERNAL, "a public key cannot be written");
    }
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    return result;
}

static bool fill_certificate(X509 *certificate, EVP_PKEY *key) {
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_set_version(certificate, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -SECONDS_OF_ONE_DAY) &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), CERTIFICATE_DAYS * SECONDS_OF_ONE_DAY) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"inkling demo", -1, -1, 0) ==
               1 &&
           X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1 &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

static int make_certificate(struct strbuf *private_text, struct strbuf *certificate_text, struct err *err) {
    EVP_PKEY *key = EVP_RSA_gen(RSA_BITS);
    X509 *certificate = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());
    int result = 0;
    if (!key || !certificate || !bio || !fill_certificate(certificate, key) ||
        PEM_write_bio_X509(bio, certificate) != 1)
        result = err_set(err, ERR_INTERNAL, "no certificate can be made");
    if (result == 0) result = take_text(bio, certificate_text, err);
    if (result == 0) result = write_private(key, private_text, err);
    BIO_free(bio);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return result;
}

int demo_keys_make(struct demo_keys *keys, struct err *err) {
    unsigned char secret[SECRET_BYTES];
    struct strbuf *texts[] = {&keys->sendgrid_private, &keys->sendgrid_public, &keys->sns_private,
                              &keys->sns_certificate,  &keys->generic_secret,  &keys->stranger_private};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        strbuf_init(texts[i], TEXT_MAX);
    random_bytes(secret, sizeof(secret));
    strbuf_add_cstr(&keys->generic_secret, "whsec_");
    base64_encode(&keys->generic_secret, slice_of((const char *)secret, sizeof(secret)));
    int result = make_p256(&keys->sendgrid_private, &keys->sendgrid_public, err);
    if (result == 0) result = make_p256(&keys->stranger_private, NULL, err);
    if (result == 0) result = make_certificate(&keys->sns_private, &keys->sns_certificate, err);
    return result;
}

void demo_keys_release(struct demo_keys *keys) {
    struct strbuf *texts[] = {&keys->sendgrid_private, &keys->sendgrid_public, &keys->sns_private,
                              &keys->sns_certificate,  &keys->generic_secret,  &keys->stranger_private};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        strbuf_release(texts[i]);
}
