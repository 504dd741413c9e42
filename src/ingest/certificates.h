/* certificates: signing certificates by URL: pinned on disk (`directory`/<sha-256 of the url, hex>.pem or the url's
 * last path segment), then memory, then `fetch`. Thread-safe. At most CERTIFICATES_MAX are remembered; failures are
 * remembered for a minute, so that a broken URL causes one fetch a minute at most (compliance C-93). */
#ifndef INKLING_INGEST_CERTIFICATES_H
#define INKLING_INGEST_CERTIFICATES_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"

#define CERTIFICATES_MAX     64
#define CERTIFICATE_PEM_MAX  16384
#define CERTIFICATE_URL_MAX  512
#define CERTIFICATE_FRESH_MS (24 * 3600 * 1000LL) /* then it is fetched again */

struct certificates;

typedef int (*certificate_fetch)(void *context, const char *url, struct strbuf *ret_pem, struct err *err);

/* `directory` NULL or empty: nothing is pinned. `fetch` NULL: never. */
struct certificates *certificates_new(const char *directory, certificate_fetch fetch, void *context);
struct certificates *certificates_free(struct certificates *certificates);

/* The PEM, copied into `arena`. With may_block, disk and network are asked and another thread's fetch of the same URL
 * is waited for; without, only memory: ERR_UNAVAILABLE when it is not there. */
MUST_USE int certificates_find(struct certificates *certificates, struct slice url, bool may_block, struct arena *arena,
                               struct slice *ret_pem, struct err *err);

#endif
