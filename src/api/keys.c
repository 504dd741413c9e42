/* keys: API keys of the organization. */
#include "api/audit.h"
#include "api/credentials.h"
#include "api/resources.h"
#include "base/clock.h"

#include "base/banned.h"

#define LIST "api-keys"

int api_keys_list(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {"limit", "cursor", NULL};
    int64_t limit, after = 0;
    struct api_key *keys;
    size_t count;
    bool present;
    int r = api_known_parameters(call, parameters, err);
    if (r == 0) r = api_limit(call, 100, 1000, &limit, err);
    if (r == 0) r = api_cursor_read(call, LIST, &after, 1, &present, err);
    if (r == 0)
        r = api_keys_load(call->db, call->organization_id, after, (size_t)limit + 1, call->arena, &keys, &count, err);
    if (r != 0) return r;
    bool more = count > (size_t)limit;
    struct api_table *table = api_table_begin(call, LIST);
    for (size_t i = 0; i < count - more; i++) {
        api_table_row(table);
        api_key_write(table, &keys[i]);
    }
    api_table_end(call, more ? api_cursor_make(call, LIST, &keys[count - 2].id, 1) : NULL);
    return 0;
}

int api_keys_show(struct api_call *call, struct err *err) {
    struct api_key key;
    int64_t id;
    int r = api_id_param(call, "id", &id, err);
    if (r == 0) r = api_key_load(call->db, call->organization_id, id, call->arena, &key, err);
    if (r != 0) return r;
    api_key_write(api_object_begin(call), &key);
    api_object_end(call, 200);
    return 0;
}

struct change {
    struct api_call *call;
    int64_t id, days;
    struct slice name;
    enum api_role role;
};

static int run_create(void *context, struct applier *applier, struct db *db, struct api_table *answer,
                      struct err *err) {
    const struct change *change = context;
    struct api_key key = {.organization_id = change->call->organization_id, .name = change->name, .role = change->role};
    key.expires_at = change->days > 0 ? change->call->now + change->days * DAY_MS : TIME_UNSET;
    unsigned char hash[API_KEY_HASH_SIZE];
    char text[API_KEY_TEXT_MAX];
    struct slice shown = api_key_make(key.organization_id, text, &key.prefix, hash);
    int r = api_key_insert(db, &key, hash, change->call->now, err);
    if (r != 0) return r;
    api_key_write(answer, &key);
    api_table_text(answer, "key", shown); /* now or never */
    api_audit_object(change->call, key.id);
    api_key_write(api_audit_after(change->call), &key);
    return 0;
}

int api_keys_create(struct api_call *call, struct err *err) {
    static const char *const members[] = {"name", "role", "expires_in_days", NULL};
    struct change change = {.call = call, .role = KEY_READ};
    struct slice role = SLICE_NONE;
    struct json_value body;
    int r = api_body(call, &body, err);
    if (r == 0) r = api_known_members(body, members, err);
    if (r == 0) r = api_text(call, body, "name", API_KEY_NAME_MAX, &change.name, err);
    if (r == 0) r = api_text(call, body, "role", 10, &role, err);
    if (r == 0) r = api_integer(body, "expires_in_days", 1, API_KEY_DAYS_MAX, &change.days, err);
    if (r != 0) return r;
    if (slice_empty(change.name)) return err_set(err, ERR_INVALID, "name must say what the key is for");
    if (!role.ptr || !api_role_parse(role, &change.role))
        return err_set(err, ERR_INVALID, "role must be read, ingest, embed, audit, write or admin");
    return api_write_once(call, run_create, &change, 201, err);
}

static int run_revoke(void *context, struct applier *applier, struct db *db, struct err *err) {
    const struct change *change = context;
    return api_key_revoke(db, change->call->organization_id, change->id, change->call->now, err);
}

int api_keys_revoke(struct api_call *call, struct err *err) {
    struct change change = {.call = call};
    int r = api_id_param(call, "id", &change.id, err);
    if (r == 0) r = api_write(call, run_revoke, &change, err);
    if (r == 0) hub_end_api_key(call->app->hub, call->organization_id, change.id);
    if (r == 0) api_answer_empty(call, 204);
    return r;
}
