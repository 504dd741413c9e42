/* candidates: whom to follow up now, for the dashboard. */
#ifndef INKLING_API_CANDIDATES_H
#define INKLING_API_CANDIDATES_H

#include "api/api.h"

/* Rows as of the list of candidates: those who are hot and have not replied, the highest score first, and what stands
 * beside them. Of a job and sender (REPORT_ANY: all). In a read transaction, so scores that wait for an update are told
 * as pending instead of waited for. ERR_DENIED where the caller sees no scores, or there are none. */
MUST_USE int candidates_write_follow_up(struct api_call *call, int64_t job_id, int64_t sender_id, size_t limit,
                                        struct api_table *table, struct err *err);

#endif
