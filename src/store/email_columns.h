/* email_columns: the figures of an email as a query reads them. Internal to store/. */
#ifndef INKLING_STORE_EMAIL_COLUMNS_H
#define INKLING_STORE_EMAIL_COLUMNS_H

#include "model/counters.h"

struct db_rows;

/* Of table email_stats under the alias s, in the order in which email_stats_read takes them. */
#define EMAIL_STATS_COLUMNS                                                                                            \
    "s.email_log_id, s.organization_id, s.cohort_id, s.sent_at, s.recipient_hash, s.tracking, s.tracking_now,"         \
    " s.delivered_at, s.opened_at, s.clicked_at, s.replied_at, s.bounced_at, s.dropped_at, s.complained_at,"           \
    " s.unsubscribed_at, s.open_count, s.machine_open_count, s.click_count, s.total_click_count,"                      \
    " s.machine_click_count, s.bounce_type, s.last_human_at"
#define EMAIL_STATS_COLUMN_COUNT 22

/* Leaves last_event_at unset: only the database that has it needs it. */
void email_stats_read(const struct db_rows *rows, int first_column, struct email_stats *ret);

#endif
