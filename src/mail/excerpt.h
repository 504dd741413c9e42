/* excerpt: the beginning of what an author wrote. Internal to mail/. */
#ifndef INKLING_MAIL_EXCERPT_H
#define INKLING_MAIL_EXCERPT_H

#include "base/arena.h"
#include "base/slice.h"

/* At most `characters` of `text` (UTF-8, plain) in one line, up to the quoted message or the signature. */
struct slice excerpt_of(struct slice text, size_t characters, struct arena *arena);

#endif
