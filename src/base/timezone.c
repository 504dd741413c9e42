#include "base/timezone.h"

#include <glib.h>

#include "base/clock.h"

#include "base/banned.h"

/* GLib forgets a zone when nobody refers to it and reads the file again the next time; a day is wanted once an event.
 * So each thread keeps the zones it used last. */
enum { NAME_MAX_LEN = 63, ZONES = 8 };

struct kept_zone {
    char name[NAME_MAX_LEN + 1];
    GTimeZone *zone; /* NULL: an unknown name */
};

struct kept_zones {
    struct kept_zone zones[ZONES];
    unsigned next; /* the row to replace next */
};

static void kept_zones_free(void *memory) {
    struct kept_zones *kept = memory;
    for (size_t i = 0; i < ZONES; i++)
        g_clear_pointer(&kept->zones[i].zone, g_time_zone_unref);
    g_free(kept);
}

/* A name as the IANA database has them. GLib would also take paths, offsets and POSIX rules. */
static bool is_plausible(struct slice name) {
    if (name.len == 0 || name.len > NAME_MAX_LEN || name.ptr[0] < 'A' || name.ptr[0] > 'Z') return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!g_ascii_isalnum(c) && c != '_' && c != '/' && c != '-' && c != '+') return false;
    }
    return true;
}

static GTimeZone *zone_open(const char *name) {
    const char *folder = g_getenv("TZDIR");
    char *path = g_build_filename(folder ? folder : "/usr/share/zoneinfo", name, NULL);
    GTimeZone *zone = g_file_test(path, G_FILE_TEST_IS_REGULAR) ? g_time_zone_new_identifier(name) : NULL;
    g_free(path);
    return zone;
}

/* Borrowed: valid until this thread has asked for ZONES others. NULL: UTC or unknown. */
static GTimeZone *zone_get(struct slice name) {
    static GPrivate private = G_PRIVATE_INIT(kept_zones_free);
    if (!is_plausible(name)) return NULL;
    struct kept_zones *kept = g_private_get(&private);
    if (!kept) {
        kept = g_new0(struct kept_zones, 1);
        g_private_set(&private, kept);
    }
    for (size_t i = 0; i < ZONES; i++) {
        if (slice_equal(slice_cstr(kept->zones[i].name), name)) return kept->zones[i].zone;
    }
    struct kept_zone *row = &kept->zones[kept->next++ % ZONES];
    g_clear_pointer(&row->zone, g_time_zone_unref);
    memcpy(row->name, name.ptr, name.len);
    row->name[name.len] = '\0';
    row->zone = zone_open(row->name);
    return row->zone;
}

bool timezone_known(struct slice name) {
    return slice_equal(name, SLICE("UTC")) || zone_get(name);
}

static int64_t floor_divide(int64_t value, int64_t by) {
    return value / by - (value % by < 0);
}

static int64_t offset_seconds(GTimeZone *zone, int64_t seconds) {
    int interval = g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, seconds);
    return g_time_zone_get_offset(zone, interval);
}

static int64_t local_day(GTimeZone *zone, int64_t seconds) {
    return floor_divide(seconds + offset_seconds(zone, seconds), DAY_MS / SECOND_MS);
}

int32_t timezone_day(struct slice name, int64_t ms) {
    GTimeZone *zone = zone_get(name);
    int64_t seconds = floor_divide(ms, SECOND_MS);
    return (int32_t)(zone ? local_day(zone, seconds) : floor_divide(ms, DAY_MS));
}

int timezone_minute(struct slice name, int64_t ms) {
    GTimeZone *zone = zone_get(name);
    int64_t seconds = floor_divide(ms, SECOND_MS);
    if (zone) seconds += offset_seconds(zone, seconds);
    return (int)((seconds - floor_divide(seconds, DAY_MS / SECOND_MS) * (DAY_MS / SECOND_MS)) / 60);
}

int64_t timezone_day_start(struct slice name, int32_t day) {
    GTimeZone *zone = zone_get(name);
    int64_t midnight = day * (DAY_MS / SECOND_MS);
    if (!zone) return midnight * SECOND_MS;
    int64_t start = midnight - offset_seconds(zone, midnight - offset_seconds(zone, midnight));
    if (local_day(zone, start) == day && local_day(zone, start - 1) == day - 1) return start * SECOND_MS;
    /* Clocks change at this midnight, or the day was skipped altogether: look for the first moment that is not before
     * it. No zone was ever further than 26 hours from UTC. */
    int64_t before = midnight - 26 * 3600, behind = midnight + 26 * 3600;
    while (behind - before > 1) {
        int64_t middle = before + (behind - before) / 2;
        if (local_day(zone, middle) < day)
            before = middle;
        else
            behind = middle;
    }
    return behind * SECOND_MS;
}
