/* history: emails and events for tests of reports, brought in by the same verbs that the service uses. */
#ifndef INKLING_TESTS_STORE_HISTORY_H
#define INKLING_TESTS_STORE_HISTORY_H

#include "tests/unit/store/store_contract.h"

#include "base/clock.h"
#include "ingest/apply.h"
#include "ingest/registration.h"

/* Numbers 0 are "none"; number n is called job-n, template-n …, and sender-n@example.org. */
struct mail {
    int64_t sent_at;
    int job, template_, campaign, sender, candidate;
    enum tracking_level level;
    const char *subject; /* may be NULL */
    int64_t id;          /* out */
};

struct happening {
    const struct mail *mail;
    enum event_type type;
    enum bounce_kind bounce;
    bool machine;
    int64_t at;
    const char *url; /* of a click; may be NULL */
    int32_t position;
};

struct history {
    struct db *db;
    struct applier *applier;
    const unsigned char *hash_key;
    int64_t organization_id;
    int next_name;
};

static inline int64_t history_organization(struct db *db, const char *time_zone) {
    static const struct statement insert = {
        .name = "test organization",
        .sql = "INSERT INTO organizations (name, time_zone, created_at, updated_at) VALUES ('Test', $1, 0, 0) "
               "RETURNING organization_id",
    };
    struct db_rows *rows = NULL;
    assert_done(db_query_row(db, &insert, DB_VALUES(db_text(slice_cstr(time_zone))), &rows, err));
    int64_t id = db_column_int(rows, 0);
    db_rows_free(rows);
    return id;
}

static inline void history_begin(struct history *history, struct fixture *fixture, const char *time_zone) {
    *history = (struct history){.db = fixture->db, .hash_key = store_hash_key(fixture->store)};
    history->applier = applier_new(history->hash_key);
    history->organization_id = history_organization(fixture->db, time_zone);
}

static inline void history_end(struct history *history) {
    applier_free(history->applier);
}

static inline struct slice history_name(struct arena *arena, const char *kind, int number) {
    return number == 0 ? SLICE_NONE : slice_cstr(arena_printf(arena, "%s-%d", kind, number));
}

static inline void history_register_portion(struct history *history, struct mail *mails, size_t count) {
    struct arena *arena = arena_new();
    struct registration *registrations = arena_alloc_array(arena, count, sizeof(*registrations));
    for (size_t i = 0; i < count; i++) {
        const struct mail *mail = &mails[i];
        registrations[i] = (struct registration){
            .message_id = slice_cstr(
                arena_printf(arena, "m%lld-%d", (long long)history->organization_id, history->next_name + (int)i)),
            .subject = mail->subject ? slice_cstr(mail->subject) : SLICE_NONE,
            .sent_at = mail->sent_at,
            .candidate = {.external_id = slice_cstr(arena_printf(arena, "candidate-%d", mail->candidate))},
            .job = {history_name(arena, "job", mail->job), history_name(arena, "Job", mail->job)},
            .template_ = {history_name(arena, "template", mail->template_),
                          history_name(arena, "Template", mail->template_)},
            .campaign = {history_name(arena, "campaign", mail->campaign), SLICE_NONE},
            .sequence_step = -1,
            .tracking = mail->level,
        };
        if (mail->sender > 0)
            registrations[i].sender.email = slice_cstr(arena_printf(arena, "Sender-%d@example.org", mail->sender));
    }
    assert_done(db_begin(history->db, DB_WRITE, err));
    assert_done(register_emails(history->applier, history->db, history->organization_id, registrations, count,
                                clock_now(), err));
    assert_done(db_commit(history->db, err));
    for (size_t i = 0; i < count; i++)
        mails[i].id = registrations[i].email_log_id;
    history->next_name += (int)count;
    arena_free(arena);
}

static inline void history_register(struct history *history, struct mail *mails, size_t count) {
    for (size_t done = 0; done < count; done += REGISTRATION_EMAILS_MAX)
        history_register_portion(history, mails + done,
                                 count - done < REGISTRATION_EMAILS_MAX ? count - done : REGISTRATION_EMAILS_MAX);
}

/* All in one batch and transaction. */
static inline void history_apply(struct history *history, const struct happening *happenings, size_t count) {
    struct arena *arena = arena_new();
    struct event *events = arena_alloc_array(arena, count, sizeof(*events));
    for (size_t i = 0; i < count; i++) {
        const struct happening *happening = &happenings[i];
        events[i] = (struct event){
            .type = happening->type,
            .bounce = happening->bounce,
            .machine = happening->machine ? MACHINE_HINT_MACHINE : MACHINE_HINT_NONE,
            .occurred_at = happening->at,
            .email_log_id = happening->mail->id,
            .url = slice_cstr(happening->url),
            .link_position = happening->url ? happening->position : LINK_POSITION_NONE,
            .ip_address = SLICE("198.51.100.7"),
            .user_agent = SLICE("Mozilla/5.0"),
        };
    }
    struct event_batch *batch =
        event_batch_new(arena, events, count, history->organization_id, 0, clock_now(), history->hash_key);
    assert_done(db_begin(history->db, DB_WRITE, err));
    assert_done(apply_batches(history->applier, history->db, &batch, 1, err));
    assert_done(db_commit(history->db, err));
    event_batch_free(batch);
}

static inline void history_fold(struct history *history, int64_t rows) {
    int64_t folded;
    assert_done(db_begin(history->db, DB_WRITE, err));
    assert_done(engagement_fold(history->db, rows, &folded, err));
    assert_done(db_commit(history->db, err));
}

/* Sums by job, template and campaign of at most `days` stale days. */
static inline size_t history_gather(struct history *history, size_t days) {
    size_t done = 0;
    assert_done(db_begin(history->db, DB_WRITE, err));
    assert_done(engagement_gather_groups(history->db, days, &done, err));
    assert_done(db_commit(history->db, err));
    return done;
}

/* xorshift64*: a seed that is printed can be run again. */
static inline uint64_t history_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717ULL;
}
static inline int history_pick(uint64_t *state, int below) {
    return (int)((history_random(state) >> 33) % (uint64_t)below);
}

/* 2026-01-31T12:30:00Z */
static inline int64_t at(const char *time) {
    int64_t ms = 0;
    assert_true(time_parse(slice_cstr(time), &ms));
    return ms;
}
static inline int32_t day(const char *date) {
    int32_t number = 0;
    assert_true(day_parse(slice_cstr(date), &number));
    return number;
}

#endif
