/* rewrite: an email's HTML or text in, the same with our links, pixel and footer out. In two steps: a scan finds the
 * links and decides nothing about persons, so it may run before the email is registered; then the new text is
 * written for one email. Outside the replaced addresses and the inserted parts every byte stays as it was.
 *
 * Rewritten are the addresses of <a>, <area> and of links in Outlook's conditional comments, as far as
 * destination_read lets them; left alone are those under data-inkling="off" and what leads to our own host already.
 * The level says what is put in: `none` nothing; `aggregate` tokens of the cohort, so that no address of pixel or link
 * differs between two recipients (C-03), and no footer; `clicks` no pixel; `full` everything. The marks
 * {{inkling_unsubscribe_url}} and {{inkling_preferences_url}} are the sender's own, and are filled at every level.
 *
 * Pure but for the processor's clock, which bounds the work on hostile input. Used by one thread at a time. */
#ifndef INKLING_TRACKING_REWRITE_H
#define INKLING_TRACKING_REWRITE_H

#include "base/arena.h"
#include "base/err.h"
#include "model/tracking.h"
#include "tracking/token.h"

struct strbuf;

#define REWRITE_BYTES_MAX    (2UL << 20) /* of one part */
#define REWRITE_LINKS_MAX    2000        /* further ones stay as they are */
#define REWRITE_BASE_MAX     300         /* bytes of `base` */
#define REWRITE_TEXT_MAX     200         /* bytes kept of a link's text */
#define REWRITE_LANGUAGE_MAX 35

struct rewrite_link {
    int32_t position;  /* from 0, in the order of the document. The copy of a link in a conditional comment has its
                          original's */
    struct slice url;  /* the destination */
    struct slice text; /* what a reader sees, white space made single blanks; of an image its alternative text */
};

struct rewrite_scan_options {
    struct slice base;    /* "https://track.example.org": addresses below it are ours already; empty: none */
    bool allow_internal;  /* links to private hosts too */
    bool is_ascii_only;   /* the text's encoding is not UTF-8: links with other characters stay as they are */
    bool keep_text_links; /* text parts: leave the addresses alone */
};

/* In the arena of the scan, together with the slices that it points into. */
struct rewrite_scan;

/* ERR_TOO_LARGE: more than REWRITE_BYTES_MAX, or nested so that a browser's rules would take too long. `html` must
 * outlive the scan. */
MUST_USE int rewrite_scan_html(struct slice html, const struct rewrite_scan_options *options, struct arena *arena,
                               struct rewrite_scan **ret, struct err *err);
/* The addresses in plain text; positions go on behind those of `html` (NULL accepted), and an address that is there
 * too has its position. */
MUST_USE int rewrite_scan_text(struct slice text, const struct rewrite_scan *html,
                               const struct rewrite_scan_options *options, struct arena *arena,
                               struct rewrite_scan **ret, struct err *err);
/* The links that will be rewritten, by position; a position may come more than once. */
const struct rewrite_link *rewrite_links(const struct rewrite_scan *scan, size_t *ret_count);
/* Links that would be fit but for REWRITE_LINKS_MAX. */
size_t rewrite_links_left(const struct rewrite_scan *scan);
/* The primary language subtag of <html lang>, lower case; empty when there is none. */
struct slice rewrite_language(const struct rewrite_scan *scan);

struct rewrite_target {
    const struct token_ring *ring;
    struct slice base; /* without '/' at the end; of characters that may stand in any attribute */
    int64_t organization_id, email_log_id;
    int64_t cohort_id; /* for TRACKING_AGGREGATE */
    enum tracking_level level;
    enum own_tracking measures; /* neither pixel nor link is put in for what is not measured by us */
    bool unsubscribe;           /* the footer offers it */
    bool footer;                /* where the text has no mark of its own for the address */
    bool honeypot;              /* a link that no person sees (HTML, levels clicks and full) */
    struct slice language;      /* of the footer: en, de, fr, es, it; others: English. Empty: that of the HTML */
};

/* Appends. Nothing is changed when the level and the scan ask for nothing: byte for byte the same then. */
void rewrite_write(const struct rewrite_scan *scan, const struct rewrite_target *target, struct strbuf *out);
/* An address of ours: base, "/u/" and so on, and the token. */
void rewrite_write_url(const struct rewrite_target *target, enum token_purpose purpose, const struct rewrite_link *link,
                       struct strbuf *out);

/* For tests: the bytes [start, end) of the scanned text that rewrite_write replaces (start == end: inserts at), in
 * order, without overlap. */
struct rewrite_place {
    size_t start, end;
};
size_t rewrite_places(const struct rewrite_scan *scan, struct rewrite_place *places, size_t max);

#endif
