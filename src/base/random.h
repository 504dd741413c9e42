/* random: bytes from the system's generator (libsodium). Ends the process when there is none. */
#ifndef INKLING_BASE_RANDOM_H
#define INKLING_BASE_RANDOM_H

#include "base/slice.h"

void random_bytes(void *out, size_t len);
/* `chars` characters out of [0-9a-z], 5 bits each; `out` holds chars + 1 bytes. */
void random_token(char *out, size_t chars);

#endif
