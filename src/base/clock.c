#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/banned.h"

enum { FIRST_YEAR = 1970, LAST_YEAR = 2200 };

/* Set once by clock_init; the reason is in the header. */
static _Atomic int64_t offset_ms;

void clock_init(void) {
    int64_t offset;
    if (slice_parse_i64(slice_cstr(getenv("INKLING_CLOCK_OFFSET_MS")), &offset)) offset_ms = offset;
}

int64_t clock_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * SECOND_MS + now.tv_nsec / 1000000 +
           atomic_load_explicit(&offset_ms, memory_order_relaxed);
}

static int64_t read_us(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_monotonic_us(void) {
    return read_us(CLOCK_MONOTONIC);
}

int64_t clock_tick_us(void) {
    return read_us(CLOCK_MONOTONIC_COARSE);
}

static bool is_leap(int year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month) {
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 0001-01-01 to the first of January of `year`, which is at least 1. */
static int32_t days_before_year(int year) {
    int past = year - 1;
    return past * 365 + past / 4 - past / 100 + past / 400;
}

int32_t day_from_date(int year, int month, int day) {
    int32_t days = days_before_year(year) - days_before_year(FIRST_YEAR);
    for (int i = 1; i < month; i++)
        days += days_in_month(year, i);
    return days + day - 1;
}

void day_to_date(int32_t day, int *ret_year, int *ret_month, int *ret_day) {
    int32_t since_first = day + days_before_year(FIRST_YEAR);
    int year = (int)((int64_t)since_first * 400 / 146097) + 1; /* 146,097 days in 400 years; off by one at most */
    while (days_before_year(year) > since_first)
        year--;
    while (days_before_year(year + 1) <= since_first)
        year++;
    int rest = since_first - days_before_year(year);
    int month = 1;
    while (rest >= days_in_month(year, month))
        rest -= days_in_month(year, month++);
    *ret_year = year;
    *ret_month = month;
    *ret_day = rest + 1;
}

/* Reading: each step takes its part off the front of *text. */

static bool take_char(struct slice *text, const char *one_of) {
    if (text->len == 0 || text->ptr[0] == '\0' || !strchr(one_of, text->ptr[0])) return false;
    *text = slice_from(*text, 1);
    return true;
}

static bool take_digits(struct slice *text, size_t count, int *ret) {
    if (text->len < count) return false;
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        if (text->ptr[i] < '0' || text->ptr[i] > '9') return false;
        value = value * 10 + text->ptr[i] - '0';
    }
    *text = slice_from(*text, count);
    *ret = value;
    return true;
}

static bool take_date(struct slice *text, int32_t *ret_day) {
    int year, month, day;
    if (!take_digits(text, 4, &year) || !take_char(text, "-") || !take_digits(text, 2, &month) ||
        !take_char(text, "-") || !take_digits(text, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) return false;
    *ret_day = day_from_date(year, month, day);
    return true;
}

/* The digits behind the point, cut to milliseconds. */
static bool take_fraction(struct slice *text, size_t most_digits, int *ret_ms) {
    int ms = 0;
    size_t digits = 0;
    for (; digits < text->len && text->ptr[digits] >= '0' && text->ptr[digits] <= '9'; digits++) {
        if (digits < 3) ms = ms * 10 + text->ptr[digits] - '0';
    }
    if (digits == 0 || digits > most_digits) return false;
    for (size_t i = digits; i < 3; i++)
        ms *= 10;
    *text = slice_from(*text, digits);
    *ret_ms = ms;
    return true;
}

static bool take_time_of_day(struct slice *text, int64_t *ret_ms) {
    int hour, minute, second, ms = 0;
    if (!take_digits(text, 2, &hour) || !take_char(text, ":") || !take_digits(text, 2, &minute) ||
        !take_char(text, ":") || !take_digits(text, 2, &second))
        return false;
    /* 60 is a leap second (RFC 3339, section 5.6); like POSIX it counts as the second that follows. */
    if (hour > 23 || minute > 59 || second > 60) return false;
    if (take_char(text, ".,") && !take_fraction(text, 9, &ms)) return false;
    *ret_ms = hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS + ms;
    return true;
}

/* The zone, which is all that may be left: nothing, "Z", "+hh:mm", "+hhmm", "+hh", a space before it or not. */
static bool take_zone(struct slice *text, int64_t *ret_ms) {
    *ret_ms = 0;
    if (text->len == 0) return true;
    take_char(text, " ");
    if (take_char(text, "Zz")) return true;
    bool west = take_char(text, "-");
    int hours, minutes = 0;
    if (!west && !take_char(text, "+")) return false;
    if (!take_digits(text, 2, &hours)) return false;
    if (text->len) {
        take_char(text, ":");
        if (!take_digits(text, 2, &minutes)) return false;
    }
    if (hours > 23 || minutes > 59) return false;
    int64_t ms = hours * HOUR_MS + minutes * MINUTE_MS;
    *ret_ms = west ? -ms : ms;
    return true;
}

static bool in_range(int64_t ms) {
    return ms >= 0 && ms < day_from_date(LAST_YEAR + 1, 1, 1) * DAY_MS;
}

bool time_parse(struct slice text, int64_t *ret_ms) {
    int32_t day;
    int64_t time_of_day, zone;
    if (!take_date(&text, &day) || !take_char(&text, "Tt ") || !take_time_of_day(&text, &time_of_day) ||
        !take_zone(&text, &zone) || text.len)
        return false;
    int64_t ms = day * DAY_MS + time_of_day - zone;
    if (!in_range(ms)) return false;
    *ret_ms = ms;
    return true;
}

bool time_parse_seconds(struct slice text, int64_t *ret_ms) {
    ptrdiff_t point = slice_find_char(text, '.');
    struct slice whole = point < 0 ? text : slice_first(text, (size_t)point);
    int64_t seconds;
    int ms = 0;
    if (whole.len == 0 || whole.ptr[0] == '-' || !slice_parse_i64(whole, &seconds)) return false;
    if (point >= 0) {
        struct slice fraction = slice_from(text, (size_t)point + 1);
        if (!take_fraction(&fraction, SIZE_MAX, &ms) || fraction.len) return false;
    }
    if (seconds > INT64_MAX / SECOND_MS - 1 || !in_range(seconds * SECOND_MS + ms)) return false;
    *ret_ms = seconds * SECOND_MS + ms;
    return true;
}

struct slice time_format(int64_t ms, char out[TIME_TEXT_MAX]) {
    int64_t day = ms / DAY_MS - (ms % DAY_MS < 0);
    int in_day = (int)(ms - day * DAY_MS);
    size_t len = day_format((int32_t)day, out).len;
    len += (size_t)snprintf(out + len, TIME_TEXT_MAX - len, "T%02d:%02d:%02d", in_day / (int)HOUR_MS,
                            in_day / (int)MINUTE_MS % 60, in_day / (int)SECOND_MS % 60);
    if (in_day % SECOND_MS) len += (size_t)snprintf(out + len, TIME_TEXT_MAX - len, ".%03d", in_day % (int)SECOND_MS);
    len += (size_t)snprintf(out + len, TIME_TEXT_MAX - len, "Z");
    return slice_of(out, len);
}

bool day_parse(struct slice text, int32_t *ret_day) {
    int32_t day;
    if (!take_date(&text, &day) || text.len || !in_range(day * DAY_MS)) return false;
    *ret_day = day;
    return true;
}

struct slice day_format(int32_t day, char out[TIME_TEXT_MAX]) {
    int year, month, day_of_month;
    day_to_date(day, &year, &month, &day_of_month);
    int len = snprintf(out, TIME_TEXT_MAX, "%04d-%02d-%02d", year, month, day_of_month);
    return slice_of(out, (size_t)len);
}
