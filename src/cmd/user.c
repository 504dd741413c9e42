/* user: people of an organization. */
#include "store/users.h"

#include "api/credentials.h"
#include "base/clock.h"
#include "cmd/session.h"

#include "base/banned.h"

#define LIST_MAX 100000

enum { ORG, EMAIL, NAME, ROLE, PASSWORD_FILE };
static const struct command_option user_options[] = {
    [ORG] = {"org", "ID", "The organization; not needed when there is one only."},
    [EMAIL] = {"email", "ADDRESS", "Email address (add)."},
    [NAME] = {"name", "NAME", "Name (add)."},
    [ROLE] = {"role", "ROLE", "admin, recruiter or hiring_manager (add). Default: recruiter."},
    [PASSWORD_FILE] = {"password-file", "FILE",
                       "File whose first line is the password (12 characters or more); - is standard input (add, "
                       "password). Without it a new user cannot sign in yet."},
    {0},
};

static void write_row(struct api_table *table, const struct user *user) {
    api_table_int(table, "id", user->id);
    api_table_text(table, "email", user->email);
    api_table_text(table, "name", user->name);
    api_table_text(table, "role", slice_cstr(user_role_name(user->role)));
    api_table_bool(table, "has_password", user->has_password);
    api_table_time(table, "disabled_at", user->disabled_at);
}

static int list(struct session *session, int64_t organization_id, struct err *err) {
    struct user *users;
    size_t count;
    int r = users_load(session->db, organization_id, 0, LIST_MAX, session->arena, &users, &count, err);
    if (r < 0) return r;
    struct api_table *table = api_table_new(API_TABLE_JSON, 64UL << 20);
    for (size_t i = 0; i < count; i++) {
        api_table_row(table);
        write_row(table, &users[i]);
    }
    return session_print(table, err);
}

/* Empty: no password was given. */
static int read_password(struct session *session, char hash[PASSWORD_HASH_MAX], struct err *err) {
    struct slice password;
    hash[0] = '\0';
    if (!session->values[PASSWORD_FILE]) return 0;
    int r = command_read_line(session->values[PASSWORD_FILE], PASSWORD_BYTES_MAX, session->arena, &password, err);
    return r < 0 ? r : password_hash(password, hash, err);
}

static int finish(struct session *session, int r, const char *action, const struct user *user, struct err *err) {
    if (r == 0) r = session_audit(session, user->organization_id, action, user->id, err);
    if (r == 0) r = db_commit(session->db, err);
    if (r < 0) {
        db_rollback(session->db);
        return r;
    }
    struct api_table *object = api_table_new(API_TABLE_OBJECT, 65536);
    write_row(object, user);
    return session_print(object, err);
}

static int add(struct session *session, int64_t organization_id, struct err *err) {
    const char *const *values = session->values;
    struct user user = {.organization_id = organization_id, .role = USER_RECRUITER};
    char hash[PASSWORD_HASH_MAX];
    if (values[EMAIL]) user.email = user_email_normalize(session->arena, slice_cstr(values[EMAIL]));
    if (!user.email.ptr) return err_set(err, ERR_INVALID, "--email must be an email address");
    if (values[NAME]) user.name = slice_first(slice_cstr(values[NAME]), USER_NAME_MAX);
    if (values[ROLE] && !user_role_parse(slice_cstr(values[ROLE]), &user.role))
        return err_set(err, ERR_INVALID, "--role must be admin, recruiter or hiring_manager");
    int r = read_password(session, hash, err);
    if (r == 0) r = db_begin(session->db, DB_WRITE, err);
    if (r < 0) return r;
    r = user_insert(session->db, &user, hash[0] ? hash : NULL, clock_now(), err);
    return finish(session, r, "users.create", &user, err);
}

enum change { DISABLE, ENABLE, PASSWORD };
static const char *const change_words[] = {
    [DISABLE] = "users.disable", [ENABLE] = "users.enable", [PASSWORD] = "users.password"};

static int change_user(struct session *session, int64_t organization_id, enum change change, struct err *err) {
    struct user user;
    char hash[PASSWORD_HASH_MAX];
    int64_t id;
    if (session->rest_count < 2) return err_set(err, ERR_INVALID, "name the user by id, see inkling user list");
    int r = session_id("the user", session->rest[1], &id, err);
    if (r == 0) r = read_password(session, hash, err);
    if (r == 0 && change == PASSWORD && !hash[0]) r = err_set(err, ERR_INVALID, "--password-file FILE is needed");
    if (r == 0) r = db_begin(session->db, DB_WRITE, err);
    if (r < 0) return r;
    r = user_load(session->db, organization_id, id, session->arena, &user, err);
    if (r == 0) {
        if (change == DISABLE && user.disabled_at == TIME_UNSET) user.disabled_at = clock_now();
        if (change == ENABLE) user.disabled_at = TIME_UNSET;
        user.has_password |= change == PASSWORD;
        r = user_update(session->db, &user, change == PASSWORD ? hash : NULL, clock_now(), err);
    }
    return finish(session, r, change_words[change], &user, err);
}

static int dispatch(struct session *session, const char *verb, struct err *err) {
    int64_t organization_id;
    int r = session_organization(session, session->values[ORG], &organization_id, err);
    if (r < 0) return r;
    if (strcmp(verb, "list") == 0) return list(session, organization_id, err);
    if (strcmp(verb, "add") == 0) return add(session, organization_id, err);
    if (strcmp(verb, "disable") == 0) return change_user(session, organization_id, DISABLE, err);
    if (strcmp(verb, "enable") == 0) return change_user(session, organization_id, ENABLE, err);
    if (strcmp(verb, "password") == 0) return change_user(session, organization_id, PASSWORD, err);
    return err_set(err, ERR_INVALID, "say list, add, disable, enable or password behind user");
}

static int run(const struct command *command, int argument_count, char *const *arguments, struct err *err) {
    struct session session;
    int r = session_begin(&session, command, argument_count, arguments, err);
    if (r == 0 && session.rest_count == 0)
        r = err_set(err, ERR_INVALID, "say list, add, disable, enable or password behind user");
    if (r == 0) r = session_open(&session, false, err);
    if (r == 0) r = dispatch(&session, session.rest[0], err);
    session_close(&session);
    return r;
}

const struct command command_user = {
    .name = "user",
    .usage = "list | add --email ADDRESS | disable ID | enable ID | password ID --password-file FILE",
    .summary = "Lists, adds, disables and enables people.",
    .options = user_options,
    .run = run,
};
