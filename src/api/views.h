/* views: emails, events and people as JSON objects, one definition each, for single answers and for lists. */
#ifndef INKLING_API_VIEWS_H
#define INKLING_API_VIEWS_H

#include "api/table.h"
#include "store/candidates.h"
#include "store/emails.h"
#include "store/engagement.h"

/* What belongs to something (candidate, job …) is a nested object, its members null when it is not there. */
json_t *view_email(const struct email_view *email);
/* `provider`: the name of the service that told of it; empty: not known. */
json_t *view_event(const struct stored_event *event, struct slice provider);
json_t *view_email_link(const struct email_link *link);
json_t *view_candidate(const struct candidate_view *candidate, const struct candidate_figures *figures);

/* Ends the building of an object for JSON: a nested object of nulls alone becomes null. Takes and gives the reference.
 */
json_t *view_finish(json_t *object);
/* Adds an object as a row. In CSV nested objects become columns: candidate_id, candidate_name … Takes the reference. */
void view_to_row(struct api_table *table, json_t *object);

#endif
