#include "api/auth.h"

#include <stdlib.h>

#include "api/credentials.h"
#include "base/clock.h"
#include "base/memory.h"
#include "store/security_events.h"

#include "base/banned.h"

/* Failures from one address: so many at once, and so many a second afterwards. */
#define FAILURE_BURST  30
#define FAILURE_RATE   0.5
#define USED_EVERY_MS  HOUR_MS /* how exact last_used_at is; a write with every request would be too dear */
#define FAILURES_TABLE "api failures"

/* ---- records that nobody waits for ---- */

struct note {
    struct write_job job;
    bool is_use;
    int64_t organization_id, api_key_id, now;
    char source[ADDRESS_TEXT_MAX];
    struct slice source_text;
};

static int note_run(struct write_job *job, struct applier *applier, struct db *db, struct err *err) {
    struct note *note = (struct note *)job;
    if (note->is_use) return api_key_used(db, note->organization_id, note->api_key_id, note->now, err);
    struct security_event event = {
        .organization_id = note->organization_id,
        .kind = SLICE("api_key"),
        .detail = SLICE("a request with an API key that does not exist or was revoked"),
        .source = note->source_text,
    };
    return security_event_note(db, &event, note->now, err);
}

static void note_done(struct write_job *job, int result, const struct err *err) {
    free(job);
}

static void submit(struct api_call *call, const struct note *template) {
    struct note *note = memory_alloc(sizeof(*note));
    struct err err = {0};
    *note = *template;
    note->job = (struct write_job){.run = note_run, .done = note_done};
    note->source_text = address_format(address_truncate(http_client_address(call->request)), note->source);
    if (writer_submit_job(call->app->writer, &note->job, &err) == 0) return;
    metric_add(call->app->metrics, METRIC_RECORDS_DROPPED, 1);
    free(note);
}

/* ---- */

static int refuse(struct api_call *call, int64_t claimed_organization, struct err *err) {
    struct address client = http_client_address(call->request);
    uint64_t bucket =
        hash_fnv1a(SLICE(FAILURES_TABLE)) ^ hash_fnv1a(slice_of((const char *)client.bytes, sizeof(client.bytes)));
    int wait;
    if (!limits_take(call->app->limits, bucket, FAILURE_RATE, FAILURE_BURST, clock_monotonic_us(), &wait))
        return err_set(err, ERR_TOO_MANY, "too many requests with a wrong API key, wait %d s", wait);
    if (claimed_organization > 0)
        submit(call, &(struct note){.organization_id = claimed_organization, .now = call->now});
    return err_set(err, ERR_SIGNATURE, "this API key does not exist or was revoked");
}

static bool bearer(struct slice header, struct slice *ret_token) {
    struct slice scheme;
    if (!slice_split_next(&header, ' ', &scheme) || !slice_equal_nocase(scheme, SLICE("bearer"))) return false;
    *ret_token = slice_trim(header);
    return !slice_empty(*ret_token);
}

int api_authenticate(struct api_call *call, struct err *err) {
    struct slice header = http_header(call->request, SLICE("Authorization")), token;
    unsigned char hash[API_KEY_HASH_SIZE];
    int64_t organization;
    struct api_key key;
    if (!bearer(header, &token))
        return err_set(err, ERR_SIGNATURE, "send an API key as \"Authorization: Bearer ink_…\"");
    if (!api_key_read(token, &organization, hash)) return refuse(call, 0, err);
    int found = api_key_find(call->db, organization, hash, call->arena, &key, &call->time_zone, err);
    if (found < 0) return found;
    if (found == 0) return refuse(call, organization, err);
    call->organization_id = organization;
    call->api_key_id = key.id;
    call->role = key.role;
    if (key.last_used_at == TIME_UNSET || key.last_used_at < call->now - USED_EVERY_MS)
        submit(call,
               &(struct note){.is_use = true, .organization_id = organization, .api_key_id = key.id, .now = call->now});
    return 0;
}
