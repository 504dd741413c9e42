#include "demo/plan.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

#include "base/banned.h"

#define PLAN_MAX 20000
#define LATEST   (2 * MINUTE_MS) /* before now; what is younger is left to the live traffic */

static void add(struct demo_plan *plan, const struct demo_world *world, struct demo_email email) {
    if (email.sent_at > world->now - LATEST || plan->count == PLAN_MAX) return;
    email.provider = demo_templates[email.template_].provider;
    if (plan->count == plan->capacity) {
        plan->capacity = memory_next_capacity(plan->capacity, plan->count + 1);
        plan->emails = memory_grow(plan->emails, plan->capacity, sizeof(*plan->emails));
    }
    plan->emails[plan->count++] = email;
}

/* ---- when people work ---- */

static double between(double least, double minutes, double most) {
    return minutes < least ? least : minutes > most ? most : minutes;
}

/* Before noon or in the afternoon, in minutes from midnight. */
static double office_minutes(struct demo_random *dice) {
    bool morning = demo_random_chance(dice, 0.55);
    return between(8 * 60 + 10, morning ? demo_random_normal(dice, 618, 60) : demo_random_normal(dice, 890, 75),
                   18 * 60 + 40);
}

/* Applications are written at lunch, in the evening, and on Sundays too. */
static double leisure_minutes(struct demo_random *dice) {
    double kind = demo_random_unit(dice);
    if (kind < 0.5) return between(6 * 60, demo_random_normal(dice, 1180, 95), 23 * 60 + 50);
    if (kind < 0.75) return between(6 * 60, demo_random_normal(dice, 760, 70), 23 * 60 + 50);
    return 7 * 60 + demo_random_unit(dice) * 15 * 60;
}

static int32_t workday_after(int32_t day, int days) {
    while (days > 0 || !demo_is_workday(day)) {
        day++;
        if (demo_is_workday(day)) days--;
    }
    return day;
}

static int64_t office_time(struct demo_world *world, int32_t day) {
    return demo_local_time(day, office_minutes(&world->dice));
}

/* ---- applications ---- */

struct application {
    int candidate, job, recruiter;
    int32_t day; /* of its last email */
};

static void send_step(struct demo_plan *plan, struct demo_world *world, const struct application *application,
                      int template_) {
    add(plan, world,
        (struct demo_email){.candidate = application->candidate,
                            .template_ = template_,
                            .job = application->job,
                            .campaign = -1,
                            .sequence_step = -1,
                            .sender = application->recruiter,
                            .sent_at = office_time(world, application->day)});
}

static void refuse(struct demo_plan *plan, struct demo_world *world, struct application *application) {
    if (!demo_random_chance(&world->dice, 0.8)) return; /* some never hear again */
    application->day = workday_after(application->day, 3 + demo_random_below(&world->dice, 8));
    send_step(plan, world, application, TEMPLATE_UPDATE);
}

static void interview(struct demo_plan *plan, struct demo_world *world, struct application *application) {
    application->day = workday_after(application->day, 1 + demo_random_below(&world->dice, 5));
    send_step(plan, world, application, TEMPLATE_INTERVIEW);
    application->day = workday_after(application->day, 3 + demo_random_below(&world->dice, 5));
    if (demo_random_chance(&world->dice, 0.7)) send_step(plan, world, application, TEMPLATE_REMINDER);
}

static void apply_for(struct demo_plan *plan, struct demo_world *world, int candidate, int job, int32_t day) {
    struct demo_random *dice = &world->dice;
    struct application application = {candidate, job, demo_random_below(dice, DEMO_SENDER_COUNT - 1), day};
    double chance = 0.35 + 0.35 * world->candidates[candidate].interest;
    if (!demo_is_workday(day) && demo_random_chance(dice, 0.5)) application.day++;
    add(plan, world,
        (struct demo_email){.candidate = candidate,
                            .template_ = TEMPLATE_RECEIVED,
                            .job = job,
                            .campaign = -1,
                            .sequence_step = -1,
                            .sender = DEMO_SENDER_COUNT - 1,
                            .sent_at = demo_local_time(application.day, leisure_minutes(dice))});
    for (int round = 0; round < 2; round++) {
        if (!demo_random_chance(dice, chance)) {
            refuse(plan, world, &application);
            return;
        }
        interview(plan, world, &application);
        chance = 0.45;
    }
    application.day = workday_after(application.day, 2);
    if (demo_random_chance(dice, 0.4))
        send_step(plan, world, &application, TEMPLATE_OFFER);
    else
        refuse(plan, world, &application);
}

static void plan_applications(struct demo_plan *plan, struct demo_world *world) {
    struct demo_random *dice = &world->dice;
    for (int i = 0; i < DEMO_CANDIDATES; i++) {
        const struct demo_candidate *candidate = &world->candidates[i];
        if (!candidate->applied) continue;
        apply_for(plan, world, i, candidate->job, candidate->since_day);
        int32_t again = candidate->since_day + 20 + demo_random_below(dice, 40);
        if (demo_random_chance(dice, 0.3))
            apply_for(plan, world, i, demo_random_below(dice, DEMO_JOB_CONFIDENTIAL), again);
    }
}

/* ---- campaigns ---- */

/* Candidates who are known by that day, those of the same job first of all, each once. */
static size_t choose_recipients(struct demo_world *world, const struct demo_campaign *campaign, int32_t day,
                                int recipients[DEMO_CANDIDATES]) {
    int weights[DEMO_CANDIDATES];
    size_t known = 0, count = 0;
    for (int i = 0; i < DEMO_CANDIDATES; i++) {
        bool is_known = world->candidates[i].since_day < day;
        weights[i] = !is_known ? 0 : world->candidates[i].job == campaign->job ? 8 : 1;
        known += is_known;
    }
    while (count < (size_t)campaign->recipients && count < known) {
        int chosen = demo_random_weighted(&world->dice, weights, sizeof(weights[0]), DEMO_CANDIDATES);
        if (weights[chosen] == 0) continue;
        weights[chosen] = 0;
        recipients[count++] = chosen;
    }
    return count;
}

static void send_campaign(struct demo_plan *plan, struct demo_world *world, int index, int32_t day) {
    const struct demo_campaign *campaign = &demo_campaigns[index];
    int recipients[DEMO_CANDIDATES];
    size_t count = choose_recipients(world, campaign, day, recipients);
    int64_t at = demo_local_time(day, 9 * 60 + 30 + demo_random_below(&world->dice, 90));
    for (size_t i = 0; i < count; i++) {
        add(plan, world,
            (struct demo_email){.candidate = recipients[i],
                                .template_ = campaign->template_,
                                .job = campaign->job,
                                .campaign = index,
                                .sequence_step = -1,
                                .sender = campaign->sender,
                                .sent_at = at});
        at += SECOND_MS * (1 + demo_random_below(&world->dice, 3)); /* a mailing is spread over some minutes */
    }
}

static void plan_campaigns(struct demo_plan *plan, struct demo_world *world) {
    for (size_t i = 0; i < demo_campaign_count; i++) {
        const struct demo_campaign *campaign = &demo_campaigns[i];
        for (int ago = campaign->days_ago; ago > 0; ago -= campaign->every_days) {
            send_campaign(plan, world, (int)i, workday_after(world->today - ago, 0));
            if (campaign->every_days == 0) break;
        }
    }
    /* Who was found, not who applied, hears of a role by a letter of his own. */
    for (int i = 0; i < DEMO_CANDIDATES; i++) {
        const struct demo_candidate *candidate = &world->candidates[i];
        if (candidate->applied) continue;
        int32_t day = workday_after(candidate->since_day + 2 + demo_random_below(&world->dice, 110), 0);
        add(plan, world,
            (struct demo_email){.candidate = i,
                                .template_ = TEMPLATE_ALERT,
                                .job = candidate->job,
                                .campaign = -1,
                                .sequence_step = -1,
                                .sender = demo_random_below(&world->dice, DEMO_SENDER_COUNT - 1),
                                .sent_at = office_time(world, day)});
    }
}

/* ---- the sequence ---- */

static void plan_sequence(struct demo_plan *plan, struct demo_world *world) {
    static const int wait_days[DEMO_SEQUENCE_STEPS] = {0, 4, 7};
    struct demo_random *dice = &world->dice;
    for (int i = 0; i < DEMO_CANDIDATES; i++) {
        const struct demo_candidate *candidate = &world->candidates[i];
        int32_t day = candidate->since_day + 21 + demo_random_below(dice, 60);
        int sender = demo_random_below(dice, DEMO_SENDER_COUNT - 1);
        if (!demo_random_chance(dice, 0.75)) continue;
        for (int step = 0; step < DEMO_SEQUENCE_STEPS; step++) {
            day = workday_after(day, wait_days[step]);
            add(plan, world,
                (struct demo_email){.candidate = i,
                                    .template_ = TEMPLATE_NURTURE,
                                    .job = candidate->job,
                                    .campaign = -1,
                                    .sequence_step = step,
                                    .sender = sender,
                                    .sent_at = office_time(world, day)});
        }
    }
}

/* ---- all of it ---- */

/* Two emails at the same time are put in the order of their candidates and templates: qsort keeps no order. */
static int compare_emails(const void *left, const void *right) {
    const struct demo_email *a = left, *b = right;
    if (a->sent_at != b->sent_at) return a->sent_at < b->sent_at ? -1 : 1;
    if (a->candidate != b->candidate) return a->candidate - b->candidate;
    return a->template_ - b->template_;
}

void demo_plan_make(struct demo_plan *plan, struct demo_world *world) {
    *plan = (struct demo_plan){0};
    plan_applications(plan, world);
    plan_campaigns(plan, world);
    plan_sequence(plan, world);
    qsort(plan->emails, plan->count, sizeof(*plan->emails), compare_emails);
}

void demo_plan_release(struct demo_plan *plan) {
    free(plan->emails);
    *plan = (struct demo_plan){0};
}
