/* embed: what a token for pieces inside other pages holds: who made it, whose data it opens, where, and until when. As
 * text, which api/ seals: the holder can neither read nor change it. Pure. */
#ifndef INKLING_ACCOUNT_EMBED_H
#define INKLING_ACCOUNT_EMBED_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

struct strbuf;

#define EMBED_IDS_MAX    50
#define EMBED_ID_MAX     255
#define EMBED_ORIGIN_MAX 255
#define EMBED_TEXT_MAX   (EMBED_IDS_MAX * (EMBED_ID_MAX + 24) + 1024)
#define EMBED_LIFE_MAX_S 3600

struct embed_grant {
    int64_t organization_id, api_key_id;
    int64_t expires_at;             /* ms */
    struct slice origin;            /* "https://ats.example.org": the pages that may use it */
    const struct slice *candidates; /* the applicant tracking system's ids */
    size_t candidate_count;
    const int64_t *emails;
    size_t email_count;
    bool scores; /* the engagement score may be seen */
};

/* "https://host" or "https://host:port" (http only for loopback hosts), lower case, as browsers write it. */
bool embed_origin_is_valid(struct slice origin);

void embed_write(struct strbuf *out, const struct embed_grant *grant);
/* False for what embed_write did not write. Everything in `arena`. */
bool embed_read(struct slice text, struct arena *arena, struct embed_grant *ret);

bool embed_allows_candidate(const struct embed_grant *grant, struct slice candidate);
bool embed_allows_email(const struct embed_grant *grant, int64_t email, struct slice candidate);

#endif
