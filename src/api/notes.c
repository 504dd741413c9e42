#include "api/notes.h"

#include <stdlib.h>

#include "base/memory.h"
#include "store/api_keys.h"
#include "store/security_events.h"
#include "store/sessions.h"

#include "base/banned.h"

enum what { REFUSAL, KEY_USED, SESSION_USED };

struct note {
    struct write_job job;
    enum what what;
    int64_t organization_id, id, now;
    const char *kind, *detail;
    char source[ADDRESS_TEXT_MAX];
    struct slice source_text;
};

static int note_run(struct write_job *job, struct applier *applier, struct db *db, struct err *err) {
    struct note *note = (struct note *)job;
    if (note->what == KEY_USED) return api_key_used(db, note->organization_id, note->id, note->now, err);
    if (note->what == SESSION_USED) return session_used(db, note->organization_id, note->id, note->now, err);
    struct security_event event = {
        .organization_id = note->organization_id,
        .kind = slice_cstr(note->kind),
        .detail = slice_cstr(note->detail),
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
    note->now = call->now;
    note->source_text = address_format(address_truncate(http_client_address(call->request)), note->source);
    if (writer_submit_job(call->app->writer, &note->job, &err) == 0) return;
    metric_add(call->app->metrics, METRIC_RECORDS_DROPPED, 1);
    free(note);
}

void note_refusal(struct api_call *call, int64_t organization_id, const char *kind, const char *detail) {
    if (organization_id <= 0) return;
    submit(call, &(struct note){.what = REFUSAL, .organization_id = organization_id, .kind = kind, .detail = detail});
}

void note_key_used(struct api_call *call, int64_t organization_id, int64_t api_key_id) {
    submit(call, &(struct note){.what = KEY_USED, .organization_id = organization_id, .id = api_key_id});
}

void note_session_used(struct api_call *call, int64_t organization_id, int64_t session_id) {
    submit(call, &(struct note){.what = SESSION_USED, .organization_id = organization_id, .id = session_id});
}
