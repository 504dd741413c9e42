#include "demo/world.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/timezone.h"

#include "base/banned.h"

#define LETTERS_BASE64URL "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#define LETTERS_HEX       "0123456789abcdef"

static struct slice zone(void) {
    return SLICE(DEMO_TIME_ZONE);
}

int64_t demo_local_time(int32_t day, double minutes) {
    int64_t ms = timezone_day_start(zone(), day) + (int64_t)(minutes * (double)MINUTE_MS);
    return ms / SECOND_MS * SECOND_MS;
}

bool demo_is_workday(int32_t day) {
    int weekday = (day + 4) % 7; /* 1970-01-01 was a Thursday; 0: Sunday */
    return weekday >= 1 && weekday <= 5;
}

/* ---- candidates ---- */

/* Few are keen, most are open to hear, some do not care. */
static double draw_interest(struct demo_random *dice) {
    double kind = demo_random_unit(dice), within = demo_random_unit(dice);
    if (kind < 0.2) return 0.75 + 0.25 * within;
    if (kind < 0.65) return 0.35 + 0.4 * within;
    return 0.02 + 0.33 * within;
}

/* Applications have grown: the first days bring half as many as the last ones. */
static int32_t draw_day(struct demo_random *dice) {
    double u = demo_random_unit(dice);
    double grown = (-1 + sqrt(1 + 3 * u)); /* density 2/3 (1 + x) on 0 … 1 */
    return (int32_t)(grown * (DEMO_HISTORY_DAYS - 1));
}

static bool name_taken(const struct demo_world *world, int count, const char *email) {
    for (int i = 0; i < count; i++)
        if (strcmp(world->candidates[i].email, email) == 0) return true;
    return false;
}

static void name_candidate(struct demo_world *world, int index) {
    struct demo_random *dice = &world->dice;
    struct demo_candidate *candidate = &world->candidates[index];
    const char *domain = demo_mail_domains[demo_random_below(dice, (int)demo_mail_domain_count)];
    do {
        struct demo_name first = demo_first_names[demo_random_below(dice, (int)demo_first_name_count)];
        struct demo_name family = demo_family_names[demo_random_below(dice, (int)demo_family_name_count)];
        if (index == 0) {
            first = (struct demo_name){"John", "john"};
            family = (struct demo_name){"Smith", "smith"};
        }
        snprintf(candidate->name, sizeof(candidate->name), "%s %s", first.text, family.text);
        snprintf(candidate->email, sizeof(candidate->email), "%s.%s@%s", first.ascii, family.ascii, domain);
    } while (name_taken(world, index, candidate->email));
    snprintf(candidate->id, sizeof(candidate->id), "cand-%04d", 1001 + index);
}

/* 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24: RFC 5737. */
static uint32_t draw_address(struct demo_random *dice) {
    static const uint32_t networks[] = {0xc0000200, 0xc6336400, 0xcb007100};
    return networks[demo_random_below(dice, 3)] | (uint32_t)(1 + demo_random_below(dice, 254));
}

void demo_world_init(struct demo_world *world, uint64_t seed, int64_t now) {
    struct demo_random *dice = &world->dice;
    *world = (struct demo_world){.dice = {seed}, .now = now, .today = timezone_day(zone(), now)};
    for (int i = 0; i < DEMO_CANDIDATES; i++) {
        struct demo_candidate *candidate = &world->candidates[i];
        name_candidate(world, i);
        candidate->job = demo_random_weighted(dice, &demo_jobs[0].weight, sizeof(demo_jobs[0]), DEMO_JOB_COUNT);
        candidate->title = demo_jobs[candidate->job].titles[demo_random_below(dice, DEMO_TITLES)];
        candidate->interest = draw_interest(dice);
        candidate->agent = demo_random_weighted(dice, &demo_agents[0].weight, sizeof(demo_agents[0]), demo_agent_count);
        candidate->address = draw_address(dice);
        candidate->applied = demo_random_chance(dice, 0.82);
        candidate->since_day = world->today - DEMO_HISTORY_DAYS + (candidate->applied ? 1 + draw_day(dice) : 0);
        candidate->bad_address = demo_random_chance(dice, 0.018);
        candidate->gone_at = candidate->left_at = INT64_MAX;
        candidate->answered_at = INT64_MIN;
    }
    /* The candidate of the specification's pictures, and one who is known long enough to have objected. */
    world->candidates[0].job = 0;
    world->candidates[0].title = "Software Engineer";
    world->candidates[0].interest = 0.97;
    world->candidates[0].applied = true;
    world->candidates[0].bad_address = false;
    world->candidates[0].since_day = world->today - 16;
    world->candidates[DEMO_OBJECTOR].since_day = world->today - DEMO_HISTORY_DAYS + 5;
    world->candidates[DEMO_OBJECTOR].interest = 0.9;
    world->candidates[DEMO_OBJECTOR].bad_address = false;
}

/* ---- emails and events as providers name them ---- */

void demo_email_name(struct demo_world *world, struct demo_email *email) {
    char parts[3][21];
    struct demo_random *dice = &world->dice;
    switch (email->provider) {
    case DEMO_SENDGRID: /* 22 characters, as the header X-Message-Id gives them */
        demo_random_text(dice, LETTERS_BASE64URL, email->message_id, 22);
        return;
    case DEMO_SES: /* 16 hex digits of time and a UUID with "-000000" behind it */
        demo_random_text(dice, LETTERS_HEX, parts[0], 8);
        demo_random_text(dice, LETTERS_HEX, parts[1], 4);
        demo_random_text(dice, LETTERS_HEX, parts[2], 12);
        snprintf(email->message_id, sizeof(email->message_id), "0107%012llx-%s-%s-4a1c-8f3e-%s-000000",
                 (unsigned long long)email->sent_at & 0xffffffffffffULL, parts[0], parts[1], parts[2]);
        return;
    case DEMO_GENERIC:
    case DEMO_PROVIDER_COUNT:
        demo_random_text(dice, LETTERS_HEX, parts[0], 20);
        snprintf(email->message_id, sizeof(email->message_id), "%s@mail.northwind.example", parts[0]);
        return;
    }
}

static const char *fill_in(const char *pattern, const char *job, struct arena *arena) {
    const char *hole = strstr(pattern, "{job}");
    if (!hole) return pattern;
    return arena_printf(arena, "%.*s%s%s", (int)(hole - pattern), pattern, job, hole + sizeof("{job}") - 1);
}

const char *demo_subject(const struct demo_email *email, struct arena *arena) {
    const char *job = email->job >= 0 ? demo_jobs[email->job].title : "";
    return fill_in(demo_templates[email->template_].subject, job, arena);
}

static void describe_reader(struct demo_world *world, const struct demo_candidate *candidate, struct event *event,
                            struct arena *arena) {
    const struct demo_agent *agent = &demo_agents[candidate->agent];
    bool is_click =
        event->type == EVENT_CLICK || event->type == EVENT_UNSUBSCRIBE || event->type == EVENT_GROUP_UNSUBSCRIBE;
    uint32_t address = candidate->address;
    if (event->machine == MACHINE_HINT_MACHINE) address = draw_address(&world->dice);
    event->ip_address = slice_cstr(
        arena_printf(arena, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255));
    event->user_agent = slice_cstr(event->machine == MACHINE_HINT_MACHINE ? DEMO_MACHINE_AGENT
                                   : is_click                             ? agent->click_agent
                                                                          : agent->open_agent);
}

struct event demo_event(struct demo_world *world, const struct demo_email *email,
                        const struct demo_happening *happening, struct arena *arena) {
    const struct demo_candidate *candidate = &world->candidates[email->candidate];
    struct event event = {
        .type = happening->type,
        .bounce = happening->bounce,
        .machine = happening->machine ? MACHINE_HINT_MACHINE : MACHINE_HINT_NONE,
        .occurred_at = happening->at,
        .keys = {arena_copy(arena, slice_cstr(email->message_id))},
        .recipient = arena_copy(arena, slice_cstr(candidate->email)),
        .link_position = LINK_POSITION_NONE,
    };
    if (event.type == EVENT_CLICK) {
        const char *job = email->job >= 0 ? demo_jobs[email->job].id : "";
        event.url = slice_cstr(fill_in(demo_templates[email->template_].links[happening->link].url, job, arena));
        /* SES and the generic payload know no position. */
        if (happening->provider == DEMO_SENDGRID) event.link_position = happening->link;
    }
    if (event_type_is_tracking(event.type) || event.type == EVENT_UNSUBSCRIBE || event.type == EVENT_GROUP_UNSUBSCRIBE)
        describe_reader(world, candidate, &event, arena);
    if (event.type == EVENT_BOUNCE) {
        const struct demo_bounce *text =
            &(event.bounce == BOUNCE_HARD ? demo_hard_bounces : demo_soft_bounces)[happening->bounce_text];
        event.metadata =
            slice_cstr(arena_printf(arena, "{\"reason\":\"%s\",\"status\":\"%s\"}", text->reason, text->status));
    }
    if (happening->provider == DEMO_SENDGRID) {
        char id[23];
        demo_random_text(&world->dice, LETTERS_BASE64URL, id, 22);
        event.provider_event_id = arena_copy(arena, slice_cstr(id));
    }
    return event;
}
