/* scan: what the two scanners of rewrite.h fill and its writer reads. Internal to tracking/. */
#ifndef INKLING_TRACKING_SCAN_H
#define INKLING_TRACKING_SCAN_H

#include "tracking/rewrite.h"

enum place_kind {
    PLACE_LINK,        /* the whole address, without its quotes */
    PLACE_UNSUBSCRIBE, /* a mark of the sender's */
    PLACE_PREFERENCES,
    PLACE_END, /* where footer and pixel go */
};

struct place {
    size_t start, end;
    enum place_kind kind;
    bool is_copy; /* a link in a conditional comment */
    struct rewrite_link link;
};

struct rewrite_scan {
    struct slice source;
    bool is_html;
    struct slice language;
    struct place *places; /* in order, without overlap */
    size_t place_count, place_capacity;
    struct rewrite_link *links; /* those of `places` */
    size_t link_count, links_left;
    int32_t position_end; /* positions below it are taken */
    bool has_unsubscribe, has_preferences;
    struct arena *arena;
};

struct rewrite_scan *scan_new(struct slice source, bool is_html, struct arena *arena);
/* False: too many. */
bool scan_add_link(struct rewrite_scan *scan, size_t start, size_t end, struct slice url, struct slice text,
                   bool is_copy);
void scan_add_end(struct rewrite_scan *scan, size_t at);
/* Finds the marks, sorts the places, takes off twins and overlaps, and gives the links their positions. */
void scan_finish(struct rewrite_scan *scan, const struct rewrite_scan *before);

#endif
