#include "api/json_tree.h"

#include "base/banned.h"

static int add(const char *bytes, size_t len, void *out) {
    return strbuf_add(out, bytes, len);
}

int api_json_dump(const json_t *value, struct strbuf *out) {
    return json_dump_callback(value, add, out, JSON_COMPACT | JSON_ENCODE_ANY);
}
