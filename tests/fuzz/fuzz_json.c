/* Any bytes: json_parse refuses them or gives values that can be read to the end, whose strings are UTF-8, and whose
 * text, written and read again, is the same text. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) abort();
}

static void check_scalar(struct json_value value) {
    struct slice text;
    int64_t whole, ms;
    uint64_t large;
    double real;
    bool truth;
    check(json_text(value, &text) == (value.type == JSON_KIND_STRING));
    if (value.type == JSON_KIND_STRING) check(slice_is_utf8(text));
    check(json_bool(value, &truth) == (value.type == JSON_KIND_BOOL));
    if (json_i64(value, &whole)) check(json_number(value, &real) && json_i64_lenient(value, &whole));
    if (value.type == JSON_KIND_UNSIGNED) check(json_u64(value, &large) && large > INT64_MAX);
    if (json_time(value, &ms)) check(ms >= 0 && ms < day_from_date(2201, 1, 1) * DAY_MS);
}

static void walk(struct json_value value, unsigned depth) {
    check(value.type != JSON_KIND_NONE && depth <= JSON_DEPTH_MAX + 1);
    check_scalar(value);
    struct json_iterator iterator = json_elements(value);
    struct json_value inner;
    struct slice key;
    size_t count = 0;
    for (; json_next(&iterator, &inner); count++)
        walk(inner, depth + 1);
    iterator = json_members(value);
    for (; json_next_member(&iterator, &key, &inner); count++) {
        check(slice_is_utf8(key));
        check(json_get(value, key).type != JSON_KIND_NONE);
        walk(inner, depth + 1);
    }
    check(count == json_count(value));
}

/* Parses a copy that has exactly the padding that json_parse asks for. */
static bool write_again(struct json_reader *reader, struct slice text, struct strbuf *out) {
    char *copy = memory_alloc(text.len + JSON_PADDING);
    if (text.len) memcpy(copy, text.ptr, text.len);
    memset(copy + text.len, '"', JSON_PADDING); /* the padding's value must not matter */
    struct json_value root;
    struct err err = {0};
    int result = json_parse(reader, slice_of(copy, text.len), &root, &err);
    if (result == 0) {
        walk(root, 0);
        check(json_write_value(root, out) == 0);
    } else {
        check(result == -ERR_UNREADABLE && err.code == ERR_UNREADABLE && err.text[0]);
    }
    free(copy);
    return result == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct json_reader *reader = json_reader_new();
    struct strbuf first, second;
    strbuf_init(&first, size * 8 + 64);
    strbuf_init(&second, size * 8 + 64);
    if (write_again(reader, slice_of((const char *)data, size), &first)) {
        check(write_again(reader, strbuf_slice(&first), &second));
        check(slice_equal(strbuf_slice(&first), strbuf_slice(&second)));
    }
    strbuf_release(&first);
    strbuf_release(&second);
    json_reader_free(reader);
    return 0;
}
