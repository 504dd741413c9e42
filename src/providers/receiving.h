/* receiving: what translators of received mail have in common: bounded lists of headers and parts, copied into the
 * arena. */
#ifndef INKLING_PROVIDERS_RECEIVING_H
#define INKLING_PROVIDERS_RECEIVING_H

#include "base/arena.h"
#include "base/json.h"
#include "model/received_mail.h"

/* One mail being put together. */
struct receiving {
    struct arena *arena;
    struct received_header *headers; /* room for RECEIVED_MAIL_HEADERS_MAX, made with the first */
    struct received_part *parts;
    struct slice *recipients;
    struct received_mail mail; /* its lists are the ones above */
};

void receiving_init(struct receiving *receiving, struct arena *arena);
/* Empty values, and what is beyond the bounds of model/received_mail.h, are passed over. */
void receiving_header(struct receiving *receiving, struct slice name, struct slice value);
/* An object of headers, the value of each a text or, when it repeats, a list of texts. */
void receiving_headers(struct receiving *receiving, struct json_value object);
void receiving_recipient(struct receiving *receiving, struct slice address);
/* The return path, which may be the null one: with or without angle brackets. */
void receiving_sender(struct receiving *receiving, struct slice address);
/* A part that carries a report, in base64 with or without line breaks; others, and what is no base64, are passed over.
 */
void receiving_part(struct receiving *receiving, struct slice content_type, struct slice base64);
/* Base64 that may be broken into lines. False when it is none. */
bool receiving_decode(struct arena *arena, struct slice base64, struct slice *ret);
/* A text as the mail's, or nothing when it is not UTF-8. */
struct slice receiving_text(struct arena *arena, struct slice text);

#endif
