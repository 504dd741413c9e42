#include "model/local_days.h"

#include "base/timezone.h"

#include "base/banned.h"

/* Takes "zone until;" off the front. False at the end, or at what cannot be read. */
static bool next_former(struct slice *rest, struct slice *ret_zone, int64_t *ret_until) {
    ptrdiff_t end = slice_find_char(*rest, ';');
    if (end < 0) return false;
    struct slice one = slice_of(rest->ptr, (size_t)end);
    ptrdiff_t blank = slice_find_char(one, ' ');
    *rest = slice_from(*rest, (size_t)end + 1);
    if (blank < 0) return false;
    *ret_zone = slice_of(one.ptr, (size_t)blank);
    return slice_parse_i64(slice_from(one, (size_t)blank + 1), ret_until);
}

int32_t local_day(const struct local_days *days, int64_t ms) {
    struct slice rest = days->former, zone;
    int64_t until;
    while (next_former(&rest, &zone, &until))
        if (ms < until) return timezone_day(zone, ms);
    return timezone_day(days->time_zone, ms);
}

int local_days_end(const struct local_days *days, int64_t until, struct strbuf *former, struct err *err) {
    struct slice rest = days->former, zone;
    int64_t last = INT64_MIN, at;
    int count = 0;
    for (; next_former(&rest, &zone, &at); count++)
        last = at;
    if (count >= FORMER_ZONES_MAX)
        return err_set(err, ERR_CONFLICT, "the time zone was changed %d times already; it can no more", count);
    strbuf_add_slice(former, days->former);
    if (until > last) /* else the zone that ends here never held */
        strbuf_printf(former, "%.*s %lld;", SLICE_FMT(days->time_zone), (long long)until);
    return 0;
}
