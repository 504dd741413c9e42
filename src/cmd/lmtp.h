/* lmtp: the LMTP server of `inkling serve`. */
#ifndef INKLING_CMD_LMTP_H
#define INKLING_CMD_LMTP_H

#include "api/app.h"

struct lmtp;

/* As configured; *ret is NULL when no lmtp_listen is set. */
MUST_USE int lmtp_start(struct app *app, struct lmtp **ret, struct err *err);
/* Before the writer stops. NULL accepted. */
struct lmtp *lmtp_stop(struct lmtp *lmtp);

#endif
