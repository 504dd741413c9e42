/* siv: AES-SIV (RFC 5297) with AES-256, for one key and one associated string, as the tokens of tracking/token.h need
 * it.
 *
 * OpenSSL 3.0 has the mode too, but a context of its serves one message: every token would pay for a copy of the keyed
 * context, more than three times what is encrypted in it costs. So the mode is put together here from single blocks of
 * OpenSSL's AES, of which a pixel's token takes two; the test compares it with OpenSSL's own AES-SIV. Any thread may
 * use it: it holds a few sets of contexts, and who finds none free makes a copy. */
#ifndef INKLING_TRACKING_SIV_H
#define INKLING_TRACKING_SIV_H

#include <stdbool.h>
#include <stddef.h>

#define SIV_KEY_BYTES 64
#define SIV_TAG_BYTES 16

struct siv;
struct siv *siv_new(const unsigned char key[SIV_KEY_BYTES], const unsigned char *associated, size_t associated_len);
struct siv *siv_free(struct siv *siv); /* cleanses the key; NULL accepted */

/* Writes the tag, which is the synthetic IV, and `len` bytes to `out`; less than 2^31. */
void siv_seal(struct siv *siv, const unsigned char *plain, size_t len, unsigned char tag[SIV_TAG_BYTES],
              unsigned char *out);
/* Writes `len` bytes to `out`; false, and all of them zero, when the tag does not fit. The comparison takes the same
 * time whatever differs. */
bool siv_open(struct siv *siv, const unsigned char tag[SIV_TAG_BYTES], const unsigned char *sealed, size_t len,
              unsigned char *out);

#endif
