#include "config/options.h"

#include <inttypes.h>

#include "base/banned.h"

#define START false /* takes effect at the next start */
#define LIVE  true  /* reloaded on SIGHUP */
#define DAYS  36500
#define COUNT 1000000000

/* X(name, TYPE, default, least, most, START or LIVE, help) */
#define OPTIONS_TABLE(X)                                                                                               \
    X(listen, TEXT, "127.0.0.1:8558", 0, 0, START,                                                                     \
      "Address and port to listen on. \"[::]:8558\": everywhere; port 0: any free one.")                               \
    X(database, TEXT, "", 0, 0, START,                                                                                 \
      "Database: sqlite:PATH or postgresql://USER@HOST/NAME. Empty: sqlite:inkling.db in the data directory.")         \
    X(data_directory, TEXT, "/var/lib/inkling", 0, 0, START, "Where the database and the secret key are by default.")  \
    X(secret_key_file, TEXT, "", 0, 0, START,                                                                          \
      "File with the key that encrypts secrets in the database; made when absent. Keep a copy apart from the "         \
      "database's. Empty: secret.key beside the SQLite file, or in the data directory.")                               \
    X(public_url, TEXT, "", 0, 0, LIVE,                                                                                \
      "How providers and browsers reach the service: https://mail.example.org. Empty: http:// and the listen "         \
      "address.")                                                                                                      \
    X(tracking_url, TEXT, "", 0, 0, LIVE,                                                                              \
      "How recipients reach our own pixels, links and pages, best a host of its own: https://links.example.org. "      \
      "Empty: public_url.")                                                                                            \
    X(tracking_allow_internal, FLAG, "no", 0, 0, LIVE,                                                                 \
      "Rewrite links to loopback, private addresses and intranet names too. For tests only.")                          \
    X(tls_certificate_file, TEXT, "", 0, 0, START,                                                                     \
      "PEM file with the certificate chain; with it the service speaks HTTPS. Empty: plain HTTP, behind a proxy.")     \
    X(tls_key_file, TEXT, "", 0, 0, START, "PEM file with the key of the certificate.")                                \
    X(trusted_proxies, CIDRS, "", 0, 0, START,                                                                         \
      "Blocks of addresses of our own proxies, separated by commas. Only from them X-Forwarded-For is believed, and "  \
      "they may read /metrics.")                                                                                       \
    X(log_level, LEVEL, "info", 0, 0, LIVE, "Least level of log lines: debug, info, warning or error.")                \
    X(log_format, FORMAT, "text", 0, 0, LIVE, "Form of log lines: text or json.")                                      \
    X(metrics_token, SECRET, "", 0, 0, LIVE,                                                                           \
      "Bearer token that opens /metrics from anywhere. Empty: only loopback and trusted proxies may read it.")         \
    X(event_threads, INTEGER, "0", 0, 256, START, "Threads that accept, verify and answer. 0: one a processor.")       \
    X(worker_threads, INTEGER, "0", 0, 256, START, "Threads for API requests. 0: two a processor, at least 4.")        \
    X(writer_threads, INTEGER, "0", 0, 64, START,                                                                      \
      "Threads that write to PostgreSQL. 0: two a processor, at most 8. SQLite always has one.")                       \
    X(database_readers, INTEGER, "0", 0, 256, START,                                                                   \
      "Connections for reading, at most. 0: one a worker thread and two more.")                                        \
    X(connections_max, INTEGER, "4096", 16, 1000000, START, "Open client connections, at most.")                       \
    X(connections_per_address_max, INTEGER, "256", 0, 1000000, START,                                                  \
      "Open connections from one address, at most; proxies of ours are exempt. 0: no limit.")                          \
    X(streams_max, INTEGER, "5000", 0, 1000000, START,                                                                 \
      "Open live streams, at most; each is a connection too (connections_max).")                                       \
    X(idle_timeout_s, INTEGER, "60", 1, 86400, START, "Seconds after which an idle connection is closed.")             \
    X(webhook_body_max, BYTES, "8M", 65536, 1L << 30, START, "Largest webhook body that is accepted.")                 \
    X(inbound_body_max, BYTES, "40M", 65536, 40L << 20, START,                                                         \
      "Largest body of received mail that is accepted from a provider, and largest message by LMTP.")                  \
    X(mail_match_days, INTEGER, "30", 0, DAYS, LIVE,                                                                   \
      "Days back in which an answer without message ids is matched by its sender's address and subject. 0: never.")    \
    X(mail_excerpt_max, INTEGER, "0", 0, 400, LIVE,                                                                    \
      "Characters of a reply's own text that are kept with the event. 0: none; the text of mail is not kept.")         \
    X(lmtp_listen, TEXT, "", 0, 0, START,                                                                              \
      "Where a mail server delivers received mail by LMTP: unix:PATH, or address and port. Empty: nowhere.")           \
    X(lmtp_connections_max, INTEGER, "16", 1, 1000, START, "Open LMTP connections, at most.")                          \
    X(mail_organizations, TEXT, "", 0, 0, LIVE,                                                                        \
      "Whose mail is what arrives by LMTP without a token in its address: DOMAIN=ORGANIZATION, separated by commas; "  \
      "*=ORGANIZATION for all other domains. Empty: the only organization there is.")                                  \
    X(webhook_rate_limit, INTEGER, "6000", 0, COUNT, LIVE,                                                             \
      "Webhook requests a minute that one source may send to one endpoint, unless the endpoint has a limit of its "    \
      "own. 0: no limit.")                                                                                             \
    X(queue_events_max, INTEGER, "200000", 5000, COUNT, START,                                                         \
      "Events waiting to be written, at most; beyond, providers are told to come back (503).")                         \
    X(queue_jobs_max, INTEGER, "4096", 16, COUNT, START, "Other changes waiting to be written, at most.")              \
    X(group_events_max, INTEGER, "5000", 1, 1000000, START, "Events that one transaction takes together, about.")      \
    X(sqlite_cache_bytes, BYTES, "64M", 1 << 20, 1L << 40, START, "Page cache of the writing SQLite connection.")      \
    X(web_root, TEXT, "", 0, 0, START,                                                                                 \
      "Directory with the web application, read anew for every request: for working on it. Empty: the one that is "    \
      "compiled in.")                                                                                                  \
    X(sns_certificates_directory, TEXT, "", 0, 0, START,                                                               \
      "Directory with pinned Amazon SNS signing certificates (PEM), looked at before any is fetched. Empty: none.")    \
    X(journal_directory, TEXT, "", 0, 0, START,                                                                        \
      "Directory of the journal of hits, which holds what the database has not got yet. Empty: hits beside the "       \
      "SQLite file, or in the data directory.")                                                                        \
    X(journal_bytes_max, BYTES, "512M", 16 << 20, 1L << 40, START,                                                     \
      "Size of that journal, at most; beyond, opens and clicks are counted as dropped, while unsubscribes still have " \
      "room.")                                                                                                         \
    X(session_idle_minutes, INTEGER, "480", 5, 100000, LIVE,                                                           \
      "Minutes without a request after which somebody who is signed in has to sign in again.")                         \
    X(session_hours, INTEGER, "168", 1, 8760, LIVE, "Hours after which somebody has to sign in again, however busy.")  \
    X(oidc_issuer, TEXT, "", 0, 0, LIVE,                                                                               \
      "Issuer of the OpenID Connect provider where people may sign in: https://id.example.org. Empty: none.")          \
    X(oidc_client_id, TEXT, "", 0, 0, LIVE, "Our client id at the provider.")                                          \
    X(oidc_client_secret, SECRET, "", 0, 0, LIVE, "Our secret at the provider. Empty: we are a public client.")        \
    X(oidc_title, TEXT, "Single sign-on", 0, 0, LIVE, "What the button for it says.")                                  \
    X(oidc_organization, INTEGER, "0", 0, 1L << 53, LIVE,                                                              \
      "Organization whose people sign in there. 0: the one that has the account, or the only one.")                    \
    X(oidc_domains, TEXT, "", 0, 0, LIVE,                                                                              \
      "Domains, separated by commas, whose people get an account when they come for the first time. Empty: only who "  \
      "has an account may sign in.")                                                                                   \
    X(oidc_role_claim, TEXT, "", 0, 0, LIVE, "Claim of the provider's token that decides the role. Empty: none does.") \
    X(oidc_roles, TEXT, "", 0, 0, LIVE,                                                                                \
      "What its values mean: \"VALUE=admin, VALUE=recruiter, VALUE=hiring_manager\"; the first that fits counts.")     \
    X(orphan_days, INTEGER, "30", 1, DAYS, LIVE, "Days for which events of unknown emails are kept.")                  \
    X(rejected_max, INTEGER, "1000", 0, COUNT, LIVE,                                                                   \
      "Rejected deliveries (wrong signature or source) kept for each organization; the oldest go.")                    \
    X(failed_max, INTEGER, "10000", 1, COUNT, LIVE,                                                                    \
      "Failed deliveries (signed, but unreadable) kept for each organization; the oldest go.")                         \
    X(failed_days, INTEGER, "30", 1, DAYS, LIVE, "Days for which failed and rejected deliveries are kept.")            \
    X(audit_days, INTEGER, "730", 30, DAYS, LIVE, "Days for which entries of the audit log are kept.")                 \
    X(stop_grace_s, INTEGER, "20", 0, 3600, LIVE, "Seconds given to requests under way when the service stops.")       \
    X(outgoing_webhooks_allow_private, FLAG, "no", 0, 0, LIVE,                                                         \
      "Allow webhook subscriptions to hosts of your own network: loopback and private addresses, and plain HTTP. "     \
      "Administrators can then make the service post to all that it can reach.")                                       \
    X(outgoing_webhooks_backlog_max, INTEGER, "100000", 1, COUNT, LIVE,                                                \
      "Deliveries of one webhook subscription that wait, at most; beyond, events are counted as dropped.")             \
    X(outgoing_allow_internal, FLAG, "no", 0, 0, LIVE,                                                                 \
      "Allow outgoing requests to loopback and private addresses and over plain HTTP. For tests only.")

#define OPTION_ROW(name_, type_, standard_, min_, max_, reloaded_, help_)                                              \
    {#name_, OPTION_##type_, standard_, min_, max_, reloaded_, help_, offsetof(struct config, name_)},

const struct option options[] = {OPTIONS_TABLE(OPTION_ROW)};
const size_t options_count = sizeof(options) / sizeof(options[0]);

/* ---- values ---- */

static const char *const levels[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARNING] = "warning", [LOG_ERROR] = "error", NULL};
static const char *const formats[] = {[LOG_FORMAT_TEXT] = "text", [LOG_FORMAT_JSON] = "json", NULL};
static const char *const flags[] = {"no", "yes", NULL};

static int choose(const char *const *names, struct slice value) {
    for (int i = 0; names[i]; i++)
        if (slice_equal(slice_cstr(names[i]), value)) return i;
    return -1;
}

static int bad(const struct option *option, const char *origin, const char *must_be, struct err *err) {
    return err_set(err, ERR_INVALID, "%s: %s must be %s", origin, option->name, must_be);
}

static bool parse_bytes(struct slice text, int64_t *ret) {
    static const char suffixes[] = "kMG";
    const char *suffix = text.len > 1 ? memchr(suffixes, text.ptr[text.len - 1], 3) : NULL;
    int64_t number, unit = 1;
    if (suffix) {
        unit = 1L << (10 * (suffix - suffixes + 1));
        text.len--;
    }
    if (!slice_parse_i64(text, &number) || number < 0 || number > INT64_MAX / unit) return false;
    *ret = number * unit;
    return true;
}

static int set_number(struct config *config, const struct option *option, struct slice value, const char *origin,
                      struct err *err) {
    int64_t number;
    bool is_bytes = option->type == OPTION_BYTES;
    bool parsed = is_bytes ? parse_bytes(value, &number) : slice_parse_i64(value, &number);
    if (!parsed || number < option->min || number > option->max)
        return err_set(err, ERR_INVALID, "%s: %s must be a number from %" PRId64 " to %" PRId64 "%s", origin,
                       option->name, option->min, option->max, is_bytes ? " bytes (8M, 512k)" : "");
    memcpy((char *)config + option->offset, &number, sizeof(number));
    return 0;
}

#define CIDRS_MAX 256

static int set_cidrs(struct config *config, struct slice value, const char *origin, struct err *err) {
    struct cidr *cidrs = arena_alloc_array(config->arena, CIDRS_MAX, sizeof(*cidrs));
    struct slice part;
    size_t count = 0;
    while (slice_split_next(&value, ',', &part)) {
        part = slice_trim(part);
        if (slice_empty(part)) continue;
        if (count == CIDRS_MAX)
            return err_set(err, ERR_INVALID, "%s: trusted_proxies must have at most %d blocks", origin, CIDRS_MAX);
        if (cidr_parse(part, &cidrs[count++], err) < 0) return err_prefix(err, "%s: trusted_proxies", origin);
    }
    config->trusted_proxies = cidrs;
    config->trusted_proxy_count = count;
    return 0;
}

int option_set(struct config *config, const struct option *option, const char *value, const char *origin,
               struct err *err) {
    void *member = (char *)config + option->offset;
    struct slice text = slice_trim(slice_cstr(value));
    int choice = 0;
    switch (option->type) {
    case OPTION_TEXT:
    case OPTION_SECRET: {
        const char *copy = arena_cstr(config->arena, text);
        memcpy(member, &copy, sizeof(copy));
        return 0;
    }
    case OPTION_INTEGER:
    case OPTION_BYTES:
        return set_number(config, option, text, origin, err);
    case OPTION_CIDRS:
        return set_cidrs(config, text, origin, err);
    case OPTION_LEVEL:
        if ((choice = choose(levels, text)) < 0) return bad(option, origin, "debug, info, warning or error", err);
        break;
    case OPTION_FORMAT:
        if ((choice = choose(formats, text)) < 0) return bad(option, origin, "text or json", err);
        break;
    case OPTION_FLAG:
        if ((choice = choose(flags, text)) < 0) return bad(option, origin, "yes or no", err);
        *(bool *)member = choice;
        return 0;
    }
    memcpy(member, &choice, sizeof(choice));
    return 0;
}

static void write_cidrs(const struct config *config, struct strbuf *out) {
    char text[ADDRESS_TEXT_MAX];
    for (size_t i = 0; i < config->trusted_proxy_count; i++) {
        struct cidr cidr = config->trusted_proxies[i];
        int prefix = address_is_v4(cidr.network) ? cidr.prefix - 96 : cidr.prefix;
        strbuf_printf(out, "%s%.*s/%d", i > 0 ? ", " : "", SLICE_FMT(address_format(cidr.network, text)), prefix);
    }
}

void option_write(const struct config *config, const struct option *option, struct strbuf *out) {
    const void *member = (const char *)config + option->offset;
    switch (option->type) {
    case OPTION_TEXT:
        strbuf_add_cstr(out, *(const char *const *)member);
        break;
    case OPTION_SECRET:
        strbuf_add_cstr(out, **(const char *const *)member ? "(set)" : "");
        break;
    case OPTION_INTEGER:
    case OPTION_BYTES:
        strbuf_add_i64(out, *(const int64_t *)member);
        break;
    case OPTION_CIDRS:
        write_cidrs(config, out);
        break;
    case OPTION_LEVEL:
        strbuf_add_cstr(out, levels[*(const int *)member]);
        break;
    case OPTION_FORMAT:
        strbuf_add_cstr(out, formats[*(const int *)member]);
        break;
    case OPTION_FLAG:
        strbuf_add_cstr(out, flags[*(const bool *)member]);
        break;
    }
}
