#include "demo/live.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "base/timezone.h"
#include "demo/schedule.h"

#include "base/banned.h"

#define EMAIL_GAP_MS   (7 * SECOND_MS)
#define REOPEN_GAP_MS  (16 * SECOND_MS)
#define FORGE_GAP_MS   (5 * MINUTE_MS)
#define SUMMARY_MS     (60 * SECOND_MS)
#define SUMMARY_LEAST  (10 * SECOND_MS) /* however high the pace */
#define COLLECT_MS     1500             /* for which a provider gathers events into one delivery */
#define RETRY_MS       (5 * SECOND_MS)
#define LATE_MS        (9 * SECOND_MS) /* an email that is registered after its first events */
#define LATE_CHANCE    0.06
#define TWICE_CHANCE   0.05
#define BOUNCE_CHANCE  0.006
#define HURRY          60 /* a minute stands for an hour of the candidates' lives */
#define TRIES          20 /* to find somebody who may be written to */
#define CAMPAIGN_NEWS  7
#define LINE_MAX_BYTES 600
#define SHOWN_MAX      3 /* events of one delivery that are told one by one */

struct live {
    const struct demo_live_options *options;
    struct demo_world *world;
    struct demo_schedule schedule;
    bool delivering[DEMO_PROVIDER_COUNT]; /* a delivery is scheduled */
    size_t emails, events;
};

/* ---- telling ---- */

static void say(const struct live *live, const char *what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(const struct live *live, const char *what, const char *format, ...) {
    char line[LINE_MAX_BYTES];
    int64_t now = clock_now();
    int64_t seconds =
        (now - timezone_day_start(SLICE(DEMO_TIME_ZONE), timezone_day(SLICE(DEMO_TIME_ZONE), now))) / SECOND_MS;
    va_list arguments;
    if (live->options->quiet) return;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    printf("%02d:%02d:%02d  %-9s %s\n", (int)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60), what,
           line);
}

static const char *verb(const struct demo_happening *happening) {
    switch (happening->type) {
    case EVENT_DELIVERED:
        return "delivered to";
    case EVENT_OPEN:
        return happening->machine ? "fetched by the mail program of" : "opened by";
    case EVENT_CLICK:
        return "clicked by";
    case EVENT_REPLY:
        return "answered by";
    case EVENT_BOUNCE:
        return happening->bounce == BOUNCE_HARD ? "bounced (no such mailbox):" : "bounced (for now):";
    case EVENT_SPAM:
        return "marked as spam by";
    case EVENT_UNSUBSCRIBE:
    case EVENT_GROUP_UNSUBSCRIBE:
        return "unsubscribed:";
    case EVENT_DEFERRED:
        return "deferred:";
    default:
        return event_type_name(happening->type);
    }
}

static void describe(const struct live *live, const struct demo_delivery *delivery, struct strbuf *out) {
    for (size_t i = 0; i < delivery->count && i < SHOWN_MAX; i++) {
        const struct demo_prospect *sent = &delivery->sent[i];
        strbuf_printf(out, "%s%s %s %s", i > 0 ? "; " : "", demo_templates[sent->email.template_].name,
                      verb(&sent->happening), live->world->candidates[sent->email.candidate].name);
    }
    if (delivery->count > SHOWN_MAX) strbuf_printf(out, "; and %zu more", delivery->count - SHOWN_MAX);
}

static void tell_delivery(const struct live *live, const char *title, const struct demo_delivery *delivery,
                          enum demo_manner manner) {
    struct strbuf text;
    strbuf_init(&text, LINE_MAX_BYTES);
    describe(live, delivery, &text);
    if (manner == DEMO_FORGED)
        say(live, title, "a delivery with a stranger's signature was refused: %d", delivery->status);
    else if (delivery->status != 200)
        say(live, title, "%s  -> answered %d", text.ptr, delivery->status);
    else if (manner == DEMO_TWICE)
        say(live, title, "%s  (sent twice, answered %d, counted once)", text.ptr, delivery->status_again);
    else
        say(live, title, "%s", text.ptr);
    strbuf_release(&text);
}

/* ---- the schedule ---- */

/* `ms` at pace 1. */
static void plan(struct live *live, enum demo_action_kind kind, double ms, const struct demo_prospect *prospect) {
    struct demo_action action = {.kind = kind,
                                 .due_us = clock_monotonic_us() + (int64_t)(1000 * ms / live->options->pace)};
    if (prospect) action.prospect = *prospect;
    demo_schedule_add(&live->schedule, &action);
}

static void plan_delivery(struct live *live, enum demo_provider provider, double ms) {
    struct demo_prospect prospect = {.happening.provider = provider};
    if (live->delivering[provider]) return;
    live->delivering[provider] = true;
    plan(live, DEMO_DELIVER, ms, &prospect);
}

static double summary_gap(const struct live *live) {
    double gap = (double)SUMMARY_MS, least = (double)SUMMARY_LEAST * live->options->pace;
    return gap > least ? gap : least;
}

/* ---- emails ---- */

static json_t *thing(const char *id, const char *field, const char *name) {
    return json_pack("{s:s, s:s}", "id", id, field, name);
}

static json_t *email_json(const struct demo_world *world, const struct demo_email *email, struct arena *arena) {
    const struct demo_candidate *candidate = &world->candidates[email->candidate];
    const struct demo_template *template_ = &demo_templates[email->template_];
    const struct demo_sender *sender = &demo_senders[email->sender];
    char time[TIME_TEXT_MAX];
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s}, s:{s:s, s:s, s:s}, s:o}", "message_id", email->message_id, "subject",
        demo_subject(email, arena), "sent_at", time_format(email->sent_at, time).ptr, "candidate", "id", candidate->id,
        "name", candidate->name, "email", candidate->email, "title", candidate->title, "sender", "id", sender->id,
        "email", sender->email, "name", sender->name, "template", thing(template_->id, "name", template_->name));
    if (email->job >= 0)
        json_object_set_new(json, "job", thing(demo_jobs[email->job].id, "title", demo_jobs[email->job].title));
    if (email->campaign >= 0)
        json_object_set_new(json, "campaign",
                            thing(demo_campaigns[email->campaign].id, "name", demo_campaigns[email->campaign].name));
    if (email->sequence_step >= 0)
        json_object_set_new(json, "sequence",
                            json_pack("{s:s, s:s, s:i}", "id", DEMO_SEQUENCE_ID, "name", DEMO_SEQUENCE_NAME, "step",
                                      email->sequence_step + 1));
    return json;
}

static int register_email(struct live *live, const struct demo_email *email, const char *remark, struct err *err) {
    struct arena *arena = arena_new();
    int result = demo_api_call(live->options->api, "/api/v1/emails", email_json(live->world, email, arena), NULL, err);
    if (result == 0)
        say(live, "sent", "%s to %s, by %s%s", demo_templates[email->template_].name,
            live->world->candidates[email->candidate].name, live->options->webhooks->outboxes[email->provider].title,
            remark);
    arena_free(arena);
    return result;
}

static bool draw_email(struct live *live, struct demo_email *ret) {
    struct demo_world *world = live->world;
    for (int i = 0; i < TRIES; i++) {
        struct demo_email email = {
            .candidate = demo_random_below(&world->dice, DEMO_CANDIDATES),
            .template_ = demo_random_weighted(&world->dice, &demo_templates[0].live_weight, sizeof(demo_templates[0]),
                                              DEMO_TEMPLATE_COUNT),
            .campaign = -1,
            .sequence_step = -1,
            .sender = demo_random_below(&world->dice, DEMO_SENDER_COUNT - 1),
            .sent_at = clock_now() / SECOND_MS * SECOND_MS,
        };
        email.provider = demo_templates[email.template_].provider;
        email.job = world->candidates[email.candidate].job;
        if (email.template_ == TEMPLATE_RECEIVED) email.sender = DEMO_SENDER_COUNT - 1;
        if (email.template_ == TEMPLATE_NURTURE) email.sequence_step = 0;
        if (email.template_ == TEMPLATE_NEWS) {
            email.job = -1;
            email.campaign = CAMPAIGN_NEWS;
        }
        if (!demo_may_write(world, &email)) continue;
        demo_email_name(world, &email);
        *ret = email;
        return true;
    }
    return false;
}

static int send_email(struct live *live, struct err *err) {
    struct demo_world *world = live->world;
    struct demo_happening happenings[DEMO_HAPPENINGS_MAX];
    struct demo_prospect prospect = {0};
    plan(live, DEMO_SEND_EMAIL, demo_random_gap(&world->dice, EMAIL_GAP_MS), NULL);
    if (!draw_email(live, &prospect.email)) return 0;
    if (demo_random_chance(&world->dice, BOUNCE_CHANCE)) world->candidates[prospect.email.candidate].bad_address = true;
    size_t count = demo_behave(world, &prospect.email, HURRY, happenings);
    for (size_t i = 0; i < count; i++) {
        prospect.happening = happenings[i];
        plan(live, DEMO_HAPPEN, (double)(happenings[i].at - prospect.email.sent_at), &prospect);
    }
    live->emails++;
    if (demo_random_chance(&world->dice, LATE_CHANCE)) {
        plan(live, DEMO_REGISTER, LATE_MS, &prospect);
        return 0;
    }
    return register_email(live, &prospect.email, "", err);
}

/* ---- events ---- */

/* It happens now; providers tell whole seconds. */
static void happen(struct live *live, struct demo_prospect *prospect) {
    enum demo_provider provider = prospect->happening.provider;
    int64_t now = clock_now() / SECOND_MS * SECOND_MS;
    prospect->happening.at = now > prospect->email.sent_at ? now : prospect->email.sent_at;
    if (demo_webhooks_add(live->options->webhooks, prospect)) live->events++;
    plan_delivery(live, provider, COLLECT_MS);
}

static void open_again(struct live *live) {
    const struct demo_history *history = live->options->history;
    plan(live, DEMO_OPEN_AGAIN, demo_random_gap(&live->world->dice, REOPEN_GAP_MS), NULL);
    if (history->opened_count == 0) return;
    struct demo_prospect prospect = history->opened[demo_random_below(&live->world->dice, (int)history->opened_count)];
    happen(live, &prospect);
}

/* What the service does not take stays in the outbox and is tried again. */
static int deliver(struct live *live, enum demo_provider provider, bool forged, struct err *err) {
    struct demo_outbox *outbox = &live->options->webhooks->outboxes[provider];
    struct demo_delivery delivery;
    enum demo_manner manner = DEMO_ONCE;
    if (forged)
        manner = DEMO_FORGED;
    else if (demo_random_chance(&live->world->dice, TWICE_CHANCE))
        manner = DEMO_TWICE;
    if (!forged) live->delivering[provider] = false;
    if (outbox->count == 0) return 0;
    int result = demo_webhooks_send(live->options->webhooks, provider, live->world, manner, &delivery, err);
    if (result == 0) tell_delivery(live, outbox->title, &delivery, manner);
    if (outbox->count > 0 && !forged)
        plan_delivery(live, provider, result == 0 && delivery.status == 200 ? 0 : RETRY_MS);
    return result;
}

/* Somebody without the key tries; it needs something to tell. */
static int forge(struct live *live, struct err *err) {
    bool has_text = live->options->webhooks->outboxes[DEMO_SENDGRID].count > 0;
    plan(live, DEMO_FORGE, has_text ? demo_random_gap(&live->world->dice, FORGE_GAP_MS) : COLLECT_MS / 3.0, NULL);
    return has_text ? deliver(live, DEMO_SENDGRID, true, err) : 0;
}

static int summarize(struct live *live, struct err *err) {
    json_t *answer = NULL;
    plan(live, DEMO_SUMMARY, summary_gap(live), NULL);
    int result = demo_api_call(live->options->api, "/api/v1/engagement/summary", NULL, &answer, err);
    if (result < 0) return result;
    printf("          --- last 30 days: %lld sent, %.1f %% opened, %.1f %% clicked, %.1f %% replied; "
           "since the start: %zu emails, %zu events ---\n",
           (long long)json_integer_value(json_object_get(answer, "sent")),
           json_number_value(json_object_get(answer, "open_rate")),
           json_number_value(json_object_get(answer, "click_rate")),
           json_number_value(json_object_get(answer, "reply_rate")), live->emails, live->events);
    json_decref(answer);
    return 0;
}

static int act(struct live *live, struct demo_action *action, struct err *err) {
    switch (action->kind) {
    case DEMO_SEND_EMAIL:
        return send_email(live, err);
    case DEMO_REGISTER:
        return register_email(live, &action->prospect.email, "  (registered after its first events)", err);
    case DEMO_HAPPEN:
        happen(live, &action->prospect);
        return 0;
    case DEMO_OPEN_AGAIN:
        open_again(live);
        return 0;
    case DEMO_DELIVER:
        return deliver(live, action->prospect.happening.provider, false, err);
    case DEMO_FORGE:
        return forge(live, err);
    case DEMO_SUMMARY:
        return summarize(live, err);
    }
    return 0;
}

static void begin(struct live *live) {
    const struct demo_history *history = live->options->history;
    plan(live, DEMO_SEND_EMAIL, 500, NULL);
    plan(live, DEMO_OPEN_AGAIN, 1500, NULL);
    plan(live, DEMO_FORGE, (double)MINUTE_MS, NULL);
    plan(live, DEMO_SUMMARY, summary_gap(live), NULL);
    for (size_t i = 0; i < history->coming_count; i++)
        plan(live, DEMO_HAPPEN, (double)(history->coming[i].happening.at - live->world->now), &history->coming[i]);
}

/* A service that is slow or full is no reason to end: what was to be done is done once more later. */
static int act_or_wait(struct live *live, struct demo_action *action, struct err *err) {
    int result = act(live, action, err);
    if (result != -ERR_UNAVAILABLE) return result;
    say(live, "demo", "%s", err->text);
    if (action->kind == DEMO_REGISTER) plan(live, action->kind, RETRY_MS, &action->prospect);
    return 0;
}

int demo_live_run(const struct demo_live_options *options, struct err *err) {
    struct live live = {.options = options, .world = options->world};
    int result = 0;
    demo_schedule_init(&live.schedule);
    begin(&live);
    while (result == 0) {
        const struct demo_action *first = demo_schedule_first(&live.schedule);
        int64_t wait_us = first->due_us - clock_monotonic_us();
        result = demo_process_wait(options->process, (wait_us + 999) / 1000, err);
        if (result != 0) break;
        struct demo_action action = demo_schedule_take(&live.schedule);
        result = act_or_wait(&live, &action, err);
        fflush(stdout);
        if (result == 0 && ferror(stdout)) result = DEMO_STOP; /* nobody listens any more */
    }
    demo_schedule_release(&live.schedule);
    return result;
}
