#include "web/coding.h"

#include "base/banned.h"

/* "gzip;q=0", "*;q=0.5": the parts behind the first semicolon say 0. */
static bool weight_is_zero(struct slice parameters) {
    struct slice parameter, name;
    while (slice_split_next(&parameters, ';', &parameter)) {
        if (!slice_split_next(&parameter, '=', &name) || !slice_equal_nocase(slice_trim(name), SLICE("q"))) continue;
        struct slice value = slice_trim(parameter);
        for (size_t i = 0; i < value.len; i++)
            if (value.ptr[i] != '0' && value.ptr[i] != '.') return false;
        return value.len > 0;
    }
    return false;
}

bool coding_accepted(struct slice accept_encoding, struct slice coding) {
    struct slice item, name;
    bool any = false;
    while (slice_split_next(&accept_encoding, ',', &item)) {
        if (!slice_split_next(&item, ';', &name)) continue;
        name = slice_trim(name);
        if (slice_equal_nocase(name, coding)) return !weight_is_zero(item);
        if (slice_equal(name, SLICE("*"))) any = !weight_is_zero(item);
    }
    return any;
}

bool etag_matches(struct slice if_none_match, struct slice etag) {
    struct slice item;
    while (slice_split_next(&if_none_match, ',', &item)) {
        item = slice_trim(item);
        if (slice_starts_with(item, SLICE("W/"))) item = slice_of(item.ptr + 2, item.len - 2);
        if (slice_equal(item, etag) || slice_equal(item, SLICE("*"))) return true;
    }
    return false;
}

struct slice cookie_value(struct slice cookies, struct slice name) {
    struct slice item, found;
    while (slice_split_next(&cookies, ';', &item)) {
        item = slice_trim(item);
        if (slice_split_next(&item, '=', &found) && slice_equal(found, name)) return item;
    }
    return slice_of("", 0);
}
