/* views: emails, events and people as fields of an answer (table.h), one definition each, for single answers and for
 * lists. What belongs to something (candidate, job …) is a nested object, null when there is none; in CSV, columns of
 * its own: candidate_id, candidate_name … */
#ifndef INKLING_API_VIEWS_H
#define INKLING_API_VIEWS_H

#include "api/table.h"
#include "store/candidates.h"
#include "store/emails.h"
#include "store/engagement.h"

/* A thing of the applicant tracking system: {"id", "<label>"}, or null when `id` has no ptr. */
/* A candidate as the streams name one; `external_id` without ptr: null. */
void view_named_candidate(struct api_table *table, int64_t id, struct slice external_id, struct slice name);
void view_thing(struct api_table *table, const char *name, struct slice id, const char *label, struct slice text);
void view_email(struct api_table *table, const struct email_view *email);
void view_email_link(struct api_table *table, const struct email_link *link);
/* `provider`: the name of the service that told of it; empty: not known. */
void view_event(struct api_table *table, const struct stored_event *event, struct slice provider);
/* `policy`: NULL when the organization has no scores; else score and level stand in. */
void view_candidate(struct api_table *table, const struct candidate_view *candidate,
                    const struct candidate_figures *figures, const struct score_policy *policy);

#endif
