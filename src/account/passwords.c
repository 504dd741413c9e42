#include "account/passwords.h"

#include "base/banned.h"

#define DISTINCT_MIN 5
#define TEXT_MAX     64 /* longer ones are not on anybody's list */

/* What stands in front of the usual lists of passwords, with digits and signs at both ends taken off and "0134@$" read
 * as letters; also what is particular to this program. */
static const char *const words[] = {
    "password",    "passwords",
    "passwort",    "motdepasse",
    "contrasena",  "passwordpassword",
    "mypassword",  "thisisapassword",
    "welcome",     "welcomehome",
    "willkommen",  "bienvenue",
    "admin",       "administrator",
    "adminadmin",  "root",
    "rootroot",    "superuser",
    "guest",       "default",
    "changeme",    "changemenow",
    "changethis",  "letmein",
    "letmeinnow",  "secret",
    "topsecret",   "secretsecret",
    "iloveyou",    "iloveyouforever",
    "trustno",     "trustnoone",
    "football",    "baseball",
    "basketball",  "superman",
    "batman",      "spiderman",
    "starwars",    "pokemon",
    "dragon",      "monkey",
    "princess",    "sunshine",
    "shadow",      "master",
    "hello",       "helloworld",
    "hellohello",  "freedom",
    "whatever",    "michael",
    "jennifer",    "jessica",
    "jordan",      "charlie",
    "ashley",      "summer",
    "winter",      "spring",
    "autumn",      "january",
    "february",    "september",
    "october",     "november",
    "december",    "monday",
    "friday",      "company",
    "computer",    "internet",
    "google",      "facebook",
    "linkedin",    "microsoft",
    "windows",     "iphone",
    "samsung",     "login",
    "loginlogin",  "test",
    "testtest",    "testing",
    "demo",        "demodemo",
    "temp",        "temporary",
    "user",        "username",
    "unknown",     "access",
    "abcabc",      "asdasd",
    "qweqwe",      "qazwsx",
    "qazwsxedc",   "qazwsxedcrfv",
    "zaqwsx",      "correcthorsebatterystaple",
    "inkling",     "inklinginkling",
    "recruiter",   "recruiting",
    "recruitment", "candidate",
    "hiring",      "hiringmanager",
    "email",       "emailemail",
};

/* Walks; any part of one, either way, is a walk too. */
static const char *const walks[] = {
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "azertyuiop",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "qazwsxedcrfvtgbyhnujmikolp",
};

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_letter(char c) {
    return c >= 'a' && c <= 'z';
}

static bool has_few_characters(struct slice text) {
    bool seen[256] = {false};
    int distinct = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (!seen[c]) distinct++;
        seen[c] = true;
    }
    return distinct < DISTINCT_MIN;
}

/* Are the two characters neighbours on one of the walks, in the given direction? */
static bool are_neighbours(const char *walk, char first, char second) {
    for (; walk[0] && walk[1]; walk++)
        if (walk[0] == first && walk[1] == second) return true;
    return false;
}

/* A walk may start again, as "12345123451234" does: one break in four steps is still one. */
static bool is_walk(struct slice text) {
    for (size_t w = 0; w < sizeof(walks) / sizeof(walks[0]); w++) {
        size_t forwards = 0, backwards = 0, needed = (text.len - 1) * 3 / 4;
        for (size_t i = 1; i < text.len; i++) {
            forwards += are_neighbours(walks[w], text.ptr[i - 1], text.ptr[i]);
            backwards += are_neighbours(walks[w], text.ptr[i], text.ptr[i - 1]);
        }
        if (forwards >= needed || backwards >= needed) return true;
    }
    return false;
}

static struct slice strip(struct slice text) {
    while (text.len > 0 && !is_letter(text.ptr[0]))
        text = slice_from(text, 1);
    while (text.len > 0 && !is_letter(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

static bool is_word(struct slice text) {
    struct slice stem = strip(text);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (slice_equal(stem, slice_cstr(words[i]))) return true;
    return false;
}

bool password_is_common(struct slice password) {
    static const char from[] = "0134@$", to[] = "oleaas";
    char text[TEXT_MAX], read[TEXT_MAX];
    if (has_few_characters(password)) return true;
    if (password.len > TEXT_MAX) return false;
    for (size_t i = 0; i < password.len; i++) {
        text[i] = read[i] = lower(password.ptr[i]);
        const char *sign = text[i] ? strchr(from, text[i]) : NULL;
        /* Not at the end, where they are the digits that a rule once asked for. */
        if (sign && i + 1 < password.len && is_letter(lower(password.ptr[i + 1]))) read[i] = to[sign - from];
    }
    return is_walk(slice_of(text, password.len)) || is_word(slice_of(text, password.len)) ||
           is_word(slice_of(read, password.len));
}
