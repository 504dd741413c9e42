/* subject: what two mails of one conversation have in common in their subjects. Internal to mail/, and for ingest/. */
#ifndef INKLING_MAIL_SUBJECT_H
#define INKLING_MAIL_SUBJECT_H

#include "base/arena.h"
#include "base/slice.h"

#define SUBJECT_KEPT_MAX 998 /* RFC 5322 section 2.1.1 */

/* Without the prefixes of answers, forwards and automatic replies in the usual languages ("Re:", "AW:", "Antw[2]:",
 * "Automatic reply:" …), without list tags in front ("[list] "), white space made single, in lower case (ASCII). Two
 * subjects are the same when these are. `subject` is decoded UTF-8. */
struct slice subject_normalize(struct slice subject, struct arena *arena);
/* Does it begin with the prefix of an answer? */
bool subject_is_answer(struct slice subject);
/* Does it begin with a prefix that only programs write, such as "Automatic reply:" (Exchange, in the mailbox's
 * language)? */
bool subject_is_automatic(struct slice subject);
/* Does it begin with words that people use as well ("Out of office today?")? A hint that wants another beside it. */
bool subject_speaks_of_absence(struct slice subject);

#endif
