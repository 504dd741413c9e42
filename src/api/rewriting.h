/* rewriting: the HTML and text that come with emails to be registered (POST /emails). They are scanned before the
 * writer is asked, written when the ids are known, and never stored; what is stored is the text of their links. All of
 * it on the thread of the call. */
#ifndef INKLING_API_REWRITING_H
#define INKLING_API_REWRITING_H

#include "api/api.h"
#include "ingest/token_keys.h"
#include "store/link_texts.h"
#include "tracking/rewrite.h"

#define REWRITING_MEMBERS "html", "text", "unsubscribe", "footer", "honeypot", "rewrite_text", "language"

/* What one email brings along. */
struct outgoing {
    struct slice html, text; /* ptr NULL: not given */
    bool unsubscribe;        /* a header and a line of the footer offer it */
    bool footer, honeypot, rewrite_text;
    struct slice language;

    struct rewrite_scan *html_scan, *text_scan;
};

struct rewriting {
    struct outgoing *emails; /* as many as are registered; in the call's arena */
    size_t count;
    struct slice base;
    const struct token_keyset *keys; /* NULL: nothing is to be rewritten */
    struct link_text *texts;         /* not stored yet */
    size_t text_count;
};

/* The members of one email; the slices are the JSON document's. */
MUST_USE int outgoing_read(struct api_call *call, struct json_value email, struct outgoing *ret, struct err *err);
/* What our own pixel and links will measure of it. */
enum own_tracking outgoing_measures(const struct outgoing *outgoing);

/* Scans what is there; with nothing there it does nothing. ERR_TOO_LARGE when the answer would not fit. */
MUST_USE int rewriting_begin(struct api_call *call, struct rewriting *rewriting, struct err *err);
bool rewriting_is_wanted(const struct rewriting *rewriting);
/* Answers with `registered`, the JSON text of the registration with JSON_PADDING readable bytes behind it, and what was
 * rewritten added to each email. */
MUST_USE int rewriting_answer(struct api_call *call, const struct rewriting *rewriting, int status,
                              struct slice registered, struct err *err);
void rewriting_end(struct rewriting *rewriting); /* also after a failure, or without a beginning */

#endif
