/* key: API keys of an organization. */
#include "api/credentials.h"
#include "base/clock.h"
#include "cmd/session.h"

#include "base/banned.h"

#define LIST_MAX 100000

enum { ORG, NAME, ROLE, EXPIRES };
static const struct command_option key_options[] = {
    [ORG] = {"org", "ID", "The organization; not needed when there is one only."},
    [NAME] = {"name", "NAME", "What the key is for (add)."},
    [ROLE] = {"role", "ROLE", "read, ingest, embed, audit, write or admin (add)."},
    [EXPIRES] = {"expires-in-days", "DAYS", "It ends by itself then; without this it does not (add)."},
    {0},
};

static int list(struct session *session, int64_t organization_id, struct err *err) {
    struct api_key *keys;
    size_t count;
    int r = api_keys_load(session->db, organization_id, 0, LIST_MAX, session->arena, &keys, &count, err);
    if (r < 0) return r;
    struct api_table *table = api_table_new(API_TABLE_JSON, 64UL << 20);
    for (size_t i = 0; i < count; i++) {
        api_table_row(table);
        api_key_write(table, &keys[i]);
    }
    return session_print(table, err);
}

static int add(struct session *session, int64_t organization_id, struct err *err) {
    struct api_key key = {.organization_id = organization_id};
    unsigned char hash[API_KEY_HASH_SIZE];
    char text[API_KEY_TEXT_MAX];
    if (session->values[NAME]) key.name = slice_first(slice_cstr(session->values[NAME]), API_KEY_NAME_MAX);
    if (slice_empty(key.name)) return err_set(err, ERR_INVALID, "--name must say what the key is for");
    if (!session->values[ROLE] || !api_role_parse(slice_cstr(session->values[ROLE]), &key.role))
        return err_set(err, ERR_INVALID, "--role must be read, ingest, embed, audit, write or admin");
    int64_t days = 0, now = clock_now();
    if (session->values[EXPIRES] &&
        (!slice_parse_i64(slice_cstr(session->values[EXPIRES]), &days) || days < 1 || days > API_KEY_DAYS_MAX))
        return err_set(err, ERR_INVALID, "--expires-in-days must be 1 to %d", API_KEY_DAYS_MAX);
    key.expires_at = days > 0 ? now + days * DAY_MS : TIME_UNSET;
    api_key_make(organization_id, text, &key.prefix, hash);
    int r = db_begin(session->db, DB_WRITE, err);
    if (r == 0) r = api_key_insert(session->db, &key, hash, now, err);
    if (r == 0) r = session_audit(session, organization_id, "api-keys.create", key.id, err);
    if (r == 0) r = db_commit(session->db, err);
    if (r < 0) {
        db_rollback(session->db);
        return r;
    }
    struct api_table *object = api_table_new(API_TABLE_OBJECT, 65536);
    api_key_write(object, &key);
    api_table_text(object, "key", slice_cstr(text));
    return session_print(object, err);
}

static int revoke(struct session *session, int64_t organization_id, struct err *err) {
    int64_t id;
    if (session->rest_count < 2) return err_set(err, ERR_INVALID, "name the key by id, see inkling key list");
    int r = session_id("the key", session->rest[1], &id, err);
    if (r == 0) r = db_begin(session->db, DB_WRITE, err);
    if (r == 0) r = api_key_revoke(session->db, organization_id, id, clock_now(), err);
    if (r == 0) r = session_audit(session, organization_id, "api-keys.revoke", id, err);
    if (r == 0) r = db_commit(session->db, err);
    if (r < 0) db_rollback(session->db);
    return r;
}

static int dispatch(struct session *session, const char *verb, struct err *err) {
    int64_t organization_id;
    int r = session_organization(session, session->values[ORG], &organization_id, err);
    if (r < 0) return r;
    if (strcmp(verb, "list") == 0) return list(session, organization_id, err);
    if (strcmp(verb, "add") == 0) return add(session, organization_id, err);
    if (strcmp(verb, "disable") == 0 || strcmp(verb, "revoke") == 0) return revoke(session, organization_id, err);
    return err_set(err, ERR_INVALID, "say list, add or revoke behind key");
}

static int run(const struct command *command, int argument_count, char *const *arguments, struct err *err) {
    struct session session;
    int r = session_begin(&session, command, argument_count, arguments, err);
    if (r == 0 && session.rest_count == 0) r = err_set(err, ERR_INVALID, "say list, add or revoke behind key");
    if (r == 0) r = session_open(&session, false, err);
    if (r == 0) r = dispatch(&session, session.rest[0], err);
    session_close(&session);
    return r;
}

const struct command command_key = {
    .name = "key",
    .usage = "list | add --name NAME --role ROLE [--expires-in-days DAYS] | revoke ID",
    .summary = "Lists, adds and revokes API keys.",
    .details = "A new key is printed once; only its hash is stored.",
    .options = key_options,
    .run = run,
};
