/* data: who and what the demo's organization deals with. Pure tables; every address is of a domain or network
 * that is reserved for examples (RFC 2606, RFC 5737). */
#ifndef INKLING_DEMO_DATA_H
#define INKLING_DEMO_DATA_H

#include <stddef.h>

#include "model/tracking.h"

#define DEMO_ORGANIZATION  "Northwind Talent"
#define DEMO_TIME_ZONE     "Europe/Berlin"
#define DEMO_ADMIN_NAME    "Anna Berg"
#define DEMO_ADMIN_EMAIL   "anna.berg@northwind.example"
#define DEMO_MANAGER_NAME  "Ines Duarte" /* a hiring manager: sends nothing, sees the candidates of her jobs */
#define DEMO_MANAGER_EMAIL "ines.duarte@northwind.example"

/* A name and how it is spelled in an address. */
struct demo_name {
    const char *text, *ascii;
};
extern const struct demo_name demo_first_names[], demo_family_names[];
extern const size_t demo_first_name_count, demo_family_name_count;

#define DEMO_TITLES 4
struct demo_job {
    int weight; /* of its applications */
    const char *id, *title;
    const char *titles[DEMO_TITLES]; /* what its candidates are today */
    double appeal;                   /* added to the log odds of an open */
};
extern const struct demo_job demo_jobs[];
enum { DEMO_JOB_COUNT = 11, DEMO_JOB_CONFIDENTIAL = 10 };

/* Who sends it, and whose webhooks tell about it. */
enum demo_provider { DEMO_SENDGRID, DEMO_SES, DEMO_GENERIC, DEMO_PROVIDER_COUNT };

#define DEMO_LINKS 3
struct demo_link {
    int weight;
    const char *url; /* {job}: the job's id */
};
struct demo_template {
    const char *id, *name, *subject; /* {job}: the job's title */
    enum demo_provider provider;
    int live_weight;            /* among the emails of the live traffic */
    double open, click, reply;  /* of the emails sent, aimed at */
    double open_median_minutes; /* how long half of the readers wait */
    bool marketing;             /* has a link to unsubscribe */
    struct demo_link links[DEMO_LINKS];
};
enum {
    TEMPLATE_RECEIVED,
    TEMPLATE_INTERVIEW,
    TEMPLATE_REMINDER,
    TEMPLATE_UPDATE,
    TEMPLATE_OFFER,
    TEMPLATE_ALERT,
    TEMPLATE_NURTURE,
    TEMPLATE_NEWS,
    DEMO_TEMPLATE_COUNT
};
extern const struct demo_template demo_templates[DEMO_TEMPLATE_COUNT];

struct demo_campaign {
    const char *id, *name;
    int template_, job, sender; /* job -1: none */
    int days_ago;               /* sent on the working day about that time before the end of the history */
    int every_days;             /* 0: once */
    int recipients;
    double lift;                  /* added to the log odds of an open */
    enum tracking_level tracking; /* stricter than the organization's: BR-558.8 */
};
extern const struct demo_campaign demo_campaigns[];
extern const size_t demo_campaign_count;

#define DEMO_SEQUENCE_ID    "seq-passive"
#define DEMO_SEQUENCE_NAME  "Passive candidates, three steps"
#define DEMO_SEQUENCE_STEPS 3

struct demo_sender {
    const char *id, *name, *email;
};
enum { DEMO_SENDER_COUNT = 6 };
enum { DEMO_RECRUITER = 1 }; /* of the senders: signs in as a recruiter */
extern const struct demo_sender demo_senders[DEMO_SENDER_COUNT];

/* Mail programs as their agents tell it. */
struct demo_agent {
    int weight;
    bool prefetches; /* fetches images itself, through a privacy proxy: a machine's open */
    const char *open_agent, *click_agent;
};
extern const struct demo_agent demo_agents[];
extern const size_t demo_agent_count;
#define DEMO_MACHINE_AGENT "Mozilla/5.0"

struct demo_bounce {
    const char *status, *reason;
};
extern const struct demo_bounce demo_hard_bounces[], demo_soft_bounces[];
enum { DEMO_BOUNCE_TEXTS = 3 };

extern const char *const demo_mail_domains[];
extern const size_t demo_mail_domain_count;

#endif
