/* credentials: API keys and passwords, how they are made and checked. */
#ifndef INKLING_API_CREDENTIALS_H
#define INKLING_API_CREDENTIALS_H

#include "api/table.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "store/api_keys.h"

/* A credential is "<kind>_<organization>_<52 random characters>": what it is for can be seen, and the organization in
 * front lets the look-up name it, so that every hot statement does. The database holds its SHA-256. */
enum credential {
    CREDENTIAL_KEY,     /* "ink_": an API key */
    CREDENTIAL_SESSION, /* "ins_": the cookie of somebody who is signed in */
    CREDENTIAL_LINK,    /* "inl_": an invitation, or a new password */
};
#define CREDENTIAL_TEXT_MAX  80
#define CREDENTIAL_HASH_SIZE 32
struct slice credential_make(enum credential kind, int64_t organization_id, char out[CREDENTIAL_TEXT_MAX],
                             unsigned char ret_hash[CREDENTIAL_HASH_SIZE]);
/* The organization that it names, and its hash. False for text that cannot be one of this kind. */
bool credential_read(enum credential kind, struct slice text, int64_t *ret_organization_id,
                     unsigned char ret_hash[CREDENTIAL_HASH_SIZE]);

#define API_KEY_TEXT_MAX   CREDENTIAL_TEXT_MAX
#define API_KEY_PREFIX_LEN 6 /* random characters that lists show: 30 of 260 bits */

/* "ink_<organization>_<52 random characters>"; *ret_prefix (into `out`) is what may be shown later. */
struct slice api_key_make(int64_t organization_id, char out[API_KEY_TEXT_MAX], struct slice *ret_prefix,
                          unsigned char ret_hash[API_KEY_HASH_SIZE]);
/* The organization that a key names, and the key's hash. False for text that cannot be a key. */
bool api_key_read(struct slice text, int64_t *ret_organization_id, unsigned char ret_hash[API_KEY_HASH_SIZE]);
/* The fields of a key, for API and command alike; never the key itself. */
void api_key_write(struct api_table *object, const struct api_key *key);

#define PASSWORD_BYTES_MIN 12
#define PASSWORD_BYTES_MAX 1024
#define PASSWORD_HASH_MAX  128

/* Argon2id with libsodium's parameters for interactive use. ERR_INVALID when too short or too long. Takes some 50 ms
 * and 64 MiB. */
MUST_USE int password_hash(struct slice password, char ret_hash[PASSWORD_HASH_MAX], struct err *err);
bool password_matches(struct slice password, const char *hash);
/* Takes the time of password_matches, for accounts that have no password or do not exist. */
void password_matches_none(struct slice password);
/* 24 random characters (120 bits). */
#define PASSWORD_MADE_MAX 25
void password_make(char out[PASSWORD_MADE_MAX]);

#endif
