#include "api/audit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "account/embed.h"
#include "api/auth.h"
#include "store/audit.h"

#include "base/banned.h"

#define STATE_MAX (1UL << 20)
#define SETS_MAX  4

struct api_audit {
    char word[AUDIT_WORD_MAX]; /* of the route */
    const char *action;        /* that, or what a handler says */
    const char *written;       /* the action that is noted already; a request in several transactions is one entry */
    int64_t organization_id, user_id;
    int64_t object_id;
    const char *sets[SETS_MAX];
    size_t set_count;
    struct api_table *before, *after;
    bool skip, noted; /* in the transaction at hand */
};

/* ---- what routes are called ---- */

#define API "/api/v1"

/* Where the rule below would not say it well. NULL: not noted. */
static const struct {
    const char *method, *pattern, *word;
} words[] = {
    {"POST", API "/setup", "organizations.create"},
    {"GET", API "/oidc/callback", "session.create"},
    {"PATCH", API "/me", NULL}, /* one's own name and preferences */
    {"PUT", API "/me/notification-preferences", NULL},
    {"POST", API "/me/second-factor", NULL}, /* not in force yet */
    {"PUT", API "/me/second-factor", "users.second-factor.set"},
    {"POST", API "/me/second-factor/remove", "users.second-factor.remove"},
    {"PUT", API "/me/password", "users.password"},
    {"DELETE", API "/me/sessions", "users.sessions.end"},
    {"DELETE", API "/me/sessions/{id}", "users.sessions.end"},
    {"POST", API "/account-links/redeem", "users.link.use"},
    {"POST", API "/account-links/show", NULL},
    {"DELETE", API "/users/{id}", "users.disable"},
    {"PUT", API "/users/{id}/jobs", "users.jobs"},
    {"POST", API "/users/{id}/link", "users.link"},
    {"DELETE", API "/users/{id}/second-factor", "users.second-factor.remove"},
    {"DELETE", API "/users/{id}/sessions", "users.sessions.end"},
    {"DELETE", API "/api-keys/{id}", "api-keys.revoke"},
    {"DELETE", API "/endpoints/{id}", "endpoints.disable"},
    {"PUT", API "/candidates/{id}/tracking", "candidates.tracking"},
    {"PUT", API "/campaigns/{id}/tracking", "campaigns.tracking"},
    /* Daily work, which is in the tables of emails and events itself. */
    {"POST", API "/emails", NULL},
    {"PATCH", API "/emails/{id}", NULL},
    {"PATCH", API "/notifications/{id}", NULL},
    {"POST", API "/notifications/read", NULL},
    {"POST", API "/embed-tokens", NULL},
};

static const char *verb_of(const char *method) {
    return strcmp(method, "POST") == 0 ? "create" : strcmp(method, "DELETE") == 0 ? "delete" : "change";
}

/* POST /things → things.create; PATCH or PUT /things/{id} → things.change; POST /things/{id}/verb → things.verb. */
static void derive(const char *method, const char *pattern, char *ret) {
    struct slice rest = slice_cstr(pattern + strlen(API) + 1), part;
    bool thing = false, verb = false;
    size_t len = 0;
    while (slice_split_next(&rest, '/', &part)) {
        verb = thing && part.ptr[0] != '{';
        thing = thing || part.ptr[0] == '{';
        if (part.ptr[0] == '{' || len + part.len + 2 >= AUDIT_WORD_MAX) continue;
        len += (size_t)snprintf(ret + len, AUDIT_WORD_MAX - len, "%s%.*s", len > 0 ? "." : "", SLICE_FMT(part));
    }
    if (!(verb && strcmp(method, "POST") == 0)) snprintf(ret + len, AUDIT_WORD_MAX - len, ".%s", verb_of(method));
}

bool audit_word(const char *method, const char *pattern, char *ret) {
    if (strncmp(pattern, API "/", strlen(API) + 1) != 0) return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].method, method) != 0 || strcmp(words[i].pattern, pattern) != 0) continue;
        if (words[i].word) snprintf(ret, AUDIT_WORD_MAX, "%s", words[i].word);
        return words[i].word != NULL;
    }
    if (strcmp(method, "GET") == 0) return false;
    derive(method, pattern, ret);
    return true;
}

/* ---- what handlers add ---- */

static struct api_audit *audit_of(struct api_call *call) {
    if (!call->audit) call->audit = arena_alloc(call->arena, sizeof(*call->audit));
    return call->audit;
}

void api_audit_object(struct api_call *call, int64_t id) {
    audit_of(call)->object_id = id;
}

void api_audit_as(struct api_call *call, int64_t organization_id, int64_t user_id) {
    struct api_audit *audit = audit_of(call);
    audit->organization_id = organization_id;
    audit->user_id = user_id;
}

void api_audit_action(struct api_call *call, const char *action) {
    audit_of(call)->action = action;
}

static struct api_table *state(struct api_table **table) {
    if (!*table)
        *table = api_table_new(API_TABLE_OBJECT, STATE_MAX);
    else
        api_table_reset(*table);
    return *table;
}

struct api_table *api_audit_before(struct api_call *call) {
    return state(&audit_of(call)->before);
}

struct api_table *api_audit_after(struct api_call *call) {
    return state(&audit_of(call)->after);
}

void api_audit_set(struct api_call *call, const char *name) {
    struct api_audit *audit = audit_of(call);
    if (audit->set_count == SETS_MAX) BUG("more than %d members are said to be set", SETS_MAX);
    audit->sets[audit->set_count++] = name;
}

/* ---- the detail ---- */

/* Never shown: what opens something, or is a person's (compliance C-81, C-82). */
static bool is_hidden(struct slice object, const char *name) {
    static const char *const everywhere[] = {
        "url", "inbound_url", "pending_confirmation", "secret", "secrets", "key", "prefix", "link"};
    static const char *const of_people[] = {"email", "name", "external_id"};
    for (size_t i = 0; i < sizeof(everywhere) / sizeof(everywhere[0]); i++)
        if (strcmp(name, everywhere[i]) == 0) return true;
    for (size_t i = 0; slice_equal(object, SLICE("users")) && i < sizeof(of_people) / sizeof(of_people[0]); i++)
        if (strcmp(name, of_people[i]) == 0) return true;
    return false;
}

static bool tells_nothing(const char *name) {
    static const char *const names[] = {"id",         "organization_id", "created_at",
                                        "updated_at", "last_used_at",    "signed_in_at"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0) return true;
    return false;
}

static json_t *read_state(struct api_table *table) {
    if (!table) return json_object();
    struct strbuf *text = api_table_finish(table, NULL);
    json_t *object = text->overflow ? NULL : json_loadb(text->ptr, text->len, 0, NULL);
    return object ? object : json_object();
}

static json_t *changes_of(const struct api_audit *audit, struct slice object) {
    json_t *before = read_state(audit->before), *after = read_state(audit->after), *changes = json_object(), *value;
    const char *name;
    json_object_foreach(after, name, value) {
        json_t *old = json_object_get(before, name);
        if (tells_nothing(name) || (old ? json_equal(old, value) : json_is_null(value))) continue;
        if (is_hidden(object, name))
            json_object_set_new(changes, name, json_true());
        else if (old)
            json_object_set_new(changes, name, json_pack("{s:O,s:O}", "from", old, "to", value));
        else
            json_object_set_new(changes, name, json_pack("{s:O}", "to", value));
    }
    for (size_t i = 0; i < audit->set_count; i++)
        json_object_set_new(changes, audit->sets[i], json_true());
    json_decref(before);
    json_decref(after);
    return changes;
}

static struct slice detail_of(struct api_call *call, struct slice object) {
    const struct api_audit *audit = call->audit;
    if (!audit->after && audit->set_count == 0) return SLICE_NONE;
    json_t *detail = json_pack("{s:o}", "changes", changes_of(audit, object));
    char *text = json_dumps(detail, JSON_COMPACT | JSON_SORT_KEYS);
    struct slice ret;
    if (text && strlen(text) <= AUDIT_DETAIL_MAX)
        ret = arena_copy(call->arena, slice_cstr(text));
    else
        ret = SLICE("{\"changes\":\"too long to be kept here\"}");
    free(text);
    json_decref(detail);
    return ret;
}

/* ---- the entry ---- */

/* What comes before the first dot. Signing in and out is about people. */
static struct slice object_of(struct slice action) {
    struct slice rest = action, object;
    if (!slice_split_next(&rest, '.', &object)) return SLICE("");
    return slice_equal(object, SLICE("session")) ? SLICE("users") : object;
}

static void name_actor(const struct api_call *call, const struct api_audit *audit, struct audit_entry *entry) {
    entry->organization_id = call->organization_id;
    entry->actor = AUDIT_SYSTEM;
    if (audit && audit->organization_id != 0) {
        entry->organization_id = audit->organization_id;
        entry->actor = AUDIT_USER;
        entry->actor_id = audit->user_id;
    } else if (call->session) {
        entry->actor = AUDIT_USER;
        entry->actor_id = call->session->account.user.id;
    } else if (call->api_key_id != 0 || call->embed) {
        entry->actor = AUDIT_API_KEY;
        entry->actor_id = call->embed ? call->embed->api_key_id : call->api_key_id;
    }
}

static int append(struct api_call *call, struct db *db, struct audit_entry *entry, struct err *err) {
    unsigned char key[AUDIT_KEY_SIZE];
    char source[ADDRESS_TEXT_MAX];
    secret_box_derive(&call->app->secret_box, AUDIT_LABEL, key);
    entry->source = address_format(address_truncate(http_client_address(call->request)), source);
    entry->request_id = http_request_id(call->request);
    return audit_append(db, key, entry, call->now, err);
}

bool api_audit_wanted(struct api_call *call) {
    const struct http_route *route = http_matched_route(call->request);
    struct api_audit *audit = audit_of(call);
    if (!audit->word[0] && !audit_word(http_method_name(route->method), route->pattern, audit->word)) return false;
    return true;
}

void api_audit_begin(struct api_call *call) {
    struct api_audit *audit = audit_of(call);
    int64_t id = 0;
    audit->action = audit->word;
    bool named = strstr(http_matched_route(call->request)->pattern, "{id}") &&
                 slice_parse_i64(http_param(call->request, "id"), &id) && id > 0;
    audit->object_id = named ? id : 0;
    audit->set_count = 0;
    audit->skip = audit->noted = false;
    audit->before = api_table_free(audit->before);
    audit->after = api_table_free(audit->after);
}

void api_audit_skip(struct api_call *call) {
    audit_of(call)->skip = true;
}

int api_audit_note(struct api_call *call, struct db *db, struct err *err) {
    struct api_audit *audit = audit_of(call);
    struct audit_entry entry = {.action = slice_cstr(audit->action), .object_id = audit->object_id};
    if (audit->skip || (audit->written && strcmp(audit->written, audit->action) == 0)) return 0;
    entry.object = object_of(entry.action);
    name_actor(call, audit, &entry);
    if (entry.organization_id == 0) return 0; /* whose it would be is not known */
    /* What somebody does to their own account is about that account. */
    if (entry.object_id == 0 && entry.actor == AUDIT_USER && slice_equal(entry.object, SLICE("users")))
        entry.object_id = entry.actor_id;
    entry.detail = detail_of(call, entry.object);
    audit->noted = true;
    return append(call, db, &entry, err);
}

void api_audit_done(struct api_call *call) {
    struct api_audit *audit = audit_of(call);
    if (audit->noted) audit->written = audit->action;
}

void api_audit_release(struct api_call *call) {
    if (!call->audit) return;
    call->audit->before = api_table_free(call->audit->before);
    call->audit->after = api_table_free(call->audit->after);
}

/* ---- what is not a change by api_write ---- */

struct immediate {
    struct api_call *call;
    struct audit_entry entry;
};

static int run_immediate(void *context, struct applier *applier, struct db *db, struct err *err) {
    struct immediate *immediate = context;
    return append(immediate->call, db, &immediate->entry, err);
}

static int note_now(struct api_call *call, struct slice action, int64_t object_id, struct slice detail,
                    struct err *err) {
    struct immediate immediate = {.call = call};
    immediate.entry =
        (struct audit_entry){.action = action, .object = object_of(action), .object_id = object_id, .detail = detail};
    name_actor(call, NULL, &immediate.entry);
    return writer_call_last(call->app->writer, run_immediate, &immediate, err);
}

int api_audit_now(struct api_call *call, const char *action, int64_t object_id, struct err *err) {
    return note_now(call, slice_cstr(action), object_id, SLICE_NONE, err);
}

int api_audit_export(struct api_call *call, const char *list, size_t rows, struct err *err) {
    return note_now(call, slice_cstr(arena_printf(call->arena, "%s.export", list)), 0,
                    slice_cstr(arena_printf(call->arena, "{\"rows\":%zu}", rows)), err);
}
