/* jwt: signed tokens of identity providers: JSON Web Signatures in compact form (RFC 7515), signed with RS256 or ES256
 * (RFC 7518) by a key of the provider's key set (RFC 7517). No other algorithm is known here, least of all "none".
 * Pure.
 */
#ifndef INKLING_ACCOUNT_JWT_H
#define INKLING_ACCOUNT_JWT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

#define JWT_TEXT_MAX      (32 * 1024)
#define JWT_KEY_SET_MAX   (256 * 1024)
#define JWT_KEYS_MAX      64
#define JWT_RSA_BITS_MIN  2048
#define JWT_RSA_BYTES_MAX 1024

/* Verifies the token with the key set, a JSON text with JSON_PADDING bytes behind it. *ret_payload: what was signed,
 * JSON text in `arena` with JSON_PADDING bytes behind it; nothing of it was looked at. What `json` held before is gone.
 * ERR_NOT_FOUND: the set has no key of this id (it may have been replaced); ERR_SIGNATURE: whatever else is wrong with
 * the token; ERR_UNREADABLE: the key set. */
MUST_USE int jwt_verify(struct json_reader *json, struct slice token, struct slice key_set, struct arena *arena,
                        struct slice *ret_payload, struct err *err);

/* A copy with JSON_PADDING bytes behind it. */
struct slice jwt_keep_padded(struct arena *arena, struct slice text);

#endif
