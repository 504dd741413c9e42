#include "api/api.h"

#include "base/banned.h"

int api_known_members(struct json_value object, const char *const *names, struct err *err) {
    struct slice key;
    struct json_value value;
    if (object.type != JSON_KIND_OBJECT) return err_set(err, ERR_INVALID, "the body must be a JSON object");
    struct json_iterator members = json_members(object);
    while (json_next_member(&members, &key, &value)) {
        const char *const *name = names;
        while (*name && !slice_equal(slice_cstr(*name), key))
            name++;
        if (!*name)
            return err_set(err, ERR_INVALID, "there is no member \"%.*s\" here", SLICE_FMT(slice_first(key, 60)));
    }
    return 0;
}

static bool is_given(struct json_value value) {
    return value.type != JSON_KIND_NONE && value.type != JSON_KIND_NULL;
}

static bool has_control_characters(struct slice text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f) return true;
    return false;
}

int api_text(struct api_call *call, struct json_value object, const char *name, size_t max, struct slice *ret,
             struct err *err) {
    struct json_value value = json_get(object, slice_cstr(name));
    struct slice text;
    if (!is_given(value)) return 0;
    if (!json_text(value, &text)) return err_set(err, ERR_INVALID, "%s must be a string", name);
    text = slice_trim(text);
    if (text.len > max) return err_set(err, ERR_INVALID, "%s must have at most %zu bytes", name, max);
    if (has_control_characters(text)) return err_set(err, ERR_INVALID, "%s must not contain control characters", name);
    *ret = arena_copy(call->arena, text);
    return 0;
}

int api_integer(struct json_value object, const char *name, int64_t min, int64_t max, int64_t *ret, struct err *err) {
    struct json_value value = json_get(object, slice_cstr(name));
    int64_t number;
    if (!is_given(value)) return 0;
    if (!json_i64(value, &number) || number < min || number > max)
        return err_set(err, ERR_INVALID, "%s must be a whole number from %lld to %lld", name, (long long)min,
                       (long long)max);
    *ret = number;
    return 0;
}

int api_bool(struct json_value object, const char *name, bool *ret, struct err *err) {
    struct json_value value = json_get(object, slice_cstr(name));
    if (!is_given(value)) return 0;
    if (!json_bool(value, ret)) return err_set(err, ERR_INVALID, "%s must be true or false", name);
    return 0;
}
