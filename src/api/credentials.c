#include "api/credentials.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#include "account/passwords.h"
#include "base/random.h"

#include "base/banned.h"

#define KEY_SECRET_CHARS 52 /* 260 bits */

static struct slice start_of(enum credential kind) {
    static const char *const starts[] = {
        [CREDENTIAL_KEY] = "ink_", [CREDENTIAL_SESSION] = "ins_", [CREDENTIAL_LINK] = "inl_"};
    return slice_cstr(starts[kind]);
}

static void hash_of(struct slice text, unsigned char ret_hash[CREDENTIAL_HASH_SIZE]) {
    /* A plain hash is enough: there is nothing to guess in 260 random bits. */
    crypto_hash_sha256(ret_hash, (const unsigned char *)text.ptr, text.len);
}

struct slice credential_make(enum credential kind, int64_t organization_id, char out[CREDENTIAL_TEXT_MAX],
                             unsigned char ret_hash[CREDENTIAL_HASH_SIZE]) {
    struct slice start = start_of(kind);
    int len = snprintf(out, CREDENTIAL_TEXT_MAX, "%.*s%" PRId64 "_", SLICE_FMT(start), organization_id);
    if (len < 0 || (size_t)len + KEY_SECRET_CHARS + 1 > CREDENTIAL_TEXT_MAX) BUG("a credential does not fit");
    random_token(out + len, KEY_SECRET_CHARS);
    hash_of(slice_cstr(out), ret_hash);
    return slice_cstr(out);
}

bool credential_read(enum credential kind, struct slice text, int64_t *ret_organization_id,
                     unsigned char ret_hash[CREDENTIAL_HASH_SIZE]) {
    struct slice rest, organization;
    int64_t id;
    if (text.len >= CREDENTIAL_TEXT_MAX || !slice_starts_with(text, start_of(kind))) return false;
    rest = slice_from(text, start_of(kind).len);
    if (!slice_split_next(&rest, '_', &organization) || !slice_parse_i64(organization, &id) || id <= 0) return false;
    if (rest.len != KEY_SECRET_CHARS) return false;
    *ret_organization_id = id;
    hash_of(text, ret_hash);
    return true;
}

struct slice api_key_make(int64_t organization_id, char out[API_KEY_TEXT_MAX], struct slice *ret_prefix,
                          unsigned char ret_hash[API_KEY_HASH_SIZE]) {
    struct slice key = credential_make(CREDENTIAL_KEY, organization_id, out, ret_hash);
    *ret_prefix = slice_first(key, key.len - KEY_SECRET_CHARS + API_KEY_PREFIX_LEN);
    return key;
}

bool api_key_read(struct slice text, int64_t *ret_organization_id, unsigned char ret_hash[API_KEY_HASH_SIZE]) {
    return credential_read(CREDENTIAL_KEY, text, ret_organization_id, ret_hash);
}

_Static_assert(crypto_pwhash_STRBYTES <= PASSWORD_HASH_MAX, "a password hash does not fit");

int password_hash(struct slice password, char ret_hash[PASSWORD_HASH_MAX], struct err *err) {
    if (password.len < PASSWORD_BYTES_MIN)
        return err_set(err, ERR_INVALID, "a password must have at least %d characters", PASSWORD_BYTES_MIN);
    if (password.len > PASSWORD_BYTES_MAX)
        return err_set(err, ERR_INVALID, "a password must have at most %d bytes", PASSWORD_BYTES_MAX);
    if (password_is_common(password))
        return err_set(err, ERR_INVALID, "this password is among the first that are guessed: take another one");
    if (crypto_pwhash_str(ret_hash, password.ptr, password.len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
        return err_set(err, ERR_UNAVAILABLE, "there is not enough memory to hash a password");
    return 0;
}

bool password_matches(struct slice password, const char *hash) {
    return password.len <= PASSWORD_BYTES_MAX && crypto_pwhash_str_verify(hash, password.ptr, password.len) == 0;
}

/* Made with the same parameters, so that it takes as long; what it is of is not known to anybody. */
_Static_assert(crypto_pwhash_OPSLIMIT_INTERACTIVE == 2 && crypto_pwhash_MEMLIMIT_INTERACTIVE == 67108864,
               "no_password was made with these");
static const char no_password[] =
    "$argon2id$v=19$m=65536,t=2,p=1$ENP/CsZB6OQQxE9Ynv6uMQ$ztUAf7yLMuBpcl6+zVAEF+dsu/lMX366ZKho0IAM6Eo";

void password_matches_none(struct slice password) {
    if (password_matches(password, no_password)) BUG("a password that nobody knows");
}

void password_make(char out[PASSWORD_MADE_MAX]) {
    random_token(out, PASSWORD_MADE_MAX - 1);
}

void api_key_write(struct api_table *object, const struct api_key *key) {
    api_table_int(object, "id", key->id);
    api_table_text(object, "name", key->name);
    api_table_text(object, "role", slice_cstr(api_role_name(key->role)));
    api_table_text(object, "prefix", key->prefix);
    api_table_time(object, "created_at", key->created_at);
    api_table_time(object, "last_used_at", key->last_used_at);
    api_table_time(object, "revoked_at", key->revoked_at);
    api_table_time(object, "expires_at", key->expires_at);
}
