#include "api/rewriting.h"

#include "store/organizations.h"
#include "store/references.h"

#include "base/banned.h"

#define ANSWER_MAX     (64UL << 20)
#define LINK_BYTES     120  /* of a token's address beside base and destination */
#define EMAIL_BYTES    4096 /* of an answer beside html and text */
#define TEXTS_AN_EMAIL 200  /* stored, at most */

/* ---- reading ---- */

/* As it is: line breaks and all. */
static int read_part(struct json_value email, const char *name, struct slice *ret, struct err *err) {
    struct json_value value = json_get(email, slice_cstr(name));
    if (value.type == JSON_KIND_NONE || value.type == JSON_KIND_NULL) return 0;
    if (!json_text(value, ret)) return err_set(err, ERR_INVALID, "%s must be text", name);
    if (!ret->ptr) *ret = SLICE("");
    return 0;
}

int outgoing_read(struct api_call *call, struct json_value email, struct outgoing *ret, struct err *err) {
    *ret = (struct outgoing){.unsubscribe = true, .footer = true};
    int r = read_part(email, "html", &ret->html, err);
    if (r == 0) r = read_part(email, "text", &ret->text, err);
    if (r == 0) r = api_bool(email, "unsubscribe", &ret->unsubscribe, err);
    if (r == 0) r = api_bool(email, "footer", &ret->footer, err);
    if (r == 0) r = api_bool(email, "honeypot", &ret->honeypot, err);
    if (r == 0) r = api_bool(email, "rewrite_text", &ret->rewrite_text, err);
    if (r == 0) r = api_text(call, email, "language", REWRITE_LANGUAGE_MAX, &ret->language, err);
    return r;
}

static bool is_given(const struct outgoing *outgoing) {
    return outgoing->html.ptr || outgoing->text.ptr;
}

enum own_tracking outgoing_measures(const struct outgoing *outgoing) {
    if (outgoing->html.ptr) return OWN_TRACKING_BOTH;
    return outgoing->text.ptr && outgoing->rewrite_text ? OWN_TRACKING_CLICKS : OWN_TRACKING_NONE;
}

/* ---- before the registration ---- */

static int find_base(struct api_call *call, struct rewriting *rewriting, struct err *err) {
    struct organization organization;
    int r = organization_load(call->db, call->organization_id, call->arena, &organization, err);
    if (r != 0) return r;
    rewriting->base =
        slice_empty(organization.tracking_domain)
            ? slice_cstr(app_tracking_url(call->app))
            : slice_cstr(arena_printf(call->arena, "https://%.*s", SLICE_FMT(organization.tracking_domain)));
    return 0;
}

static int scan(struct api_call *call, const struct rewriting *rewriting, struct outgoing *outgoing, struct err *err) {
    const struct rewrite_scan_options options = {
        .base = rewriting->base,
        .allow_internal = app_config(call->app)->tracking_allow_internal,
        .keep_text_links = !outgoing->rewrite_text,
    };
    int r = 0;
    if (outgoing->html.ptr) r = rewrite_scan_html(outgoing->html, &options, call->arena, &outgoing->html_scan, err);
    if (r == 0 && outgoing->text.ptr)
        r = rewrite_scan_text(outgoing->text, outgoing->html_scan, &options, call->arena, &outgoing->text_scan, err);
    return r;
}

/* At most so many bytes of answer; quotes and line breaks take two in JSON. */
static size_t answer_bytes(const struct rewriting *rewriting, const struct outgoing *outgoing) {
    const struct rewrite_scan *scans[] = {outgoing->html_scan, outgoing->text_scan};
    size_t bytes = EMAIL_BYTES + 2 * (outgoing->html.len + outgoing->text.len);
    for (size_t i = 0; i < 2; i++) {
        size_t count = 0;
        const struct rewrite_link *links = scans[i] ? rewrite_links(scans[i], &count) : NULL;
        for (size_t n = 0; n < count; n++)
            bytes += LINK_BYTES + rewriting->base.len + 2 * links[n].url.len;
    }
    return bytes;
}

static size_t texts_of(const struct outgoing *outgoing) {
    size_t count = 0;
    if (outgoing->html_scan) rewrite_links(outgoing->html_scan, &count);
    return count < TEXTS_AN_EMAIL ? count : TEXTS_AN_EMAIL;
}

/* Off the writer's thread: newsletters come by the thousand, and their links are known after the first. */
static int collect_texts(struct api_call *call, struct rewriting *rewriting, struct err *err) {
    const unsigned char *hash_key = store_hash_key(call->app->store);
    size_t room = 0;
    for (size_t i = 0; i < rewriting->count; i++)
        room += texts_of(&rewriting->emails[i]);
    if (room > DB_LIST_MAX) room = DB_LIST_MAX;
    rewriting->texts = arena_alloc_array(call->arena, room, sizeof(*rewriting->texts));
    for (size_t i = 0; i < rewriting->count; i++) {
        const struct outgoing *outgoing = &rewriting->emails[i];
        size_t found, count = texts_of(outgoing);
        const struct rewrite_link *links = count > 0 ? rewrite_links(outgoing->html_scan, &found) : NULL;
        for (size_t n = 0; n < count && rewriting->text_count < room; n++)
            if (!slice_empty(links[n].text))
                rewriting->texts[rewriting->text_count++] =
                    link_text_make(hash_key, links[n].url, links[n].position, links[n].text);
    }
    return link_texts_missing(call->db, call->organization_id, rewriting->texts, &rewriting->text_count, call->arena,
                              err);
}

int rewriting_begin(struct api_call *call, struct rewriting *rewriting, struct err *err) {
    size_t given = 0, bytes = 0;
    for (size_t i = 0; i < rewriting->count; i++)
        given += is_given(&rewriting->emails[i]);
    if (given == 0) return 0;
    rewriting->keys = token_keys_acquire(call->app->token_keys);
    if (!rewriting->keys)
        return err_set(err, ERR_INTERNAL, "no key of tracking links can be opened with this secret key");
    int r = find_base(call, rewriting, err);
    for (size_t i = 0; i < rewriting->count && r == 0; i++) {
        if (!is_given(&rewriting->emails[i])) continue;
        r = scan(call, rewriting, &rewriting->emails[i], err);
        if (r != 0 && rewriting->count > 1) return err_prefix(err, "email %zu", i);
        if (r == 0) bytes += answer_bytes(rewriting, &rewriting->emails[i]);
    }
    if (r == 0 && bytes > ANSWER_MAX)
        r = err_set(err, ERR_TOO_LARGE, "the answer would be too large: send fewer emails at once");
    return r != 0 ? r : collect_texts(call, rewriting, err);
}

bool rewriting_is_wanted(const struct rewriting *rewriting) {
    return rewriting->keys != NULL;
}

void rewriting_end(struct rewriting *rewriting) {
    token_keys_release(rewriting->keys);
    rewriting->keys = NULL;
}

/* ---- after it ---- */

static void write_part(struct api_table *table, const char *name, const struct rewrite_scan *scan,
                       const struct rewrite_target *target, struct strbuf *buffer) {
    if (!scan) return;
    strbuf_clear(buffer);
    rewrite_write(scan, target, buffer);
    api_table_text(table, name, strbuf_slice(buffer));
}

static void write_url(struct api_table *table, const char *name, const struct rewrite_target *target,
                      enum token_purpose purpose, struct strbuf *buffer) {
    strbuf_clear(buffer);
    rewrite_write_url(target, purpose, NULL, buffer);
    api_table_text(table, name, strbuf_slice(buffer));
}

/* RFC 8058 section 3.1: one HTTPS address, and the word that lets mail programs post to it by themselves. */
static void write_headers(struct api_table *table, const struct rewrite_target *target, struct strbuf *buffer) {
    api_table_object(table, "headers");
    if (target->unsubscribe) {
        strbuf_clear(buffer);
        strbuf_add_char(buffer, '<');
        rewrite_write_url(target, TOKEN_UNSUBSCRIBE, NULL, buffer);
        strbuf_add_char(buffer, '>');
        api_table_text(table, "List-Unsubscribe", strbuf_slice(buffer));
        api_table_text(table, "List-Unsubscribe-Post", SLICE("List-Unsubscribe=One-Click"));
    }
    api_table_close(table);
}

static int write_rewritten(struct api_call *call, const struct rewriting *rewriting, const struct outgoing *outgoing,
                           int64_t email_log_id, struct api_table *table, struct strbuf *buffer, struct err *err) {
    struct email_terms terms;
    int r = email_terms_load(call->db, call->organization_id, email_log_id, &terms, err);
    if (r != 0) return r;
    const struct rewrite_target target = {
        .ring = rewriting->keys->ring,
        .base = rewriting->base,
        .organization_id = call->organization_id,
        .email_log_id = email_log_id,
        .cohort_id = terms.cohort_id,
        .level = terms.tracking,
        .measures = terms.own_tracking,
        .unsubscribe = outgoing->unsubscribe,
        .footer = outgoing->footer,
        .honeypot = outgoing->honeypot,
        .language = outgoing->language,
    };
    write_part(table, "html", outgoing->html_scan, &target, buffer);
    write_part(table, "text", outgoing->text_scan, &target, buffer);
    write_headers(table, &target, buffer);
    write_url(table, "unsubscribe_url", &target, TOKEN_UNSUBSCRIBE, buffer);
    write_url(table, "preferences_url", &target, TOKEN_PREFERENCES, buffer);
    if (outgoing->html_scan) api_table_int(table, "links_left_alone", (int64_t)rewrite_links_left(outgoing->html_scan));
    return 0;
}

/* The registration's own members, as they are. */
static int64_t copy_members(struct json_value registered, struct api_table *table, struct strbuf *buffer) {
    static const char *const names[] = {"id", "message_id", "tracking", "existed", "adopted"};
    int64_t id = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        strbuf_clear(buffer);
        json_write_value(json_get(registered, slice_cstr(names[i])), buffer);
        api_table_json(table, names[i], strbuf_slice(buffer));
    }
    json_i64_lenient(json_get(registered, SLICE("id")), &id);
    return id;
}

static int write_answer(struct api_call *call, const struct rewriting *rewriting, struct json_value root,
                        struct api_table *table, struct strbuf *buffer, struct err *err) {
    struct json_value list = json_get(root, SLICE("data")), one = root;
    struct json_iterator elements = json_elements(list);
    bool as_list = list.type == JSON_KIND_ARRAY;
    int r = 0;
    if (as_list) api_table_array(table, "data");
    for (size_t i = 0; i < rewriting->count && r == 0; i++) {
        const struct outgoing *outgoing = &rewriting->emails[i];
        if (as_list && !json_next(&elements, &one)) return err_set(err, ERR_INTERNAL, "a stored answer is too short");
        if (as_list) api_table_object(table, NULL);
        int64_t id = copy_members(one, table, buffer);
        if (is_given(outgoing)) r = write_rewritten(call, rewriting, outgoing, id, table, buffer, err);
        if (as_list) api_table_close(table);
    }
    if (as_list) api_table_close(table);
    return r;
}

int rewriting_answer(struct api_call *call, const struct rewriting *rewriting, int status, struct slice registered,
                     struct err *err) {
    struct json_reader *json = json_readers_take(call->app->json_readers); /* the call's own still holds the HTML */
    struct api_table *table = api_table_new(API_TABLE_OBJECT, 2 * ANSWER_MAX);
    struct json_value root;
    struct strbuf buffer;
    strbuf_init(&buffer, ANSWER_MAX);
    int r = json_parse(json, registered, &root, err);
    if (r == 0) r = write_answer(call, rewriting, root, table, &buffer, err);
    struct strbuf *text = api_table_finish(table, NULL);
    if (r == 0 && (text->overflow || buffer.overflow))
        r = err_set(err, ERR_INTERNAL, "an answer became larger than was reckoned");
    if (r == 0) {
        http_answer_buffer(call->request, status, "application/json", text);
        call->answered = true;
    }
    strbuf_release(&buffer);
    api_table_free(table);
    json_readers_give(call->app->json_readers, json);
    return r;
}
