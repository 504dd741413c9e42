/* endpoints: configured webhooks. */
#include "api/audit.h"
#include "api/confirm.h"
#include "api/endpoint_health.h"
#include "api/endpoint_settings.h"
#include "api/resources.h"
#include "store/deliveries.h"

#include "base/banned.h"

#define LIST      "endpoints"
#define ITEMS_MAX 100

static void write_row(struct api_call *call, struct api_table *table, const struct endpoint_row *row) {
    endpoint_settings_write(table, row, &call->app->secret_box, app_public_url(call->app));
}

int endpoints_list(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {"limit", "cursor", NULL};
    int64_t limit, after = 0;
    struct endpoint_row *rows;
    struct endpoint_healths healths;
    size_t count;
    bool present;
    int r = api_known_parameters(call, parameters, err);
    if (r == 0) r = api_limit(call, 100, 500, &limit, err);
    if (r == 0) r = api_cursor_read(call, LIST, &after, 1, &present, err);
    if (r == 0)
        r = endpoint_rows_list(call->db, call->organization_id, after, (size_t)limit + 1, call->arena, &rows, &count,
                               err);
    if (r == 0) r = endpoint_healths_load(call, 0, &healths, err);
    if (r != 0) return r;
    bool more = count > (size_t)limit;
    struct api_table *table = api_table_begin(call, LIST);
    for (size_t i = 0; i < count - more; i++) {
        api_table_row(table);
        write_row(call, table, &rows[i]);
        endpoint_health_write(table, &healths, &rows[i], call->now);
    }
    api_table_end(call, more ? api_cursor_make(call, LIST, &rows[count - 2].id, 1) : NULL);
    return 0;
}

int endpoints_show(struct api_call *call, struct err *err) {
    struct endpoint_row row;
    struct endpoint_healths healths;
    int64_t id;
    int r = api_id_param(call, "id", &id, err);
    if (r == 0) r = endpoint_row_load(call->db, call->organization_id, id, call->arena, &row, err);
    if (r == 0) r = endpoint_healths_load(call, id, &healths, err);
    if (r != 0) return r;
    struct api_table *object = api_object_begin(call);
    write_row(call, object, &row);
    endpoint_health_write(object, &healths, &row, call->now);
    api_object_end(call, 200);
    return 0;
}

/* ---- reading the body ---- */

static int read_list(struct api_call *call, struct json_value body, const char *name, struct text_list *ret,
                     struct err *err) {
    struct json_value value = json_get(body, slice_cstr(name)), item;
    if (value.type == JSON_KIND_NONE) return 0;
    if (value.type != JSON_KIND_ARRAY || json_count(value) > ITEMS_MAX)
        return err_set(err, ERR_INVALID, "%s must be an array of at most %d texts", name, ITEMS_MAX);
    struct slice *items = arena_alloc_array(call->arena, json_count(value), sizeof(*items));
    struct json_iterator elements = json_elements(value);
    while (json_next(&elements, &item)) {
        struct slice text;
        if (!json_text(item, &text)) return err_set(err, ERR_INVALID, "%s must be an array of texts", name);
        items[ret->count++] = arena_copy(call->arena, slice_trim(text));
    }
    ret->items = items;
    ret->given = true;
    return 0;
}

static int read_credentials(struct api_call *call, struct json_value body, struct endpoint_change *ret,
                            struct err *err) {
    static const char *const members[] = {"username", "header", "password", NULL};
    struct json_value value = json_get(body, SLICE("credentials")), item;
    if (value.type == JSON_KIND_NONE) return 0;
    if (value.type != JSON_KIND_ARRAY || json_count(value) > ITEMS_MAX)
        return err_set(err, ERR_INVALID, "credentials must be an array of {username or header, password}");
    struct endpoint_credential *items = arena_alloc_array(call->arena, json_count(value), sizeof(*items));
    struct json_iterator elements = json_elements(value);
    while (json_next(&elements, &item)) {
        struct endpoint_credential *credential = &items[ret->credentials.count++];
        int r = api_known_members(item, members, err);
        if (r != 0) return err_prefix(err, "credentials");
        credential->username = arena_copy(call->arena, json_get_string(item, SLICE("username")));
        credential->header = arena_copy(call->arena, json_get_string(item, SLICE("header")));
        credential->password = arena_copy(call->arena, json_get_string(item, SLICE("password")));
    }
    ret->credentials.items = items;
    ret->credentials.given = true;
    return 0;
}

static bool is_given(struct json_value body, const char *name) {
    return json_get(body, slice_cstr(name)).type != JSON_KIND_NONE;
}

static int read_switches(struct json_value body, struct endpoint_change *ret, struct err *err) {
    int r = api_bool(body, "require_signature", &ret->require_signature, err);
    if (r == 0) r = api_bool(body, "allow_sns_version_1", &ret->allow_sns_version_1, err);
    if (r == 0) r = api_bool(body, "auto_confirm", &ret->auto_confirm, err);
    if (r == 0) r = api_integer(body, "rate_limit", 0, ENDPOINT_RATE_MAX, &ret->rate_limit, err);
    ret->tolerance_s = TOLERANCE_DEFAULT; /* what null means */
    if (r == 0) r = api_integer(body, "timestamp_tolerance_s", 0, ENDPOINT_TOLERANCE_MAX_S, &ret->tolerance_s, err);
    ret->has_require_signature = is_given(body, "require_signature");
    ret->has_allow_sns_version_1 = is_given(body, "allow_sns_version_1");
    ret->has_auto_confirm = is_given(body, "auto_confirm");
    ret->has_rate_limit = is_given(body, "rate_limit");
    ret->has_tolerance = is_given(body, "timestamp_tolerance_s");
    return r;
}

static int read_change(struct api_call *call, struct json_value body, struct endpoint_change *ret, struct err *err) {
    *ret = (struct endpoint_change){0};
    int r = api_text(call, body, "name", ENDPOINT_NAME_MAX, &ret->name, err);
    if (r == 0) r = read_list(call, body, "secrets", &ret->secrets, err);
    if (r == 0) r = read_list(call, body, "add_secrets", &ret->add_secrets, err);
    if (r == 0) r = read_list(call, body, "topic_arns", &ret->topic_arns, err);
    if (r == 0) r = read_list(call, body, "allowed_cidrs", &ret->allowed_cidrs, err);
    if (r == 0) r = read_credentials(call, body, ret, err);
    if (r == 0) r = read_switches(body, ret, err);
    return r;
}

/* ---- changes ---- */

struct changing {
    struct api_call *call;
    int64_t id;
    struct slice provider;
    struct endpoint_change change;
    struct endpoint_row row; /* out */
};

/* That secrets were replaced is told, also where their number stays. */
static void note_after(const struct changing *changing, const struct endpoint_row *row) {
    struct api_call *call = changing->call;
    const struct endpoint_change *change = &changing->change;
    write_row(call, api_audit_after(call), row);
    if (change->secrets.given || change->add_secrets.given) api_audit_set(call, "secrets");
    if (change->credentials.given) api_audit_set(call, "credentials");
}

static int run_create(void *context, struct applier *applier, struct db *db, struct api_table *answer,
                      struct err *err) {
    struct changing *changing = context;
    struct api_call *call = changing->call;
    struct endpoint_row row;
    int r = endpoint_settings_new(call->organization_id, changing->provider, call->arena, &row, err);
    if (r == 0) r = endpoint_settings_apply(&row, &changing->change, &call->app->secret_box, call->arena, err);
    if (r == 0) r = endpoint_row_insert(db, &row, call->now, err);
    if (r != 0) return r;
    write_row(call, answer, &row);
    api_audit_object(call, row.id);
    note_after(changing, &row);
    return 0;
}

/* The new state is in force when the answer is out. That it is not is no reason to say that the change failed: the
 * janitor looks each second. */
static void refresh(struct api_call *call) {
    struct err ignored;
    (void)!endpoints_refresh(call->app->endpoints, call->db, &ignored);
}

int endpoints_create(struct api_call *call, struct err *err) {
    static const char *const members[] = {"provider",
                                          "name",
                                          "secrets",
                                          "credentials",
                                          "topic_arns",
                                          "require_signature",
                                          "allowed_cidrs",
                                          "rate_limit",
                                          "timestamp_tolerance_s",
                                          "allow_sns_version_1",
                                          "auto_confirm",
                                          NULL};
    struct changing changing = {.call = call};
    struct json_value body;
    int r = api_body(call, &body, err);
    if (r == 0) r = api_known_members(body, members, err);
    if (r == 0) r = api_text(call, body, "provider", 40, &changing.provider, err);
    if (r == 0) r = read_change(call, body, &changing.change, err);
    if (r == 0) r = api_write_once(call, run_create, &changing, 201, err);
    if (r == 0) refresh(call);
    return r;
}

static int run_change(void *context, struct applier *applier, struct db *db, struct err *err) {
    struct changing *changing = context;
    struct api_call *call = changing->call;
    struct endpoint_row *row = &changing->row;
    int r = endpoint_row_load(db, call->organization_id, changing->id, call->arena, row, err);
    if (r == 0) write_row(call, api_audit_before(call), row);
    if (r == 0) r = endpoint_settings_apply(row, &changing->change, &call->app->secret_box, call->arena, err);
    if (r == 0) r = endpoint_row_update(db, row, call->now, err);
    if (r == 0 && (changing->change.secrets.given || changing->change.add_secrets.given))
        r = deliveries_make_due(db, call->organization_id, changing->id, call->now, err);
    row->updated_at = call->now;
    if (r == 0) note_after(changing, row);
    return r;
}

int endpoints_change(struct api_call *call, struct err *err) {
    static const char *const members[] = {"name",
                                          "secrets",
                                          "add_secrets",
                                          "credentials",
                                          "topic_arns",
                                          "require_signature",
                                          "allowed_cidrs",
                                          "rate_limit",
                                          "timestamp_tolerance_s",
                                          "allow_sns_version_1",
                                          "auto_confirm",
                                          NULL};
    struct changing changing = {.call = call};
    struct json_value body;
    int r = api_id_param(call, "id", &changing.id, err);
    if (r == 0) r = api_body(call, &body, err);
    if (r == 0) r = api_known_members(body, members, err);
    if (r == 0) r = read_change(call, body, &changing.change, err);
    if (r == 0) r = api_write(call, run_change, &changing, err);
    if (r != 0) return r;
    refresh(call);
    write_row(call, api_object_begin(call), &changing.row);
    api_object_end(call, 200);
    return 0;
}

static int run_disable(void *context, struct applier *applier, struct db *db, struct err *err) {
    const struct changing *changing = context;
    return endpoint_row_disable(db, changing->call->organization_id, changing->id, changing->call->now, err);
}

int endpoints_disable(struct api_call *call, struct err *err) {
    struct changing changing = {.call = call};
    int r = api_id_param(call, "id", &changing.id, err);
    if (r == 0) r = api_write(call, run_disable, &changing, err);
    if (r != 0) return r;
    refresh(call);
    api_answer_empty(call, 204);
    return 0;
}

/* ---- confirmation ---- */

static int run_confirmed(void *context, struct applier *applier, struct db *db, struct err *err) {
    const struct changing *changing = context;
    return endpoint_row_confirmed(db, changing->call->organization_id, changing->id, changing->call->now, err);
}

static int pending_url(struct api_call *call, const struct endpoint_row *row, struct slice *ret, struct err *err) {
    struct json_reader *json = json_reader_new();
    struct json_value pending;
    char *padded = arena_alloc(call->arena, row->pending_confirmation.len + JSON_PADDING);
    memcpy(padded, row->pending_confirmation.ptr, row->pending_confirmation.len);
    int r = json_parse(json, slice_of(padded, row->pending_confirmation.len), &pending, err);
    if (r == 0) *ret = arena_copy(call->arena, json_get_string(pending, SLICE("confirm_url")));
    json_reader_free(json);
    return r;
}

int endpoints_confirm(struct api_call *call, struct err *err) {
    struct changing changing = {.call = call};
    struct endpoint_row *row = &changing.row;
    struct slice url;
    int r = api_id_param(call, "id", &changing.id, err);
    if (r == 0) r = endpoint_row_load(call->db, call->organization_id, changing.id, call->arena, row, err);
    if (r == 0 && !row->pending_confirmation.ptr)
        r = err_set(err, ERR_CONFLICT, "no confirmation is asked for: let the provider send its request again");
    if (r == 0) r = pending_url(call, row, &url, err);
    if (r != 0) return r;
    struct err failure = {0};
    if (confirm_subscription(call->app, url, call->arena, &failure) < 0) {
        http_problem(call->request, 502, "Bad gateway", failure.text);
        call->answered = true;
        return 0;
    }
    r = api_write(call, run_confirmed, &changing, err);
    if (r != 0) return r;
    row->pending_confirmation = SLICE_NONE;
    row->confirmed_at = call->now;
    write_row(call, api_object_begin(call), row);
    api_object_end(call, 200);
    return 0;
}
