#include "ingest/endpoints.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "store/db.h"
#include "store/endpoints.h"
#include "store/store.h"

#include "base/banned.h"

#define PLAIN_MAX (1UL << 20) /* decrypted secrets of one endpoint */

struct held {
    struct endpoint endpoint; /* first: what is handed out */
    atomic_int references;
    struct arena *arena;
    struct provider_secret **secrets;
    size_t secret_count;
};

struct table {
    struct held **slots; /* by token, open addressing; NULL: free */
    size_t mask;
    struct held **all;
    size_t count;
};

struct endpoints {
    struct secret_box box;
    char *public_url;
    pthread_mutex_t refreshing; /* one refresh at a time */
    int64_t version;            /* settings version of `table` */
    pthread_rwlock_t lock;      /* guards `table` */
    struct table table;
};

/* ---- one endpoint ---- */

static void held_free(struct held *held) {
    const struct provider *provider = held->endpoint.settings.provider;
    for (size_t i = 0; i < held->secret_count; i++)
        provider->secret_free(held->secrets[i]);
    for (size_t i = 0; i < held->endpoint.credential_count; i++) {
        struct slice password = held->endpoint.credentials[i].password;
        if (password.len > 0) sodium_memzero((void *)(uintptr_t)password.ptr, password.len);
    }
    arena_free(held->arena);
    free(held);
}

void endpoints_release(const struct endpoint *endpoint) {
    struct held *held = (struct held *)(uintptr_t)endpoint;
    if (held && atomic_fetch_sub(&held->references, 1) == 1) held_free(held);
}

struct loading {
    const struct secret_box *box;
    const char *public_url;
    struct json_reader *json;
    struct strbuf plain; /* JSON at hand; JSON_PADDING bytes behind it */
};

static bool parse_text(struct loading *loading, struct slice text, struct json_value *ret) {
    static const char padding[JSON_PADDING];
    strbuf_clear(&loading->plain);
    strbuf_add_slice(&loading->plain, text);
    strbuf_add(&loading->plain, padding, sizeof(padding));
    return !loading->plain.overflow &&
           json_parse(loading->json, slice_of(loading->plain.ptr, text.len), ret, NULL) == 0;
}

/* False: cannot be decrypted or read. Valid until the next call. */
static bool open_sealed(struct loading *loading, struct slice sealed, struct json_value *ret) {
    static const char padding[JSON_PADDING];
    strbuf_clear(&loading->plain);
    if (secret_box_open(loading->box, sealed, &loading->plain, NULL) < 0) return false;
    size_t len = loading->plain.len;
    strbuf_add(&loading->plain, padding, sizeof(padding));
    return !loading->plain.overflow && json_parse(loading->json, slice_of(loading->plain.ptr, len), ret, NULL) == 0;
}

static bool load_secrets(struct loading *loading, struct held *held, const struct endpoint_row *row) {
    const struct provider *provider = held->endpoint.settings.provider;
    struct json_value list, item;
    struct slice text;
    if (!row->secrets.ptr || !provider->secret_parse) return true;
    if (!open_sealed(loading, row->secrets, &list)) return false;
    held->secrets = arena_alloc_array(held->arena, json_count(list), sizeof(struct provider_secret *));
    struct json_iterator items = json_elements(list);
    while (json_next(&items, &item)) {
        if (!json_text(item, &text) || provider->secret_parse(text, &held->secrets[held->secret_count], NULL) < 0)
            return false;
        held->secret_count++;
    }
    held->endpoint.settings.secrets = held->secrets;
    held->endpoint.settings.secret_count = held->secret_count;
    return true;
}

static bool load_credentials(struct loading *loading, struct held *held, const struct endpoint_row *row) {
    struct json_value list, item;
    if (!row->credentials.ptr) return true;
    if (!open_sealed(loading, row->credentials, &list)) return false;
    struct endpoint_credential *credentials =
        arena_alloc_array(held->arena, json_count(list), sizeof(struct endpoint_credential));
    struct json_iterator items = json_elements(list);
    while (json_next(&items, &item))
        credentials[held->endpoint.credential_count++] = (struct endpoint_credential){
            .username = arena_copy(held->arena, json_get_string(item, SLICE("username"))),
            .password = arena_copy(held->arena, json_get_string(item, SLICE("password"))),
            .header = arena_copy(held->arena, json_get_string(item, SLICE("header"))),
        };
    held->endpoint.credentials = credentials;
    return true;
}

static bool load_topics(struct loading *loading, struct held *held, const struct endpoint_row *row) {
    struct json_value list, item;
    struct slice text;
    if (!parse_text(loading, row->topic_arns, &list)) return false;
    struct slice *topics = arena_alloc_array(held->arena, json_count(list), sizeof(*topics));
    struct json_iterator items = json_elements(list);
    while (json_next(&items, &item))
        if (json_text(item, &text)) topics[held->endpoint.settings.topic_arn_count++] = arena_copy(held->arena, text);
    held->endpoint.settings.topic_arns = topics;
    return true;
}

static bool load_cidrs(struct loading *loading, struct held *held, const struct endpoint_row *row) {
    struct json_value list, item;
    struct slice text;
    if (!parse_text(loading, row->allowed_cidrs, &list)) return false;
    struct cidr *cidrs = arena_alloc_array(held->arena, json_count(list), sizeof(*cidrs));
    struct json_iterator items = json_elements(list);
    while (json_next(&items, &item)) {
        /* A block that cannot be read must not open the door wider than it was meant. */
        if (!json_text(item, &text) || cidr_parse(text, &cidrs[held->endpoint.allowed_cidr_count], NULL) < 0)
            return false;
        held->endpoint.allowed_cidr_count++;
    }
    held->endpoint.allowed_cidrs = cidrs;
    return true;
}

static struct slice address_of(const struct loading *loading, const struct held *held, const struct endpoint_row *row,
                               const char *kind) {
    if (!*loading->public_url) return SLICE_NONE;
    return slice_cstr(
        arena_printf(held->arena, "%s/webhooks/%s/%.*s", loading->public_url, kind, SLICE_FMT(row->token)));
}

/* NULL: of a provider that this program does not know. */
static struct held *held_new(struct loading *loading, const struct endpoint_row *row) {
    const struct provider *provider = provider_find(row->provider);
    if (!provider) return NULL;
    struct held *held = memory_alloc(sizeof(*held));
    struct endpoint *endpoint = &held->endpoint;
    atomic_init(&held->references, 1);
    held->arena = arena_new();
    endpoint->organization_id = row->organization_id;
    endpoint->id = row->id;
    endpoint->token = arena_copy(held->arena, row->token);
    endpoint->rate_limit = row->rate_limit;
    endpoint->auto_confirm = row->auto_confirm;
    endpoint->settings = (struct provider_endpoint){
        .provider = provider,
        .require_signature = row->require_signature,
        .timestamp_tolerance_ms = row->timestamp_tolerance_s == TOLERANCE_DEFAULT ? provider->timestamp_tolerance_ms
                                                                                  : row->timestamp_tolerance_s * 1000,
        .sns_allow_version_1 = row->allow_sns_version_1,
        .url = address_of(loading, held, row, "email"),
        .inbound_url = address_of(loading, held, row, "inbound"),
    };
    bool secrets = load_secrets(loading, held, row), credentials = load_credentials(loading, held, row);
    bool topics = load_topics(loading, held, row), cidrs = load_cidrs(loading, held, row);
    endpoint->broken = !secrets || !credentials || !topics || !cidrs;
    return held;
}

/* ---- all endpoints ---- */

static void table_release(struct table *table) {
    for (size_t i = 0; i < table->count; i++)
        endpoints_release(&table->all[i]->endpoint);
    free(table->slots);
    free(table->all);
    *table = (struct table){0};
}

static struct held **table_slot(const struct table *table, struct slice token) {
    size_t at = (size_t)hash_fnv1a(token) & table->mask;
    while (table->slots[at] && !slice_equal(table->slots[at]->endpoint.token, token))
        at = (at + 1) & table->mask;
    return &table->slots[at];
}

static struct table table_build(const struct secret_box *box, const char *public_url, const struct endpoint_row *rows,
                                size_t count) {
    struct table table = {0};
    struct loading loading = {.box = box, .public_url = public_url, .json = json_reader_new()};
    size_t size = 16;
    while (size < count * 2)
        size *= 2;
    table.mask = size - 1;
    table.slots = memory_alloc_array(size, sizeof(struct held *));
    table.all = memory_alloc_array(count + 1, sizeof(struct held *));
    strbuf_init(&loading.plain, PLAIN_MAX);
    for (size_t i = 0; i < count; i++) {
        struct held *held = held_new(&loading, &rows[i]);
        if (!held) continue;
        table.all[table.count++] = held;
        *table_slot(&table, held->endpoint.token) = held;
    }
    if (loading.plain.capacity) sodium_memzero(loading.plain.ptr, loading.plain.capacity);
    strbuf_release(&loading.plain);
    json_reader_free(loading.json);
    return table;
}

struct endpoints *endpoints_new(const struct secret_box *box, const char *public_url) {
    struct endpoints *endpoints = memory_alloc(sizeof(*endpoints));
    endpoints->box = *box;
    endpoints->public_url = memory_cstr(public_url, strlen(public_url));
    endpoints->version = -1;
    pthread_mutex_init(&endpoints->refreshing, NULL);
    pthread_rwlock_init(&endpoints->lock, NULL);
    endpoints->table = table_build(box, "", NULL, 0);
    return endpoints;
}

struct endpoints *endpoints_free(struct endpoints *endpoints) {
    if (!endpoints) return NULL;
    table_release(&endpoints->table);
    pthread_rwlock_destroy(&endpoints->lock);
    pthread_mutex_destroy(&endpoints->refreshing);
    sodium_memzero(&endpoints->box, sizeof(endpoints->box));
    free(endpoints->public_url);
    free(endpoints);
    return NULL;
}

static int load_table(struct endpoints *endpoints, struct db *db, struct err *err) {
    struct arena *arena = arena_new();
    struct endpoint_row *rows;
    size_t count;
    int64_t version;
    /* Version and rows out of one snapshot, so that no change falls between them. */
    int r = db_begin(db, DB_READ, err);
    if (r < 0) goto out;
    r = settings_version(db, &version, err);
    if (r < 0 || version == endpoints->version) goto out;
    r = endpoint_rows_active(db, arena, &rows, &count, err);
    if (r < 0) goto out;
    struct table built = table_build(&endpoints->box, endpoints->public_url, rows, count), old;
    pthread_rwlock_wrlock(&endpoints->lock);
    old = endpoints->table;
    endpoints->table = built;
    pthread_rwlock_unlock(&endpoints->lock);
    table_release(&old);
    endpoints->version = version;
out:
    db_rollback(db);
    arena_free(arena);
    return r;
}

int endpoints_refresh(struct endpoints *endpoints, struct db *db, struct err *err) {
    pthread_mutex_lock(&endpoints->refreshing);
    int r = load_table(endpoints, db, err);
    pthread_mutex_unlock(&endpoints->refreshing);
    return r;
}

const struct endpoint *endpoints_acquire(struct endpoints *endpoints, struct slice token) {
    pthread_rwlock_rdlock(&endpoints->lock);
    struct held *held = *table_slot(&endpoints->table, token);
    if (held) atomic_fetch_add(&held->references, 1);
    pthread_rwlock_unlock(&endpoints->lock);
    return held ? &held->endpoint : NULL;
}

const struct endpoint *endpoints_acquire_by_id(struct endpoints *endpoints, int64_t organization_id, int64_t id) {
    struct held *found = NULL;
    pthread_rwlock_rdlock(&endpoints->lock);
    for (size_t i = 0; i < endpoints->table.count && !found; i++) {
        struct held *held = endpoints->table.all[i];
        if (held->endpoint.organization_id == organization_id && held->endpoint.id == id) found = held;
    }
    if (found) atomic_fetch_add(&found->references, 1);
    pthread_rwlock_unlock(&endpoints->lock);
    return found ? &found->endpoint : NULL;
}
