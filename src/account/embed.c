#include "account/embed.h"

#include <inttypes.h>

#include "base/strbuf.h"

#include "base/banned.h"

#define LABEL "embed2" /* what else is sealed with the same key begins with another word */

static bool is_host_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

static bool is_loopback(struct slice host) {
    return slice_equal(host, SLICE("localhost")) || slice_equal(host, SLICE("127.0.0.1"));
}

bool embed_origin_is_valid(struct slice origin) {
    struct slice rest = origin, host;
    int64_t port = 1;
    if (origin.len > EMBED_ORIGIN_MAX) return false;
    bool https = slice_starts_with(origin, SLICE("https://"));
    if (!https && !slice_starts_with(origin, SLICE("http://"))) return false;
    rest = slice_from(origin, https ? 8 : 7);
    if (!slice_split_next(&rest, ':', &host) || slice_empty(host)) return false;
    for (size_t i = 0; i < host.len; i++)
        if (!is_host_char(host.ptr[i])) return false;
    if (!https && !is_loopback(host)) return false;
    /* A default port is left out by browsers, so such an origin would match nothing. */
    return !rest.ptr || (slice_parse_i64(rest, &port) && port > 0 && port < 65536 && rest.ptr[0] != '0' &&
                         port != (https ? 443 : 80));
}

/* "embed2 ORGANIZATION KEY EXPIRES SCORES EMAILS CANDIDATES EMAIL… LENGTH ORIGIN LENGTH CANDIDATE…": numbers and
 * blanks, and texts behind their lengths, since a candidate's id may hold any character. */
static void add_text(struct strbuf *out, struct slice text) {
    strbuf_printf(out, " %zu ", text.len);
    strbuf_add_slice(out, text);
}

void embed_write(struct strbuf *out, const struct embed_grant *grant) {
    strbuf_printf(out, LABEL " %" PRId64 " %" PRId64 " %" PRId64 " %d %zu %zu", grant->organization_id,
                  grant->api_key_id, grant->expires_at, grant->scores, grant->email_count, grant->candidate_count);
    for (size_t i = 0; i < grant->email_count; i++)
        strbuf_printf(out, " %" PRId64, grant->emails[i]);
    add_text(out, grant->origin);
    for (size_t i = 0; i < grant->candidate_count; i++)
        add_text(out, grant->candidates[i]);
}

static bool take_number(struct slice *rest, int64_t max, int64_t *ret) {
    struct slice part;
    return slice_split_next(rest, ' ', &part) && slice_parse_i64(part, ret) && *ret >= 0 && *ret <= max;
}

static bool take_text(struct slice *rest, size_t max, struct arena *arena, struct slice *ret) {
    int64_t len;
    if (!take_number(rest, (int64_t)max, &len) || rest->len < (size_t)len) return false;
    *ret = arena_copy(arena, slice_first(*rest, (size_t)len));
    struct slice behind = slice_from(*rest, (size_t)len);
    if (behind.len > 0 && behind.ptr[0] != ' ') return false;
    *rest = slice_from(behind, 1);
    return true;
}

bool embed_read(struct slice text, struct arena *arena, struct embed_grant *ret) {
    struct embed_grant grant = {0};
    struct slice rest = text, label;
    int64_t scores, email_count, candidate_count;
    if (text.len > EMBED_TEXT_MAX || !slice_split_next(&rest, ' ', &label) || !slice_equal(label, SLICE(LABEL)) ||
        !take_number(&rest, INT64_MAX, &grant.organization_id) || !take_number(&rest, INT64_MAX, &grant.api_key_id) ||
        !take_number(&rest, INT64_MAX, &grant.expires_at) || !take_number(&rest, 1, &scores) ||
        !take_number(&rest, EMBED_IDS_MAX, &email_count) || !take_number(&rest, EMBED_IDS_MAX, &candidate_count))
        return false;
    int64_t *emails = arena_alloc_array(arena, (size_t)email_count, sizeof(*emails));
    struct slice *candidates = arena_alloc_array(arena, (size_t)candidate_count, sizeof(*candidates));
    for (int64_t i = 0; i < email_count; i++)
        if (!take_number(&rest, INT64_MAX, &emails[i])) return false;
    if (!take_text(&rest, EMBED_ORIGIN_MAX, arena, &grant.origin)) return false;
    for (int64_t i = 0; i < candidate_count; i++)
        if (!take_text(&rest, EMBED_ID_MAX, arena, &candidates[i])) return false;
    if (rest.len > 0) return false;
    grant.scores = scores == 1;
    grant.emails = emails;
    grant.email_count = (size_t)email_count;
    grant.candidates = candidates;
    grant.candidate_count = (size_t)candidate_count;
    *ret = grant;
    return true;
}

bool embed_allows_candidate(const struct embed_grant *grant, struct slice candidate) {
    for (size_t i = 0; i < grant->candidate_count; i++)
        if (slice_equal(grant->candidates[i], candidate)) return true;
    return false;
}

bool embed_allows_email(const struct embed_grant *grant, int64_t email, struct slice candidate) {
    for (size_t i = 0; i < grant->email_count; i++)
        if (grant->emails[i] == email) return true;
    return candidate.ptr && embed_allows_candidate(grant, candidate);
}
