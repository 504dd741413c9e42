/* notes: records that nobody waits for; when the writer is full they are dropped and counted. */
#ifndef INKLING_API_NOTES_H
#define INKLING_API_NOTES_H

#include "api/api.h"

/* A security event of an organization (0: of none, nothing is noted); both texts are constants. */
void note_refusal(struct api_call *call, int64_t organization_id, const char *kind, const char *detail);
/* When a key or a session was used last. */
void note_key_used(struct api_call *call, int64_t organization_id, int64_t api_key_id);
void note_session_used(struct api_call *call, int64_t organization_id, int64_t session_id);

#endif
