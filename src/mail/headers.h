/* headers: reading the headers of a mail. Internal to mail/. */
#ifndef INKLING_MAIL_HEADERS_H
#define INKLING_MAIL_HEADERS_H

#include "mail/mail.h"

#define HEADER_VALUE_MAX 32768 /* bytes of one value that are looked at */

/* The first header of that name, in any case: the value as sent, without white space at its ends. Empty: absent. */
struct slice header_value(const struct received_mail *mail, struct slice name);
bool header_present(const struct received_mail *mail, struct slice name);
/* The last of several. */
struct slice header_last(const struct received_mail *mail, struct slice name);
/* The value unfolded, encoded words (RFC 2047) decoded: UTF-8 without NUL. */
struct slice header_text(const struct received_mail *mail, struct slice name, struct arena *arena);
struct slice header_decode(struct slice value, struct arena *arena);
/* What stands before the first ';', or the whole: "auto-replied" of "auto-replied; owner-email=…". */
struct slice header_word(const struct received_mail *mail, struct slice name);
/* A parameter of Content-Type (report-type), without quotes; empty when absent. */
struct slice header_parameter(struct slice value, struct slice name);

/* The bare addresses of a header (From, To …), at most `max`. Groups are opened, names left out. Returns how many. */
size_t header_addresses(struct slice value, struct arena *arena, struct slice *ret, size_t max);
/* The message ids of In-Reply-To or References in order. Folded ones are put together; a lone id without brackets, as
 * some programs write it, counts too. */
size_t header_ids(struct slice value, struct arena *arena, struct slice *ret, size_t max);
/* RFC 5322 section 3.3, and what is near it. False for none, or beyond the years 1970 to 2200. */
bool header_date(struct slice value, struct arena *arena, int64_t *ret_ms);

/* When the mail was written, the same whichever way and however often it reaches us: its Date header, if that lies
 * within MAIL_DATE_BEFORE and MAIL_DATE_AHEAD of the first server's Received header (the last one in the mail: clocks
 * of servers are right, those of people often are not); else that server's time; else Date if it is near received_at;
 * else received_at. */
#define MAIL_DATE_BEFORE_MS (30 * 24 * 3600 * 1000LL)
#define MAIL_DATE_AHEAD_MS  (24 * 3600 * 1000LL)
int64_t mail_time(const struct received_mail *mail, struct arena *arena);

/* As header_value, in a list (of a report's group, say). */
struct slice field_value(const struct received_header *fields, size_t count, struct slice name);

#endif
