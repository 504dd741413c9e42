/* Any text: a time that is understood lies in the promised range and survives being written and read again. */
#include <stdint.h>
#include <stdlib.h>

#include "base/clock.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) abort();
}

static void check_time(int64_t ms) {
    char text[TIME_TEXT_MAX];
    int64_t again;
    check(ms >= 0 && ms < day_from_date(2201, 1, 1) * DAY_MS);
    check(time_parse(time_format(ms, text), &again) && again == ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice input = slice_of((const char *)data, size);
    int64_t ms;
    int32_t day, day_again;
    char text[TIME_TEXT_MAX];
    if (time_parse(input, &ms)) check_time(ms);
    if (time_parse_seconds(input, &ms)) check_time(ms);
    if (day_parse(input, &day)) {
        check(slice_equal(day_format(day, text), input));
        check(day_parse(input, &day_again) && day_again == day);
    }
    return 0;
}
