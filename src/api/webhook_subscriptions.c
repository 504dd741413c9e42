/* webhook_subscriptions: other systems that are told of events. Only administrators: who may make the service send may
 * make it send anywhere. */
#include <sodium.h>

#include "api/resources.h"
#include "base/clock.h"
#include "http/client.h"
#include "store/webhook_subscriptions.h"
#include "subscription/plan.h"
#include "subscription/signing.h"

#include "base/banned.h"

#define LIST              "webhook-subscriptions"
#define OVERLAP_HOURS     24 /* in which the former secret signs too, unless told otherwise */
#define OVERLAP_HOURS_MAX 168
#define SEALED_MAX        1024

static void write_subscription(struct api_table *row, const struct webhook_subscription *subscription, int64_t now) {
    bool overlap = subscription->former_secret_until != TIME_UNSET && subscription->former_secret_until > now;
    api_table_int(row, "id", subscription->id);
    api_table_text(row, "url", subscription->url);
    api_table_text(row, "description", subscription->description);
    api_table_array(row, "events");
    for (int event = 0; event < WEBHOOK_EVENTS; event++)
        if (subscription->events & WEBHOOK_BIT(event)) api_table_text(row, NULL, slice_cstr(webhook_event_name(event)));
    api_table_close(row);
    api_table_text(row, "state", slice_cstr(subscription_state_name(subscription->state)));
    api_table_text(row, "state_reason", subscription->state_reason);
    api_table_time(row, "failing_since", subscription->failing_since);
    api_table_int(row, "waiting", subscription->waiting);
    api_table_int(row, "dropped", subscription->dropped);
    api_table_time(row, "dropped_at", subscription->dropped_at);
    api_table_time(row, "former_secret_until", overlap ? subscription->former_secret_until : TIME_UNSET);
    api_table_time(row, "created_at", subscription->created_at);
    api_table_time(row, "updated_at", subscription->updated_at);
}

int webhook_subscriptions_index(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {"limit", "cursor", NULL};
    int64_t limit, after = 0;
    struct webhook_subscription *subscriptions;
    size_t count;
    bool present;
    int r = api_known_parameters(call, parameters, err);
    if (r == 0) r = api_limit(call, 50, SUBSCRIPTIONS_MAX, &limit, err);
    if (r == 0) r = api_cursor_read(call, LIST, &after, 1, &present, err);
    if (r == 0)
        r = webhook_subscriptions_list(call->db, call->organization_id, after, (size_t)limit + 1, call->arena,
                                       &subscriptions, &count, err);
    if (r != 0) return r;
    bool more = count > (size_t)limit;
    struct api_table *table = api_table_begin(call, LIST);
    for (size_t i = 0; i < count - more; i++) {
        api_table_row(table);
        write_subscription(table, &subscriptions[i], call->now);
    }
    api_table_end(call, more ? api_cursor_make(call, LIST, &subscriptions[count - 2].id, 1) : NULL);
    return 0;
}

int webhook_subscriptions_show(struct api_call *call, struct err *err) {
    struct webhook_subscription subscription;
    int64_t id;
    int r = api_id_param(call, "id", &id, err);
    if (r == 0) r = webhook_subscription_load(call->db, call->organization_id, id, call->arena, &subscription, err);
    if (r != 0) return r;
    write_subscription(api_object_begin(call), &subscription, call->now);
    api_object_end(call, 200);
    return 0;
}

/* ---- reading the body ---- */

struct changing {
    struct api_call *call;
    int64_t id;
    bool has_url, has_description, has_state;
    struct slice url, description;
    int64_t events; /* 0: not given */
    enum subscription_state state;
    int64_t overlap_hours;
    struct webhook_subscription row; /* out */
};

static int check_url(struct api_call *call, struct slice url, struct err *err) {
    const struct http_client_options options = {.allow_internal = app_webhooks_allow_internal(call->app)};
    struct err reason = {0};
    if (slice_empty(url)) return err_set(err, ERR_INVALID, "url must say where events are sent");
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.ptr[i] <= ' ' || (unsigned char)url.ptr[i] >= 0x7f)
            return err_set(err, ERR_INVALID, "url must be written in ASCII, without spaces");
    if (slice_find_char(url, '#') >= 0)
        return err_set(err, ERR_INVALID, "url must have no part behind #: it would not be sent");
    if (http_client_check_url(&options, arena_cstr(call->arena, url), &reason) != 0)
        return err_set(err, ERR_INVALID, "url: %s", reason.text);
    return 0;
}

static int read_events(struct json_value body, int64_t *ret, struct err *err) {
    struct json_value value = json_get(body, SLICE("events")), item;
    int64_t events = 0;
    if (value.type == JSON_KIND_NONE) return 0;
    if (value.type != JSON_KIND_ARRAY || json_count(value) == 0)
        return err_set(err, ERR_INVALID, "events must be an array of at least one name");
    struct json_iterator elements = json_elements(value);
    while (json_next(&elements, &item)) {
        enum webhook_event event;
        struct slice name;
        if (!json_text(item, &name)) return err_set(err, ERR_INVALID, "events must be an array of names");
        if (!webhook_event_parse(name, &event))
            return err_set(err, ERR_INVALID, "events: there is no \"%.*s\"", SLICE_FMT(slice_first_utf8(name, 60)));
        events |= WEBHOOK_BIT(event);
    }
    *ret = events;
    return 0;
}

static int read_state(struct api_call *call, struct json_value body, struct changing *changing, struct err *err) {
    struct slice state = SLICE_NONE;
    int r = api_text(call, body, "state", 20, &state, err);
    if (r != 0 || !state.ptr) return r;
    changing->has_state = true;
    if (slice_equal(state, SLICE("active")))
        changing->state = SUBSCRIPTION_ACTIVE;
    else if (slice_equal(state, SLICE("paused")))
        changing->state = SUBSCRIPTION_PAUSED;
    else
        return err_set(err, ERR_INVALID, "state must be active or paused");
    return 0;
}

static bool is_given(struct json_value body, const char *name) {
    enum json_kind type = json_get(body, slice_cstr(name)).type;
    return type != JSON_KIND_NONE && type != JSON_KIND_NULL;
}

static int read_body(struct api_call *call, struct changing *changing, struct err *err) {
    static const char *const members[] = {"url", "description", "events", "state", NULL};
    struct json_value body;
    int r = api_body(call, &body, err);
    if (r == 0) r = api_known_members(body, members, err);
    if (r == 0) r = api_text(call, body, "url", SUBSCRIPTION_URL_MAX, &changing->url, err);
    changing->has_url = r == 0 && is_given(body, "url");
    if (changing->has_url) r = check_url(call, changing->url, err);
    if (r == 0) r = api_text(call, body, "description", SUBSCRIPTION_DESCRIPTION_MAX, &changing->description, err);
    changing->has_description = r == 0 && is_given(body, "description");
    if (r == 0) r = read_events(body, &changing->events, err);
    if (r == 0) r = read_state(call, body, changing, err);
    return r;
}

/* ---- changes ---- */

/* A new secret, shown by `answer` now or never; what is stored of it. */
static struct slice make_secret(struct api_call *call, struct api_table *answer) {
    char secret[SIGNING_SECRET_MAX];
    struct strbuf sealed;
    strbuf_init(&sealed, SEALED_MAX);
    signing_secret_make(secret);
    if (secret_box_seal(&call->app->secret_box, slice_cstr(secret), &sealed) < 0) BUG("a secret that is too large");
    api_table_text(answer, "secret", slice_cstr(secret));
    struct slice copy = arena_copy(call->arena, strbuf_slice(&sealed));
    strbuf_release(&sealed);
    sodium_memzero(secret, sizeof(secret));
    return copy;
}

/* What is stored is in force when the answer is out. That this failed is no reason to say that the change did: the
 * notifier looks each two seconds. */
static void refresh(struct api_call *call) {
    struct err ignored;
    (void)!wishes_refresh(call->app->wishes, call->db, &ignored);
    sender_wake(call->app->sender);
}

static int run_create(void *context, struct applier *applier, struct db *db, struct api_table *answer,
                      struct err *err) {
    const struct changing *changing = context;
    struct api_call *call = changing->call;
    struct webhook_subscription row = {
        .organization_id = call->organization_id,
        .url = changing->url,
        .description = changing->description,
        .events = changing->events,
        .state = changing->state,
    };
    row.secret = make_secret(call, answer);
    int r = webhook_subscription_insert(db, &row, call->now, err);
    if (r == 0) write_subscription(answer, &row, call->now);
    return r;
}

int webhook_subscriptions_create(struct api_call *call, struct err *err) {
    struct changing changing = {.call = call};
    int r = read_body(call, &changing, err);
    if (r != 0) return r;
    if (!changing.has_url) return err_set(err, ERR_INVALID, "url must say where events are sent");
    if (changing.events == 0) return err_set(err, ERR_INVALID, "events must say what is to be sent");
    r = api_write_once(call, run_create, &changing, 201, err);
    if (r == 0) refresh(call);
    return r;
}

static int run_change(void *context, struct applier *applier, struct db *db, struct err *err) {
    struct changing *changing = context;
    struct api_call *call = changing->call;
    struct webhook_subscription *row = &changing->row;
    int r = webhook_subscription_load(db, call->organization_id, changing->id, call->arena, row, err);
    if (r != 0) return r;
    if (changing->has_url) row->url = changing->url;
    if (changing->has_description) row->description = changing->description;
    if (changing->events != 0) row->events = changing->events;
    if (changing->has_state) {
        if (row->state == SUBSCRIPTION_DISABLED) row->failing_since = TIME_UNSET; /* a new chance */
        row->state = changing->state;
        row->state_reason = SLICE_NONE;
    }
    row->updated_at = call->now;
    return webhook_subscription_update(db, row, call->now, err);
}

int webhook_subscriptions_change(struct api_call *call, struct err *err) {
    struct changing changing = {.call = call};
    int r = api_id_param(call, "id", &changing.id, err);
    if (r == 0) r = read_body(call, &changing, err);
    if (r == 0) r = api_write(call, run_change, &changing, err);
    if (r != 0) return r;
    refresh(call);
    write_subscription(api_object_begin(call), &changing.row, call->now);
    api_object_end(call, 200);
    return 0;
}

static int run_delete(void *context, struct applier *applier, struct db *db, struct err *err) {
    const struct changing *changing = context;
    return webhook_subscription_delete(db, changing->call->organization_id, changing->id, changing->call->now, err);
}

int webhook_subscriptions_delete(struct api_call *call, struct err *err) {
    struct changing changing = {.call = call};
    int r = api_id_param(call, "id", &changing.id, err);
    if (r == 0) r = api_write(call, run_delete, &changing, err);
    if (r != 0) return r;
    refresh(call);
    api_answer_empty(call, 204);
    return 0;
}

/* ---- secret ---- */

static int run_rotate(void *context, struct applier *applier, struct db *db, struct api_table *answer,
                      struct err *err) {
    const struct changing *changing = context;
    struct api_call *call = changing->call;
    struct webhook_subscription row;
    int r = webhook_subscription_load(db, call->organization_id, changing->id, call->arena, &row, err);
    if (r != 0) return r;
    bool overlap = changing->overlap_hours > 0;
    row.former_secret = overlap ? row.secret : SLICE_NONE;
    row.former_secret_until = overlap ? call->now + changing->overlap_hours * HOUR_MS : TIME_UNSET;
    row.secret = make_secret(call, answer);
    row.updated_at = call->now;
    r = webhook_subscription_update(db, &row, call->now, err);
    if (r == 0) write_subscription(answer, &row, call->now);
    return r;
}

int webhook_subscriptions_rotate(struct api_call *call, struct err *err) {
    static const char *const members[] = {"overlap_hours", NULL};
    struct changing changing = {.call = call, .overlap_hours = OVERLAP_HOURS};
    int r = api_id_param(call, "id", &changing.id, err);
    if (r == 0 && !slice_empty(http_body(call->request))) {
        struct json_value body;
        r = api_body(call, &body, err);
        if (r == 0) r = api_known_members(body, members, err);
        if (r == 0) r = api_integer(body, "overlap_hours", 0, OVERLAP_HOURS_MAX, &changing.overlap_hours, err);
    }
    return r == 0 ? api_write_once(call, run_rotate, &changing, 200, err) : r;
}

/* ---- test ---- */

static int run_test(void *context, struct applier *applier, struct db *db, struct api_table *answer, struct err *err) {
    const struct changing *changing = context;
    struct api_call *call = changing->call;
    struct webhook_subscription row;
    struct slice message_id;
    int r = webhook_subscription_load(db, call->organization_id, changing->id, call->arena, &row, err);
    if (r == 0 && row.state != SUBSCRIPTION_ACTIVE)
        r = err_set(err, ERR_CONFLICT, "the subscription is %s: make it active first",
                    subscription_state_name(row.state));
    if (r == 0)
        r = plan_test(db, call->organization_id, changing->id, app_config(call->app)->outgoing_webhooks_backlog_max,
                      call->now, call->arena, &message_id, err);
    if (r == 0) api_table_text(answer, "message_id", message_id);
    return r;
}

int webhook_subscriptions_test(struct api_call *call, struct err *err) {
    struct changing changing = {.call = call};
    int r = api_id_param(call, "id", &changing.id, err);
    if (r == 0) r = api_write_once(call, run_test, &changing, 202, err);
    if (r == 0) sender_wake(call->app->sender);
    return r;
}
