#include "mail/excerpt.h"

#include "base/banned.h"

#define LINES_MAX      2000
#define WROTE_LINE_MAX 300

/* What stands before a quoted message that is not marked with '>': Outlook's block of headers in the mailbox's
 * language, and the lines of old. */
static const char *const quote_heads[] = {
    "-----Original Message-----",
    "-----Ursprüngliche Nachricht-----",
    "-----Message d'origine-----",
    "-----Mensaje original-----",
    "-----Messaggio originale-----",
    "-----Oorspronkelijk bericht-----",
    "________________________________",
    "From: ",
    "Von: ",
    "De : ",
    "De: ",
    "Da: ",
    "Van: ",
    "Od: ",
    "Från: ",
    "Fra: ",
    "Sent from my ",
    "Von meinem iPhone gesendet",
    "Envoyé de mon ",
};

static bool ends_with_any(struct slice line) {
    static const char *const ends[] = {"wrote:",   "schrieb:",  "écrit :",  "a écrit:",    "escribió:", "scritto:",
                                       "schreef:", "escreveu:", "napisał:", "napisał(a):", "skrev:"};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (slice_ends_with(line, slice_cstr(ends[i]))) return true;
    return false;
}

/* "On Mon, 23 Nov 2026 at 17:00, Jane <jane@example.org>" with "wrote:" in the next line. */
static bool begins_wrapped_head(struct slice line, struct slice behind) {
    static const char *const begins[] = {"On ", "Am ", "Le ", "El ", "Il ", "Op ", "Em ", "W dniu ", "Den "};
    struct slice next;
    if (!slice_split_next(&behind, '\n', &next) || !ends_with_any(slice_trim(next))) return false;
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
        if (slice_starts_with(line, slice_cstr(begins[i]))) return true;
    return false;
}

static bool begins_quote(struct slice line) {
    if (slice_starts_with(line, SLICE(">"))) return true;
    if (slice_equal(line, SLICE("--")) || slice_equal(line, SLICE("-- "))) return true; /* a signature */
    for (size_t i = 0; i < sizeof(quote_heads) / sizeof(quote_heads[0]); i++)
        if (slice_starts_with(line, slice_cstr(quote_heads[i]))) return true;
    return line.len < WROTE_LINE_MAX && ends_with_any(line);
}

struct slice excerpt_of(struct slice text, size_t characters, struct arena *arena) {
    struct slice rest = text, line;
    size_t len = 0, count = 0;
    char *out = arena_bytes(arena, 4 * characters); /* a character has at most four bytes */
    bool gap = false;
    for (int lines = 0; lines < LINES_MAX && count < characters && slice_split_next(&rest, '\n', &line); lines++) {
        line = slice_trim(line);
        if (begins_quote(line) || begins_wrapped_head(line, rest)) break;
        while (line.len > 0) {
            size_t step = slice_utf8_char(line);
            if (step == 0 || (unsigned char)line.ptr[0] <= ' ') {
                gap = true;
                line = slice_from(line, step == 0 ? 1 : step);
                continue;
            }
            if (count + (gap && len > 0) >= characters) return slice_of(out, len);
            if (gap && len > 0) {
                out[len++] = ' ';
                count++;
            }
            memcpy(out + len, line.ptr, step);
            len += step;
            count++;
            gap = false;
            line = slice_from(line, step);
        }
        gap = true;
    }
    return slice_of(out, len);
}
