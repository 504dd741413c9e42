/* outbox_rows: reading what stands in event_outbox, and in webhook_deliveries, which has the same columns, with what is
 * known about it. Internal to store/. */
#ifndef INKLING_STORE_OUTBOX_ROWS_H
#define INKLING_STORE_OUTBOX_ROWS_H

#include "store/db.h"
#include "store/outbox.h"

/* Of rows named `o`; outbox_item_read takes them in this order. */
#define OUTBOX_ITEM_COLUMNS                                                                                            \
    "o.organization_id, o.id, o.kind, o.email_log_id, o.event_type, o.occurred_at, o.link_id, o.candidate_id, "        \
    "o.recipient_ref, o.score, o.level, o.former_level, e.sender_id, e.recipient_id, e.message_id, e.subject, "        \
    "c.job_id, p.external_id, p.name, p.title, j.external_id, j.name, l.url, l.position, s.opened_at, s.bounced_at, "  \
    "s.bounce_type, s.tracking, s.tracking_now, g.tracking, u.external_id, u.email, "                                  \
    "coalesce(k.score, -1), g.score_enabled, g.score_hot"
#define OUTBOX_ITEM_COLUMN_COUNT 35
#define OUTBOX_ITEM_JOINS                                                                                              \
    " LEFT JOIN email_logs e ON e.organization_id = o.organization_id AND e.id = o.email_log_id"                       \
    " LEFT JOIN email_stats s ON s.organization_id = o.organization_id AND s.email_log_id = o.email_log_id"            \
    " LEFT JOIN organizations g ON g.organization_id = o.organization_id"                                              \
    " LEFT JOIN cohorts c ON c.organization_id = o.organization_id AND c.id = e.cohort_id"                             \
    " LEFT JOIN candidates p ON p.organization_id = o.organization_id"                                                 \
    " AND p.id = coalesce(e.recipient_id, o.candidate_id)"                                                             \
    " LEFT JOIN candidate_scores k ON k.organization_id = o.organization_id AND k.candidate_id = p.id"                 \
    " LEFT JOIN jobs j ON j.organization_id = o.organization_id AND j.id = c.job_id"                                   \
    " LEFT JOIN links l ON l.organization_id = o.organization_id AND l.id = o.link_id AND o.link_id <> 0"              \
    " LEFT JOIN users u ON u.organization_id = o.organization_id AND u.id = e.sender_id AND e.sender_id <> 0"

struct outbox_item outbox_item_read(const struct db_rows *rows, int first_column, struct arena *arena);

#endif
