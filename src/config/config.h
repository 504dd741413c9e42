/* config: every option of the program, from one table (options.c): name, type, default, help, whether SIGHUP reloads
 * it. The table makes the parser of the file ("key = value" lines, # comments), the INKLING_* variables, the --flags,
 * --help, `config print-default` and the manual. Precedence: flag > variable > file > default. A config is immutable.
 */
#ifndef INKLING_CONFIG_CONFIG_H
#define INKLING_CONFIG_CONFIG_H

#include "base/arena.h"
#include "base/cidr.h"
#include "base/err.h"
#include "base/log.h"

struct config {
    struct arena *arena;         /* owns all below */
    const char *listen;          /* "127.0.0.1:8558" */
    const char *database;        /* "sqlite:PATH" or "postgresql://…" */
    const char *data_directory;  /* secret key, pinned certificates, default database */
    const char *secret_key_file; /* default: <directory of the SQLite file, or data_directory>/secret.key */
    const char *public_url;      /* "https://mail.example.org": how the outside reaches us; default http://<listen> */
    const char *sns_certificates_directory;
    const char *tls_certificate_file, *tls_key_file;
    const struct cidr *trusted_proxies;
    size_t trusted_proxy_count;
    enum log_level log_level;
    enum log_format log_format;
    int64_t event_threads, worker_threads, writer_threads; /* 0: by the machine */
    int64_t connections_max, connections_per_address_max;
    int64_t idle_timeout_s;
    int64_t webhook_body_max;   /* bytes, 8 MiB */
    int64_t webhook_rate_limit; /* requests a minute per endpoint and source; 0: none */
    int64_t queue_events_max, group_events_max;
    int64_t sqlite_cache_bytes;
    int64_t orphan_days, rejected_max, failed_days; /* how long and how many are kept */
    int64_t stop_grace_s;
    const char *metrics_token; /* empty: /metrics is open to trusted proxies and loopback only */
};

/* `arguments`: what stands behind the subcommand. Unknown options, unknown keys and bad values are ERR_INVALID with
 * file and line, variable or flag in the sentence. Positional arguments are left in *ret_rest (pointers into
 * arguments). */
MUST_USE int config_load(int argument_count, char *const *arguments, struct config **ret, char *const **ret_rest,
                         int *ret_rest_count, struct err *err);
struct config *config_free(struct config *config); /* NULL accepted */

#endif
