/* How people behave with an email: whether, when and how often they open, click, reply or leave. */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/timezone.h"
#include "demo/world.h"

#include "base/banned.h"

#define INTEREST_MIDDLE 0.47 /* of draw_interest */

struct scene {
    struct demo_world *world;
    struct demo_candidate *candidate;
    const struct demo_email *email;
    const struct demo_template *template_;
    double hurry;
    struct demo_happening *out;
    size_t count;
};

static double logit(double p) {
    return log(p / (1 - p));
}
static double logistic(double x) {
    return 1 / (1 + exp(-x));
}

/* From one moment to a later one. SendGrid tells whole seconds, so all do. */
static int64_t later(const struct scene *scene, int64_t from, double minutes) {
    return (from + (int64_t)(minutes * (double)MINUTE_MS / scene->hurry)) / SECOND_MS * SECOND_MS;
}

/* People sleep: what would fall into the night is done in the morning, nearly always. */
static int64_t awake(const struct scene *scene, int64_t at) {
    struct demo_random *dice = &scene->world->dice;
    if (scene->hurry > 1) return at;
    int32_t day = timezone_day(SLICE(DEMO_TIME_ZONE), at);
    double hour = (double)(at - timezone_day_start(SLICE(DEMO_TIME_ZONE), day)) / (double)HOUR_MS;
    double gets_up = 6.3 + 1.2 * demo_random_unit(dice);
    if ((hour > gets_up && hour < 22.9) || demo_random_chance(dice, 0.05)) return at;
    return demo_local_time(hour >= 22.9 ? day + 1 : day, 60 * gets_up + demo_random_gap(dice, 70));
}

static struct demo_happening *add(struct scene *scene, enum event_type type, int64_t at) {
    if (scene->count == DEMO_HAPPENINGS_MAX) scene->count--; /* the list is only ever full of repeated opens */
    struct demo_happening *happening = &scene->out[scene->count++];
    *happening = (struct demo_happening){.at = at, .type = type, .provider = scene->email->provider};
    return happening;
}

/* False: it never arrives. */
static bool deliver(struct scene *scene, int64_t *ret_at) {
    struct demo_random *dice = &scene->world->dice;
    int64_t sent_at = scene->email->sent_at;
    int64_t at = later(scene, sent_at, demo_random_wait(dice, 0.04, 0.7));
    if (at < sent_at + SECOND_MS) at = sent_at + SECOND_MS;
    if (scene->candidate->bad_address) {
        struct demo_happening *bounce = add(scene, EVENT_BOUNCE, at);
        bounce->bounce = BOUNCE_HARD;
        bounce->bounce_text = demo_random_below(dice, DEMO_BOUNCE_TEXTS);
        scene->candidate->gone_at = at;
        return false;
    }
    if (demo_random_chance(dice, 0.012)) {
        add(scene, EVENT_DEFERRED, at);
        at = later(scene, at, 5 + demo_random_gap(dice, 20));
    } else if (demo_random_chance(dice, 0.006)) {
        struct demo_happening *bounce = add(scene, EVENT_BOUNCE, later(scene, at, 60));
        bounce->bounce = BOUNCE_SOFT;
        bounce->bounce_text = demo_random_below(dice, DEMO_BOUNCE_TEXTS);
        return false;
    }
    add(scene, EVENT_DELIVERED, at);
    *ret_at = at;
    return true;
}

static double open_probability(const struct scene *scene) {
    const struct demo_email *email = scene->email;
    int32_t day = timezone_day(SLICE(DEMO_TIME_ZONE), email->sent_at);
    double age = (double)(scene->world->today - day) / DEMO_HISTORY_DAYS;
    double x = logit(scene->template_->open) + 2.6 * (scene->candidate->interest - INTEREST_MIDDLE);
    x += 0.2 - 0.35 * age; /* the recruiters have learned */
    if (email->job >= 0) x += demo_jobs[email->job].appeal;
    if (email->campaign >= 0) x += demo_campaigns[email->campaign].lift;
    if (email->sequence_step > 0) x -= 0.25 * email->sequence_step;
    if (!demo_is_workday(day)) x -= 0.3;
    return logistic(x + 0.12);
}

static void click(struct scene *scene, int64_t opened_at) {
    struct demo_random *dice = &scene->world->dice;
    int first = demo_random_weighted(dice, &scene->template_->links[0].weight, sizeof(struct demo_link), DEMO_LINKS);
    int64_t at = later(scene, opened_at, demo_random_wait(dice, 0.6, 0.8));
    add(scene, EVENT_CLICK, at)->link = first;
    if (demo_random_chance(dice, 0.22))
        add(scene, EVENT_CLICK, later(scene, at, 0.3 + demo_random_gap(dice, 2)))->link = (first + 1) % DEMO_LINKS;
    if (demo_random_chance(dice, 0.12))
        add(scene, EVENT_CLICK, awake(scene, later(scene, at, 30 + demo_random_gap(dice, 600))))->link = first;
}

static void leave(struct scene *scene, int64_t opened_at) {
    struct demo_random *dice = &scene->world->dice;
    double annoyance = 1.7 - scene->candidate->interest;
    if (scene->hurry > 1) annoyance *= 4; /* so that a watcher sees one now and then */
    if (!scene->template_->marketing) return;
    if (demo_random_chance(dice, 0.008 * annoyance)) {
        int64_t at = later(scene, opened_at, 0.2 + demo_random_gap(dice, 1));
        add(scene,
            scene->email->provider == DEMO_SENDGRID && demo_random_chance(dice, 0.3) ? EVENT_GROUP_UNSUBSCRIBE
                                                                                     : EVENT_UNSUBSCRIBE,
            at);
        scene->candidate->left_at = at;
    } else if (demo_random_chance(dice, 0.0016 * annoyance)) {
        int64_t at = later(scene, opened_at, 0.5 + demo_random_gap(dice, 3));
        add(scene, EVENT_SPAM, at);
        scene->candidate->left_at = at;
    }
}

/* Replies come through the applicant tracking system's mailbox, which reports them by the generic webhook. */
static void reply(struct scene *scene, int64_t opened_at) {
    struct demo_random *dice = &scene->world->dice;
    double p = scene->template_->reply / scene->template_->open * (0.35 + 1.4 * scene->candidate->interest);
    if (!demo_random_chance(dice, p < 0.9 ? p : 0.9)) return;
    int64_t at = awake(scene, later(scene, opened_at, 3 + demo_random_wait(dice, 55, 1.3)));
    add(scene, EVENT_REPLY, at)->provider = DEMO_GENERIC;
    scene->candidate->answered_at = at;
}

static void read_email(struct scene *scene, int64_t delivered_at) {
    struct demo_random *dice = &scene->world->dice;
    const struct demo_template *template_ = scene->template_;
    double interest = scene->candidate->interest;
    bool prefetched = demo_agents[scene->candidate->agent].prefetches && scene->email->provider == DEMO_SENDGRID;
    if (prefetched && demo_random_chance(dice, 0.93))
        add(scene, EVENT_OPEN, later(scene, delivered_at, 0.1 + demo_random_gap(dice, 12)))->machine = true;
    if (!demo_random_chance(dice, open_probability(scene))) return;
    int64_t opened_at =
        awake(scene, later(scene, delivered_at, 0.2 + demo_random_wait(dice, template_->open_median_minutes, 1.4)));
    /* Some read without loading images: their click or reply is all that is seen of them. */
    if (!demo_random_chance(dice, 0.03)) add(scene, EVENT_OPEN, opened_at);
    for (int64_t again = opened_at; demo_random_chance(dice, 0.18 + 0.3 * interest);) {
        again = awake(scene, later(scene, again, 10 + demo_random_wait(dice, 400, 1.3)));
        add(scene, EVENT_OPEN, again);
    }
    double clicks = logit(template_->click / template_->open) + 2.0 * (interest - INTEREST_MIDDLE) - 0.35;
    if (demo_random_chance(dice, logistic(clicks))) click(scene, opened_at);
    reply(scene, opened_at);
    leave(scene, opened_at);
}

static int compare_happenings(const void *left, const void *right) {
    const struct demo_happening *a = left, *b = right;
    return (a->at > b->at) - (a->at < b->at);
}

size_t demo_behave(struct demo_world *world, const struct demo_email *email, double hurry,
                   struct demo_happening happenings[DEMO_HAPPENINGS_MAX]) {
    struct scene scene = {.world = world,
                          .candidate = &world->candidates[email->candidate],
                          .email = email,
                          .template_ = &demo_templates[email->template_],
                          .hurry = hurry,
                          .out = happenings};
    int64_t delivered_at;
    if (deliver(&scene, &delivered_at)) read_email(&scene, delivered_at);
    qsort(happenings, scene.count, sizeof(*happenings), compare_happenings);
    return scene.count;
}

bool demo_may_write(const struct demo_world *world, const struct demo_email *email) {
    const struct demo_candidate *candidate = &world->candidates[email->candidate];
    if (candidate->gone_at <= email->sent_at) return false;
    /* A sequence ends with the candidate's answer. */
    if (email->sequence_step > 0 && candidate->answered_at <= email->sent_at &&
        candidate->answered_at > email->sent_at - 30 * DAY_MS)
        return false;
    return !demo_templates[email->template_].marketing || candidate->left_at > email->sent_at;
}
