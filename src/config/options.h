/* options: the one table of options. Internal to config/. */
#ifndef INKLING_CONFIG_OPTIONS_H
#define INKLING_CONFIG_OPTIONS_H

#include "config/config.h"

enum option_type {
    OPTION_TEXT,
    OPTION_SECRET,  /* text that is never printed */
    OPTION_INTEGER, /* min … max */
    OPTION_BYTES,   /* an integer with k, M or G behind it */
    OPTION_CIDRS,   /* "10.0.0.0/8, 2001:db8::/32" */
    OPTION_LEVEL,   /* debug, info, warning, error */
    OPTION_FORMAT,  /* text, json */
    OPTION_FLAG,    /* yes, no */
};

struct option {
    const char *name; /* as in the file; INKLING_NAME and --name-with-dashes follow */
    enum option_type type;
    const char *standard; /* its default, as in the file */
    int64_t min, max;
    bool reloaded;    /* on SIGHUP */
    const char *help; /* sentences; the first says what it is */
    size_t offset;    /* in struct config */
};

extern const struct option options[];
extern const size_t options_count;

/* Where a value came from, for messages: "line 7 of /etc/inkling/inkling.conf". Sets the member of `config`. */
MUST_USE int option_set(struct config *config, const struct option *option, const char *value, const char *origin,
                        struct err *err);
/* The value in force, as it would stand in the file. */
void option_write(const struct config *config, const struct option *option, struct strbuf *out);

#endif
