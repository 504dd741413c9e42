/* reply_token: the part of an address that says which email an answer belongs to: reply+TOKEN@example.org. The surest
 * match there is: no program on the way takes it out, and it is there even when somebody answers from another address.
 *
 * Local parts lose their case on some roads, and hold 64 characters at most (RFC 5321 section 4.5.3.1.1), so a token is
 * base32 (Crockford's alphabet) of 22 bytes, made like a synthetic IV: a MAC of organization and email, and both
 * encrypted under it. It tells nobody how many emails there are and cannot be guessed. */
#ifndef INKLING_MAIL_REPLY_TOKEN_H
#define INKLING_MAIL_REPLY_TOKEN_H

#include "base/hash.h"
#include "base/slice.h"

#define REPLY_TOKEN_CHARS 36

void reply_token_write(const unsigned char hash_key[HASH_KEY_SIZE], int64_t organization_id, int64_t email_log_id,
                       char out[REPLY_TOKEN_CHARS]);
/* False: not one of ours. Upper case is taken for lower case. */
bool reply_token_read(const unsigned char hash_key[HASH_KEY_SIZE], struct slice text, int64_t *ret_organization_id,
                      int64_t *ret_email_log_id);
/* Finds the token in an address: what stands between the last '+', '-' or '=' of the local part and '@', or the whole
 * local part. VERP puts an address behind it (bounce+TOKEN=jane=example.org@…), so every such piece is tried. */
bool reply_token_find(const unsigned char hash_key[HASH_KEY_SIZE], struct slice address, int64_t *ret_organization_id,
                      int64_t *ret_email_log_id);

#endif
