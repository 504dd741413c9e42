#include "api/endpoint_health.h"

#include "api/resources.h"
#include "base/clock.h"
#include "ingest/watch.h"

#include "base/banned.h"

#define LOOKED_AT_MAX 500

int endpoint_healths_load(struct api_call *call, int64_t endpoint_id, struct endpoint_healths *ret, struct err *err) {
    *ret = (struct endpoint_healths){0};
    int r = endpoint_sums_load(call->db, call->organization_id, endpoint_id, call->now, call->arena, &ret->sums,
                               &ret->count, err);
    return r < 0 ? r
                 : emails_without_event(call->db, call->organization_id, call->now, &ret->emails, &ret->silent,
                                        &ret->own_opens, err);
}

struct health_finding endpoint_health_find(const struct endpoint_healths *healths, const struct endpoint_row *row,
                                           int64_t now, struct endpoint_sums *ret_sums) {
    struct health_facts facts = {
        .created_at = row->created_at,
        .now = now,
        .disabled = row->disabled_at != TIME_UNSET,
        .waits_for_confirmation = row->pending_confirmation.ptr != NULL,
        .measures_itself = healths->emails > 0 && 2 * healths->own_opens >= healths->emails,
    };
    for (size_t i = 0; i < healths->count; i++)
        if (healths->sums[i].endpoint_id == row->id) facts.sums = healths->sums[i];
    *ret_sums = facts.sums;
    return health_of(&facts);
}

void endpoint_health_write(struct api_table *table, const struct endpoint_healths *healths,
                           const struct endpoint_row *row, int64_t now) {
    struct endpoint_sums sums;
    struct health_finding finding = endpoint_health_find(healths, row, now, &sums);
    api_table_text(table, "health", slice_cstr(health_name(finding.health)));
    api_table_text(table, "health_reason", slice_cstr(finding.reason));
}

/* ---- GET /endpoints/{id}/health ---- */

static int64_t time_or_unset(int64_t ms) {
    return ms == 0 ? TIME_UNSET : ms;
}

/* The bound within which 95 of 100 were done; 0: nothing was timed. */
static int64_t took_p95(const int64_t took[TOOK_COUNT]) {
    static const int64_t bounds[TOOK_COUNT] = TOOK_BOUNDS_MS;
    int64_t all = 0, within = 0;
    for (size_t i = 0; i < TOOK_COUNT; i++)
        all += took[i];
    for (size_t i = 0; i < TOOK_COUNT && all > 0; i++) {
        within += took[i];
        if (100 * within >= 95 * all) return bounds[i];
    }
    return 0;
}

static void write_day(struct api_table *object, const struct endpoint_hour hours[ENDPOINT_DAY_HOURS]) {
    struct endpoint_hour sum = {0};
    api_table_array(object, "hours");
    for (size_t i = 0; i < ENDPOINT_DAY_HOURS; i++) {
        const struct endpoint_hour *hour = &hours[i];
        api_table_object(object, NULL);
        api_table_time(object, "from", hour->hour * HOUR_MS);
        api_table_int(object, "deliveries", hour->deliveries);
        api_table_int(object, "events", hour->events);
        api_table_int(object, "errors", hour->rejected + hour->unreadable);
        api_table_close(object);
        sum.deliveries += hour->deliveries;
        sum.rejected += hour->rejected + hour->unreadable;
        for (size_t t = 0; t < TOOK_COUNT; t++)
            sum.took[t] += hour->took[t];
    }
    api_table_close(object);
    api_table_int(object, "deliveries_last_day", sum.deliveries);
    api_table_rate(object, "error_rate", sum.rejected, sum.deliveries);
    api_table_int_or_null(object, "processing_p95_ms", took_p95(sum.took), 0);
}

static void write_health(struct api_table *object, const struct endpoint_healths *healths,
                         const struct endpoint_hour hours[ENDPOINT_DAY_HOURS], const struct endpoint_row *row,
                         int64_t now) {
    struct endpoint_sums sums;
    struct health_finding finding = endpoint_health_find(healths, row, now, &sums);
    api_table_int(object, "id", row->id);
    api_table_text(object, "provider", row->provider);
    api_table_text(object, "health", slice_cstr(health_name(finding.health)));
    api_table_text(object, "cause", slice_cstr(finding.cause));
    api_table_text(object, "health_reason", slice_cstr(finding.reason));
    api_table_time(object, "last_event_at", time_or_unset(sums.last_event_at));
    api_table_time(object, "last_rejected_at", time_or_unset(sums.last_rejected_at));
    api_table_int(object, "events_last_hour", sums.hour_events);
    api_table_int(object, "events_usual_hour", health_usual(sums.hour_usual));
    api_table_int(object, "events_last_day", sums.day_events);
    api_table_int(object, "events_usual_day", health_usual(sums.day_usual));
    api_table_int(object, "rejected_last_day", sums.day_rejected);
    api_table_int(object, "unreadable_last_day", sums.day_unreadable);
    api_table_int(object, "clock_ahead_ms", sums.day_ahead_ms);
    api_table_int(object, "delay_ms", sums.day_delay_ms > 0 ? sums.day_delay_ms : 0);
    write_day(object, hours);
    api_table_object(object, "last_week");
    api_table_int(object, "events", sums.week_events);
    api_table_int(object, "delivered", sums.week_delivered);
    api_table_int(object, "opens", sums.week_opens);
    api_table_int(object, "clicks", sums.week_clicks);
    api_table_int(object, "orphans", sums.week_orphans);
    api_table_rate(object, "orphan_rate", sums.week_orphans, sums.week_events);
    api_table_close(object);
    api_table_object(object, "emails"); /* of the organization: an email does not say which endpoint is its own */
    api_table_int(object, "looked_at", healths->emails);
    api_table_int(object, "without_event", healths->silent);
    api_table_close(object);
}

int endpoints_health(struct api_call *call, struct err *err) {
    struct endpoint_row row;
    struct endpoint_healths healths;
    struct endpoint_hour hours[ENDPOINT_DAY_HOURS];
    int64_t id;
    int r = api_id_param(call, "id", &id, err);
    if (r == 0) r = endpoint_row_load(call->db, call->organization_id, id, call->arena, &row, err);
    if (r == 0) r = endpoint_healths_load(call, id, &healths, err);
    if (r == 0) r = endpoint_day_load(call->db, call->organization_id, id, call->now, hours, err);
    if (r != 0) return r;
    write_health(api_object_begin(call), &healths, hours, &row, call->now);
    api_object_end(call, 200);
    return 0;
}

/* ---- reports ---- */

int measurable_load(struct api_call *call, struct measurable *ret, struct err *err) {
    int r = endpoint_rows_list(call->db, call->organization_id, 0, LOOKED_AT_MAX, call->arena, &ret->rows, &ret->count,
                               err);
    return r < 0 ? r : endpoint_healths_load(call, 0, &ret->healths, err);
}

static bool hides(const struct measurable *measurable, size_t index, int64_t now, struct health_finding *ret) {
    struct endpoint_sums sums;
    *ret = endpoint_health_find(&measurable->healths, &measurable->rows[index], now, &sums);
    return ret->hides_opens;
}

void measurable_write(struct api_table *object, const struct measurable *measurable, int64_t now) {
    struct health_finding finding;
    bool complete = true;
    for (size_t i = 0; i < measurable->count; i++)
        if (hides(measurable, i, now, &finding)) complete = false;
    api_table_object(object, "measurable");
    api_table_bool(object, "complete", complete);
    api_table_array(object, "endpoints");
    for (size_t i = 0; i < measurable->count; i++) {
        if (!hides(measurable, i, now, &finding)) continue;
        api_table_object(object, NULL);
        api_table_int(object, "id", measurable->rows[i].id);
        api_table_text(object, "name", measurable->rows[i].name);
        api_table_text(object, "health", slice_cstr(health_name(finding.health)));
        api_table_text(object, "health_reason", slice_cstr(finding.reason));
        api_table_close(object);
    }
    api_table_close(object);
    api_table_close(object);
}

/* ---- /metrics ---- */

static const struct {
    const char *name, *kind, *help;
    size_t offset; /* in struct watch_totals */
    int64_t divisor;
} families[] = {
    {"inkling_endpoint_events_total", "counter", "events received by an endpoint",
     offsetof(struct watch_totals, events), 1},
    {"inkling_endpoint_orphans_total", "counter", "of these, events of unknown emails",
     offsetof(struct watch_totals, orphans), 1},
    {"inkling_endpoint_rejected_total", "counter", "deliveries rejected for signature, credentials or source",
     offsetof(struct watch_totals, rejected), 1},
    {"inkling_endpoint_unreadable_total", "counter", "deliveries that were signed, but unreadable",
     offsetof(struct watch_totals, unreadable), 1},
    {"inkling_endpoint_last_event_timestamp_seconds", "gauge",
     "when an endpoint received its last event; 0: not since the start", offsetof(struct watch_totals, last_event_at),
     SECOND_MS},
};

struct metrics_writing {
    struct app *app;
    struct strbuf *out;
    size_t family;
};

static void write_line(void *context, const struct watch_totals *totals) {
    struct metrics_writing *writing = context;
    const struct endpoint *endpoint =
        endpoints_acquire_by_id(writing->app->endpoints, totals->organization_id, totals->endpoint_id);
    if (!endpoint) return; /* disabled meanwhile */
    int64_t value;
    memcpy(&value, (const char *)totals + families[writing->family].offset, sizeof(value));
    strbuf_printf(writing->out, "%s{endpoint=\"%lld\",provider=\"%s\"} %lld\n", families[writing->family].name,
                  (long long)totals->endpoint_id, endpoint->settings.provider->name,
                  (long long)(value / families[writing->family].divisor));
    endpoints_release(endpoint);
}

void endpoint_metrics_write(struct app *app, struct strbuf *out) {
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        struct metrics_writing writing = {.app = app, .out = out, .family = i};
        strbuf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", families[i].name, families[i].help, families[i].name,
                      families[i].kind);
        watch_each(writer_watch(app->writer), write_line, &writing);
    }
}
