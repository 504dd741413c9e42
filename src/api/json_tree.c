#include "api/json_tree.h"

#include <stdlib.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/memory.h"

#include "base/banned.h"

#define TEXT_MAX (64UL << 20)

static int add(const char *bytes, size_t len, void *out) {
    return strbuf_add(out, bytes, len);
}

int api_json_dump(const json_t *value, struct strbuf *out) {
    /* 15 digits: what people and programs wrote comes back as it was (68.16, not 68.159999999999997). */
    return json_dump_callback(value, add, out, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
}

json_t *api_json_text(struct slice text) {
    if (!text.ptr) return json_null();
    json_t *value = json_stringn(text.ptr, text.len);
    if (value) return value;
    char *ascii = memory_cstr(text.ptr, text.len); /* no UTF-8 */
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)ascii[i] >= 0x80) ascii[i] = '?';
    value = json_stringn(ascii, text.len);
    free(ascii);
    return value;
}

json_t *api_json_time(int64_t ms) {
    char text[TIME_TEXT_MAX];
    return ms == TIME_UNSET ? json_null() : api_json_text(time_format(ms, text));
}

json_t *api_json_rate(int64_t part, int64_t base) {
    return base == 0 ? json_null() : json_real((double)api_rate_hundredths(part, base) / 100);
}

void api_table_json(struct api_table *table, const char *name, json_t *value) {
    struct strbuf text;
    strbuf_init(&text, TEXT_MAX);
    if (!json_is_null(value)) api_json_dump(value, &text);
    api_table_raw(table, name, strbuf_slice(&text));
    strbuf_release(&text);
    json_decref(value);
}

void api_table_extra(struct api_table *table, const char *name, json_t *value) {
    struct strbuf text;
    strbuf_init(&text, TEXT_MAX);
    api_json_dump(value, &text);
    api_table_extra_raw(table, name, strbuf_slice(&text));
    strbuf_release(&text);
    json_decref(value);
}
