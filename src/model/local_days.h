/* local_days: the day that a moment belongs to. An organization's time zone may change; what was counted keeps its day,
 * or reports and `inkling verify` would have to know when each event arrived. So the zones of the past stay with their
 * ends, and the day of a moment is a function of the moment alone (docs/decisions/0020-activity.md). Pure. */
#ifndef INKLING_MODEL_LOCAL_DAYS_H
#define INKLING_MODEL_LOCAL_DAYS_H

#include "base/err.h"
#include "base/slice.h"
#include "base/strbuf.h"

/* Changes of the zone that are remembered. */
#define FORMER_ZONES_MAX 50

struct local_days {
    struct slice time_zone; /* IANA name */
    struct slice former; /* "Europe/Berlin 1764000000000;…": zones and their ends in ms, excluded, the oldest first */
};

/* Days since 1970-01-01. */
int32_t local_day(const struct local_days *days, int64_t ms);

/* Appends that `days` held until then, to `former` as it is to be from now on. ERR_CONFLICT after FORMER_ZONES_MAX. */
MUST_USE int local_days_end(const struct local_days *days, int64_t until, struct strbuf *former, struct err *err);

#endif
