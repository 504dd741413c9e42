/* parse: a raw RFC 5322 message taken apart with GMime. Internal to mail/. */
#ifndef INKLING_MAIL_PARSE_H
#define INKLING_MAIL_PARSE_H

#include "mail/mail.h"

#define PART_KEPT_MAX ((size_t)256 << 10) /* bytes of one part that are looked at */

/* Headers, the first text and HTML part, and the parts that carry reports; of a message within the message its headers
 * only. The envelope, provider id and time are `mail`'s. `with_text`: the text is wanted. */
MUST_USE int mail_parse(const struct received_mail *mail, bool with_text, struct arena *arena,
                        struct received_mail *ret, struct err *err);

#endif
