/* timezone: civil days of an IANA time zone ("Europe/Berlin"), by GLib from the system's tzdata. Thread-safe. */
#ifndef INKLING_BASE_TIMEZONE_H
#define INKLING_BASE_TIMEZONE_H

#include "base/slice.h"

/* Is it a zone this machine knows? "UTC" always is. */
bool timezone_known(struct slice name);
/* Days since 1970-01-01 of the local date at that moment. An unknown zone counts as UTC. */
int32_t timezone_day(struct slice name, int64_t ms);
/* Minutes since midnight that a clock there shows, 0 to 1439. */
int timezone_minute(struct slice name, int64_t ms);
/* The moment at which that local day begins. */
int64_t timezone_day_start(struct slice name, int32_t day);

#endif
