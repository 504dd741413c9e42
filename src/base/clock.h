/* clock: time as integer milliseconds UTC since 1970. Wall time can be shifted for tests and demos
 * (INKLING_CLOCK_OFFSET_MS in the environment, read once by clock_init). */
#ifndef INKLING_BASE_CLOCK_H
#define INKLING_BASE_CLOCK_H

#include "base/slice.h"

#define SECOND_MS 1000LL
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

/* Call once at start, before threads. */
void clock_init(void);
int64_t clock_now(void);          /* wall clock, ms */
int64_t clock_monotonic_us(void); /* never goes back, microseconds; for durations */
/* The same clock as it was when the system's timer last ticked: 4 ms ago or less on usual kernels, never ahead. A tenth
 * of the price, for what happens with every request and is measured in seconds. */
int64_t clock_tick_us(void);

/* RFC 3339 / ISO 8601 as providers write it: "2018-10-08T14:05:45 +0000", "…45Z", "….1234567+02:00", "+0200", a space
 * instead of 'T'; without zone it is UTC. 0 to 9 fraction digits, cut to ms. False when it is none or not in the years
 * 1970 to 2200, both included. A leap second counts as the second behind it. */
bool time_parse(struct slice text, int64_t *ret_ms);
/* Seconds as text, integer or with a fraction ("1600112502", "1521472262.908181"). Range as time_parse. */
bool time_parse_seconds(struct slice text, int64_t *ret_ms);
/* "2026-11-24T07:02:12.345Z"; the ".345" is left out when it is 0. `out` holds at least TIME_TEXT_MAX bytes, a NUL at
 * the end. For the years 1 to 9999, as all that follows. */
#define TIME_TEXT_MAX 32
struct slice time_format(int64_t ms, char out[TIME_TEXT_MAX]);

/* Days since 1970-01-01 of a civil date that exists, and back. */
int32_t day_from_date(int year, int month, int day);
void day_to_date(int32_t day, int *ret_year, int *ret_month, int *ret_day);
/* "2026-11-24" to days since 1970, the years of time_parse. */
bool day_parse(struct slice text, int32_t *ret_day);
struct slice day_format(int32_t day, char out[TIME_TEXT_MAX]);

#endif
