#include "api/endpoint_settings.h"

#include <sodium.h>
#include <stdio.h>

#include "base/json.h"
#include "base/random.h"

#include "base/banned.h"

#define JSON_TEXT_MAX (256UL << 10)

int endpoint_settings_new(int64_t organization_id, struct slice provider, struct arena *arena, struct endpoint_row *ret,
                          struct err *err) {
    char *token = arena_bytes(arena, ENDPOINT_TOKEN_CHARS + 1);
    if (!provider_find(provider)) {
        err_set(err, ERR_INVALID, "provider must be one of:");
        for (size_t i = 0; providers[i] && err; i++) {
            size_t len = strlen(err->text);
            snprintf(err->text + len, sizeof(err->text) - len, "%s %s", i > 0 ? "," : "", providers[i]->name);
        }
        return -ERR_INVALID;
    }
    random_token(token, ENDPOINT_TOKEN_CHARS);
    *ret = (struct endpoint_row){
        .organization_id = organization_id,
        .token = slice_of(token, ENDPOINT_TOKEN_CHARS),
        .provider = arena_copy(arena, provider),
        .topic_arns = SLICE("[]"),
        .require_signature = provider_find(provider)->verify != NULL,
        .allowed_cidrs = SLICE("[]"),
        .timestamp_tolerance_s = TOLERANCE_DEFAULT,
        .allow_sns_version_1 = true, /* Amazon still sends it */
        .confirmed_at = TIME_UNSET,
        .disabled_at = TIME_UNSET,
    };
    return 0;
}

/* ---- JSON in and out of the row ---- */

static struct slice list_json(const struct text_list *list, struct arena *arena) {
    struct strbuf text;
    strbuf_init(&text, JSON_TEXT_MAX);
    strbuf_add_char(&text, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0) strbuf_add_char(&text, ',');
        api_quote(&text, list->items[i]);
    }
    strbuf_add_char(&text, ']');
    if (text.overflow) BUG("settings of an endpoint that are too large");
    struct slice copy = arena_copy(arena, strbuf_slice(&text));
    strbuf_release(&text);
    return copy;
}

static struct slice seal(const struct secret_box *box, struct slice plain, struct arena *arena) {
    struct strbuf sealed;
    strbuf_init(&sealed, JSON_TEXT_MAX * 2);
    if (secret_box_seal(box, plain, &sealed) < 0) BUG("a secret that is too large");
    struct slice copy = arena_copy(arena, strbuf_slice(&sealed));
    strbuf_release(&sealed);
    return copy;
}

/* A sealed JSON array, opened. */
struct opened {
    struct json_reader *json;
    struct strbuf plain;
    struct json_value list; /* JSON_KIND_NONE: nothing was stored */
};

/* False: cannot be read. opened_release in any case. */
static bool open_sealed(struct opened *opened, const struct secret_box *box, struct slice sealed) {
    static const char padding[JSON_PADDING];
    *opened = (struct opened){.json = json_reader_new()};
    strbuf_init(&opened->plain, JSON_TEXT_MAX + JSON_PADDING);
    if (!sealed.ptr) return true;
    if (secret_box_open(box, sealed, &opened->plain, NULL) < 0) return false;
    size_t len = opened->plain.len;
    strbuf_add(&opened->plain, padding, sizeof(padding));
    return !opened->plain.overflow &&
           json_parse(opened->json, slice_of(opened->plain.ptr, len), &opened->list, NULL) == 0 &&
           opened->list.type == JSON_KIND_ARRAY;
}

static void opened_release(struct opened *opened) {
    if (opened->plain.len > 0) sodium_memzero(opened->plain.ptr, opened->plain.len);
    strbuf_release(&opened->plain);
    json_reader_free(opened->json);
}

/* ---- checks ---- */

static int check_list(const struct text_list *list, const char *name, size_t count_max, size_t bytes_max,
                      struct err *err) {
    if (list->count > count_max) return err_set(err, ERR_INVALID, "%s must have at most %zu items", name, count_max);
    for (size_t i = 0; i < list->count; i++)
        if (slice_empty(list->items[i]) || list->items[i].len > bytes_max || !slice_is_utf8(list->items[i]))
            return err_set(err, ERR_INVALID, "%s[%zu] must be text of 1 to %zu bytes", name, i, bytes_max);
    return 0;
}

/* The provider knows best what its secrets look like. */
static int check_secrets(const struct provider *provider, const struct text_list *list, const char *name,
                         struct err *err) {
    int r = check_list(list, name, ENDPOINT_SECRETS_MAX, ENDPOINT_SECRET_MAX, err);
    if (r == 0 && list->count > 0 && !provider->secret_parse)
        return err_set(err, ERR_INVALID, "%s signs nothing, so there are no %s: set credentials", provider->title,
                       name);
    for (size_t i = 0; i < list->count && r == 0; i++) {
        struct provider_secret *secret = NULL;
        r = provider->secret_parse(list->items[i], &secret, err);
        if (r != 0)
            err_prefix(err, "%s[%zu]", name, i);
        else
            provider->secret_free(secret);
    }
    return r;
}

/* RFC 9110, section 5.1: a field name is a token. Authorization is what the other two kinds are for. */
static bool is_header_name(struct slice name) {
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && !memchr(marks, c, sizeof(marks) - 1)) return false;
    }
    return name.len <= ENDPOINT_HEADER_MAX && !slice_equal_nocase(name, SLICE("authorization"));
}

static int check_credentials(const struct endpoint_change *change, struct err *err) {
    if (change->credentials.count > ENDPOINT_CREDENTIALS_MAX)
        return err_set(err, ERR_INVALID, "credentials must have at most %d items", ENDPOINT_CREDENTIALS_MAX);
    for (size_t i = 0; i < change->credentials.count; i++) {
        struct endpoint_credential credential = change->credentials.items[i];
        if (slice_find_char(credential.username, ':') >= 0 || credential.username.len > ENDPOINT_CREDENTIAL_MAX)
            return err_set(err, ERR_INVALID, "credentials[%zu].username must have at most %d bytes and no colon", i,
                           ENDPOINT_CREDENTIAL_MAX);
        if (!is_header_name(credential.header) ||
            (!slice_empty(credential.header) && !slice_empty(credential.username)))
            return err_set(err, ERR_INVALID,
                           "credentials[%zu].header must be the name of a header other than Authorization, of at most "
                           "%d bytes, and excludes username",
                           i, ENDPOINT_HEADER_MAX);
        if (slice_empty(credential.password) || credential.password.len > ENDPOINT_CREDENTIAL_MAX)
            return err_set(err, ERR_INVALID, "credentials[%zu].password must have 1 to %d bytes", i,
                           ENDPOINT_CREDENTIAL_MAX);
    }
    return 0;
}

static int check_cidrs(const struct text_list *list, struct err *err) {
    struct cidr cidr;
    int r = check_list(list, "allowed_cidrs", ENDPOINT_CIDRS_MAX, ADDRESS_TEXT_MAX + 4, err);
    for (size_t i = 0; i < list->count && r == 0; i++) {
        r = cidr_parse(list->items[i], &cidr, err);
        if (r != 0) err_prefix(err, "allowed_cidrs[%zu]", i);
    }
    return r;
}

static int check(const struct provider *provider, const struct endpoint_change *change, struct err *err) {
    int r = 0;
    if (change->name.ptr && (slice_empty(change->name) || change->name.len > ENDPOINT_NAME_MAX))
        return err_set(err, ERR_INVALID, "name must have 1 to %d bytes", ENDPOINT_NAME_MAX);
    r = check_secrets(provider, &change->secrets, "secrets", err);
    if (r == 0) r = check_secrets(provider, &change->add_secrets, "add_secrets", err);
    if (r == 0) r = check_credentials(change, err);
    if (r == 0) r = check_list(&change->topic_arns, "topic_arns", ENDPOINT_TOPICS_MAX, ENDPOINT_TOPIC_MAX, err);
    if (r == 0) r = check_cidrs(&change->allowed_cidrs, err);
    if (r != 0) return r;
    if (change->has_rate_limit && (change->rate_limit < 0 || change->rate_limit > ENDPOINT_RATE_MAX))
        return err_set(err, ERR_INVALID, "rate_limit must be a number from 0 to %d", ENDPOINT_RATE_MAX);
    if (change->has_tolerance && change->tolerance_s != TOLERANCE_DEFAULT &&
        (change->tolerance_s < 0 || change->tolerance_s > ENDPOINT_TOLERANCE_MAX_S))
        return err_set(err, ERR_INVALID, "timestamp_tolerance_s must be a number from 0 to %d",
                       ENDPOINT_TOLERANCE_MAX_S);
    return 0;
}

/* ---- taking over ---- */

/* Those that are there, then those to add. */
static int join_secrets(const struct endpoint_row *row, const struct endpoint_change *change,
                        const struct secret_box *box, struct arena *arena, struct text_list *ret, struct err *err) {
    struct slice *items = arena_alloc_array(arena, 3 * ENDPOINT_SECRETS_MAX, sizeof(*items));
    struct opened opened;
    struct json_value item;
    struct slice text;
    bool readable = change->secrets.given || open_sealed(&opened, box, row->secrets);
    for (size_t i = 0; i < change->secrets.count; i++)
        items[ret->count++] = change->secrets.items[i];
    if (!change->secrets.given) {
        struct json_iterator elements = json_elements(opened.list);
        while (readable && ret->count < ENDPOINT_SECRETS_MAX && json_next(&elements, &item))
            if (json_text(item, &text)) items[ret->count++] = arena_copy(arena, text);
        opened_release(&opened);
    }
    if (!readable)
        return err_set(err, ERR_INVALID, "the endpoint's secrets cannot be read, so none can be added: set secrets");
    for (size_t i = 0; i < change->add_secrets.count; i++)
        items[ret->count++] = change->add_secrets.items[i];
    if (ret->count > ENDPOINT_SECRETS_MAX)
        return err_set(err, ERR_INVALID, "an endpoint has at most %d secrets: set those that are still needed",
                       ENDPOINT_SECRETS_MAX);
    ret->items = items;
    return 0;
}

static int apply_secrets(struct endpoint_row *row, const struct endpoint_change *change, const struct secret_box *box,
                         struct arena *arena, struct err *err) {
    struct text_list joined = {0};
    if (!change->secrets.given && !change->add_secrets.given) return 0;
    int r = join_secrets(row, change, box, arena, &joined, err);
    if (r != 0) return r;
    row->secrets = joined.count > 0 ? seal(box, list_json(&joined, arena), arena) : SLICE_NONE;
    return 0;
}

static void apply_credentials(struct endpoint_row *row, const struct endpoint_change *change,
                              const struct secret_box *box, struct arena *arena) {
    struct strbuf text;
    if (!change->credentials.given) return;
    strbuf_init(&text, JSON_TEXT_MAX);
    for (size_t i = 0; i < change->credentials.count; i++) {
        strbuf_add_cstr(&text, i > 0 ? ",{\"username\":" : "[{\"username\":");
        api_quote(&text, change->credentials.items[i].username);
        strbuf_add_cstr(&text, ",\"header\":");
        api_quote(&text, change->credentials.items[i].header);
        strbuf_add_cstr(&text, ",\"password\":");
        api_quote(&text, change->credentials.items[i].password);
        strbuf_add_char(&text, '}');
    }
    strbuf_add_char(&text, ']');
    row->credentials = change->credentials.count > 0 ? seal(box, strbuf_slice(&text), arena) : SLICE_NONE;
    sodium_memzero(text.ptr, text.len);
    strbuf_release(&text);
}

int endpoint_settings_apply(struct endpoint_row *row, const struct endpoint_change *change,
                            const struct secret_box *box, struct arena *arena, struct err *err) {
    const struct provider *provider = provider_find(row->provider);
    if (!provider)
        return err_set(err, ERR_CONFLICT, "the provider %.*s is not known to this version", SLICE_FMT(row->provider));
    int r = check(provider, change, err);
    if (r == 0) r = apply_secrets(row, change, box, arena, err);
    if (r != 0) return r;
    apply_credentials(row, change, box, arena);
    if (change->name.ptr) row->name = change->name;
    if (change->topic_arns.given) row->topic_arns = list_json(&change->topic_arns, arena);
    if (change->allowed_cidrs.given) row->allowed_cidrs = list_json(&change->allowed_cidrs, arena);
    if (change->has_require_signature) row->require_signature = change->require_signature;
    if (!provider->verify) row->require_signature = false;
    if (change->has_rate_limit) row->rate_limit = change->rate_limit;
    if (change->has_tolerance) row->timestamp_tolerance_s = change->tolerance_s;
    if (change->has_allow_sns_version_1) row->allow_sns_version_1 = change->allow_sns_version_1;
    if (change->has_auto_confirm) row->auto_confirm = change->auto_confirm;
    if (slice_empty(row->name)) row->name = slice_cstr(provider->title);
    if (!provider->verify && !row->credentials.ptr)
        return err_set(err, ERR_INVALID, "%s signs nothing: set credentials that it will send along", provider->title);
    if (!row->require_signature && !row->credentials.ptr)
        return err_set(err, ERR_INVALID, "an endpoint that does not require a signature must require credentials");
    return 0;
}

/* ---- opening ---- */

static void copy_texts(struct json_value list, struct arena *arena, const struct slice **ret, size_t *ret_count) {
    struct slice *items = arena_alloc_array(arena, json_count(list), sizeof(*items)), text;
    struct json_iterator elements = json_elements(list);
    struct json_value item;
    *ret = items;
    *ret_count = 0;
    while (json_next(&elements, &item))
        if (json_text(item, &text)) items[(*ret_count)++] = arena_copy(arena, text);
}

static void copy_credentials(struct json_value list, struct arena *arena, struct endpoint_opened *ret) {
    struct endpoint_credential *items = arena_alloc_array(arena, json_count(list), sizeof(*items));
    struct json_iterator elements = json_elements(list);
    struct json_value item;
    while (json_next(&elements, &item))
        items[ret->credential_count++] = (struct endpoint_credential){
            .username = arena_copy(arena, json_get_string(item, SLICE("username"))),
            .password = arena_copy(arena, json_get_string(item, SLICE("password"))),
            .header = arena_copy(arena, json_get_string(item, SLICE("header"))),
        };
    ret->credentials = items;
}

/* The list of topics is plain JSON text. */
static void copy_topics(struct slice text, struct arena *arena, struct endpoint_opened *ret) {
    struct json_reader *json = json_reader_new();
    struct json_value list;
    char *padded = arena_bytes(arena, text.len + JSON_PADDING);
    memset(padded, 0, text.len + JSON_PADDING);
    if (text.len) memcpy(padded, text.ptr, text.len);
    if (json_parse(json, slice_of(padded, text.len), &list, NULL) == 0)
        copy_texts(list, arena, &ret->topics, &ret->topic_count);
    json_reader_free(json);
}

int endpoint_settings_open(const struct endpoint_row *row, const struct secret_box *box, struct arena *arena,
                           struct endpoint_opened *ret, struct err *err) {
    struct opened secrets, credentials;
    *ret = (struct endpoint_opened){0};
    bool readable = open_sealed(&secrets, box, row->secrets);
    readable = open_sealed(&credentials, box, row->credentials) && readable;
    if (readable) {
        copy_texts(secrets.list, arena, &ret->secrets, &ret->secret_count);
        copy_credentials(credentials.list, arena, ret);
        copy_topics(row->topic_arns, arena, ret);
    }
    opened_release(&credentials);
    opened_release(&secrets);
    if (readable) return 0;
    return err_set(err, ERR_CONFLICT, "the endpoint's secrets cannot be read: an admin has to set them anew");
}

/* ---- showing ---- */

/* What is missing before deliveries can be accepted; NULL: nothing. */
static const char *hint_of(const struct endpoint_row *row, const struct provider *provider, size_t secrets) {
    if (!provider) return "This version does not know the provider.";
    if (row->disabled_at != TIME_UNSET) return "The endpoint is disabled.";
    if (row->pending_confirmation.ptr) return "The provider waits for a confirmation: POST …/confirm.";
    if (row->require_signature && provider->secret_required && secrets == 0) return provider->secret_help;
    if (provider->topics_required && slice_equal(row->topic_arns, SLICE("[]")))
        return "The topics that may deliver here are missing: set topic_arns.";
    return NULL;
}

static void write_usernames(struct api_table *out, struct json_value credentials) {
    struct json_iterator items = json_elements(credentials);
    struct json_value item;
    api_table_array(out, "credentials");
    while (json_next(&items, &item)) {
        api_table_object(out, NULL);
        struct slice header = json_get_string(item, SLICE("header"));
        api_table_text(out, "username", json_get_string(item, SLICE("username")));
        if (!slice_empty(header)) api_table_text(out, "header", header);
        api_table_close(out);
    }
    api_table_close(out);
}

void endpoint_settings_write(struct api_table *out, const struct endpoint_row *row, const struct secret_box *box,
                             const char *public_url) {
    const struct provider *provider = provider_find(row->provider);
    struct opened secrets, credentials;
    bool secrets_readable = open_sealed(&secrets, box, row->secrets);
    bool readable = open_sealed(&credentials, box, row->credentials) && secrets_readable;
    size_t secret_count = json_count(secrets.list);
    const char *hint =
        readable ? hint_of(row, provider, secret_count) : "The stored secrets cannot be decrypted: set them anew.";
    char url[400], inbound_url[400];
    snprintf(url, sizeof(url), "%s/webhooks/email/%.*s", public_url, SLICE_FMT(row->token));
    snprintf(inbound_url, sizeof(inbound_url), "%s/webhooks/inbound/%.*s", public_url, SLICE_FMT(row->token));
    api_table_int(out, "id", row->id);
    api_table_text(out, "provider", row->provider);
    api_table_text(out, "provider_title", provider ? slice_cstr(provider->title) : row->provider);
    api_table_text(out, "name", row->name);
    api_table_text(out, "url", slice_cstr(url));
    api_table_text(out, "inbound_url", provider && provider->parse_inbound ? slice_cstr(inbound_url) : SLICE_NONE);
    api_table_bool(out, "ready", hint == NULL);
    api_table_text(out, "hint", slice_cstr(hint));
    api_table_bool(out, "require_signature", row->require_signature);
    api_table_int(out, "secret_count", (int64_t)secret_count);
    write_usernames(out, credentials.list);
    api_table_json(out, "topic_arns", row->topic_arns);
    api_table_json(out, "allowed_cidrs", row->allowed_cidrs);
    api_table_int(out, "rate_limit", row->rate_limit);
    api_table_int_or_null(out, "timestamp_tolerance_s", row->timestamp_tolerance_s, TOLERANCE_DEFAULT);
    api_table_bool(out, "allow_sns_version_1", row->allow_sns_version_1);
    api_table_bool(out, "auto_confirm", row->auto_confirm);
    api_table_json(out, "pending_confirmation", row->pending_confirmation);
    api_table_time(out, "confirmed_at", row->confirmed_at);
    api_table_time(out, "created_at", row->created_at);
    api_table_time(out, "updated_at", row->updated_at);
    api_table_time(out, "disabled_at", row->disabled_at);
    opened_release(&secrets);
    opened_release(&credentials);
}
