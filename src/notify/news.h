/* news: what goes over the streams, as JSON in one line. The same shapes as in the API's lists (docs/openapi.yaml). */
#ifndef INKLING_NOTIFY_NEWS_H
#define INKLING_NOTIFY_NEWS_H

#include "base/strbuf.h"
#include "store/notifications.h"
#include "store/outbox.h"

void news_write_notification(struct strbuf *out, const struct notification *notification);
void news_write_withdrawn(struct strbuf *out, int64_t id);
void news_write_engagement(struct strbuf *out, const struct outbox_item *item);

#endif
