#include "store/email_columns.h"

#include "store/db.h"

#include "base/banned.h"

void email_stats_read(const struct db_rows *rows, int first_column, struct email_stats *ret) {
    int column = first_column;
    email_stats_init(ret);
    ret->email_log_id = db_column_int(rows, column++);
    ret->organization_id = db_column_int(rows, column++);
    ret->cohort_id = db_column_int(rows, column++);
    ret->sent_at = db_column_int(rows, column++);
    ret->recipient_hash = db_column_int(rows, column++);
    ret->tracking = (enum tracking_level)db_column_int(rows, column++);
    ret->tracking_now = (enum tracking_level)db_column_int(rows, column++);
    int64_t *const times[] = {&ret->delivered_at, &ret->opened_at,  &ret->clicked_at,    &ret->replied_at,
                              &ret->bounced_at,   &ret->dropped_at, &ret->complained_at, &ret->unsubscribed_at};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        *times[i] = db_column_int_or(rows, column++, TIME_UNSET);
    ret->open_count = db_column_int(rows, column++);
    ret->machine_open_count = db_column_int(rows, column++);
    ret->click_count = db_column_int(rows, column++);
    ret->total_click_count = db_column_int(rows, column++);
    ret->machine_click_count = db_column_int(rows, column++);
    ret->bounce_type = (enum bounce_kind)db_column_int(rows, column++);
    ret->last_human_at = db_column_int_or(rows, column, TIME_UNSET);
}
