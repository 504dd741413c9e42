/* org: organizations of the installation. */
#include "base/clock.h"
#include "base/timezone.h"
#include "cmd/session.h"
#include "store/organizations.h"

#include "base/banned.h"

#define LIST_MAX 100000

enum { NAME, TIME_ZONE };
static const struct command_option org_options[] = {
    [NAME] = {"name", "NAME", "Name of the new organization (add)."},
    [TIME_ZONE] = {"time-zone", "ZONE", "Time zone of its days, like Europe/Berlin (add). Default: UTC."},
    {0},
};

static void write_row(struct api_table *table, const struct organization *organization) {
    api_table_int(table, "id", organization->id);
    api_table_text(table, "name", organization->name);
    api_table_text(table, "time_zone", organization->time_zone);
    api_table_time(table, "created_at", organization->created_at);
}

static int list(struct session *session, struct err *err) {
    struct organization *organizations;
    size_t count;
    int r = organizations_list(session->db, 0, LIST_MAX, session->arena, &organizations, &count, err);
    if (r < 0) return r;
    struct api_table *table = api_table_new(API_TABLE_JSON, 64UL << 20);
    for (size_t i = 0; i < count; i++) {
        api_table_row(table);
        write_row(table, &organizations[i]);
    }
    return session_print(table, err);
}

static int add(struct session *session, struct err *err) {
    struct organization organization;
    organization_init(&organization);
    if (session->values[NAME]) organization.name = slice_trim(slice_cstr(session->values[NAME]));
    if (session->values[TIME_ZONE]) organization.time_zone = slice_cstr(session->values[TIME_ZONE]);
    if (slice_empty(organization.name) || organization.name.len > ORGANIZATION_NAME_MAX)
        return err_set(err, ERR_INVALID, "--name must be a name of 1 to %d bytes", ORGANIZATION_NAME_MAX);
    if (!timezone_known(organization.time_zone))
        return err_set(err, ERR_INVALID, "--time-zone must be an IANA time zone like Europe/Berlin");
    int r = db_begin(session->db, DB_WRITE, err);
    if (r == 0) r = organization_insert(session->db, &organization, clock_now(), err);
    if (r == 0) r = session_audit(session, organization.id, "organizations.create", organization.id, err);
    if (r == 0) r = db_commit(session->db, err);
    if (r < 0) {
        db_rollback(session->db);
        return r;
    }
    struct api_table *object = api_table_new(API_TABLE_OBJECT, 65536);
    write_row(object, &organization);
    return session_print(object, err);
}

static int run(const struct command *command, int argument_count, char *const *arguments, struct err *err) {
    struct session session;
    int r = session_begin(&session, command, argument_count, arguments, err);
    const char *verb = r == 0 && session.rest_count == 1 ? session.rest[0] : "";
    bool adds = strcmp(verb, "add") == 0;
    if (r == 0 && !adds && strcmp(verb, "list") != 0) r = err_set(err, ERR_INVALID, "say list or add behind org");
    if (r == 0) r = session_open(&session, false, err);
    if (r == 0) r = adds ? add(&session, err) : list(&session, err);
    session_close(&session);
    return r;
}

const struct command command_org = {
    .name = "org",
    .usage = "list | add --name NAME",
    .summary = "Lists and adds organizations.",
    .options = org_options,
    .run = run,
};
