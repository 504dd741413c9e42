/* mail_json: received mail as JSON, in the ways that services write headers, envelopes and raw messages. What is kept
 * is copied into the arena; what lies beyond the bounds of received_mail.h is left out. */
#ifndef INKLING_PROVIDERS_MAIL_JSON_H
#define INKLING_PROVIDERS_MAIL_JSON_H

#include "base/arena.h"
#include "base/json.h"
#include "model/received_mail.h"

/* {"Subject": "x", "Received": ["a", "b"]}, [{"name": "Subject", "value": "x"}] in any case of the two keys, or
 * [["Subject", "x"]]. Sets headers and header_count. False when the value is none of these. */
bool mail_json_headers(struct json_value value, struct arena *arena, struct received_mail *mail);
/* One address, or an array of them: sets recipients and recipient_count. Absent and null ones leave them alone. */
void mail_json_recipients(struct json_value value, struct arena *arena, struct received_mail *mail);
/* A return path, where "" and "<>" are the null one. Absent and null ones leave it alone. */
void mail_json_sender(struct json_value value, struct arena *arena, struct received_mail *mail);
/* A message in base64, with or without line ends. False when it is not. */
bool mail_json_base64(struct slice text, struct arena *arena, struct slice *ret);

#endif
