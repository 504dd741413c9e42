#include "api/credentials.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#include "base/random.h"

#include "base/banned.h"

#define KEY_SECRET_CHARS 52 /* 260 bits */

static struct slice key_start(void) {
    return SLICE("ink_");
}

static void key_hash(struct slice key, unsigned char ret_hash[API_KEY_HASH_SIZE]) {
    /* A plain hash is enough: there is nothing to guess in 260 random bits. */
    crypto_hash_sha256(ret_hash, (const unsigned char *)key.ptr, key.len);
}

struct slice api_key_make(int64_t organization_id, char out[API_KEY_TEXT_MAX], struct slice *ret_prefix,
                          unsigned char ret_hash[API_KEY_HASH_SIZE]) {
    int start = snprintf(out, API_KEY_TEXT_MAX, "ink_%" PRId64 "_", organization_id);
    if (start < 0 || (size_t)start + KEY_SECRET_CHARS + 1 > API_KEY_TEXT_MAX) BUG("an API key does not fit");
    random_token(out + start, KEY_SECRET_CHARS);
    struct slice key = slice_cstr(out);
    *ret_prefix = slice_first(key, (size_t)start + API_KEY_PREFIX_LEN);
    key_hash(key, ret_hash);
    return key;
}

bool api_key_read(struct slice text, int64_t *ret_organization_id, unsigned char ret_hash[API_KEY_HASH_SIZE]) {
    struct slice rest, organization;
    int64_t id;
    if (text.len >= API_KEY_TEXT_MAX || !slice_starts_with(text, key_start())) return false;
    rest = slice_from(text, key_start().len);
    if (!slice_split_next(&rest, '_', &organization) || !slice_parse_i64(organization, &id) || id <= 0) return false;
    if (rest.len != KEY_SECRET_CHARS) return false;
    *ret_organization_id = id;
    key_hash(text, ret_hash);
    return true;
}

_Static_assert(crypto_pwhash_STRBYTES <= PASSWORD_HASH_MAX, "a password hash does not fit");

int password_hash(struct slice password, char ret_hash[PASSWORD_HASH_MAX], struct err *err) {
    if (password.len < PASSWORD_BYTES_MIN)
        return err_set(err, ERR_INVALID, "a password must have at least %d characters", PASSWORD_BYTES_MIN);
    if (password.len > PASSWORD_BYTES_MAX)
        return err_set(err, ERR_INVALID, "a password must have at most %d bytes", PASSWORD_BYTES_MAX);
    if (crypto_pwhash_str(ret_hash, password.ptr, password.len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
        return err_set(err, ERR_UNAVAILABLE, "there is not enough memory to hash a password");
    return 0;
}

bool password_matches(struct slice password, const char *hash) {
    return password.len <= PASSWORD_BYTES_MAX && crypto_pwhash_str_verify(hash, password.ptr, password.len) == 0;
}

void password_make(char out[PASSWORD_MADE_MAX]) {
    random_token(out, PASSWORD_MADE_MAX - 1);
}
