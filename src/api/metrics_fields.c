#include "api/metrics_fields.h"

#include <math.h>

#include "base/err.h"

#include "base/banned.h"

struct collector {
    struct metric_field *fields;
    size_t count;
    bool without_rates; /* the emails of a part are not among those of its base */
};

static struct metric_field *add(struct collector *collector, const char *name, enum metric_kind kind, bool known) {
    if (collector->count == METRIC_FIELDS_MAX) BUG("more than %d figures", METRIC_FIELDS_MAX);
    struct metric_field *field = &collector->fields[collector->count++];
    *field = (struct metric_field){.name = name, .kind = kind, .known = known};
    return field;
}

static void add_emails(struct collector *collector, const char *name, int64_t value) {
    add(collector, name, METRIC_EMAILS, true)->value = value;
}

static void add_events(struct collector *collector, const char *name, int64_t value) {
    add(collector, name, METRIC_EVENTS, true)->value = value;
}

static void add_percent(struct collector *collector, const char *name, int64_t part, int64_t base) {
    struct metric_field *field = add(collector, name, METRIC_PERCENT, base > 0 && !collector->without_rates);
    if (field->known) field->value = api_rate_hundredths(part, base);
}

static void add_seconds(struct collector *collector, const char *name, bool known, double seconds) {
    struct metric_field *field = add(collector, name, METRIC_SECONDS, known);
    if (known) field->value = llround(seconds * 10);
}

size_t metrics_compute(const struct figures *figures, struct metric_field out[METRIC_FIELDS_MAX]) {
    const struct contribution *sums = &figures->sums;
    struct collector collector = {.fields = out, .without_rates = figures->basis == REPORT_ACTIVITY};
    add_emails(&collector, "sent", sums->sent);
    add_percent(&collector, "open_rate", sums->opened, sums->open_base);
    add_percent(&collector, "click_rate", sums->clicked, sums->click_base);
    add_percent(&collector, "click_to_open_rate", sums->clicked, sums->opened_or_clicked);
    add_percent(&collector, "reply_rate", sums->replied, sums->sent);
    add_percent(&collector, "bounce_rate", sums->bounced, sums->sent);
    add_percent(&collector, "unsubscribe_rate", sums->unsubscribed, sums->sent);
    add_percent(&collector, "spam_rate", sums->complained, sums->sent);
    add_seconds(&collector, "avg_time_to_open", sums->opened > 0,
                (double)sums->open_delay_ms / 1000 / (double)(sums->opened > 0 ? sums->opened : 1));
    if (figures->median_open_delay_s != MEDIAN_LEFT_OUT)
        add_seconds(&collector, "median_time_to_open", figures->median_open_delay_s >= 0, figures->median_open_delay_s);
    add_emails(&collector, "open_base", sums->open_base);
    add_emails(&collector, "click_base", sums->click_base);
    add_emails(&collector, "delivered", sums->delivered);
    add_emails(&collector, "opened", sums->opened);
    add_emails(&collector, "clicked", sums->clicked);
    add_emails(&collector, "opened_or_clicked", sums->opened_or_clicked);
    add_emails(&collector, "replied", sums->replied);
    add_emails(&collector, "bounced", sums->bounced);
    add_emails(&collector, "bounced_hard", sums->bounced_hard);
    add_emails(&collector, "unsubscribed", sums->unsubscribed);
    add_emails(&collector, "complained", sums->complained);
    add_emails(&collector, "dropped", sums->dropped);
    add_events(&collector, "opens", sums->opens);
    add_events(&collector, "machine_opens", sums->machine_opens);
    add_events(&collector, "recorded_opens", sums->opens + sums->machine_opens);
    add_events(&collector, "clicks", sums->total_clicks);
    add_events(&collector, "distinct_clicks", sums->clicks);
    add_events(&collector, "machine_clicks", sums->machine_clicks);
    add_events(&collector, "recorded_clicks", sums->total_clicks + sums->machine_clicks);
    return collector.count;
}

/* ---- into answers ---- */

static void write_field(struct api_table *table, const struct metric_field *field) {
    if (!field->known)
        api_table_null(table, field->name);
    else if (field->kind == METRIC_PERCENT)
        api_table_real(table, field->name, (double)field->value / 100, 2);
    else if (field->kind == METRIC_SECONDS)
        api_table_real(table, field->name, (double)field->value / 10, 1);
    else
        api_table_int(table, field->name, field->value);
}

void metrics_write_fields(struct api_table *table, const struct figures *figures) {
    struct metric_field fields[METRIC_FIELDS_MAX];
    size_t count = metrics_compute(figures, fields);
    for (size_t i = 0; i < count; i++)
        write_field(table, &fields[i]);
}

void metrics_write_some(struct api_table *table, const struct figures *figures, const char *const *names) {
    struct metric_field fields[METRIC_FIELDS_MAX];
    size_t count = metrics_compute(figures, fields);
    for (size_t i = 0; i < count; i++) {
        for (const char *const *name = names; *name; name++)
            if (strcmp(*name, fields[i].name) == 0) write_field(table, &fields[i]);
    }
}

void metrics_write_change(struct api_table *table, const struct figures *now, const struct figures *before) {
    struct metric_field fields[METRIC_FIELDS_MAX], former[METRIC_FIELDS_MAX];
    size_t count = metrics_compute(now, fields);
    if (metrics_compute(before, former) != count) BUG("figures with a median are compared with some without");
    for (size_t i = 0; i < count; i++) {
        fields[i].known = fields[i].known && former[i].known;
        fields[i].value -= former[i].value;
        write_field(table, &fields[i]);
    }
}
