#include "tracking/rewrite.h"

#include "base/strbuf.h"
#include "tracking/scan.h"

#include "base/banned.h"

struct words {
    struct slice language, unsubscribe, preferences; /* UTF-8; in HTML as entities */
};

static const struct words languages[] = {
    {{"en", 2}, {"Unsubscribe", 11}, {"Tracking settings", 17}}, /* the first: for all others */
    {{"de", 2}, {"Abmelden", 8}, {"Tracking-Einstellungen", 22}},
    {{"fr", 2}, {"Se d\u00e9sabonner", 14}, {"Param\u00e8tres de suivi", 20}},
    {{"es", 2}, {"Cancelar suscripci\u00f3n", 21}, {"Ajustes de seguimiento", 22}},
    {{"it", 2}, {"Annulla iscrizione", 18}, {"Impostazioni di tracciamento", 28}},
};

static const struct words *words_of(const struct rewrite_scan *scan, const struct rewrite_target *target) {
    struct slice language = slice_empty(target->language) ? scan->language : target->language;
    for (size_t i = 0; i < sizeof(languages) / sizeof(languages[0]); i++)
        if (slice_equal_nocase(languages[i].language, language)) return &languages[i];
    return &languages[0];
}

/* Every character beyond ASCII as &#n;, so that the email's encoding does not matter. */
static void write_entities(struct slice text, struct strbuf *out) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x80) {
            strbuf_add_char(out, (char)c);
        } else if (i + 1 < text.len) { /* the words above have characters of two bytes only */
            strbuf_printf(out, "&#%d;", (c & 0x1f) << 6 | ((unsigned char)text.ptr[i + 1] & 0x3f));
            i++;
        }
    }
}

/* ---- addresses ---- */

static bool is_of_cohort(const struct rewrite_target *target, enum token_purpose purpose) {
    return target->level == TRACKING_AGGREGATE && purpose != TOKEN_UNSUBSCRIBE && purpose != TOKEN_PREFERENCES;
}

void rewrite_write_url(const struct rewrite_target *target, enum token_purpose purpose, const struct rewrite_link *link,
                       struct strbuf *out) {
    static const char *const paths[] = {[TOKEN_OPEN] = "/o/",
                                        [TOKEN_CLICK] = "/c/",
                                        [TOKEN_UNSUBSCRIBE] = "/u/",
                                        [TOKEN_PREFERENCES] = "/p/",
                                        [TOKEN_HONEYPOT] = "/c/"};
    bool of_cohort = is_of_cohort(target, purpose);
    const struct token token = {
        .purpose = purpose,
        .organization_id = target->organization_id,
        .email_log_id = of_cohort ? 0 : target->email_log_id,
        .cohort_id = of_cohort ? target->cohort_id : 0,
        .link_position = link ? link->position : LINK_POSITION_NONE,
        .url = link ? link->url : SLICE_NONE,
    };
    strbuf_add_slice(out, target->base);
    strbuf_add_cstr(out, paths[purpose]);
    token_write(target->ring, &token, out);
}

static bool measures(const struct rewrite_target *target, enum event_type type) {
    return own_tracking_measures(own_tracking_under(target->level, target->measures), type);
}

/* ---- the end ---- */

/* Broken into lines, since those of an email have at most 998 bytes (RFC 5322 section 2.1.1). */
#define FOOTER_STYLE                                                                                                   \
    "margin:24px 0 0;font-family:sans-serif;font-size:12px;line-height:18px;color:#6b6b6b;text-align:center"

static const char *line_break_of(const struct rewrite_scan *scan) {
    return slice_find(scan->source, SLICE("\r\n")) >= 0 ? "\r\n" : "\n";
}

static void write_footer_link(const struct rewrite_target *target, enum token_purpose purpose, struct slice words,
                              struct strbuf *out) {
    strbuf_add_cstr(out, "<a href=\"");
    rewrite_write_url(target, purpose, NULL, out);
    strbuf_add_cstr(out, "\" style=\"color:#6b6b6b\">");
    write_entities(words, out);
    strbuf_add_cstr(out, "</a>");
}

static void write_html_footer(const struct words *words, const struct rewrite_target *target, const char *line_break,
                              bool unsubscribe, bool preferences, struct strbuf *out) {
    strbuf_printf(out, "<div style=\"" FOOTER_STYLE "\">%s", line_break);
    if (unsubscribe) write_footer_link(target, TOKEN_UNSUBSCRIBE, words->unsubscribe, out);
    if (unsubscribe && preferences) strbuf_printf(out, " &middot;%s", line_break);
    if (preferences) write_footer_link(target, TOKEN_PREFERENCES, words->preferences, out);
    strbuf_printf(out, "</div>%s", line_break);
}

static void write_text_line(const char *line_break, const struct rewrite_target *target, enum token_purpose purpose,
                            struct slice words, struct strbuf *out) {
    strbuf_add_slice(out, words);
    strbuf_add_cstr(out, ": ");
    rewrite_write_url(target, purpose, NULL, out);
    strbuf_add_cstr(out, line_break);
}

static void write_text_footer(const struct rewrite_scan *scan, const struct words *words,
                              const struct rewrite_target *target, const char *line_break, bool unsubscribe,
                              bool preferences, struct strbuf *out) {
    if (!slice_ends_with(scan->source, SLICE("\n"))) strbuf_add_cstr(out, line_break);
    strbuf_add_cstr(out, line_break);
    if (unsubscribe) write_text_line(line_break, target, TOKEN_UNSUBSCRIBE, words->unsubscribe, out);
    if (preferences) write_text_line(line_break, target, TOKEN_PREFERENCES, words->preferences, out);
}

static void write_end(const struct rewrite_scan *scan, const struct rewrite_target *target, struct strbuf *out) {
    const struct words *words = words_of(scan, target);
    const char *line_break = line_break_of(scan);
    bool personal = target->level == TRACKING_CLICKS || target->level == TRACKING_FULL;
    bool unsubscribe = personal && target->footer && target->unsubscribe && !scan->has_unsubscribe;
    bool preferences = personal && target->footer && !scan->has_preferences;
    if (!scan->is_html) {
        if (unsubscribe || preferences)
            write_text_footer(scan, words, target, line_break, unsubscribe, preferences, out);
        return;
    }
    if (unsubscribe || preferences) write_html_footer(words, target, line_break, unsubscribe, preferences, out);
    if (personal && target->honeypot && measures(target, EVENT_CLICK)) {
        strbuf_add_cstr(out, "<a href=\"");
        rewrite_write_url(target, TOKEN_HONEYPOT, NULL, out);
        strbuf_printf(out, "\" style=\"display:none\" rel=\"nofollow\" tabindex=\"-1\" aria-hidden=\"true\"></a>%s",
                      line_break);
    }
    if (!measures(target, EVENT_OPEN)) return;
    strbuf_add_cstr(out, "<img src=\"");
    rewrite_write_url(target, TOKEN_OPEN, NULL, out);
    strbuf_printf(out,
                  "\" alt=\"\" width=\"1\" height=\"1\" border=\"0\"%s"
                  "style=\"display:block;width:1px;height:1px;border:0\">",
                  line_break);
}

/* ---- all of it ---- */

static void write_place(const struct rewrite_scan *scan, const struct place *place, const struct rewrite_target *target,
                        struct strbuf *out) {
    switch (place->kind) {
    case PLACE_LINK:
        if (!measures(target, EVENT_CLICK))
            strbuf_add(out, scan->source.ptr + place->start, place->end - place->start);
        else
            rewrite_write_url(target, TOKEN_CLICK, &place->link, out);
        break;
    case PLACE_UNSUBSCRIBE:
        rewrite_write_url(target, TOKEN_UNSUBSCRIBE, NULL, out);
        break;
    case PLACE_PREFERENCES:
        rewrite_write_url(target, TOKEN_PREFERENCES, NULL, out);
        break;
    case PLACE_END:
        write_end(scan, target, out);
        break;
    }
}

void rewrite_write(const struct rewrite_scan *scan, const struct rewrite_target *target, struct strbuf *out) {
    const char *source = scan->source.ptr;
    size_t at = 0;
    for (size_t i = 0; i < scan->place_count; i++) {
        const struct place *place = &scan->places[i];
        if (place->start > at) strbuf_add(out, source + at, place->start - at);
        write_place(scan, place, target, out);
        at = place->end;
    }
    if (scan->source.len > at) strbuf_add(out, source + at, scan->source.len - at);
}
