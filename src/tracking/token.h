/* token: what stands in the addresses of our own pixels, links and pages (compliance C-20 … C-23, C-73). A token is
 * opaque: it names organization, email, purpose and destination, encrypted and authenticated in one step with AES-SIV
 * (RFC 5297), and holds no personal data in clear. The destination is inside, so that a link works without the
 * database (C-76) and can lead nowhere but to the address that was registered (C-70). The same content gives the same
 * token: an email may be rewritten twice.
 *
 *   base64url( key id: 1 byte | synthetic IV: 16 bytes | encrypted content )
 *
 * A ring holds one key that signs and any number that still verify; see ingest/ for where keys are kept. */
#ifndef INKLING_TRACKING_TOKEN_H
#define INKLING_TRACKING_TOKEN_H

#include "base/arena.h"
#include "base/slice.h"

struct strbuf;

enum token_purpose { /* in tokens: never change a number */
                     TOKEN_OPEN = 1,
                     TOKEN_CLICK = 2,
                     TOKEN_UNSUBSCRIBE = 3,
                     TOKEN_PREFERENCES = 4,
                     TOKEN_HONEYPOT = 5, /* a link that no person sees */
};

#define TOKEN_URL_MAX_BYTES 2048 /* of a destination (C-71) */
#define TOKEN_MAX_CHARS     2880 /* longer texts are none of ours */
#define TOKEN_KEY_BYTES     64
#define TOKEN_KEYS_MAX      16

struct token {
    enum token_purpose purpose;
    int64_t organization_id;
    int64_t email_log_id;  /* 0: of no single email (tracking level `aggregate`, C-03); then cohort_id tells whose */
    int64_t cohort_id;     /* 0 unless email_log_id is */
    int32_t link_position; /* of a click, from 0; else LINK_POSITION_NONE */
    struct slice url;      /* destination of a click; else empty */
    uint64_t hash;         /* set by reading: the same for the same token, spread evenly; not written */
};

struct token_key {
    uint8_t id; /* in every token that it signed; not given to another key as long as such tokens are out */
    unsigned char bytes[TOKEN_KEY_BYTES]; /* random */
};

/* Immutable, so any thread may use it. */
struct token_ring;
/* The first key signs. At least one, at most TOKEN_KEYS_MAX, with different ids. Copies the keys. */
struct token_ring *token_ring_new(const struct token_key *keys, size_t count);
struct token_ring *token_ring_free(struct token_ring *ring);

/* Appends the token's text. A url longer than TOKEN_URL_MAX_BYTES is a BUG: whoever registers links leaves them out. */
void token_write(const struct token_ring *ring, const struct token *token, struct strbuf *out);
/* False: not ours, whatever the reason: malformed, changed, signed by no key of the ring, made for another purpose. All
 * of these take the same road: one decryption, one comparison in constant time. `url` is in `arena`. */
bool token_read(const struct token_ring *ring, struct slice text, enum token_purpose purpose, struct arena *arena,
                struct token *ret);
/* The same for any of several purposes, bits 1 << purpose. */
bool token_read_any(const struct token_ring *ring, struct slice text, unsigned purposes, struct arena *arena,
                    struct token *ret);

#endif
