#include <stdlib.h>

#include "api/audit.h"
#include "base/hash.h"
#include "store/idempotency.h"

#include "base/banned.h"

#define KEY_MAX 255

struct noted {
    struct api_call *call;
    int (*run)(void *context, struct applier *applier, struct db *db, struct err *err);
    void *context;
};

static int run_noted(void *context, struct applier *applier, struct db *db, struct err *err) {
    const struct noted *noted = context;
    api_audit_begin(noted->call); /* the writer may call again */
    int r = noted->run(noted->context, applier, db, err);
    return r != 0 ? r : api_audit_note(noted->call, db, err);
}

int api_write(struct api_call *call, int (*run)(void *context, struct applier *applier, struct db *db, struct err *err),
              void *context, struct err *err) {
    struct noted noted = {.call = call, .run = run, .context = context};
    if (!api_audit_wanted(call)) return writer_call(call->app->writer, run, context, err);
    int r = writer_call_last(call->app->writer, run_noted, &noted, err);
    if (r == 0) api_audit_done(call);
    return r;
}

struct once {
    struct api_call *call;
    int (*run)(void *context, struct applier *applier, struct db *db, struct api_table *answer, struct err *err);
    void *context;
    bool has_key;
    struct message_key key;
    int64_t request_hash;
    const int *run_status; /* what `run` leaves */
    int status;            /* of the answer: that, or the stored one */
    struct api_table *table;
    struct strbuf answer; /* its JSON text */
    struct strbuf sealed; /* base64 of the answer, encrypted: it may hold a secret that is shown only once */
};

static int store_answer(struct once *once, struct db *db, struct err *err) {
    struct api_call *call = once->call;
    struct strbuf box;
    strbuf_init(&box, API_ANSWER_MAX);
    strbuf_clear(&once->sealed);
    secret_box_seal(&call->app->secret_box, strbuf_slice(&once->answer), &box);
    base64_encode(&once->sealed, strbuf_slice(&box));
    bool overflow = box.overflow || once->sealed.overflow;
    strbuf_release(&box);
    if (overflow)
        return err_set(err, ERR_TOO_LARGE, "the answer is too large for an Idempotency-Key: send less at once");
    struct idempotent_answer row = {
        .request_hash = once->request_hash, .status = once->status, .response = strbuf_slice(&once->sealed)};
    return idempotency_store(db, call->organization_id, once->key, &row, call->now, err);
}

static int use_stored(struct once *once, const struct idempotent_answer *stored, struct err *err) {
    unsigned char *bytes = arena_alloc(once->call->arena, stored->response.len);
    size_t len;
    if (stored->request_hash != once->request_hash)
        return err_set(err, ERR_CONFLICT, "this Idempotency-Key was used for another request");
    if (!base64_decode(stored->response, bytes, stored->response.len, &len))
        return err_set(err, ERR_INTERNAL, "a stored answer is damaged");
    once->status = (int)stored->status;
    api_audit_skip(once->call); /* nothing changes */
    return secret_box_open(&once->call->app->secret_box, slice_of((const char *)bytes, len), &once->answer, err);
}

static int run_once(void *context, struct applier *applier, struct db *db, struct err *err) {
    struct once *once = context;
    strbuf_clear(&once->answer); /* the writer may call again */
    if (once->has_key) {
        struct idempotent_answer stored;
        int found = idempotency_find(db, once->call->organization_id, once->key, once->call->arena, &stored, err);
        if (found < 0) return found;
        if (found > 0) return use_stored(once, &stored, err);
    }
    api_table_reset(once->table);
    int r = once->run(once->context, applier, db, once->table, err);
    if (r != 0) return r;
    once->status = *once->run_status;
    struct strbuf *text = api_table_finish(once->table, NULL);
    strbuf_add_slice(&once->answer, strbuf_slice(text));
    once->answer.overflow |= text->overflow;
    if (once->answer.overflow) return err_set(err, ERR_TOO_LARGE, "the answer would be too large: send less at once");
    return once->has_key ? store_answer(once, db, err) : 0;
}

static int read_key(struct once *once, struct err *err) {
    struct http_request *request = once->call->request;
    struct slice key = slice_trim(http_header(request, SLICE("Idempotency-Key")));
    const unsigned char *hash_key = store_hash_key(once->call->app->store);
    struct strbuf text;
    if (slice_empty(key)) return 0;
    if (key.len > KEY_MAX) return err_set(err, ERR_INVALID, "an Idempotency-Key has at most %d characters", KEY_MAX);
    once->has_key = true;
    once->key = message_key(hash_key, key);
    strbuf_init(&text, SIZE_MAX / 2);
    strbuf_printf(&text, "%s %.*s\n", http_method_name(http_request_method(request)), SLICE_FMT(http_path(request)));
    strbuf_add_slice(&text, http_body(request));
    once->request_hash = (int64_t)(hash128(hash_key, strbuf_slice(&text)).high >> 1);
    strbuf_release(&text);
    return 0;
}

int api_write_once(struct api_call *call,
                   int (*run)(void *context, struct applier *applier, struct db *db, struct api_table *answer,
                              struct err *err),
                   void *context, int status, struct err *err) {
    return api_write_once_as(call, run, context, &status, err);
}

int api_write_once_text(struct api_call *call,
                        int (*run)(void *context, struct applier *applier, struct db *db, struct api_table *answer,
                                   struct err *err),
                        void *context, const int *status, int *ret_status, struct strbuf *ret_answer, struct err *err) {
    struct once once = {.call = call, .run = run, .context = context, .run_status = status};
    once.table = api_table_new(API_TABLE_OBJECT, API_ANSWER_MAX);
    strbuf_init(&once.answer, API_ANSWER_MAX);
    strbuf_init(&once.sealed, API_ANSWER_MAX * 2);
    int r = read_key(&once, err);
    if (r != 0) goto out;
    r = api_write(call, run_once, &once, err);
    if (r == -ERR_CONFLICT && once.has_key) /* somebody else was using the key: now the answer may be there */
        r = api_write(call, run_once, &once, err);
    if (r != 0) goto out;
    strbuf_add_slice(ret_answer, strbuf_slice(&once.answer));
    if (ret_answer->overflow || !strbuf_reserve(ret_answer, JSON_PADDING))
        r = err_set(err, ERR_TOO_LARGE, "the answer would be too large: send less at once");
    *ret_status = once.status;
out:
    strbuf_release(&once.sealed);
    strbuf_release(&once.answer);
    api_table_free(once.table);
    return r;
}

int api_write_once_as(struct api_call *call,
                      int (*run)(void *context, struct applier *applier, struct db *db, struct api_table *answer,
                                 struct err *err),
                      void *context, const int *status, struct err *err) {
    struct strbuf answer;
    int answer_status = 0;
    strbuf_init(&answer, API_ANSWER_MAX + JSON_PADDING);
    int r = api_write_once_text(call, run, context, status, &answer_status, &answer, err);
    if (r == 0) {
        http_answer_buffer(call->request, answer_status, "application/json", &answer);
        call->answered = true;
    }
    strbuf_release(&answer);
    return r;
}
