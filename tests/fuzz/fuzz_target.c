/* Any bytes as what a request asks for: a path that is taken has no control characters to hide behind, its pieces are
 * what stands between the slashes, and a query comes apart into pieces of itself. */
#include <stdint.h>
#include <stdlib.h>

#include "http/target.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) abort();
}

static void check_query(struct arena *arena, struct slice query) {
    struct slice rest = query, name, value;
    size_t total = 0;
    while (query_next(&rest, &name, &value)) {
        total += name.len + value.len;
        check(total <= query.len);
        check(slice_find_char(name, '&') < 0 && slice_find_char(name, '=') < 0 && slice_find_char(value, '&') < 0);
        check(query_decode(arena, name).len <= name.len && query_decode(arena, value).len <= value.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice raw = slice_of((const char *)data, size);
    struct arena *arena = arena_new();
    struct http_target target;
    if (target_parse(arena, raw, &target)) {
        check(target.path.len > 0 && target.path.ptr[0] == '/' && target.path.len <= raw.len + 1);
        check(slice_find_char(target.path, '\0') < 0 && slice_find_char(raw, ' ') < 0 &&
              slice_find_char(raw, '\n') < 0);
        check(target.segment_count <= TARGET_SEGMENTS_MAX + 1);
        for (size_t i = 0; i < target.segment_count && i < TARGET_SEGMENTS_MAX; i++)
            check(slice_find_char(target.segments[i], '\0') < 0 && target.segments[i].len <= target.path.len);
        check_query(arena, target.query);
    }
    check_query(arena, raw);
    arena_free(arena);
    return 0;
}
