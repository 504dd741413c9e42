/* reading: what providers share that send JSON objects, one an event: the loop over a batch, tables of event names, and
 * the caller's own variables. */
#ifndef INKLING_PROVIDERS_READING_H
#define INKLING_PROVIDERS_READING_H

#include "providers/metadata.h"
#include "providers/provider.h"

#define READING_IP_MAX_BYTES 64

/* What it takes to read one event; lives as long as one delivery. */
struct reading {
    struct arena *arena;
    struct metadata metadata;  /* empty when an event begins; becomes the event's own when it was read */
    struct json_reader *inner; /* see reading_json_text */
};

void reading_init(struct reading *reading, struct arena *arena);
void reading_release(struct reading *reading);

/* Reads `object`, element `index` of the delivery, into `ret`, which is zero but for link_position. 1: an event; 0:
 * none of ours, to be ignored; else -err_code. */
typedef int reading_event_fn(struct json_value object, size_t index, struct reading *reading, struct event *ret,
                             struct err *err);

/* A batch (array) or a single event (object). ERR_UNREADABLE for anything else, ERR_TOO_LARGE beyond
 * PROVIDER_EVENTS_MAX; otherwise as `read` says. */
MUST_USE int reading_events(struct json_value root, reading_event_fn *read, struct arena *arena,
                            struct parsed_delivery *ret, struct err *err);

/* ---- names of events ---- */

struct reading_name {
    const char *name;
    enum event_type type;
};
#define READING_NAMES(table) (table), sizeof(table) / sizeof((table)[0])
bool reading_find_type(const struct reading_name *table, size_t count, struct slice name, enum event_type *ret);
/* The first name of that type, or NULL: for `compose`. */
const char *reading_name_of(const struct reading_name *table, size_t count, enum event_type type);

/* ---- members ---- */

/* A string, or an integer as its digits (exact up to 64 bits); empty when absent or anything else. Valid as long as the
 * reader's values and `reading->arena`. */
struct slice reading_text(struct json_value object, const char *name, struct reading *reading);
/* Is it `true`, or 1, or "true"? */
bool reading_flag(struct json_value object, const char *name);

/* "event 3: Recipient is missing" and the like. */
int reading_wrong(struct err *err, size_t index, const char *member, const char *what);
MUST_USE int reading_time(struct json_value object, size_t index, const char *name, struct event *ret, struct err *err);
/* The event's time, recipient and first key, which every event must have; `key_name` NULL: the caller finds the keys.
 */
MUST_USE int reading_identity(struct json_value object, size_t index, const char *time_name, const char *recipient_name,
                              const char *key_name, struct reading *reading, struct event *ret, struct err *err);
/* url, address and agent as opens and clicks have them; names may be NULL. */
void reading_client(struct json_value object, const char *url_name, const char *ip_name, const char *agent_name,
                    struct reading *reading, struct event *ret);

/* Adds those members of `object` that are there and not empty to the metadata, texts in brief. `names` ends with NULL.
 */
void reading_keep(struct json_value object, const char *const *names, struct reading *reading);
/* The caller's own variables: email_log_id is the email's, everything else metadata. The second takes an object only.
 */
void reading_variable(struct slice name, struct json_value value, struct reading *reading, struct event *ret);
void reading_variables(struct json_value object, struct reading *reading, struct event *ret);
/* A text that callers fill with JSON or with anything else: an object is taken as variables, other text is kept as
 * metadata `name`. Values of the delivery's own reader stay valid. */
void reading_variables_text(struct slice text, const char *name, struct reading *reading, struct event *ret);
/* A JSON text within the JSON. False when it is none. *ret is valid until the next call. */
bool reading_json_text(struct slice text, struct reading *reading, struct json_value *ret);

/* ---- compose ---- */

/* Writes `"name":{…},` with the event's metadata and its email_log_id as the caller's variables; nothing when there are
 * none. */
void reading_write_variables(struct strbuf *out, const char *name, const struct event *event);
/* The same object without name and comma. */
void reading_write_variables_object(struct strbuf *out, const struct event *event);
/* What `out` holds as a composed body; ERR_TOO_LARGE when it had no room. */
MUST_USE int reading_composed(const struct strbuf *out, const char *content_type, struct arena *arena,
                              struct composed_delivery *ret, struct err *err);
/* ERR_INVALID: the service has no such event. */
int reading_no_event(const char *title, enum event_type type, struct err *err);

#define COMPOSED_MAX_BYTES ((size_t)32 << 20)

#endif
