/* config: every option of the program, from one table (options.c): name, type, default, help, whether SIGHUP reloads
 * it. The table makes the parser of the file ("key = value" lines, # comments), the INKLING_* variables, the --flags,
 * --help, `config print-default` and the check of the manual. Precedence: flag > variable > file > default.
 * A config is immutable. */
#ifndef INKLING_CONFIG_CONFIG_H
#define INKLING_CONFIG_CONFIG_H

#include "base/arena.h"
#include "base/cidr.h"
#include "base/err.h"
#include "base/log.h"
#include "base/strbuf.h"

#define CONFIG_FILE_DEFAULT "/etc/inkling/inkling.conf" /* read when it is there and no other is named */

/* The members are the options of options.c, which says what each is. Texts are never NULL. */
struct config {
    struct arena *arena; /* owns all below */
    const char *file;    /* the file that was read; NULL: none */
    const char *listen;
    const char *database; /* never empty: "sqlite:<data_directory>/inkling.db" unless set */
    const char *data_directory;
    const char
        *secret_key_file;     /* never empty: "secret.key" beside the SQLite file, or in data_directory, unless set */
    const char *public_url;   /* without '/' at the end; empty: made of what is listened on */
    const char *tracking_url; /* without '/' at the end; empty: public_url */
    const char *journal_directory; /* never empty: "hits" beside the SQLite file, or in data_directory, unless set */
    int64_t journal_bytes_max;
    bool tracking_allow_internal;
    const char *sns_certificates_directory;
    const char *tls_certificate_file, *tls_key_file;
    const struct cidr *trusted_proxies;
    size_t trusted_proxy_count;
    int log_level;                                         /* enum log_level */
    int log_format;                                        /* enum log_format */
    int64_t event_threads, worker_threads, writer_threads; /* 0: by the machine */
    int64_t database_readers;
    int64_t connections_max, connections_per_address_max;
    int64_t idle_timeout_s;
    int64_t webhook_body_max; /* bytes */
    int64_t inbound_body_max; /* bytes */
    int64_t mail_match_days, mail_excerpt_max;
    const char *lmtp_listen; /* empty: no LMTP */
    int64_t lmtp_connections_max;
    const char *mail_organizations;
    int64_t webhook_rate_limit; /* requests a minute of one source to one endpoint; 0: no limit */
    int64_t queue_events_max, queue_jobs_max, group_events_max;
    int64_t sqlite_cache_bytes;
    int64_t streams_max;
    int64_t session_idle_minutes, session_hours;
    const char *oidc_issuer, *oidc_client_id, *oidc_client_secret, *oidc_title, *oidc_domains, *oidc_role_claim,
        *oidc_roles;
    int64_t oidc_organization;
    int64_t orphan_days, failed_days, audit_days;
    int64_t rejected_max, failed_max;
    int64_t stop_grace_s;
    const char *metrics_token;
    const char *web_root;
    bool outgoing_allow_internal, outgoing_webhooks_allow_private;
    int64_t outgoing_webhooks_backlog_max;
};

/* An option of one subcommand beside those of the table. */
struct command_option {
    const char *name;  /* "password-file": the flag without dashes */
    const char *value; /* what --help calls its value; NULL: a flag without one */
    const char *help;
};

/* `arguments`: what stands behind the subcommand. Its own options (`own`, ended by a row without name; NULL: none) may
 * stand among those of the table; own_values[i] is set to the text of own[i] when it is given, to "yes" for a flag,
 * else left alone. Unknown options, unknown keys and bad values are ERR_INVALID with file and line, variable or flag in
 * the sentence. What is no option is left in *ret_rest (in the config's arena), in order. */
MUST_USE int config_load(int argument_count, char *const *arguments, const struct command_option *own,
                         const char **own_values, struct config **ret, const char *const **ret_rest,
                         size_t *ret_rest_count, struct err *err);
struct config *config_free(struct config *config); /* NULL accepted */

/* Help lines for all options of the table; and for a subcommand's own. */
void config_write_help(struct strbuf *out);
void command_options_write_help(const struct command_option *own, struct strbuf *out);
/* A commented configuration file that sets every option to its default. */
void config_write_sample(struct strbuf *out);
/* Every option with the value in force and where it came from; secrets are not shown. */
void config_write(const struct config *config, struct strbuf *out);
/* Names of options that differ and are not reloaded, one a line. */
void config_write_restart(const struct config *running, const struct config *loaded, struct strbuf *out);
/* Names of INKLING_ variables that are set and mean nothing, one a line: a typing error, most likely. */
void config_unknown_variables(struct strbuf *out);

#endif
