/* message: an outgoing email as bytes (RFC 5322, MIME), of which the HTML and the text are taken out, and put back
 * after rewriting. GMime reads; what is written is the original with some stretches replaced, so every other byte
 * stays. */
#ifndef INKLING_RELAY_MESSAGE_H
#define INKLING_RELAY_MESSAGE_H

#include "base/arena.h"
#include "base/err.h"

struct strbuf;

#define MESSAGE_BYTES_MAX   (32UL << 20)
#define MESSAGE_HEADERS_MAX 8 /* to be added */

/* A body part, decoded. */
struct message_part {
    struct slice text;   /* UTF-8; ptr NULL: there is none that can be rewritten */
    size_t start, end;   /* its encoded bytes in the source */
    int encoding;        /* GMimeContentEncoding */
    const char *charset; /* NULL: UTF-8 or a part of it */
};

struct message {
    struct slice source;
    size_t header_end;              /* the empty line behind the header begins here */
    const char *line_break;         /* as the header has it */
    struct message_part html, text; /* the first of each, outside of attachments and of what is signed or encrypted */
    struct slice subject, message_id, from_name, from_address, to_name, to_address; /* UTF-8; empty: absent */
    size_t recipients;                                                              /* addresses in To, Cc and Bcc */
    void *parsed;                                                                   /* GMimeMessage */
    struct arena *arena;
};

/* Before threads, and at the end of the program. */
void message_global_init(void);
void message_global_cleanup(void);

/* `source` must outlive the message. ERR_UNREADABLE: no header; ERR_TOO_LARGE; ERR_DENIED: must not be changed, for it
 * carries a DKIM signature already. */
MUST_USE int message_open(struct slice source, struct message **ret, struct err *err);
struct message *message_close(struct message *message); /* NULL accepted */
/* A header's text, decoded; empty: absent. In the message's arena. */
struct slice message_header(struct message *message, const char *name);

struct message_header_line {
    const char *name;
    struct slice value;
};
/* What a part becomes: encoded as it was, in its own charset. ERR_INVALID: that cannot be, for a line would be longer
 * than SMTP takes or a character is not in the charset; the message must then be sent as it was. */
MUST_USE int message_encode(const struct message *message, const struct message_part *part, struct slice text,
                            struct strbuf *out, struct err *err);
/* Appends the message with the new html and text (ptr NULL: as it was) and further headers. A text that cannot be
 * encoded beside a html that can stays as it was. */
MUST_USE int message_write(const struct message *message, struct slice html, struct slice text,
                           const struct message_header_line *headers, size_t header_count, struct strbuf *out,
                           struct err *err);

#endif
