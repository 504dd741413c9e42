#include "subscription/signing.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/random.h"

#include "base/banned.h"

#define KEY_BYTES     32 /* of those that we make; */
#define KEY_BYTES_MIN 24 /* what the specification allows */
#define KEY_BYTES_MAX 64
#define MAC_BYTES     32

static const char prefix[] = "whsec_";

void signing_secret_make(char out[SIGNING_SECRET_MAX]) {
    unsigned char key[KEY_BYTES];
    struct strbuf text;
    random_bytes(key, sizeof(key));
    strbuf_init(&text, SIGNING_SECRET_MAX);
    strbuf_add_cstr(&text, prefix);
    base64_encode(&text, slice_of((const char *)key, sizeof(key)));
    if (text.overflow || text.len >= SIGNING_SECRET_MAX) BUG("a secret is longer than SIGNING_SECRET_MAX");
    memcpy(out, text.ptr, text.len + 1);
    sodium_memzero(key, sizeof(key));
    sodium_memzero(text.ptr, text.len);
    strbuf_release(&text);
}

int signing_sign(struct slice secret, struct slice id, int64_t seconds, struct slice body, struct strbuf *out,
                 struct err *err) {
    unsigned char key[KEY_BYTES_MAX], mac[MAC_BYTES];
    struct strbuf content;
    unsigned int mac_len;
    size_t len;
    if (!slice_starts_with(secret, slice_cstr(prefix)) ||
        !base64_decode(slice_from(secret, sizeof(prefix) - 1), key, sizeof(key), &len) || len < KEY_BYTES_MIN)
        return err_set(err, ERR_INVALID, "the stored text is no signing secret");
    strbuf_init(&content, id.len + body.len + 64);
    strbuf_printf(&content, "%.*s.%lld.", SLICE_FMT(id), (long long)seconds);
    strbuf_add_slice(&content, body);
    if (content.overflow ||
        !HMAC(EVP_sha256(), key, (int)len, (const unsigned char *)content.ptr, content.len, mac, &mac_len))
        BUG("HMAC-SHA256 cannot fail");
    strbuf_add_cstr(out, "v1,");
    base64_encode(out, slice_of((const char *)mac, sizeof(mac)));
    sodium_memzero(key, sizeof(key));
    strbuf_release(&content);
    return 0;
}
