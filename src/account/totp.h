/* totp: the second factor: codes of six digits that an authenticator application shows (RFC 6238 with SHA-1, steps of
 * 30 seconds: what all of these applications speak), and recovery codes for who has lost it. Pure. */
#ifndef INKLING_ACCOUNT_TOTP_H
#define INKLING_ACCOUNT_TOTP_H

#include "base/slice.h"

struct strbuf;

#define TOTP_SECRET_BYTES 20 /* RFC 4226 section 4, R6 */
#define TOTP_DIGITS       6
#define TOTP_STEP_MS      30000

/* Does the code belong to this moment, or to the step just before or behind (clocks differ: RFC 6238 section 5.2), and
 * to one later than `last_step`? Blanks in it do not count. *ret_step: the step, which is used up with it (section 5.2:
 * a code is accepted once). Takes the same time whatever the code. */
bool totp_check(const unsigned char secret[TOTP_SECRET_BYTES], struct slice code, int64_t now, int64_t last_step,
                int64_t *ret_step);
/* The code of a step. */
void totp_code(const unsigned char secret[TOTP_SECRET_BYTES], int64_t step, char out[TOTP_DIGITS + 1]);

/* RFC 4648 base32, upper case, without padding: what people type into an authenticator. */
void totp_write_secret(struct strbuf *out, const unsigned char secret[TOTP_SECRET_BYTES]);
/* The key URI that authenticators read from a QR code: "otpauth://totp/ISSUER:ACCOUNT?secret=…&issuer=ISSUER". */
void totp_write_uri(struct strbuf *out, const unsigned char secret[TOTP_SECRET_BYTES], struct slice issuer,
                    struct slice account);

#define RECOVERY_CODES      10
#define RECOVERY_CODE_CHARS 19 /* "abcd-efgh-ijkl-mnop": 80 bits */
#define RECOVERY_HASH_SIZE  32
void recovery_code_make(char out[RECOVERY_CODE_CHARS + 1]);
/* SHA-256 of the code, whatever the case, blanks and hyphens. False for what cannot be one. */
bool recovery_code_hash(struct slice code, unsigned char ret_hash[RECOVERY_HASH_SIZE]);

#endif
