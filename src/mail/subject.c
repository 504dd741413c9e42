#include "mail/subject.h"

#include "base/banned.h"

#define PREFIXES_MAX 20 /* "Re: Re: Re: …" */
#define TAG_MAX      64

/* A prefix is followed by ':' (also the wide one of Chinese and Japanese), maybe after white space or a number in
 * brackets: "Re[2]:", "AW (3):". From the interfaces of Outlook, Apple Mail, Lotus and webmailers; in lower case. */
static const char *const answer_prefixes[] = {
    "re",   "aw",  "antw",   "antwort", "sv",   "vs",   "odp",  "rv",   "ref",        "r",    "res",
    "resp", "ynt", "bls",    "atb",     "vá",   "ri",   "rif",  "tr",   "fw",         "fwd",  "wg",
    "vl",   "vb",  "doorst", "i",       "enc",  "pd",   "fs",   "vs",   "továbbítás", "tov",  "απ",
    "σχετ", "πρθ", "回复",   "答复",    "回覆", "转发", "轉寄", "返信", "転送",       "re：",
};
static const char *const forward_prefixes[] = {
    "fw", "fwd", "wg",  "tr",         "rv",  "doorst", "vb",   "vl",   "enc",
    "pd", "i",   "tov", "továbbítás", "πρθ", "转发",   "轉寄", "転送",
};

/* What Exchange and others set before the subject of an out-of-office reply, in the language of the mailbox. */
static const char *const automatic_prefixes[] = {
    "automatic reply",
    "auto reply",
    "autoreply",
    "auto-reply",
    "auto response",
    "autoresponse",
    "out of office autoreply",
    "out of office reply",
    "automatische antwort",
    "abwesenheitsnotiz",
    "automatische rückantwort",
    "autom. antwort",
    "réponse automatique",
    "reponse automatique",
    "message d'absence",
    "message d’absence",
    "respuesta automática",
    "respuesta automatica",
    "risposta automatica",
    "automatisch antwoord",
    "afwezigheidsbericht",
    "resposta automática",
    "resposta automatica",
    "autoodpowiedź",
    "odpowiedź automatyczna",
    "automatyczna odpowiedź",
    "autosvar",
    "automatiskt svar",
    "automatisk svar",
    "automaattinen vastaus",
    "automatická odpověď",
    "automatikus válasz",
    "răspuns automat",
    "raspuns automat",
    "otomatik yanıt",
    "автоответ",
    "автоматический ответ",
    "αυτόματη απάντηση",
    "自动答复",
    "自動返信",
};

static const char *const absence_words[] = {
    "out of office",
    "out of the office",
    "ooo",
    "away from the office",
    "on vacation",
    "vacation",
    "abwesen",
    "ich bin abwesend",
    "urlaub",
    "nicht im büro",
    "absence",
    "absent",
    "en vacances",
    "congés",
    "fuera de la oficina",
    "ausencia",
    "fuori ufficio",
    "assenza",
    "afwezig",
    "ausência",
    "fora do escritório",
    "nieobecno",
    "poza biurem",
    "frånvaro",
    "ej på kontoret",
    "fravær",
    "poissa",
    "nepřítom",
    "вне офиса",
    "отсутств",
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* ASCII letters alike; accented capitals are rare enough in prefixes to be left alone. */
static bool begins_with(struct slice text, const char *words) {
    size_t len = strlen(words);
    if (text.len < len) return false;
    for (size_t i = 0; i < len; i++)
        if (lower(text.ptr[i]) != words[i]) return false;
    return true;
}

static struct slice skip_spaces(struct slice text) {
    while (text.len > 0 && is_space(text.ptr[0]))
        text = slice_from(text, 1);
    return text;
}

/* Behind "[2]", "(3)" or "^4" of a counted prefix. */
static struct slice skip_count(struct slice text) {
    struct slice rest = skip_spaces(text);
    if (rest.len == 0 || !strchr("[(^", rest.ptr[0])) return rest;
    char close = rest.ptr[0] == '[' ? ']' : rest.ptr[0] == '(' ? ')' : '\0';
    size_t i = 1;
    while (i < rest.len && rest.ptr[i] >= '0' && rest.ptr[i] <= '9')
        i++;
    if (i == 1) return rest;
    if (close != '\0') {
        if (i >= rest.len || rest.ptr[i] != close) return rest;
        i++;
    }
    return skip_spaces(slice_from(rest, i));
}

/* Behind `prefix` and its colon; ptr NULL when the text does not begin so. */
static struct slice behind_prefix(struct slice text, const char *prefix) {
    if (!begins_with(text, prefix)) return SLICE_NONE;
    struct slice rest = slice_from(text, strlen(prefix));
    if (rest.len == 0) return SLICE_NONE;
    /* No-break space: French puts one before the colon. */
    rest = skip_count(rest);
    if (slice_starts_with(rest, SLICE("\xc2\xa0"))) rest = slice_from(rest, 2);
    if (rest.len > 0 && rest.ptr[0] == ':') return slice_of(rest.ptr + 1, rest.len - 1);
    if (slice_starts_with(rest, SLICE("："))) return slice_of(rest.ptr + 3, rest.len - 3);
    return SLICE_NONE;
}

static struct slice behind_any(struct slice text, const char *const *prefixes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct slice rest = behind_prefix(text, prefixes[i]);
        if (rest.ptr) return rest;
    }
    return SLICE_NONE;
}

/* "[recruiting] ": set by mailing lists and security gateways ("[EXTERNAL]"). */
static struct slice behind_tag(struct slice text) {
    if (text.len < 2 || text.ptr[0] != '[') return SLICE_NONE;
    ptrdiff_t close = slice_find_char(slice_first(text, TAG_MAX), ']');
    if (close < 1 || skip_spaces(slice_from(text, (size_t)close + 1)).len == 0) return SLICE_NONE;
    return slice_from(text, (size_t)close + 1);
}

struct slice subject_normalize(struct slice subject, struct arena *arena) {
    struct slice text = skip_spaces(slice_first_utf8(subject, SUBJECT_KEPT_MAX));
    for (int i = 0; i < PREFIXES_MAX; i++) {
        struct slice rest = behind_any(text, answer_prefixes, COUNT_OF(answer_prefixes));
        if (!rest.ptr) rest = behind_any(text, automatic_prefixes, COUNT_OF(automatic_prefixes));
        if (!rest.ptr) rest = behind_tag(text);
        if (!rest.ptr) break;
        text = skip_spaces(rest);
    }
    char *out = arena_bytes(arena, text.len);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!is_space(c)) {
            out[len++] = lower(c);
        } else if (len > 0 && out[len - 1] != ' ') {
            out[len++] = ' ';
        }
    }
    if (len > 0 && out[len - 1] == ' ') len--;
    return slice_of(out, len);
}

bool subject_is_answer(struct slice subject) {
    struct slice text = skip_spaces(subject);
    for (struct slice rest; (rest = behind_tag(text)).ptr;)
        text = skip_spaces(rest);
    return behind_any(text, answer_prefixes, COUNT_OF(answer_prefixes)).ptr &&
           !behind_any(text, forward_prefixes, COUNT_OF(forward_prefixes)).ptr;
}

bool subject_is_automatic(struct slice subject) {
    return behind_any(skip_spaces(subject), automatic_prefixes, COUNT_OF(automatic_prefixes)).ptr != NULL;
}

bool subject_speaks_of_absence(struct slice subject) {
    struct slice text = skip_spaces(subject);
    for (size_t i = 0; i < COUNT_OF(absence_words); i++)
        if (begins_with(text, absence_words[i])) return true;
    return false;
}
