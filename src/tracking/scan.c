#include "tracking/scan.h"

#include <stdlib.h>

#include "base/memory.h"

#include "base/banned.h"

#define PLACES_MAX (4 * REWRITE_LINKS_MAX) /* marks beyond stay as they are */

struct rewrite_scan *scan_new(struct slice source, bool is_html, struct arena *arena) {
    struct rewrite_scan *scan = arena_alloc(arena, sizeof(*scan));
    *scan = (struct rewrite_scan){.source = source, .is_html = is_html, .arena = arena};
    return scan;
}

static bool add(struct rewrite_scan *scan, struct place place) {
    if (scan->place_count == PLACES_MAX && place.kind != PLACE_END) return false;
    if (scan->place_count == scan->place_capacity) {
        size_t capacity = memory_next_capacity(scan->place_capacity, scan->place_count + 1);
        struct place *grown = arena_alloc_array(scan->arena, capacity, sizeof(*grown));
        if (scan->place_count > 0) memcpy(grown, scan->places, scan->place_count * sizeof(*grown));
        scan->places = grown;
        scan->place_capacity = capacity;
    }
    scan->places[scan->place_count++] = place;
    return true;
}

bool scan_add_link(struct rewrite_scan *scan, size_t start, size_t end, struct slice url, struct slice text,
                   bool is_copy) {
    if (scan->link_count == REWRITE_LINKS_MAX) {
        scan->links_left++;
        return false;
    }
    scan->link_count++;
    return add(scan, (struct place){.start = start,
                                    .end = end,
                                    .kind = PLACE_LINK,
                                    .is_copy = is_copy,
                                    .link = {.position = LINK_POSITION_NONE, .url = url, .text = text}});
}

void scan_add_end(struct rewrite_scan *scan, size_t at) {
    add(scan, (struct place){.start = at, .end = at, .kind = PLACE_END});
}

/* ---- marks ---- */

/* Length of "{{ name }}" at the beginning of `text`; 0: it is something else. */
static size_t mark_length(struct slice text, struct slice name) {
    size_t at = 2;
    while (at < text.len && text.ptr[at] == ' ')
        at++;
    if (!slice_starts_with(slice_from(text, at), name)) return 0;
    at += name.len;
    while (at < text.len && text.ptr[at] == ' ')
        at++;
    return slice_starts_with(slice_from(text, at), SLICE("}}")) ? at + 2 : 0;
}

static void find_marks(struct rewrite_scan *scan) {
    const struct slice source = scan->source;
    for (size_t at = 0; at < source.len;) {
        struct slice rest = slice_from(source, at);
        ptrdiff_t found = slice_find(rest, SLICE("{{"));
        if (found < 0) return;
        at += (size_t)found;
        rest = slice_from(source, at);
        size_t len = mark_length(rest, SLICE("inkling_unsubscribe_url"));
        enum place_kind kind = PLACE_UNSUBSCRIBE;
        if (len == 0) {
            len = mark_length(rest, SLICE("inkling_preferences_url"));
            kind = PLACE_PREFERENCES;
        }
        if (len > 0 && add(scan, (struct place){.start = at, .end = at + len, .kind = kind})) {
            scan->has_unsubscribe |= kind == PLACE_UNSUBSCRIBE;
            scan->has_preferences |= kind == PLACE_PREFERENCES;
        }
        at += len > 0 ? len : 1;
    }
}

/* ---- order ---- */

static int compare_places(const void *left, const void *right) {
    const struct place *a = left, *b = right;
    if (a->start != b->start) return a->start < b->start ? -1 : 1;
    if (a->end != b->end) return a->end < b->end ? -1 : 1;
    return (a->kind > b->kind) - (a->kind < b->kind);
}

/* Browsers' rules copy a misnested link (the adoption agency of the HTML standard), so that one address is found twice.
 * Anything else that overlaps would be a fault of ours: the former stays. */
static void take_off_twins(struct rewrite_scan *scan) {
    size_t kept = 0, end = 0;
    if (scan->place_count > 1) qsort(scan->places, scan->place_count, sizeof(*scan->places), compare_places);
    for (size_t i = 0; i < scan->place_count; i++) {
        const struct place place = scan->places[i];
        bool twin = kept > 0 && place.kind == PLACE_LINK && scan->places[kept - 1].kind == PLACE_LINK &&
                    scan->places[kept - 1].start == place.start;
        if (place.start < end || twin) continue;
        end = place.end;
        scan->places[kept++] = place;
    }
    scan->place_count = kept;
}

/* ---- positions ---- */

/* The link of which a conditional comment shows Outlook a copy: the next one to the same address, else the last. */
static const struct place *original_of(const struct rewrite_scan *scan, size_t copy) {
    const struct place *before = NULL;
    for (size_t i = 0; i < scan->place_count; i++) {
        const struct place *place = &scan->places[i];
        if (place->kind != PLACE_LINK || place->is_copy || !slice_equal(place->link.url, scan->places[copy].link.url))
            continue;
        if (i > copy) return place;
        before = place;
    }
    return before;
}

static int32_t position_in(const struct rewrite_scan *before, struct slice url) {
    for (size_t i = 0; before && i < before->link_count; i++)
        if (slice_equal(before->links[i].url, url)) return before->links[i].position;
    return LINK_POSITION_NONE;
}

static int compare_links(const void *left, const void *right) {
    const struct rewrite_link *a = left, *b = right;
    return (a->position > b->position) - (a->position < b->position);
}

static void give_positions(struct rewrite_scan *scan, const struct rewrite_scan *before) {
    int32_t next = before ? before->position_end : 0;
    for (size_t i = 0; i < scan->place_count; i++) {
        struct place *place = &scan->places[i];
        if (place->kind != PLACE_LINK || (place->is_copy && original_of(scan, i))) continue;
        place->link.position = position_in(before, place->link.url);
        if (place->link.position == LINK_POSITION_NONE) place->link.position = next++;
    }
    for (size_t i = 0; i < scan->place_count; i++) {
        struct place *place = &scan->places[i];
        if (place->kind != PLACE_LINK || place->link.position != LINK_POSITION_NONE) continue;
        const struct place *original = original_of(scan, i);
        if (!original) BUG("a copy without its original");
        place->link.position = original->link.position;
        place->link.text = original->link.text;
    }
    scan->position_end = next;
}

void scan_finish(struct rewrite_scan *scan, const struct rewrite_scan *before) {
    size_t count = 0;
    find_marks(scan);
    take_off_twins(scan);
    give_positions(scan, before);
    scan->links = arena_alloc_array(scan->arena, scan->link_count, sizeof(*scan->links));
    for (size_t i = 0; i < scan->place_count; i++)
        if (scan->places[i].kind == PLACE_LINK) scan->links[count++] = scan->places[i].link;
    scan->link_count = count;
    if (count > 1) qsort(scan->links, count, sizeof(*scan->links), compare_links);
}

const struct rewrite_link *rewrite_links(const struct rewrite_scan *scan, size_t *ret_count) {
    *ret_count = scan->link_count;
    return scan->links;
}

size_t rewrite_links_left(const struct rewrite_scan *scan) {
    return scan->links_left;
}

struct slice rewrite_language(const struct rewrite_scan *scan) {
    return scan->language;
}

size_t rewrite_places(const struct rewrite_scan *scan, struct rewrite_place *places, size_t max) {
    for (size_t i = 0; i < scan->place_count && i < max; i++)
        places[i] = (struct rewrite_place){scan->places[i].start, scan->places[i].end};
    return scan->place_count;
}
