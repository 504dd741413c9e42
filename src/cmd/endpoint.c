/* endpoint: configured webhooks of an organization. */
#include "api/endpoint_settings.h"
#include "base/clock.h"
#include "cmd/endpoint_test.h"
#include "cmd/session.h"
#include "store/deliveries.h"

#include "base/banned.h"

#define LIST_MAX  100000
#define ITEMS_MAX 100

enum {
    ORG,
    PROVIDER,
    NAME,
    SECRET_FILE,
    ADD_SECRET_FILE,
    CREDENTIALS_FILE,
    CREDENTIALS_HEADER,
    TOPICS,
    CIDRS,
    RATE,
    UNSIGNED,
    AUTO,
    EMAIL,
    URL,
    KEY_FILE
};
static const struct command_option endpoint_options[] = {
    [ORG] = {"org", "ID", "The organization; not needed when there is one only."},
    [PROVIDER] = {"provider", "NAME", "The email service; another name than its own lists them (add)."},
    [NAME] = {"name", "NAME", "What to call it."},
    [SECRET_FILE] = {"secret-file", "FILE",
                     "File with the secret in the provider's notation: its first line, or all of it when it is PEM or "
                     "JSON; - is standard input. Replaces those there are."},
    [ADD_SECRET_FILE] = {"add-secret-file", "FILE", "The same, beside those there are: for rotation (set)."},
    [CREDENTIALS_FILE] = {"credentials-file", "FILE",
                          "File whose first line is USER:PASSWORD, or :TOKEN for a bearer token, asked of the provider "
                          "beside the signature, or alone when it signs nothing."},
    [CREDENTIALS_HEADER] = {"credentials-header", "NAME", "The first line of that file is the value of this header."},
    [TOPICS] = {"topics", "ARNS", "SNS topics that may deliver here, separated by commas."},
    [CIDRS] = {"allowed-cidrs", "BLOCKS", "Blocks of addresses that may deliver, separated by commas; none: all."},
    [RATE] = {"requests-a-minute", "NUMBER", "Requests a minute from one source; 0: the configured default."},
    [UNSIGNED] = {"no-signature", NULL, "Accept unsigned deliveries; credentials are needed then."},
    [AUTO] = {"auto-confirm", "yes|no", "Confirm SNS subscriptions of the topics by ourselves."},
    [EMAIL] =
        {"email", "ID",
         "The sample is about this email, and counts like any other (test). Without it the sample is about a mail "
         "that nobody knows, and waits among the orphan events until it is too old."},
    [URL] = {"url", "ADDRESS", "Where the service is reached, if not at its public_url (test)."},
    [KEY_FILE] = {"key-file", "FILE",
                  "What the sample is signed with, where the endpoint's secret is a public half only: a private key in "
                  "PEM (test)."},
    {0},
};

/* As the service would say it (app_public_url). */
static const char *public_url(struct session *session) {
    const struct config *config = session->config;
    return *config->public_url ? config->public_url : arena_printf(session->arena, "http://%s", config->listen);
}

static int print_row(struct session *session, const struct endpoint_row *row, struct err *err) {
    struct api_table *object = api_table_new(API_TABLE_OBJECT, 1UL << 20);
    endpoint_settings_write(object, row, &session->box, public_url(session));
    return session_print(object, err);
}

static int list(struct session *session, int64_t organization_id, struct err *err) {
    struct endpoint_row *rows;
    size_t count;
    int r = endpoint_rows_list(session->db, organization_id, 0, LIST_MAX, session->arena, &rows, &count, err);
    if (r != 0) return r;
    struct api_table *table = api_table_new(API_TABLE_JSON, 64UL << 20);
    for (size_t i = 0; i < count; i++) {
        api_table_row(table);
        endpoint_settings_write(table, &rows[i], &session->box, public_url(session));
    }
    return session_print(table, err);
}

/* ---- options to change ---- */

static int read_secret(struct session *session, const char *path, struct text_list *ret, struct err *err) {
    struct slice *item = arena_alloc(session->arena, sizeof(*item));
    if (!path) return 0;
    int r = command_read_secret(path, ENDPOINT_SECRET_MAX, session->arena, item, err);
    if (r == 0) *ret = (struct text_list){.given = true, .items = item, .count = 1};
    return r;
}

static void split(struct session *session, const char *text, struct text_list *ret) {
    if (!text) return;
    struct slice *items = arena_alloc_array(session->arena, ITEMS_MAX + 1, sizeof(*items));
    struct slice rest = slice_cstr(text), part;
    ret->given = true;
    ret->items = items;
    while (slice_split_next(&rest, ',', &part) && ret->count <= ITEMS_MAX)
        if (!slice_empty(slice_trim(part))) items[ret->count++] = slice_trim(part);
}

static int read_credentials(struct session *session, struct endpoint_change *change, struct err *err) {
    struct endpoint_credential *item = arena_alloc(session->arena, sizeof(*item));
    struct slice line;
    const char *header = session->values[CREDENTIALS_HEADER];
    if (!session->values[CREDENTIALS_FILE])
        return header ? err_set(err, ERR_INVALID, "--credentials-header needs --credentials-file") : 0;
    int r = command_read_line(session->values[CREDENTIALS_FILE], 2 * ENDPOINT_CREDENTIAL_MAX + 1, session->arena, &line,
                              err);
    if (r != 0) return r;
    if (header) {
        item->header = slice_cstr(header);
    } else if (!slice_split_next(&line, ':', &item->username) || !line.ptr) {
        return err_set(err, ERR_INVALID, "the credentials must be USER:PASSWORD, or :TOKEN");
    }
    item->password = line;
    change->credentials.given = true;
    change->credentials.items = item;
    change->credentials.count = 1;
    return 0;
}

static int read_change(struct session *session, struct endpoint_change *ret, struct err *err) {
    const char *const *values = session->values;
    *ret = (struct endpoint_change){0};
    int r = read_secret(session, values[SECRET_FILE], &ret->secrets, err);
    if (r == 0) r = read_secret(session, values[ADD_SECRET_FILE], &ret->add_secrets, err);
    if (r == 0) r = read_credentials(session, ret, err);
    if (r != 0) return r;
    if (values[NAME]) ret->name = slice_trim(slice_cstr(values[NAME]));
    split(session, values[TOPICS], &ret->topic_arns);
    split(session, values[CIDRS], &ret->allowed_cidrs);
    ret->has_rate_limit = values[RATE] != NULL;
    if (values[RATE] && !slice_parse_i64(slice_cstr(values[RATE]), &ret->rate_limit))
        return err_set(err, ERR_INVALID, "--requests-a-minute must be a number");
    ret->has_require_signature = values[UNSIGNED] != NULL;
    ret->has_auto_confirm = values[AUTO] != NULL;
    ret->auto_confirm = values[AUTO] && strcmp(values[AUTO], "yes") == 0;
    if (values[AUTO] && !ret->auto_confirm && strcmp(values[AUTO], "no") != 0)
        return err_set(err, ERR_INVALID, "--auto-confirm must be yes or no");
    return 0;
}

/* ---- verbs ---- */

static int finish(struct session *session, int r, const char *action, const struct endpoint_row *row, struct err *err) {
    if (r == 0) r = session_audit(session, row->organization_id, action, row->id, err);
    if (r == 0) r = db_commit(session->db, err);
    if (r != 0) {
        db_rollback(session->db);
        return r;
    }
    return print_row(session, row, err);
}

static int add(struct session *session, int64_t organization_id, struct err *err) {
    struct endpoint_change change;
    struct endpoint_row row;
    int r = read_change(session, &change, err);
    if (r == 0)
        r = endpoint_settings_new(organization_id, slice_cstr(session->values[PROVIDER]), session->arena, &row, err);
    if (r == 0) r = endpoint_settings_apply(&row, &change, &session->box, session->arena, err);
    if (r == 0) r = db_begin(session->db, DB_WRITE, err);
    if (r != 0) return r;
    r = endpoint_row_insert(session->db, &row, clock_now(), err);
    return finish(session, r, "endpoints.create", &row, err);
}

static int named_endpoint(struct session *session, int64_t *ret, struct err *err) {
    if (session->rest_count < 2) return err_set(err, ERR_INVALID, "name the endpoint by id, see inkling endpoint list");
    return session_id("the endpoint", session->rest[1], ret, err);
}

static int set(struct session *session, int64_t organization_id, struct err *err) {
    struct endpoint_change change;
    struct endpoint_row row;
    int64_t id, now = clock_now();
    int r = named_endpoint(session, &id, err);
    if (r == 0) r = read_change(session, &change, err);
    if (r == 0) r = db_begin(session->db, DB_WRITE, err);
    if (r != 0) return r;
    r = endpoint_row_load(session->db, organization_id, id, session->arena, &row, err);
    if (r == 0) r = endpoint_settings_apply(&row, &change, &session->box, session->arena, err);
    if (r == 0) r = endpoint_row_update(session->db, &row, now, err);
    if (r == 0 && (change.secrets.given || change.add_secrets.given))
        r = deliveries_make_due(session->db, organization_id, id, now, err);
    return finish(session, r, "endpoints.change", &row, err);
}

static int disable(struct session *session, int64_t organization_id, struct err *err) {
    struct endpoint_row row;
    int64_t id;
    int r = named_endpoint(session, &id, err);
    if (r == 0) r = db_begin(session->db, DB_WRITE, err);
    if (r != 0) return r;
    r = endpoint_row_disable(session->db, organization_id, id, clock_now(), err);
    if (r == 0) r = endpoint_row_load(session->db, organization_id, id, session->arena, &row, err);
    return finish(session, r, "endpoints.disable", &row, err);
}

static int test(struct session *session, int64_t organization_id, struct err *err) {
    const struct endpoint_test_options options = {
        .url = session->values[URL],
        .email = session->values[EMAIL],
        .key_file = session->values[KEY_FILE],
    };
    int64_t id;
    int r = named_endpoint(session, &id, err);
    return r == 0 ? endpoint_test(session, organization_id, id, &options, err) : r;
}

static int dispatch(struct session *session, const char *verb, struct err *err) {
    int64_t organization_id;
    int r = session_organization(session, session->values[ORG], &organization_id, err);
    if (r != 0) return r;
    if (strcmp(verb, "list") == 0) return list(session, organization_id, err);
    if (strcmp(verb, "add") == 0) return add(session, organization_id, err);
    if (strcmp(verb, "set") == 0) return set(session, organization_id, err);
    if (strcmp(verb, "disable") == 0) return disable(session, organization_id, err);
    if (strcmp(verb, "test") == 0) return test(session, organization_id, err);
    return err_set(err, ERR_INVALID, "say list, add, set, disable or test behind endpoint");
}

static int run(const struct command *command, int argument_count, char *const *arguments, struct err *err) {
    struct session session;
    int r = session_begin(&session, command, argument_count, arguments, err);
    if (r == 0 && session.rest_count == 0)
        r = err_set(err, ERR_INVALID, "say list, add, set, disable or test behind endpoint");
    if (r == 0) r = session_open(&session, false, err);
    if (r == 0) r = dispatch(&session, session.rest[0], err);
    session_close(&session);
    return r;
}

const struct command command_endpoint = {
    .name = "endpoint",
    .usage = "list | add --provider NAME | set ID | disable ID | test ID",
    .summary = "Lists, adds, changes, disables and tests webhook endpoints.",
    .details = "A running service knows of the change within a second. `test` sends it a delivery and an open as the "
               "provider would send them, signed.",
    .options = endpoint_options,
    .run = run,
};
