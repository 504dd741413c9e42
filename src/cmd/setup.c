/* setup: the first organization, its admin and an API key. */
#include "api/credentials.h"
#include "base/clock.h"
#include "base/timezone.h"
#include "cmd/session.h"
#include "store/api_keys.h"
#include "store/organizations.h"
#include "store/users.h"

#include "base/banned.h"

enum { ORG, EMAIL, NAME, PASSWORD_FILE, TIME_ZONE };
static const struct command_option setup_options[] = {
    [ORG] = {"org", "NAME", "Name of the organization."},
    [EMAIL] = {"email", "ADDRESS", "Email address of its administrator."},
    [NAME] = {"name", "NAME", "Name of the administrator."},
    [PASSWORD_FILE] = {"password-file", "FILE",
                       "File whose first line is the administrator's password (12 characters or more); - is standard "
                       "input. Without it one is made and printed."},
    [TIME_ZONE] = {"time-zone", "ZONE", "Time zone of the organization's days, like Europe/Berlin. Default: UTC."},
    {0},
};

struct result {
    struct organization organization;
    struct user user;
    char made_password[PASSWORD_MADE_MAX]; /* empty: it was given */
    char password_hash[PASSWORD_HASH_MAX];
    char key_text[API_KEY_TEXT_MAX];
};

static int read_result(struct session *session, struct result *result, struct err *err) {
    const char *const *values = session->values;
    struct slice password;
    int r = 0;
    if (!values[ORG] || !values[EMAIL]) return err_set(err, ERR_INVALID, "--org NAME and --email ADDRESS are needed");
    organization_init(&result->organization);
    result->organization.name = slice_trim(slice_cstr(values[ORG]));
    if (slice_empty(result->organization.name) || result->organization.name.len > ORGANIZATION_NAME_MAX ||
        !slice_is_utf8(result->organization.name))
        return err_set(err, ERR_INVALID, "--org must be a name of 1 to %d bytes", ORGANIZATION_NAME_MAX);
    if (values[TIME_ZONE]) result->organization.time_zone = slice_cstr(values[TIME_ZONE]);
    if (!timezone_known(result->organization.time_zone))
        return err_set(err, ERR_INVALID, "--time-zone must be an IANA time zone like Europe/Berlin");
    result->user = (struct user){.email = user_email_normalize(session->arena, slice_cstr(values[EMAIL])),
                                 .name = values[NAME] ? slice_cstr(values[NAME]) : SLICE_NONE,
                                 .role = USER_ADMIN};
    if (!result->user.email.ptr) return err_set(err, ERR_INVALID, "--email must be an email address");
    if (values[PASSWORD_FILE]) {
        r = command_read_line(values[PASSWORD_FILE], PASSWORD_BYTES_MAX, session->arena, &password, err);
    } else {
        password_make(result->made_password);
        password = slice_cstr(result->made_password);
    }
    return r < 0 ? r : password_hash(password, result->password_hash, err);
}

static int store_result(struct session *session, struct result *result, struct err *err) {
    unsigned char hash[API_KEY_HASH_SIZE];
    struct api_key key = {.name = SLICE("setup"), .role = KEY_ADMIN, .expires_at = TIME_UNSET};
    int64_t now = clock_now();
    int r = db_begin(session->db, DB_WRITE, err);
    if (r == 0) r = organization_insert(session->db, &result->organization, now, err);
    if (r == 0) {
        result->user.organization_id = key.organization_id = result->organization.id;
        r = user_insert(session->db, &result->user, result->password_hash, now, err);
    }
    if (r == 0) {
        api_key_make(key.organization_id, result->key_text, &key.prefix, hash);
        r = api_key_insert(session->db, &key, hash, now, err);
    }
    if (r == 0)
        r = session_audit(session, result->organization.id, "organizations.create", result->organization.id, err);
    if (r == 0) r = db_commit(session->db, err);
    if (r < 0) db_rollback(session->db);
    return r;
}

static int print_result(const struct result *result, struct err *err) {
    struct api_table *object = api_table_new(API_TABLE_OBJECT, 4096);
    api_table_int(object, "organization_id", result->organization.id);
    api_table_int(object, "user_id", result->user.id);
    api_table_text(object, "api_key", slice_cstr(result->key_text));
    if (result->made_password[0]) api_table_text(object, "password", slice_cstr(result->made_password));
    return session_print(object, err);
}

static int run(const struct command *command, int argument_count, char *const *arguments, struct err *err) {
    struct session session;
    struct result result = {0};
    int r = session_begin(&session, command, argument_count, arguments, err);
    if (r == 0) r = read_result(&session, &result, err);
    if (r == 0) r = session_open(&session, true, err);
    if (r == 0) r = store_result(&session, &result, err);
    if (r == 0) r = print_result(&result, err);
    session_close(&session);
    return r;
}

const struct command command_setup = {
    .name = "setup",
    .usage = "--org NAME --email ADDRESS [--password-file FILE]",
    .summary = "Creates an organization with its administrator and an API key.",
    .details = "Prints JSON: organization_id, user_id, api_key, and the password when one was made. Key and password\n"
               "are shown this once. Works whether or not the service runs on the database.",
    .options = setup_options,
    .run = run,
};
