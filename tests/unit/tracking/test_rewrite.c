/* rewrite.h: thirty emails as programs write them, each checked byte by byte, and the rules one by one.
 * tests/fixtures/rewrite/<name>.links holds what must be found: position, destination, text. After a change on purpose,
 * INKLING_WRITE_LINKS=1 writes them anew, to be read before they are committed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>

#include "tests/unit/tracking/rewrite_checks.h"

#include "base/banned.h"

#define FIXTURES_MIN 30
#define ORG          7
#define EMAIL        4711
#define COHORT       815

struct fixture {
    struct arena *arena;
    struct token_ring *ring;
    struct rewrite_scan_options options;
    struct rewrite_target target;
};

static int setup(void **state) {
    static const struct token_key key = {.id = 3, .bytes = {5, 6, 7}};
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->arena = arena_new();
    fixture->ring = token_ring_new(&key, 1);
    fixture->options.base = SLICE(CHECK_BASE);
    fixture->target = (struct rewrite_target){.ring = fixture->ring,
                                              .base = SLICE(CHECK_BASE),
                                              .organization_id = ORG,
                                              .email_log_id = EMAIL,
                                              .cohort_id = COHORT,
                                              .level = TRACKING_FULL,
                                              .measures = OWN_TRACKING_BOTH,
                                              .unsubscribe = true,
                                              .footer = true};
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    token_ring_free(fixture->ring);
    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

static struct rewrite_scan *scan_html(struct fixture *fixture, struct slice html) {
    struct rewrite_scan *scan = NULL;
    struct err err = {0};
    if (rewrite_scan_html(html, &fixture->options, fixture->arena, &scan, &err) != 0) fail_msg("%s", err.text);
    return scan;
}

static struct rewrite_scan *scan_text(struct fixture *fixture, const char *text, const struct rewrite_scan *html) {
    struct rewrite_scan *scan = NULL;
    struct err err = {0};
    if (rewrite_scan_text(slice_cstr(text), html, &fixture->options, fixture->arena, &scan, &err) != 0)
        fail_msg("%s", err.text);
    return scan;
}

static struct slice write_out(struct fixture *fixture, const struct rewrite_scan *scan) {
    struct strbuf out;
    strbuf_init(&out, 32UL << 20);
    rewrite_write(scan, &fixture->target, &out);
    assert_false(out.overflow);
    struct slice copy = arena_copy(fixture->arena, strbuf_slice(&out));
    strbuf_release(&out);
    return copy;
}

static void assert_text(struct fixture *fixture, struct slice is, const char *must_be) {
    assert_string_equal(arena_cstr(fixture->arena, is), must_be);
}

/* The html with our addresses shown as [purpose position url], so that expectations can be written down. */
static const char *shown(struct fixture *fixture, struct slice out) {
    struct strbuf text;
    strbuf_init(&text, 1 << 20);
    for (size_t at = 0; at < out.len;) {
        struct token token;
        size_t len = our_url(fixture->ring, slice_from(out, at), fixture->arena, &token);
        if (len == 0) {
            strbuf_add_char(&text, out.ptr[at++]);
            continue;
        }
        assert_int_equal(token.organization_id, ORG);
        strbuf_printf(&text, "[%d %d %.*s]", token.purpose, token.link_position, SLICE_FMT(token.url));
        at += len;
    }
    const char *copy = arena_cstr(fixture->arena, strbuf_slice(&text));
    strbuf_release(&text);
    return copy;
}

/* ---- thirty emails ---- */

static struct slice read_file(struct fixture *fixture, const char *path, bool must) {
    struct strbuf bytes;
    char portion[4096];
    size_t len;
    FILE *file = fopen(path, "rb");
    if (!file && !must) return SLICE_NONE;
    assert_non_null(file);
    strbuf_init(&bytes, 4UL << 20);
    while ((len = fread(portion, 1, sizeof(portion), file)) > 0)
        strbuf_add(&bytes, portion, len);
    fclose(file);
    struct slice copy = arena_copy(fixture->arena, strbuf_slice(&bytes));
    strbuf_release(&bytes);
    return copy;
}

static struct slice describe(struct fixture *fixture, const struct rewrite_scan *scan) {
    size_t count;
    const struct rewrite_link *links = rewrite_links(scan, &count);
    struct strbuf text;
    strbuf_init(&text, 4UL << 20);
    for (size_t i = 0; i < count; i++)
        strbuf_printf(&text, "%d\t%.*s\t%.*s\n", links[i].position, SLICE_FMT(links[i].url), SLICE_FMT(links[i].text));
    struct slice copy = arena_copy(fixture->arena, strbuf_slice(&text));
    strbuf_release(&text);
    return copy;
}

static void compare_links(struct fixture *fixture, const char *path, struct slice found) {
    char *links = arena_printf(fixture->arena, "%.*s.links", (int)(strlen(path) - strlen(".html")), path);
    if (getenv("INKLING_WRITE_LINKS")) {
        FILE *file = fopen(links, "wb");
        assert_non_null(file);
        if (found.len > 0) fwrite(found.ptr, 1, found.len, file);
        fclose(file);
    }
    assert_text(fixture, found, arena_cstr(fixture->arena, read_file(fixture, links, true)));
}

static void check_file(struct fixture *fixture, const char *path) {
    struct slice html = read_file(fixture, path, true);
    fixture->options.is_ascii_only = strstr(path, "latin1") != NULL;
    struct rewrite_scan *scan = scan_html(fixture, html);
    compare_links(fixture, path, describe(fixture, scan));
    for (int level = TRACKING_NONE; level <= TRACKING_FULL; level++) {
        size_t links, inserted, found;
        rewrite_links(scan, &found);
        fixture->target.level = (enum tracking_level)level;
        fixture->target.honeypot = level == TRACKING_FULL;
        struct slice out = write_out(fixture, scan);
        const char *wrong = check_identity(fixture->ring, html, out, true, fixture->arena, &links, &inserted);
        if (wrong) fail_msg("%s at level %d: %s", path, level, wrong);
        assert_int_equal(links, level == TRACKING_NONE ? 0 : found);
        if (level != TRACKING_CLICKS) /* where an email with marks of its own gets nothing more */
            assert_int_equal(inserted > 0, level != TRACKING_NONE);
        assert_int_equal(slice_find(out, SLICE("/o/")) >= 0, level == TRACKING_AGGREGATE || level == TRACKING_FULL);
        /* The same again gives the same bytes, and what is ours already is left alone. */
        assert_true(slice_equal(out, write_out(fixture, scan)));
        size_t again;
        rewrite_links(scan_html(fixture, out), &again);
        if (level != TRACKING_NONE) assert_int_equal(again, 0);
    }
}

static int is_html(const struct dirent *entry) {
    return slice_ends_with(slice_cstr(entry->d_name), SLICE(".html"));
}

static void emails_stay_as_they_are_but_for_the_links(void **state) {
    struct fixture *fixture = *state;
    const char *root = getenv("INKLING_SOURCE");
    struct dirent **entries;
    const char *directory = arena_printf(fixture->arena, "%s/tests/fixtures/rewrite", root ? root : ".");
    int count = scandir(directory, &entries, is_html, alphasort);
    assert_true(count >= FIXTURES_MIN);
    for (int i = 0; i < count; i++) {
        check_file(fixture, arena_printf(fixture->arena, "%s/%s", directory, entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
}

/* ---- rules ---- */

static void quoting_is_kept(void **state) {
    struct fixture *fixture = *state;
    fixture->target.footer = false;
    fixture->target.level = TRACKING_CLICKS;
    const char *html =
        "<a href=\"https://a.example.com/?x=1&amp;y=2\">1</a><a href='https://a.example.com/&quot;'>2</a>"
        "<A HREF=https://a.example.com/?a&b CLASS=x>3</a>";
    struct slice out = write_out(fixture, scan_html(fixture, slice_cstr(html)));
    assert_string_equal(shown(fixture, out), "<a href=\"[2 0 https://a.example.com/?x=1&y=2]\">1</a>"
                                             "<a href='[2 1 https://a.example.com/%22]'>2</a>"
                                             "<A HREF=[2 2 https://a.example.com/?a&b] CLASS=x>3</a>");
}

static void each_level_inserts_its_own(void **state) {
    struct fixture *fixture = *state;
    struct slice html = SLICE("<body><a href=\"https://a.example.com/\">x</a></body>");
    struct rewrite_scan *scan = scan_html(fixture, html);
    fixture->target.footer = false;
    fixture->target.level = TRACKING_NONE;
    assert_true(slice_equal(write_out(fixture, scan), html));
    fixture->target.level = TRACKING_CLICKS;
    assert_string_equal(shown(fixture, write_out(fixture, scan)),
                        "<body><a href=\"[2 0 https://a.example.com/]\">x</a></body>");
    fixture->target.level = TRACKING_FULL;
    assert_non_null(strstr(shown(fixture, write_out(fixture, scan)), "</a><img src=\"[1 -1 ]\" alt=\"\""));
    fixture->target.honeypot = true;
    assert_non_null(strstr(shown(fixture, write_out(fixture, scan)), "<a href=\"[5 -1 ]\" style=\"display:none\""));
    fixture->target.footer = true;
    const char *all = shown(fixture, write_out(fixture, scan));
    assert_non_null(
        strstr(all, "<a href=\"[3 -1 ]\" style=\"color:#6b6b6b\">Unsubscribe</a> &middot;\n<a href=\"[4 -1 ]\""));
    fixture->target.unsubscribe = false;
    assert_null(strstr(shown(fixture, write_out(fixture, scan)), "[3 -1 ]"));
    assert_non_null(strstr(shown(fixture, write_out(fixture, scan)), "[4 -1 ]"));
}

/* C-03: under `aggregate` no address differs between two recipients. */
static void aggregate_knows_no_person(void **state) {
    struct fixture *fixture = *state;
    struct slice html = SLICE("<body><a href=\"https://a.example.com/\">x</a></body>");
    struct rewrite_scan *scan = scan_html(fixture, html);
    struct token token;
    fixture->target.level = TRACKING_AGGREGATE;
    fixture->target.honeypot = true;
    struct slice first = write_out(fixture, scan);
    fixture->target.email_log_id++;
    assert_true(slice_equal(first, write_out(fixture, scan)));
    ptrdiff_t at = slice_find(first, SLICE(CHECK_BASE));
    assert_true(our_url(fixture->ring, slice_from(first, (size_t)at), fixture->arena, &token) > 0);
    assert_int_equal(token.email_log_id, 0);
    assert_int_equal(token.cohort_id, COHORT);
    fixture->target.level = TRACKING_FULL;
    struct slice personal = write_out(fixture, scan);
    fixture->target.email_log_id++;
    assert_false(slice_equal(personal, write_out(fixture, scan)));
}

static void marks_are_filled_at_every_level(void **state) {
    struct fixture *fixture = *state;
    struct slice html =
        SLICE("<a href=\"{{inkling_unsubscribe_url}}\">u</a> {{  inkling_preferences_url }} {{inkling}}");
    struct rewrite_scan *scan = scan_html(fixture, html);
    for (int level = TRACKING_NONE; level <= TRACKING_FULL; level++) {
        fixture->target.level = (enum tracking_level)level;
        const char *out = shown(fixture, write_out(fixture, scan));
        assert_ptr_equal(strstr(out, "<a href=\"[3 -1 ]\">u</a> [4 -1 ] {{inkling}}"), out);
        assert_null(strstr(out, "Unsubscribe")); /* the sender has a place for both: no footer */
    }
}

static void footers_speak_five_languages(void **state) {
    struct fixture *fixture = *state;
    static const char *const cases[][2] = {
        {"<html lang=\"de-AT\">x", "Abmelden</a> &middot;\n"}, {"<html lang=FR>x", "Se d&#233;sabonner</a>"},
        {"<html lang='es'>x", "Cancelar suscripci&#243;n"},    {"<html lang=it>x", "Impostazioni di tracciamento"},
        {"<html lang=\"pt\">x", "Tracking settings"},          {"x", "Tracking settings"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *out = shown(fixture, write_out(fixture, scan_html(fixture, slice_cstr(cases[i][0]))));
        if (!strstr(out, cases[i][1])) fail_msg("%s has no %s: %s", cases[i][0], cases[i][1], out);
    }
    fixture->target.language = SLICE("de");
    assert_non_null(
        strstr(shown(fixture, write_out(fixture, scan_html(fixture, SLICE("<html lang=fr>")))), "Abmelden"));
}

static void text_parts_follow_the_html(void **state) {
    struct fixture *fixture = *state;
    struct rewrite_scan *html = scan_html(
        fixture,
        SLICE("<html lang=de><a href=\"https://a.example.com/1\">1</a><a href=\"https://a.example.com/2\">2</a>"));
    struct rewrite_scan *text = scan_text(fixture,
                                          "See https://a.example.com/2, (https://a.example.com/3?x=(1)) or "
                                          "<HTTP://a.example.com/4>.\r\nxhttps://a.example.com/no http://localhost/ "
                                          "https://a.example.com/{{x}} https://a.example.com/1!\r\n",
                                          html);
    assert_string_equal(shown(fixture, write_out(fixture, text)),
                        "See [2 1 https://a.example.com/2], ([2 2 https://a.example.com/3?x=(1)]) or "
                        "<[2 3 HTTP://a.example.com/4]>.\r\nxhttps://a.example.com/no http://localhost/ "
                        "https://a.example.com/{{x}} [2 0 https://a.example.com/1]!\r\n"
                        "\r\nAbmelden: [3 -1 ]\r\nTracking-Einstellungen: [4 -1 ]\r\n");
    fixture->options.keep_text_links = true;
    fixture->target.footer = false;
    struct slice plain = SLICE("https://a.example.com/2");
    assert_true(slice_equal(write_out(fixture, scan_text(fixture, plain.ptr, NULL)), plain));
}

static void destinations_are_strict(void **state) {
    struct fixture *fixture = *state;
    static const char *const fit[][2] = {
        {"https://a.example.com", "https://a.example.com"},
        {"  https://a.example.com/x y\n", "https://a.example.com/x%20y"},
        {"http://a.example.com:80/?q=\xc3\xa4#f", "http://a.example.com:80/?q=%C3%A4#f"},
        {"https://[2606:4700::1111]/", "https://[2606:4700::1111]/"},
        {"https://a.example.com/100%", "https://a.example.com/100%"},
    };
    static const char *const unfit[] = {
        "",
        "//evil.example.com",
        "https://",
        "https:///x",
        "https://a.example.com\\@b.example.com/",
        "/\\evil.example.com",
        "https://a.example.com/\x01\r\nSet-Cookie: x=1",
        "https://u@a.example.com/",
        "https://a.example.com:99999/",
        "https://a.example.com:x/",
        "https://a..example.com/",
        "https://.example.com/",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://\xc3\xa4.example.com/",
        "https://a.example.com/\xff",
        "https://%61.example.com/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fe80::1%25eth0]/",
        "https://[::1",
        "http://0/",
        "http://1.2.3/",
        "http://0x7f.1/",
        "ftp://a.example.com/",
        "https://a.example.com/\x7f",
        "https://a_b .example.com/",
    };
    struct slice url;
    for (size_t i = 0; i < sizeof(fit) / sizeof(fit[0]); i++) {
        assert_true(destination_read(slice_cstr(fit[i][0]), false, fixture->arena, &url));
        assert_text(fixture, url, fit[i][1]);
    }
    for (size_t i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++)
        if (destination_read(slice_cstr(unfit[i]), false, fixture->arena, &url)) fail_msg("%s was fit", unfit[i]);
    assert_false(destination_read(SLICE("http://127.0.0.1/"), false, fixture->arena, &url));
    assert_true(destination_read(SLICE("http://127.0.0.1/"), true, fixture->arena, &url));
    assert_true(destination_read(SLICE("http://intranet/"), true, fixture->arena, &url));
    assert_false(destination_read(SLICE("http://127.1/"), true, fixture->arena, &url));
}

/* ---- bounds ---- */

static void links_beyond_the_bound_stay(void **state) {
    struct fixture *fixture = *state;
    struct strbuf html;
    size_t count, links, inserted;
    strbuf_init(&html, REWRITE_BYTES_MAX);
    for (int i = 0; i < REWRITE_LINKS_MAX + 5; i++)
        strbuf_printf(&html, "<a href=https://a.example.com/%d>%d</a>\n", i, i);
    struct rewrite_scan *scan = scan_html(fixture, strbuf_slice(&html));
    rewrite_links(scan, &count);
    assert_int_equal(count, REWRITE_LINKS_MAX);
    assert_int_equal(rewrite_links_left(scan), 5);
    assert_null(check_identity(fixture->ring, strbuf_slice(&html), write_out(fixture, scan), true, fixture->arena,
                               &links, &inserted));
    assert_int_equal(links, REWRITE_LINKS_MAX);
    strbuf_release(&html);
}

static void repeat(struct strbuf *out, const char *text, size_t until) {
    while (out->len + strlen(text) + 20 < until)
        strbuf_add_cstr(out, text);
}

/* What browsers' rules make large out of small must end in a refusal, soon, and never in a crash. */
static void hostile_nesting_ends(void **state) {
    struct fixture *fixture = *state;
    static const char *const patterns[] = {"<div>",           "<b><p>", "<a href=https://a.example.com/>",
                                           "<table>",         "<svg>",  "<!--[if mso]><a href=https://a.example.com/>",
                                           "<select><option>"};
    struct strbuf html;
    strbuf_init(&html, 2 * REWRITE_BYTES_MAX);
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        struct rewrite_scan *scan;
        struct err err = {0};
        strbuf_clear(&html);
        repeat(&html, patterns[i], 512 << 10);
        int r = rewrite_scan_html(strbuf_slice(&html), &fixture->options, fixture->arena, &scan, &err);
        assert_true(r == 0 || r == -ERR_TOO_LARGE);
    }
    strbuf_clear(&html); /* many formatting elements that every paragraph opens again */
    strbuf_add_cstr(&html, "<p>");
    for (int i = 0; i < 3000; i++)
        strbuf_printf(&html, "<b id=%d>", i);
    strbuf_add_cstr(&html, "</p>");
    repeat(&html, "<p>x</p>", 512 << 10);
    struct rewrite_scan *scan;
    struct err err = {0};
    assert_int_equal(rewrite_scan_html(strbuf_slice(&html), &fixture->options, fixture->arena, &scan, &err),
                     -ERR_TOO_LARGE);
    assert_non_null(strstr(err.text, "nested"));
    strbuf_clear(&html);
    repeat(&html, "xxxxxxxx", REWRITE_BYTES_MAX + 100);
    assert_int_equal(rewrite_scan_html(strbuf_slice(&html), &fixture->options, fixture->arena, &scan, &err),
                     -ERR_TOO_LARGE);
    assert_int_equal(rewrite_scan_text(strbuf_slice(&html), NULL, &fixture->options, fixture->arena, &scan, &err),
                     -ERR_TOO_LARGE);
    strbuf_release(&html);
}

int main(void) {
#define case_of(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        case_of(emails_stay_as_they_are_but_for_the_links),
        case_of(quoting_is_kept),
        case_of(each_level_inserts_its_own),
        case_of(aggregate_knows_no_person),
        case_of(marks_are_filled_at_every_level),
        case_of(footers_speak_five_languages),
        case_of(text_parts_follow_the_html),
        case_of(destinations_are_strict),
        case_of(links_beyond_the_bound_stay),
        case_of(hostile_nesting_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
