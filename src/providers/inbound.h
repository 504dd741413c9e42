/* inbound: building a struct received_mail of what a provider hands on. Everything is copied into the arena, bounded as
 * model/received_mail.h says: what is beyond is left out, a mail is never refused for it. */
#ifndef INKLING_PROVIDERS_INBOUND_H
#define INKLING_PROVIDERS_INBOUND_H

#include "base/json.h"
#include "providers/provider.h"

struct inbound_builder {
    struct arena *arena;
    struct received_mail mail; /* raw, provider_id, received_at are set by the caller */
    struct received_header *headers;
    size_t header_capacity;
    struct slice *recipients;
    size_t recipient_capacity;
    struct received_part *parts;
    size_t part_capacity;
};

void inbound_init(struct inbound_builder *builder, struct arena *arena, int64_t received_at);

void inbound_add_header(struct inbound_builder *builder, struct slice name, struct slice value);
/* The members of a JSON object; a name that comes several times has an array of values. */
void inbound_add_header_object(struct inbound_builder *builder, struct json_value headers);
/* Only when the value is not empty and no header of that name is there: for what providers take out of the headers. */
void inbound_add_missing_header(struct inbound_builder *builder, const char *name, struct slice value);
/* Addresses separated by commas, in brackets or bare. */
void inbound_add_recipients(struct inbound_builder *builder, struct slice text);
void inbound_set_sender(struct inbound_builder *builder, struct slice text);
/* Where the provider tells the envelope by the headers that its server has put in front: Return-Path, Delivered-To. */
void inbound_envelope_of_headers(struct inbound_builder *builder);
/* A copy that is UTF-8: what is none becomes '?'. */
struct slice inbound_text(struct inbound_builder *builder, struct slice text);
/* Kept when the content type (with or without parameters) is that of a report, see struct received_part. */
bool inbound_is_report(struct slice content_type);
void inbound_add_part(struct inbound_builder *builder, struct slice content_type, struct slice body);
/* Base64 with line breaks, as it is in mails. False when it is none. */
bool inbound_base64(struct arena *arena, struct slice text, struct slice *ret);

/* The finished mail; the builder may be forgotten. */
struct received_mail inbound_finish(struct inbound_builder *builder);

#endif
