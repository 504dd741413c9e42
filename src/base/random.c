#include "base/random.h"

#include <sodium.h>

#include "base/err.h"

#include "base/banned.h"

void random_bytes(void *out, size_t len) {
    /* Only the first call does anything; asking each time spares every program and test an initialisation. */
    if (sodium_init() < 0) BUG("the system has no source of random bytes");
    if (len) randombytes_buf(out, len);
}

void random_token(char *out, size_t chars) {
    /* 32 characters that are hard to mistake for each other: no i, l, o, u. */
    static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
    random_bytes(out, chars);
    for (size_t i = 0; i < chars; i++)
        out[i] = alphabet[(unsigned char)out[i] & 31];
    out[chars] = '\0';
}
