#include "subscription/sender.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "http/exchanges.h"
#include "store/db.h"
#include "store/security_events.h"
#include "store/store.h"
#include "store/webhook_deliveries.h"
#include "subscription/payload.h"
#include "subscription/schedule.h"
#include "subscription/signing.h"

#include "base/banned.h"

#define FLIGHTS_MAX  64 /* at a time, */
#define FAILING_MAX  32 /* of them to subscriptions that fail, */
#define LANE_MAX     4  /* and to one subscription */
#define LANES_MAX    1024
#define TIMEOUT_MS   15000
#define CLAIM_MS     (4 * TIMEOUT_MS)
#define POLL_MS      1000 /* for what other nodes planned, and for repeats */
#define REST_MS      2000 /* after the database failed */
#define STOP_MS      3000 /* for what is under way when the service stops: what has no end by then is sent again */
#define SECRET_BYTES 1024
#define STATUS_GONE  410 /* RFC 9110, section 15.5.11: meant to be for good */

/* A subscription that has something under way, or failed the last time. */
struct lane {
    int64_t organization_id, subscription_id;
    size_t flying;
    int64_t failures;       /* in a row */
    int64_t rests_until_us; /* monotonic */
};

enum flight_state { FLIGHT_FREE, FLIGHT_FLYING, FLIGHT_ENDED };

struct flight {
    enum flight_state state;
    struct lane *lane;
    struct webhook_delivery delivery; /* numbers, and the last_ texts, which are below */
    char answer[WEBHOOK_ANSWER_MAX * 3], error[300];
    bool counted, gone; /* an attempt was made; the subscriber says that it is gone for good */
};

struct sender {
    struct sender_options options;
    struct http_exchanges *exchanges;
    pthread_t thread;
    bool started;
    atomic_bool ending;
    struct lane lanes[LANES_MAX];
    size_t lane_count;
    struct webhook_lane after; /* where the last round ended, so that each has its turn */
    struct flight flights[FLIGHTS_MAX];
    bool released; /* what a former process had claimed */
};

/* ---- lanes ---- */

/* There are more lanes than flights, so that one without is always found. */
_Static_assert(LANES_MAX > FLIGHTS_MAX, "a lane that has nothing under way");

static struct lane *lane_of(struct sender *sender, const struct webhook_lane *key) {
    struct lane *idle = NULL, *resting = NULL;
    for (size_t i = 0; i < sender->lane_count; i++) {
        struct lane *lane = &sender->lanes[i];
        if (lane->organization_id == key->organization_id && lane->subscription_id == key->subscription_id) return lane;
        if (lane->flying > 0) continue;
        if (lane->failures == 0)
            idle = lane;
        else
            resting = lane;
    }
    if (!idle && sender->lane_count < LANES_MAX) idle = &sender->lanes[sender->lane_count++];
    if (!idle) idle = resting; /* so many fail: one is forgotten, and may be tried a little early */
    if (!idle) BUG("every lane has something under way");
    *idle = (struct lane){.organization_id = key->organization_id, .subscription_id = key->subscription_id};
    return idle;
}

static size_t flights_in(const struct sender *sender, enum flight_state state) {
    size_t count = 0;
    for (size_t i = 0; i < FLIGHTS_MAX; i++)
        count += sender->flights[i].state == state;
    return count;
}

static size_t failing_flights(const struct sender *sender) {
    size_t count = 0;
    for (size_t i = 0; i < sender->lane_count; i++)
        if (sender->lanes[i].failures > 0) count += sender->lanes[i].flying;
    return count;
}

/* ---- an attempt's end ---- */

/* Answers come from strangers: what is no UTF-8, or control, becomes '?'. */
static struct slice keep_text(struct slice text, char *out, size_t max) {
    size_t len = 0;
    while (text.len > 0 && len + 4 <= max) {
        size_t bytes = slice_utf8_char(text);
        bool plain = bytes > 1 || (bytes == 1 && ((unsigned char)*text.ptr >= ' ' || *text.ptr == '\n'));
        if (plain)
            memcpy(out + len, text.ptr, bytes);
        else
            out[len] = '?';
        len += plain ? bytes : 1;
        text = slice_from(text, bytes > 0 ? bytes : 1);
    }
    return slice_of(out, len);
}

static void fail(struct flight *flight, int64_t now, int64_t retry_after_s, const char *reason) {
    struct webhook_delivery *delivery = &flight->delivery;
    int64_t wait;
    uint32_t chance;
    random_bytes(&chance, sizeof(chance));
    delivery->last_error = keep_text(slice_cstr(reason), flight->error, sizeof(flight->error));
    if (schedule_wait(delivery->step, chance, retry_after_s, &wait)) {
        delivery->step++;
        delivery->next_attempt_at = now + wait;
    } else {
        delivery->state = WEBHOOK_GIVEN_UP;
        delivery->next_attempt_at = TIME_UNSET;
    }
}

static void end_flight(struct sender *sender, struct flight *flight, const struct http_exchange_end *end) {
    struct webhook_delivery *delivery = &flight->delivery;
    struct lane *lane = flight->lane;
    struct metrics *metrics = sender->options.metrics;
    int64_t now = clock_now();
    bool answered = end->result == 0, done = answered && end->status >= 200 && end->status < 300;
    flight->state = FLIGHT_ENDED;
    flight->counted = true;
    delivery->attempts++;
    delivery->last_attempt_at = now;
    delivery->last_duration_ms = end->duration_us / 1000;
    delivery->last_status = answered ? end->status : 0;
    delivery->last_answer = answered ? keep_text(end->answer, flight->answer, sizeof(flight->answer)) : SLICE_NONE;
    delivery->last_error = SLICE_NONE;
    metric_observe_us(metrics, METRIC_OUTGOING_SECONDS, end->duration_us);
    metric_add(metrics, done ? METRIC_OUTGOING_DELIVERED : METRIC_OUTGOING_FAILED, 1);
    if (done) {
        delivery->state = WEBHOOK_DELIVERED;
        delivery->next_attempt_at = TIME_UNSET;
        if (lane->failures > 0)
            log_info("a webhook subscription works again", LOG_INT("organization", lane->organization_id),
                     LOG_INT("subscription", lane->subscription_id));
        lane->failures = 0;
        lane->rests_until_us = 0;
        return;
    }
    lane->failures++;
    lane->rests_until_us = clock_monotonic_us() + schedule_rest(lane->failures) * 1000;
    flight->gone = answered && end->status == STATUS_GONE;
    bool redirected = answered && end->status >= 300 && end->status < 400;
    fail(flight, now, end->retry_after_s,
         !answered      ? end->err.text
         : redirected   ? "the answer is a redirect, which is not followed: enter the address that it names"
         : flight->gone ? "the answer says that nobody is there any more"
                        : "the answer is no success");
    if (delivery->state == WEBHOOK_GIVEN_UP) metric_add(metrics, METRIC_OUTGOING_GIVEN_UP, 1);
    if (lane->failures == 1)
        log_info("a webhook subscription fails", LOG_INT("organization", lane->organization_id),
                 LOG_INT("subscription", lane->subscription_id), LOG_INT("status", delivery->last_status));
    log_debug("webhook not delivered", LOG_INT("organization", lane->organization_id),
              LOG_INT("subscription", lane->subscription_id), LOG_INT("delivery", delivery->item.id),
              LOG_INT("status", delivery->last_status), LOG_INT("attempts", delivery->attempts));
}

/* ---- one turn on the writer: what ended is stored, what is due is claimed ---- */

struct claim {
    struct lane *lane;
    size_t room, count;
    int64_t ids[LANE_MAX];
};

struct turn {
    struct sender *sender;
    int64_t now, claimed_until;
    struct claim claims[FLIGHTS_MAX];
    size_t claim_count;
    /* Subscriptions that this turn disabled: told of after the commit. */
    struct {
        int64_t organization_id, subscription_id;
    } disabled[FLIGHTS_MAX];
    size_t disabled_count;
};

static int disable(struct turn *turn, struct db *db, const struct flight *flight, const char *reason, struct err *err) {
    const struct lane *lane = flight->lane;
    char detail[200];
    struct strbuf text;
    bool done = false;
    int r = webhook_subscription_disable(db, lane->organization_id, lane->subscription_id, slice_cstr(reason),
                                         turn->now, &done, err);
    if (r < 0 || !done) return r;
    strbuf_init(&text, sizeof(detail) - 1);
    strbuf_printf(&text, "webhook subscription %lld: %s", (long long)lane->subscription_id, reason);
    const struct security_event event = {.organization_id = lane->organization_id,
                                         .kind = SLICE("webhook_subscription_disabled"),
                                         .detail = strbuf_slice(&text)};
    r = security_event_note(db, &event, turn->now, err);
    strbuf_release(&text);
    turn->disabled[turn->disabled_count].organization_id = lane->organization_id;
    turn->disabled[turn->disabled_count++].subscription_id = lane->subscription_id;
    return r;
}

static int store_end(struct turn *turn, struct db *db, const struct flight *flight, struct err *err) {
    const struct lane *lane = flight->lane;
    int64_t since = turn->now;
    int r = webhook_delivery_attempted(db, &flight->delivery, err);
    if (r < 0 || !flight->counted) return r;
    if (flight->delivery.state == WEBHOOK_DELIVERED)
        return webhook_subscription_succeeded(db, lane->organization_id, lane->subscription_id, err);
    r = webhook_subscription_failed(db, lane->organization_id, lane->subscription_id, turn->now, &since, err);
    if (r < 0) return r;
    if (flight->gone) return disable(turn, db, flight, "it answered 410 Gone", err);
    if (turn->now - since >= SCHEDULE_FAILING_MAX_MS)
        return disable(turn, db, flight, "every attempt of five days failed", err);
    return 0;
}

/* Repeatable: the writer may run it again. */
static int run_turn(void *turn_, struct applier *applier, struct db *db, struct err *err) {
    struct turn *turn = turn_;
    int r = 0;
    (void)applier;
    turn->disabled_count = 0;
    for (size_t i = 0; i < FLIGHTS_MAX && r == 0; i++)
        if (turn->sender->flights[i].state == FLIGHT_ENDED) r = store_end(turn, db, &turn->sender->flights[i], err);
    for (size_t i = 0; i < turn->claim_count && r == 0; i++) {
        struct claim *claim = &turn->claims[i];
        r = webhook_deliveries_claim(db, claim->lane->organization_id, claim->lane->subscription_id, turn->now,
                                     turn->claimed_until, claim->room, claim->ids, &claim->count, err);
    }
    return r;
}

static void forget_ended(struct sender *sender) {
    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        struct flight *flight = &sender->flights[i];
        if (flight->state != FLIGHT_ENDED) continue;
        flight->lane->flying--;
        flight->state = FLIGHT_FREE;
    }
}

static void tell_disabled(struct turn *turn, struct db *db) {
    struct err ignored;
    for (size_t i = 0; i < turn->disabled_count; i++)
        log_warning("a webhook subscription was disabled", LOG_INT("organization", turn->disabled[i].organization_id),
                    LOG_INT("subscription", turn->disabled[i].subscription_id));
    metric_add(turn->sender->options.metrics, METRIC_OUTGOING_DISABLED, (int64_t)turn->disabled_count);
    if (turn->disabled_count > 0) (void)!wishes_refresh(turn->sender->options.wishes, db, &ignored);
}

/* ---- take-off ---- */

/* A stored secret, opened and used; false: it cannot be. */
static bool sign_with(const struct sender *sender, struct slice sealed, struct slice id, int64_t seconds,
                      struct slice body, struct strbuf *out) {
    struct strbuf plain;
    strbuf_init(&plain, SECRET_BYTES);
    if (out->len > 0) strbuf_add_char(out, ' ');
    bool done = secret_box_open(sender->options.secret_box, sealed, &plain, NULL) == 0 &&
                signing_sign(strbuf_slice(&plain), id, seconds, body, out, NULL) == 0;
    if (plain.len > 0) sodium_memzero(plain.ptr, plain.len);
    strbuf_release(&plain);
    return done;
}

static int post(struct sender *sender, const struct webhook_delivery *delivery, int64_t now, size_t tag,
                struct arena *arena, struct err *err) {
    const struct http_client_options options = {
        .allow_internal = sender->options.allow_internal(sender->options.context), .timeout_ms = TIMEOUT_MS};
    int64_t seconds = now / SECOND_MS;
    struct strbuf body, signatures;
    strbuf_init(&body, PAYLOAD_MAX);
    strbuf_init(&signatures, 256);
    payload_write(&body, delivery);
    int r = body.overflow ? err_set(err, ERR_TOO_LARGE, "what is to be sent is too large") : 0;
    if (r == 0 && !sign_with(sender, delivery->secret, delivery->message_id, seconds, strbuf_slice(&body), &signatures))
        r = err_set(err, ERR_UNREADABLE, "the secret cannot be decrypted: make a new one");
    bool overlap = delivery->former_secret.ptr && delivery->former_secret_until > now;
    if (r == 0 && overlap &&
        !sign_with(sender, delivery->former_secret, delivery->message_id, seconds, strbuf_slice(&body), &signatures))
        r = err_set(err, ERR_UNREADABLE, "the former secret cannot be decrypted: make a new one");
    const struct http_client_header headers[] = {
        {"webhook-id", delivery->message_id},
        {"webhook-timestamp", slice_cstr(arena_printf(arena, "%lld", (long long)seconds))},
        {"webhook-signature", strbuf_slice(&signatures)},
    };
    if (r == 0)
        r = http_exchanges_post(sender->exchanges, &options, arena_cstr(arena, delivery->url), "application/json",
                                strbuf_slice(&body), headers, sizeof(headers) / sizeof(headers[0]), tag, err);
    strbuf_release(&body);
    strbuf_release(&signatures);
    return r;
}

static void take_off(struct sender *sender, struct lane *lane, const struct webhook_delivery *delivery, int64_t now,
                     int64_t claimed_until, struct arena *arena) {
    size_t tag = 0;
    while (tag < FLIGHTS_MAX && sender->flights[tag].state != FLIGHT_FREE)
        tag++;
    if (tag == FLIGHTS_MAX) BUG("more deliveries were claimed than there is room for");
    struct flight *flight = &sender->flights[tag];
    struct err err = {0};
    *flight = (struct flight){.state = FLIGHT_FLYING, .lane = lane, .delivery = *delivery};
    flight->delivery.claimed_until = claimed_until;
    flight->delivery.last_answer = flight->delivery.last_error = SLICE_NONE;
    lane->flying++;
    if (!payload_allowed(delivery)) {
        flight->state = FLIGHT_ENDED;
        flight->delivery.state = WEBHOOK_WITHHELD;
        flight->delivery.next_attempt_at = TIME_UNSET;
        metric_add(sender->options.metrics, METRIC_OUTGOING_WITHHELD, 1);
        return;
    }
    if (post(sender, delivery, now, tag, arena, &err) != 0)
        end_flight(sender, flight, &(struct http_exchange_end){.result = -(int)err.code, .err = err});
}

/* A delivery that was claimed and cannot be found any more: its subscription was deleted meanwhile. */
static int take_off_all(struct sender *sender, struct turn *turn, struct db *db, struct arena *arena, struct err *err) {
    int64_t ids[FLIGHTS_MAX], organizations[FLIGHTS_MAX];
    struct webhook_delivery *deliveries;
    size_t count = 0, organization_count = 0;
    for (size_t i = 0; i < turn->claim_count; i++) {
        for (size_t n = 0; n < turn->claims[i].count; n++)
            ids[count++] = turn->claims[i].ids[n];
        if (turn->claims[i].count > 0) organizations[organization_count++] = turn->claims[i].lane->organization_id;
    }
    if (count == 0) return 0;
    int r = webhook_deliveries_load(db, organizations, organization_count, ids, count, arena, &deliveries, &count, err);
    for (size_t i = 0; i < count && r == 0; i++) {
        const struct webhook_lane key = {deliveries[i].item.row.organization_id, deliveries[i].subscription_id};
        take_off(sender, lane_of(sender, &key), &deliveries[i], turn->now, turn->claimed_until, arena);
    }
    return r;
}

static bool lane_is_after(const struct webhook_lane *a, const struct webhook_lane *b) {
    if (a->organization_id != b->organization_id) return a->organization_id > b->organization_id;
    return a->subscription_id > b->subscription_id;
}

struct room {
    size_t flights, failing; /* free ones; taken by subscriptions that fail */
    int64_t now_us;
};

/* How much a subscription may get. */
static void plan_claim(struct sender *sender, struct turn *turn, const struct webhook_lane *key, struct room *room) {
    struct lane *lane = lane_of(sender, key);
    size_t flying = lane->flying; /* those that ended go with this turn */
    for (size_t n = 0; n < FLIGHTS_MAX; n++)
        flying -= sender->flights[n].state == FLIGHT_ENDED && sender->flights[n].lane == lane;
    size_t most = lane->failures > 0 ? 1 : LANE_MAX;
    if (flying >= most || room->now_us < lane->rests_until_us) return;
    if (lane->failures > 0 && room->failing >= FAILING_MAX) return;
    if (lane->failures > 0) room->failing++;
    size_t take = most - flying < room->flights ? most - flying : room->flights;
    lane->flying++; /* held until the turn is over, so that the lane stays */
    turn->claims[turn->claim_count++] = (struct claim){.lane = lane, .room = take};
    room->flights -= take;
}

/* Goes on behind the subscription that the last turn ended with, and from the end to the beginning. */
static int plan_claims(struct sender *sender, struct turn *turn, struct db *db, struct arena *arena, struct err *err) {
    struct room room = {.flights = flights_in(sender, FLIGHT_FREE) + flights_in(sender, FLIGHT_ENDED),
                        .failing = failing_flights(sender),
                        .now_us = clock_monotonic_us()};
    const struct webhook_lane started = sender->after;
    if (room.flights == 0 || !wishes_any(sender->options.wishes)) return 0;
    for (int pass = 0; pass < 2; pass++) {
        struct webhook_lane *due;
        size_t count;
        int r = webhook_lanes_due(db, turn->now, sender->after, LANES_MAX, arena, &due, &count, err);
        if (r < 0) return r;
        for (size_t i = 0; i < count; i++) {
            if (room.flights == 0 || turn->claim_count == FLIGHTS_MAX) return 0;
            if (pass == 1 && lane_is_after(&due[i], &started)) return 0;
            plan_claim(sender, turn, &due[i], &room);
            sender->after = due[i];
        }
        if (count == LANES_MAX) return 0;
        sender->after = (struct webhook_lane){0};
        if (started.organization_id == 0) return 0;
    }
    return 0;
}

static int do_turn(struct sender *sender, struct arena *arena, struct err *err) {
    struct turn *turn = arena_alloc(arena, sizeof(*turn));
    struct db *db = NULL;
    turn->sender = sender;
    turn->now = clock_now();
    turn->claimed_until = turn->now + CLAIM_MS;
    int r = store_reader(sender->options.store, &db, err);
    if (r == 0) r = plan_claims(sender, turn, db, arena, err);
    bool ended = flights_in(sender, FLIGHT_ENDED) > 0;
    if (r == 0 && (ended || turn->claim_count > 0)) r = writer_call(sender->options.writer, run_turn, turn, err);
    for (size_t i = 0; i < turn->claim_count; i++)
        turn->claims[i].lane->flying--;
    if (r == 0) forget_ended(sender);
    if (r == 0) tell_disabled(turn, db);
    if (r == 0) r = take_off_all(sender, turn, db, arena, err);
    store_reader_return(sender->options.store, db);
    metric_set(sender->options.metrics, METRIC_OUTGOING_UNDER_WAY, (int64_t)flights_in(sender, FLIGHT_FLYING));
    return r;
}

/* ---- life ---- */

static int run_release_all(void *context, struct applier *applier, struct db *db, struct err *err) {
    (void)context;
    (void)applier;
    return webhook_deliveries_release_all(db, err);
}

/* On SQLite nobody else sends, so what is claimed was claimed by a process that has ended. */
static void release_former(struct sender *sender) {
    struct err err = {0};
    if (sender->released) return;
    sender->released = !store_is_embedded(sender->options.store) ||
                       writer_call(sender->options.writer, run_release_all, NULL, &err) == 0;
}

static void land(struct sender *sender, int timeout_ms) {
    struct http_exchange_end ends[FLIGHTS_MAX];
    size_t count = http_exchanges_wait(sender->exchanges, timeout_ms, ends, FLIGHTS_MAX);
    for (size_t i = 0; i < count; i++)
        end_flight(sender, &sender->flights[ends[i].tag], &ends[i]);
}

static void give_up_flying(struct sender *sender) {
    struct arena *arena = arena_new();
    struct err err = {0};
    int64_t until = clock_monotonic_us() + STOP_MS * 1000, left;
    while (http_exchanges_running(sender->exchanges) > 0 && (left = until - clock_monotonic_us()) > 0)
        land(sender, (int)(left / 1000) + 1);
    for (size_t i = 0; i < FLIGHTS_MAX; i++)
        if (sender->flights[i].state == FLIGHT_FLYING) sender->flights[i].state = FLIGHT_ENDED;
    struct turn *turn = arena_alloc(arena, sizeof(*turn));
    turn->sender = sender;
    turn->now = clock_now();
    if (flights_in(sender, FLIGHT_ENDED) > 0 && writer_call(sender->options.writer, run_turn, turn, &err) < 0)
        log_warning("webhooks under way are sent again later", LOG_TEXT("error", err.text));
    arena_free(arena);
}

static void *sender_main(void *sender_) {
    struct sender *sender = sender_;
    struct arena *arena = arena_new();
    while (!atomic_load(&sender->ending)) {
        struct err err = {0};
        release_former(sender);
        arena_reset(arena);
        int r = do_turn(sender, arena, &err);
        if (r < 0) log_warning("webhooks cannot be sent now, tried again", LOG_TEXT("error", err.text));
        /* What ended at take-off is stored at once. */
        bool now = r == 0 && flights_in(sender, FLIGHT_ENDED) > 0;
        land(sender, now ? 0 : r < 0 ? REST_MS : POLL_MS);
    }
    give_up_flying(sender);
    arena_free(arena);
    return NULL;
}

int sender_start(const struct sender_options *options, struct sender **ret, struct err *err) {
    struct sender *sender = memory_alloc(sizeof(*sender));
    sender->options = *options;
    sender->exchanges = http_exchanges_new(FLIGHTS_MAX);
    if (pthread_create(&sender->thread, NULL, sender_main, sender) != 0) {
        sender_free(sender);
        return err_set(err, ERR_UNAVAILABLE, "a thread could not be started: the system refuses more threads");
    }
    sender->started = true;
    *ret = sender;
    return 0;
}

void sender_wake(struct sender *sender) {
    if (sender) http_exchanges_wake(sender->exchanges);
}

void sender_stop(struct sender *sender) {
    if (!sender || !sender->started) return;
    atomic_store(&sender->ending, true);
    http_exchanges_wake(sender->exchanges);
    pthread_join(sender->thread, NULL);
    sender->started = false;
}

struct sender *sender_free(struct sender *sender) {
    if (!sender) return NULL;
    sender_stop(sender);
    http_exchanges_free(sender->exchanges);
    free(sender);
    return NULL;
}
