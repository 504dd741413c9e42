/* A form: the first line is the Content-Type, the rest is the body. What comes out lies within the input's size, and
 * cutting off the end of a multipart body never gives more fields. */
#include "base/form.h"
#include "tests/fuzz/provider_checks.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *arena = arena_new();
    struct slice body = slice_of((const char *)data, size), type;
    struct form_field *fields = NULL, *fewer = NULL;
    size_t count = 0, fewer_count = 0, total = 0;
    struct err err = {0};
    if (!slice_split_next(&body, '\n', &type)) goto out;
    int result = form_parse(type, body, arena, &fields, &count, &err);
    if (result != 0) {
        check(result == -(int)err.code && (err.code == ERR_UNREADABLE || err.code == ERR_TOO_LARGE) && err.text[0]);
        check(!fields && count == 0);
        goto out;
    }
    check(count <= FORM_FIELDS_MAX && fields);
    for (size_t i = 0; i < count; i++) {
        total += fields[i].name.len + fields[i].value.len + fields[i].filename.len + fields[i].content_type.len;
        check(form_find(fields, count, fields[i].name) <= &fields[i]);
    }
    check(total <= size);
    if (form_parse(type, slice_first(body, body.len / 2), arena, &fewer, &fewer_count, NULL) == 0)
        check(fewer_count <= count);
out:
    arena_free(arena);
    return 0;
}
