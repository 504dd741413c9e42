/* contribution_sql: the columns of struct contribution as a list in SQL, "X(sent), X(open_base), …". */
#ifndef INKLING_STORE_CONTRIBUTION_SQL_H
#define INKLING_STORE_CONTRIBUTION_SQL_H

#include "model/counters.h"

/* clang-format off: one list */
#define CONTRIBUTION_SQL(X)                                                                                                                                                      \
    X(sent)                                                                                                                                                                      \
    ", " X(open_base) ", " X(click_base) ", " X(delivered) ", " X(opened) ", " X(clicked) ", " X(opened_or_clicked) ", " X(replied) ", " X(bounced) ", " X(bounced_hard) ", " X( \
        complained) ", " X(unsubscribed) ", " X(dropped) ", " X(opens) ", " X(clicks) ", " X(total_clicks) ", " X(machine_opens) ", " X(machine_clicks) ", " X(open_delay_ms)
/* clang-format on */
_Static_assert(CONTRIBUTION_COUNT == 19, "CONTRIBUTION_SQL must name every field of struct contribution");

#endif
