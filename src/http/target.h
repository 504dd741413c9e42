/* target: the request target of RFC 9112 section 3.2, taken apart and percent-decoded. */
#ifndef INKLING_HTTP_TARGET_H
#define INKLING_HTTP_TARGET_H

#include "base/arena.h"
#include "base/slice.h"

#define TARGET_SEGMENTS_MAX 32

struct http_target {
    struct slice path;                          /* decoded, begins with '/' */
    struct slice query;                         /* as sent, without the '?' */
    struct slice segments[TARGET_SEGMENTS_MAX]; /* decoded after splitting, so that "%2F" separates nothing */
    size_t segment_count;                       /* TARGET_SEGMENTS_MAX + 1: more than that */
};

/* `raw` outlives `ret`. False for anything but an absolute path or an absolute http(s) address, control characters and
 * blanks, a malformed escape, or a NUL once decoded. */
bool target_parse(struct arena *arena, struct slice raw, struct http_target *ret);

/* Takes the next "name=value" off *rest, as sent; false at the end. Empty pieces ("a=1&&b=2") are passed over. */
bool query_next(struct slice *rest, struct slice *ret_name, struct slice *ret_value);
/* '+' is a blank; an escape that is malformed stands for itself, as browsers have it (WHATWG URL standard, section
 * 5.1): the strange parameters that mail clients append must not cost a click. */
struct slice query_decode(struct arena *arena, struct slice raw);

#endif
