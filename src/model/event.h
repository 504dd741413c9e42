/* event: something that happened to an email, in the one form that every source is translated into.
 * Plain data and pure functions. The strings are slices into the arena of whoever made the event. */
#ifndef INKLING_MODEL_EVENT_H
#define INKLING_MODEL_EVENT_H

#include "base/slice.h"

/* The numbers are stored in the database: never change one, only add. */
enum event_type {
    EVENT_PROCESSED = 1, /* accepted by the provider, or handed to SMTP */
    EVENT_DELIVERED = 2,
    EVENT_DEFERRED = 3,
    EVENT_DROPPED = 4, /* the provider never tried */
    EVENT_OPEN = 5,
    EVENT_CLICK = 6,
    EVENT_REPLY = 7,
    EVENT_BOUNCE = 8,
    EVENT_SPAM = 9, /* a complaint */
    EVENT_UNSUBSCRIBE = 10,
    EVENT_GROUP_UNSUBSCRIBE = 11,
    EVENT_GROUP_RESUBSCRIBE = 12,
    EVENT_AUTO_REPLY = 13, /* a machine answered (out of office …): recorded, counts for nothing */
};
#define EVENT_TYPE_MAX 13

/* "open", "group_unsubscribe" …: the names of tables, API and the generic provider. */
const char *event_type_name(enum event_type type);
bool event_type_parse(struct slice name, enum event_type *ret);
/* Opens and clicks: what consent governs and a machine can fake. */
bool event_type_is_tracking(enum event_type type);

enum bounce_kind {
    BOUNCE_NONE = 0,
    BOUNCE_SOFT = 1,
    BOUNCE_BLOCK = 2,
    BOUNCE_HARD = 3
};                                                   /* stored; the graver is greater */
const char *bounce_kind_name(enum bounce_kind kind); /* "soft", "block", "hard"; NULL for none */
bool bounce_kind_parse(struct slice name, enum bounce_kind *ret);

/* What the source itself says about who caused an open or click. Stored with orphans: never change a number. */
enum machine_hint {
    MACHINE_HINT_NONE = 0,
    MACHINE_HINT_MACHINE = 1,  /* a provider's flag */
    MACHINE_HINT_METHOD = 2,   /* from here on our own endpoints: HEAD, */
    MACHINE_HINT_PREFETCH = 3, /* a header that says prefetch, */
    MACHINE_HINT_HONEYPOT = 4, /* the hidden link */
};

#define EVENT_KEYS_MAX              3
#define EVENT_KEY_MAX_BYTES         512  /* a message id; longer ones never match (RFC 5322 lines hold 998) */
#define EVENT_URL_MAX_BYTES         2048 /* longer urls are cut; the cut url still tells links apart by position */
#define EVENT_AGENT_MAX_BYTES       512
#define EVENT_METADATA_MAX_BYTES    1024
#define EVENT_RECIPIENT_MAX_BYTES   320 /* RFC 5321: 64 + '@' + 255; longer ones are cut */
#define EVENT_PROVIDER_ID_MAX_BYTES 128
#define LINK_POSITION_NONE          (-1)

struct event {
    enum event_type type;
    enum bounce_kind bounce;   /* for EVENT_BOUNCE */
    enum machine_hint machine; /* for opens and clicks */
    int64_t occurred_at;       /* ms UTC, as sent by the provider */
    /* Message ids under which the email may be registered, the surest first (semantics.md "Finding the email").
     * As message_id_normalize leaves them; unused ones empty. */
    struct slice keys[EVENT_KEYS_MAX];
    int64_t email_log_id;    /* from the provider's metadata, or our own token; 0 when absent */
    int64_t cohort_id;       /* of a hit of no single email (our own token under `aggregate`, C-03); else 0 */
    struct slice recipient;  /* address, as sent; empty when the provider names none */
    struct slice url;        /* of a click */
    int32_t link_position;   /* from 0, or LINK_POSITION_NONE */
    struct slice ip_address; /* text, as sent; for opens, clicks and unsubscribes */
    struct slice user_agent;
    struct slice provider_event_id; /* evidence only, never the key */
    struct slice metadata; /* compact JSON object with what else is worth keeping (reason, status …), or empty */
};

/* A message id as it is compared: white space and one pair of angle brackets at the ends taken off. */
struct slice message_id_normalize(struct slice text);
/* "Jane <Jane@Example.org>" or "jane@example.org" to the bare address, still in its own case. Empty when there is none.
 */
struct slice recipient_address(struct slice text);

#endif
