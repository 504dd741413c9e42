/* relay_options: the options that rewrite and milter share. */
#ifndef INKLING_CMD_RELAY_OPTIONS_H
#define INKLING_CMD_RELAY_OPTIONS_H

#include "config/config.h"
#include "relay/relay.h"

enum relay_option {
    RELAY_URL,
    RELAY_API_KEY_FILE,
    RELAY_TIMEOUT,
    RELAY_CANDIDATE_HEADER,
    RELAY_JOB_HEADER,
    RELAY_TEMPLATE_HEADER,
    RELAY_CAMPAIGN_HEADER,
    RELAY_TRACKING_HEADER,
    RELAY_LANGUAGE,
    RELAY_NO_FOOTER,
    RELAY_NO_UNSUBSCRIBE,
    RELAY_HONEYPOT,
    RELAY_REWRITE_TEXT,
    RELAY_OPTION_COUNT,
};

#define RELAY_OPTIONS                                                                                                  \
    [RELAY_URL] = {"url", "URL", "Of the service. Default: public_url, or where it listens."},                         \
    [RELAY_API_KEY_FILE] = {"api-key-file", "FILE", "File with an API key of the role write or admin."},               \
    [RELAY_TIMEOUT] = {"timeout-ms", "MS", "Time for the service to answer."},                                         \
    [RELAY_CANDIDATE_HEADER] = {"candidate-header", "NAME",                                                            \
                                "Header with the candidate's id. Default: "                                            \
                                "X-Inkling-Candidate; without it the address is the id."},                             \
    [RELAY_JOB_HEADER] = {"job-header", "NAME", "Header with the job's id. Default: X-Inkling-Job."},                  \
    [RELAY_TEMPLATE_HEADER] = {"template-header", "NAME", "The template's. Default: X-Inkling-Template."},             \
    [RELAY_CAMPAIGN_HEADER] = {"campaign-header", "NAME", "The campaign's. Default: X-Inkling-Campaign."},             \
    [RELAY_TRACKING_HEADER] = {"tracking-header", "NAME",                                                              \
                               "Header with the level to track at, at most: none, "                                    \
                               "aggregate, clicks, full. Default: X-Inkling-Tracking."},                               \
    [RELAY_LANGUAGE] = {"language", "CODE", "Of the footer: en, de, fr, es, it. Default: the HTML's."},                \
    [RELAY_NO_FOOTER] = {"no-footer", NULL, "Add no footer."},                                                         \
    [RELAY_NO_UNSUBSCRIBE] = {"no-unsubscribe", NULL, "Add no way to unsubscribe."},                                   \
    [RELAY_HONEYPOT] = {"honeypot", NULL, "Add a link that no person sees."},                                          \
    [RELAY_REWRITE_TEXT] = {"rewrite-text", NULL, "Rewrite addresses in plain text parts too."}

/* Reads the key file too. What is read lives as long as `config`. */
MUST_USE int relay_options_read(struct config *config, const char *const *values, int timeout_default_ms,
                                struct relay *ret, struct err *err);

#endif
