/* token-key: the keys that sign our own pixels and links. */
#include "base/clock.h"
#include "cmd/session.h"
#include "ingest/token_keys.h"
#include "store/token_keys.h"

#include "base/banned.h"

enum { FORCE };
static const struct command_option token_key_options[] = {
    [FORCE] = {"force", NULL, "Retire a key although emails that it signed may still be kept (retire)."},
    {0},
};

static void write_row(struct api_table *table, const struct token_key_row *key, bool signs) {
    api_table_int(table, "id", key->id);
    api_table_text(table, "state",
                   slice_cstr(key->retired_at != TIME_UNSET ? "retired"
                              : signs                       ? "signs"
                                                            : "verifies"));
    api_table_time(table, "created_at", key->created_at);
    api_table_time(table, "retired_at", key->retired_at);
}

static int list(struct session *session, struct err *err) {
    struct token_key_row *keys;
    size_t count;
    bool signs = true;
    int r = token_key_rows_list(session->db, session->arena, &keys, &count, err);
    if (r < 0) return r;
    struct api_table *table = api_table_new(API_TABLE_JSON, 65536);
    for (size_t i = 0; i < count; i++) {
        api_table_row(table);
        write_row(table, &keys[i], signs);
        if (keys[i].retired_at == TIME_UNSET) signs = false;
    }
    return session_print(table, err);
}

static int rotate(struct session *session, struct err *err) {
    struct token_key_row key = {.created_at = clock_now(), .retired_at = TIME_UNSET};
    int r = db_begin(session->db, DB_WRITE, err);
    if (r == 0) r = token_key_rotate(session->db, &session->box, key.created_at, &key.id, err);
    if (r == 0) r = session_audit_all(session, "token-keys.rotate", key.id, err);
    if (r == 0) r = db_commit(session->db, err);
    if (r < 0) {
        db_rollback(session->db);
        return r;
    }
    struct api_table *object = api_table_new(API_TABLE_OBJECT, 65536);
    write_row(object, &key, true);
    return session_print(object, err);
}

static int retire(struct session *session, struct err *err) {
    int64_t id;
    if (session->rest_count < 2) return err_set(err, ERR_INVALID, "name the key by id, see inkling token-key list");
    int r = session_id("the key", session->rest[1], &id, err);
    if (r == 0) r = db_begin(session->db, DB_WRITE, err);
    if (r == 0) r = token_key_retire(session->db, id, session->values[FORCE] != NULL, clock_now(), err);
    if (r == 0) r = session_audit_all(session, "token-keys.retire", id, err);
    if (r == 0) r = db_commit(session->db, err);
    if (r < 0) db_rollback(session->db);
    return r;
}

static int dispatch(struct session *session, const char *verb, struct err *err) {
    if (strcmp(verb, "list") == 0) return list(session, err);
    if (strcmp(verb, "rotate") == 0) return rotate(session, err);
    if (strcmp(verb, "retire") == 0) return retire(session, err);
    return err_set(err, ERR_INVALID, "say list, rotate or retire behind token-key");
}

static int run(const struct command *command, int argument_count, char *const *arguments, struct err *err) {
    struct session session;
    int r = session_begin(&session, command, argument_count, arguments, err);
    if (r == 0 && session.rest_count == 0) r = err_set(err, ERR_INVALID, "say list, rotate or retire behind token-key");
    if (r == 0) r = session_open(&session, false, err);
    if (r == 0) r = dispatch(&session, session.rest[0], err);
    session_close(&session);
    return r;
}

const struct command command_token_key = {
    .name = "token-key",
    .usage = "list | rotate | retire ID [--force]",
    .summary = "Lists, rotates and retires the keys of tracking links.",
    .details =
        "The newest key signs the links of new emails, older ones go on verifying until they are retired. A running "
        "service\ntakes a change over within a second.",
    .options = token_key_options,
    .run = run,
};
