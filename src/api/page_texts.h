/* page_texts: what the pages for recipients say, in five languages. Internal to api/. */
#ifndef INKLING_API_PAGE_TEXTS_H
#define INKLING_API_PAGE_TEXTS_H

#include "base/slice.h"

/* "%" stands for the organization's name. Plain text. */
struct page_texts {
    const char *language; /* as in the attribute lang */
    const char *somebody; /* when the name is not known */
    const char *unsubscribe_title, *unsubscribe_ask, *unsubscribe_button;
    const char *unsubscribed_title, *unsubscribed;
    const char *preferences_title, *preferences_ask, *preferences_why;
    const char *level_full, *level_clicks, *level_none;
    const char *unanswered;
    const char *save_button, *saved;
    const char *to_preferences, *to_unsubscribe;
    const char *failed_title, *failed;
};

/* The best of `accept_language` (RFC 9110 section 12.5.4); English when none is asked for. */
const struct page_texts *page_texts_for(struct slice accept_language);

#endif
