/* world: the demo's candidates, the emails they are sent, and how people behave with them. Pure: time, seed and
 * everything else is passed in; the same seed and the same moment give the same world. */
#ifndef INKLING_DEMO_WORLD_H
#define INKLING_DEMO_WORLD_H

#include "base/arena.h"
#include "demo/data.h"
#include "demo/random.h"
#include "model/event.h"

enum {
    DEMO_CANDIDATES = 400,
    DEMO_HISTORY_DAYS = 122,
    DEMO_OBJECTOR = 7,        /* the candidate who objected to tracking (BR-558.1) */
    DEMO_OBJECTED_DAYS = 41,  /* that many days ago */
    DEMO_HAPPENINGS_MAX = 24, /* of one email */
    DEMO_MESSAGE_ID_MAX = 112,
};

struct demo_candidate {
    char id[16], name[64], email[96];
    const char *title;
    int job;         /* whose candidate it is */
    double interest; /* 0 … 1 */
    int agent;
    uint32_t address;    /* IPv4 */
    int32_t since_day;   /* known to the organization since */
    bool applied;        /* by an application; otherwise found and written to */
    bool bad_address;    /* the first email bounces hard */
    int64_t gone_at;     /* from then on nothing can be delivered; INT64_MAX: not */
    int64_t left_at;     /* unsubscribed from all marketing; INT64_MAX: not */
    int64_t answered_at; /* the last reply */
};

/* Indexes into the tables of demo_data.h; -1: none. */
struct demo_email {
    int candidate, template_, job, campaign, sequence_step, sender;
    enum demo_provider provider;
    int64_t sent_at; /* ms UTC, whole seconds */
    char message_id[DEMO_MESSAGE_ID_MAX];
};

/* What will happen to an email. */
struct demo_happening {
    int64_t at; /* ms UTC */
    enum event_type type;
    enum bounce_kind bounce;
    bool machine;
    int link; /* of a click: index into the template's links */
    int bounce_text;
    enum demo_provider provider; /* whose webhook tells */
};

struct demo_world {
    struct demo_random dice;
    int64_t now; /* the end of the history */
    int32_t today;
    struct demo_candidate candidates[DEMO_CANDIDATES];
};

void demo_world_init(struct demo_world *world, uint64_t seed, int64_t now);

/* A moment on a local day: minutes from midnight. */
int64_t demo_local_time(int32_t day, double minutes);
bool demo_is_workday(int32_t day);

/* Gives the email its provider's kind of message id. */
void demo_email_name(struct demo_world *world, struct demo_email *email);
/* What happens to it, in order of time. `hurry`: 1 is life; 60 lets a minute stand for an hour, and nobody sleeps.
 * Remembers with the candidate who bounced, unsubscribed or replied. */
size_t demo_behave(struct demo_world *world, const struct demo_email *email, double hurry,
                   struct demo_happening happenings[DEMO_HAPPENINGS_MAX]);
/* Would the organization still write to this candidate with that template? */
bool demo_may_write(const struct demo_world *world, const struct demo_email *email);

/* The happening as the event that its provider reports; strings in `arena`. */
struct event demo_event(struct demo_world *world, const struct demo_email *email,
                        const struct demo_happening *happening, struct arena *arena);
/* "Interview invitation: Data Analyst"; in `arena`. */
const char *demo_subject(const struct demo_email *email, struct arena *arena);

#endif
