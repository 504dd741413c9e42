#include "score/explain.h"

#include "base/banned.h"

const char *score_part_code(enum score_part_name part) {
    static const char *const codes[] = {"recency", "opens", "clicks"};
    return codes[part];
}

const char *score_recency_code(enum score_recency recency) {
    static const char *const codes[] = {"within_24_hours", "within_7_days", "within_30_days", "none_in_30_days"};
    return codes[recency];
}

static const char *emails_word(int64_t count) {
    return count == 1 ? "email" : "emails";
}

static struct score_reason reason(const char *code, const char *text) {
    return (struct score_reason){.code = code, .text = slice_cstr(text)};
}

static struct score_reason recency_reason(const struct score *score, const struct score_figures *figures,
                                          struct arena *arena) {
    static const char *const ages[] = {"less than 24 hours", "less than 7 days", "less than 30 days"};
    const struct score_part *part = &score->parts[SCORE_RECENCY];
    const char *code = score_recency_code(score->recency);
    if (score->recency < RECENCY_NONE)
        return reason(code, arena_printf(arena, "The last open, click or reply is %s old: %d of %d points.",
                                         ages[score->recency], part->points, part->max));
    if (figures->last_human_at == TIME_UNSET)
        return reason("none",
                      arena_printf(arena, "None of these emails was opened, clicked or answered yet: 0 of %d points.",
                                   part->max));
    return reason(
        code, arena_printf(arena, "The last open, click or reply is 30 days old or older: 0 of %d points.", part->max));
}

static struct score_reason share_reason(const struct score_part *part, const char *verb, int64_t done, int64_t base,
                                        struct arena *arena) {
    return reason("share", arena_printf(arena, "%lld of %lld %s %s: %d of %d points.", (long long)done, (long long)base,
                                        emails_word(base), verb, part->points, part->max));
}

struct score_reason score_part_reason(const struct score *score, const struct score_figures *figures,
                                      enum score_part_name part, struct arena *arena) {
    static const char *const nouns[] = {"Recency", "Opens", "Clicks"};
    const struct score_part *of = &score->parts[part];
    if (score->value == SCORE_UNKNOWN)
        return reason("not_measurable", "Nothing can be measured, so there are no points.");
    if (!of->measured)
        return reason("rescaled",
                      arena_printf(arena, "%s cannot be measured: the %d of %d points follow the other parts.",
                                   nouns[part], of->points, of->max));
    if (part == SCORE_RECENCY) return recency_reason(score, figures, arena);
    if (part == SCORE_OPENS) return share_reason(of, "opened", figures->opened, figures->open_base, arena);
    return share_reason(of, "clicked", figures->clicked, figures->click_base, arena);
}

struct notes {
    struct arena *arena;
    struct score_reason *list;
    size_t count;
};

static void add(struct notes *notes, const char *code, const char *text) {
    notes->list[notes->count++] = reason(code, text);
}

static const char *gap_text(enum score_gap gap) {
    switch (gap) {
    case SCORE_GAP_NO_CONSENT:
        return "the candidate or the campaign does not allow it to be recorded";
    case SCORE_GAP_PRIVACY_MODE:
        return "the organization does not record it";
    case SCORE_GAP_NOT_TRACKED:
        return "sent without tracking";
    case SCORE_GAP_MACHINE_OPENS:
        return "only a machine opened it, which hides whether a person did";
    case SCORE_GAP_NONE:
        break;
    }
    return "";
}

static void add_gaps(struct notes *notes, const char *part, const int64_t gaps[SCORE_GAP_COUNT]) {
    for (enum score_gap gap = SCORE_GAP_NO_CONSENT; gap < SCORE_GAP_COUNT; gap++) {
        if (gaps[gap] == 0) continue;
        add(notes, score_gap_name(gap),
            arena_printf(notes->arena, "%lld %s left out of the %s: %s.", (long long)gaps[gap], emails_word(gaps[gap]),
                         part, gap_text(gap)));
    }
}

void score_notes(const struct score *score, const struct score_figures *figures, struct arena *arena,
                 struct score_reason ret[SCORE_NOTES_MAX], size_t *ret_count) {
    struct notes notes = {.arena = arena, .list = ret};
    if (figures->emails == 0)
        add(&notes, "no_emails", arena_printf(arena, "No email was sent in the last %d days.", SCORE_WINDOW_DAYS));
    else if (score->value == SCORE_UNKNOWN)
        add(&notes, "not_measurable", "None of the emails can be measured. That says nothing about the candidate.");
    if (figures->replied > 0)
        add(&notes, "replied",
            figures->replied == 1 ? "1 email was answered: it counts as opened and clicked."
                                  : arena_printf(arena, "%lld emails were answered: they count as opened and clicked.",
                                                 (long long)figures->replied));
    if (figures->bounced > 0)
        add(&notes, "bounced",
            arena_printf(arena, "%lld %s came back; a bounce is neither interest nor the lack of it.",
                         (long long)figures->bounced, emails_word(figures->bounced)));
    add_gaps(&notes, "opens", figures->open_gaps);
    add_gaps(&notes, "clicks", figures->click_gaps);
    *ret_count = notes.count;
}
