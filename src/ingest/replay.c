#include "ingest/replay.h"

#include "base/json.h"
#include "store/store.h"

#include "base/banned.h"

#define HEADERS_MAX 64

int64_t replay_wait_ms(int64_t attempts) {
    int64_t wait = REPLAY_FIRST_WAIT_MS;
    for (int64_t i = 1; i < attempts && wait < REPLAY_WAIT_MAX_MS; i++)
        wait *= 2;
    return wait < REPLAY_WAIT_MAX_MS ? wait : REPLAY_WAIT_MAX_MS;
}

/* ---- the request as it was ---- */

struct kept_headers {
    struct {
        struct slice name, value;
    } headers[HEADERS_MAX];
    size_t count;
};

static struct slice kept_header(const struct delivery *delivery, struct slice name) {
    const struct kept_headers *kept = delivery->headers;
    for (size_t i = 0; i < kept->count; i++)
        if (slice_equal_nocase(kept->headers[i].name, name)) return kept->headers[i].value;
    return SLICE_NONE;
}

static int read_headers(struct json_reader *json, struct slice text, struct arena *arena, struct kept_headers *ret,
                        struct err *err) {
    struct json_value object, value;
    struct slice name, content;
    char *padded = arena_alloc(arena, text.len + JSON_PADDING);
    memcpy(padded, text.ptr, text.len);
    int r = json_parse(json, slice_of(padded, text.len), &object, err);
    if (r < 0) return err_prefix(err, "the kept headers");
    struct json_iterator members = json_members(object);
    while (json_next_member(&members, &name, &value) && ret->count < HEADERS_MAX) {
        if (!json_text(value, &content)) continue;
        ret->headers[ret->count].name = arena_copy(arena, name);
        ret->headers[ret->count++].value = arena_copy(arena, content);
    }
    return 0;
}

/* ---- */

static int attempt(const struct replay *replay, const struct kept_delivery *kept, int64_t now, struct arena *arena,
                   struct err *err) {
    struct kept_headers headers = {.count = 0};
    struct receive_outcome outcome = {0};
    struct delivery delivery = {
        .body = kept->body,
        .header = kept_header,
        .headers = &headers,
        .received_at = kept->received_at,
        .inbound = kept->inbound,
    };
    const struct endpoint *endpoint =
        endpoints_acquire_by_id(replay->endpoints, kept->organization_id, kept->endpoint_id);
    if (!endpoint) return err_set(err, ERR_NOT_FOUND, "its endpoint is gone or disabled");
    struct json_reader *json = json_reader_new();
    int r = read_headers(json, kept->headers, arena, &headers, err);
    if (r == 0)
        r = receive_delivery(endpoint, &delivery, NULL, replay->certificates, true, json, arena,
                             store_hash_key(replay->store), now, &outcome, err);
    if (r == 0 && outcome.mail_count > 0) {
        struct mail_intake intake = replay->intake;
        intake.store = replay->store;
        r = mail_batch_new(&intake, kept->organization_id, kept->endpoint_id, outcome.mails, outcome.mail_count,
                           kept->received_at, &outcome.batch, err);
    }
    if (r == 0 && outcome.batch) r = writer_store(replay->writer, outcome.batch, err);
    json_reader_free(json);
    endpoints_release(endpoint);
    return r;
}

static int save(void *context, struct applier *applier, struct db *db, struct err *err) {
    return delivery_attempted(db, context, err);
}

int replay_delivery(const struct replay *replay, struct db *db, int64_t organization_id, int64_t id, int64_t now,
                    struct arena *arena, struct kept_delivery *ret, struct err *err) {
    struct kept_delivery kept;
    struct err failure = {0};
    int r = delivery_load(db, organization_id, id, arena, &kept, err);
    if (r < 0) return r;
    if (kept.state == DELIVERY_REPLAYED) return err_set(err, ERR_CONFLICT, "this delivery has been processed");
    if (delivery_is_cut(&kept))
        return err_set(err, ERR_CONFLICT, "only a part of this delivery was kept, so it cannot be processed again");
    /* A delivery is due again because its endpoint was changed, maybe by another process a moment ago: judged by what
     * was there before, it would be rejected once more, and then nobody asks again. */
    r = endpoints_refresh(replay->endpoints, db, err);
    if (r < 0) return r;
    r = attempt(replay, &kept, now, arena, &failure);
    if (r == 0) {
        kept.state = DELIVERY_REPLAYED;
        kept.next_attempt_at = TIME_UNSET;
        kept.last_error = SLICE_NONE;
        kept.attempts++;
        metric_add(replay->metrics, METRIC_DELIVERIES_REPLAYED, 1);
    } else if (failure.code == ERR_FULL || failure.code == ERR_UNAVAILABLE) {
        /* Our own trouble, not the delivery's: no attempt was used up. */
        kept.next_attempt_at = now + REPLAY_FIRST_WAIT_MS;
        kept.last_error = slice_cstr(arena_cstr(arena, slice_cstr(failure.text)));
    } else {
        kept.attempts++;
        kept.last_error = slice_cstr(arena_cstr(arena, slice_cstr(failure.text)));
        bool given_up = kept.attempts >= REPLAY_ATTEMPTS_MAX && kept.kind == DELIVERY_FAILED;
        kept.state = given_up ? DELIVERY_GIVEN_UP : DELIVERY_KEPT;
        /* What was rejected waits for an admin: time alone does not make a signature right. */
        kept.next_attempt_at =
            given_up || kept.kind == DELIVERY_REJECTED ? TIME_UNSET : now + replay_wait_ms(kept.attempts);
    }
    r = writer_call(replay->writer, save, &kept, err);
    if (r == 0) *ret = kept;
    return r;
}
