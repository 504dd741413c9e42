#include "score/score.h"

#include "base/clock.h"

#include "base/banned.h"

static const int64_t recency_ms[] = {
    [RECENCY_DAY] = DAY_MS, [RECENCY_WEEK] = 7 * DAY_MS, [RECENCY_MONTH] = 30 * DAY_MS};

const char *score_gap_name(enum score_gap gap) {
    switch (gap) {
    case SCORE_GAP_NONE:
        return "counted";
    case SCORE_GAP_NO_CONSENT:
        return "no_consent";
    case SCORE_GAP_PRIVACY_MODE:
        return "privacy_mode";
    case SCORE_GAP_NOT_TRACKED:
        return "not_tracked";
    case SCORE_GAP_MACHINE_OPENS:
        return "machine_opens";
    }
    return NULL;
}

/* ---- one email ---- */

static enum score_gap gap_of(const struct email_stats *stats, enum tracking_level organization, enum event_type type) {
    if (tracking_decide(stats->tracking_now, type) != TRACKING_RECORD) return SCORE_GAP_NO_CONSENT;
    if (tracking_decide(organization, type) != TRACKING_RECORD) return SCORE_GAP_PRIVACY_MODE;
    if (tracking_decide(stats->tracking, type) != TRACKING_RECORD) return SCORE_GAP_NOT_TRACKED;
    return SCORE_GAP_NONE;
}

struct score_email score_email_of(const struct email_stats *stats, enum tracking_level organization) {
    struct score_email email = {
        .sent_at = stats->sent_at,
        .last_human_at = stats->last_human_at,
        .opens = gap_of(stats, organization, EVENT_OPEN),
        .clicks = gap_of(stats, organization, EVENT_CLICK),
        .opened = stats->opened_at != TIME_UNSET,
        .clicked = stats->clicked_at != TIME_UNSET,
        .replied = stats->replied_at != TIME_UNSET,
        .bounced = stats->bounced_at != TIME_UNSET,
    };
    if (email.opens == SCORE_GAP_NONE && !email.opened && stats->machine_open_count > 0)
        email.opens = SCORE_GAP_MACHINE_OPENS;
    if (email.replied) {
        email.opens = email.clicks = SCORE_GAP_NONE;
        email.opened = email.clicked = true;
    }
    return email;
}

/* ---- sums ---- */

void score_figures_init(struct score_figures *figures) {
    *figures = (struct score_figures){.last_human_at = TIME_UNSET, .first_leaves_at = TIME_UNSET};
}

static bool is_counted(const struct score_email *email) {
    return email->opens == SCORE_GAP_NONE || email->clicks == SCORE_GAP_NONE;
}

/* `n` is 1 or -1; the times are left alone. */
static void count(struct score_figures *figures, const struct score_email *email, int n) {
    figures->emails += n;
    figures->replied += email->replied ? n : 0;
    figures->bounced += email->bounced ? n : 0;
    figures->open_gaps[email->opens] += n;
    figures->click_gaps[email->clicks] += n;
    if (email->opens == SCORE_GAP_NONE) {
        figures->open_base += n;
        figures->opened += email->opened ? n : 0;
    }
    if (email->clicks == SCORE_GAP_NONE) {
        figures->click_base += n;
        figures->clicked += email->clicked ? n : 0;
    }
}

static int64_t leaves_at(const struct score_email *email) {
    return email->sent_at + SCORE_WINDOW_MS;
}

static int64_t later(int64_t a, int64_t b) { /* TIME_UNSET is the least number there is */
    return a > b ? a : b;
}

void score_figures_add(struct score_figures *figures, const struct score_email *email, int64_t now) {
    if (leaves_at(email) <= now) return;
    count(figures, email, 1);
    if (is_counted(email)) figures->last_human_at = later(figures->last_human_at, email->last_human_at);
    if (figures->first_leaves_at == TIME_UNSET || leaves_at(email) < figures->first_leaves_at)
        figures->first_leaves_at = leaves_at(email);
}

/* ---- the score ---- */

enum score_recency score_recency_at(int64_t last_human_at, int64_t now) {
    enum score_recency recency = RECENCY_DAY;
    while (recency < RECENCY_NONE && (last_human_at == TIME_UNSET || last_human_at <= now - recency_ms[recency]))
        recency++;
    return recency;
}

/* 10^20, what PostgreSQL takes a quotient below 1 to (select_div_scale in its numeric.c: 16 significant digits behind
 * up to four zeros). It matters where the exact product ends in .5 and the fraction does not end: 1 of 12 emails opened
 * is 2.4999… of 30 points there, not 2.5. */
#define QUOTIENT_SCALE ((unsigned __int128)10000000000ULL * 10000000000ULL)

int32_t score_share(int32_t points, int64_t part, int64_t base) {
    if (base <= 0 || part <= 0) return 0;
    unsigned __int128 divisor = (unsigned __int128)base;
    unsigned __int128 quotient = (2 * (unsigned __int128)part * QUOTIENT_SCALE + divisor) / (2 * divisor);
    return (int32_t)((2 * quotient * (unsigned __int128)points + QUOTIENT_SCALE) / (2 * QUOTIENT_SCALE));
}

/* The points of a part that has no base, out of those that have one. */
static void rescale(struct score *score) {
    int64_t points = 0, max = 0;
    for (int i = 0; i < SCORE_PARTS; i++) {
        if (!score->parts[i].measured) continue;
        points += score->parts[i].points;
        max += score->parts[i].max;
    }
    if (max == 0) return;
    score->value = (int32_t)points;
    for (int i = 0; i < SCORE_PARTS; i++) {
        struct score_part *part = &score->parts[i];
        if (part->measured) continue;
        /* Half away from zero. At most one part of three has no base (recency has one with any other). */
        part->points = (int32_t)((2 * points * part->max + max) / (2 * max));
        score->value += part->points;
    }
}

struct score score_of(const struct score_policy *policy, const struct score_figures *figures, int64_t now) {
    struct score score = {
        .value = SCORE_UNKNOWN,
        .recency = score_recency_at(figures->last_human_at, now),
        .parts = {[SCORE_RECENCY] = {.max = policy->recency[RECENCY_DAY],
                                     .measured = figures->open_base > 0 || figures->click_base > 0},
                  [SCORE_OPENS] = {.max = policy->opens, .measured = figures->open_base > 0},
                  [SCORE_CLICKS] = {.max = policy->clicks, .measured = figures->click_base > 0}},
    };
    if (score.parts[SCORE_RECENCY].measured) {
        if (score.recency < RECENCY_NONE) score.parts[SCORE_RECENCY].points = policy->recency[score.recency];
        score.parts[SCORE_OPENS].points = score_share(policy->opens, figures->opened, figures->open_base);
        score.parts[SCORE_CLICKS].points = score_share(policy->clicks, figures->clicked, figures->click_base);
        rescale(&score);
    }
    score.level = score_level_of(policy, score.value);
    return score;
}

/* ---- what time does ---- */

/* When recency falls by a step; TIME_UNSET: it is at its end. */
static int64_t recency_falls_at(int64_t last_human_at, int64_t now) {
    enum score_recency recency = score_recency_at(last_human_at, now);
    return recency < RECENCY_NONE ? last_human_at + recency_ms[recency] : TIME_UNSET;
}

static int64_t sooner(int64_t a, int64_t b) {
    if (a == TIME_UNSET || b == TIME_UNSET) return a == TIME_UNSET ? b : a;
    return a < b ? a : b;
}

int64_t score_look_at(const struct score_figures *figures, int64_t now) {
    return sooner(recency_falls_at(figures->last_human_at, now), figures->first_leaves_at);
}

bool score_next(const struct score_policy *policy, struct score_email *emails, size_t count_, int64_t now,
                struct score_change *ret) {
    struct score_figures figures;
    size_t first = 0;
    score_figures_init(&figures);
    while (first < count_ && leaves_at(&emails[first]) <= now)
        first++;
    for (size_t i = count_; i > first; i--) {
        score_figures_add(&figures, &emails[i - 1], now);
        emails[i - 1].later_human_at = figures.last_human_at; /* of this and all later ones */
    }
    const int32_t value = score_of(policy, &figures, now).value;
    for (;;) {
        int64_t at = score_look_at(&figures, now);
        if (at == TIME_UNSET) return false;
        now = at;
        while (first < count_ && leaves_at(&emails[first]) <= now)
            count(&figures, &emails[first++], -1);
        figures.last_human_at = first < count_ ? emails[first].later_human_at : TIME_UNSET;
        figures.first_leaves_at = first < count_ ? leaves_at(&emails[first]) : TIME_UNSET;
        struct score score = score_of(policy, &figures, now);
        if (score.value == value) continue;
        *ret = (struct score_change){.at = at, .value = score.value, .level = score.level};
        return true;
    }
}

/* ---- what an event does ---- */

static bool is_set(int64_t time) {
    return time != TIME_UNSET;
}

bool score_affected(const struct email_stats *before, const struct email_stats *after, int64_t now) {
    if (after->sent_at + SCORE_WINDOW_MS <= now) return false;
    return is_set(before->opened_at) != is_set(after->opened_at) ||
           is_set(before->clicked_at) != is_set(after->clicked_at) ||
           is_set(before->replied_at) != is_set(after->replied_at) ||
           (before->machine_open_count > 0) != (after->machine_open_count > 0) ||
           before->tracking_now != after->tracking_now ||
           score_recency_at(before->last_human_at, now) != score_recency_at(after->last_human_at, now);
}
