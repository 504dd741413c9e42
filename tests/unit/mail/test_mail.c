/* What every mail of tests/fixtures/mail means. <case>.eml is a message byte by byte, <case>.expect what is understood,
 * as render() writes it. Both roads are taken: the raw message, and the same taken apart as a provider hands it on. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "mail/mail.h"
#include "mail/parse.h"

#define FILE_MAX    (1 << 20)
#define CASES_MAX   200
#define RECEIVED_AT 1795521600000 /* 2026-11-24T12:00:00Z */

static const unsigned char key[HASH_KEY_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static const char *path_of(const char *name, const char *ending) {
    static char path[1024];
    const char *source = getenv("INKLING_SOURCE");
    assert_non_null(source);
    snprintf(path, sizeof(path), "%s/tests/fixtures/mail/%s%s", source, name, ending);
    return path;
}

static struct slice read_file(const char *path, struct arena *arena) {
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s is missing", path);
    char *bytes = arena_bytes(arena, FILE_MAX);
    size_t len = fread(bytes, 1, FILE_MAX, file);
    fclose(file);
    return slice_of(bytes, len);
}

static void render(const struct mail_meaning *meaning, struct strbuf *out) {
    char time[TIME_TEXT_MAX];
    strbuf_printf(out, "kind: %s\nsent: %.*s\nauthor: %.*s\n", mail_kind_name(meaning->kind),
                  SLICE_FMT(time_format(meaning->sent_at, time)), SLICE_FMT(meaning->author));
    for (size_t i = 0; i < 2; i++)
        if (!slice_empty(meaning->subjects[i])) strbuf_printf(out, "subject: %.*s\n", SLICE_FMT(meaning->subjects[i]));
    if (meaning->has_token)
        strbuf_printf(out, "token: %lld/%lld\n", (long long)meaning->token_organization_id,
                      (long long)meaning->token_email_log_id);
    for (size_t i = 0; i < meaning->id_count; i++)
        strbuf_printf(out, "id: %s %.*s\n", mail_match_name(meaning->ids[i].match), SLICE_FMT(meaning->ids[i].id));
    for (size_t i = 0; i < meaning->finding_count; i++) {
        const struct mail_finding *finding = &meaning->findings[i];
        const char *bounce = bounce_kind_name(finding->bounce);
        strbuf_printf(out, "event: %s%s%s <%.*s>", event_type_name(finding->type), bounce ? " " : "",
                      bounce ? bounce : "", SLICE_FMT(finding->recipient));
        if (!slice_empty(finding->status)) strbuf_printf(out, " %.*s", SLICE_FMT(finding->status));
        if (!slice_empty(finding->sign)) strbuf_printf(out, " by %.*s", SLICE_FMT(finding->sign));
        if (!slice_empty(finding->diagnostic)) strbuf_printf(out, " \"%.*s\"", SLICE_FMT(finding->diagnostic));
        strbuf_add_char(out, '\n');
    }
    if (!slice_empty(meaning->excerpt)) strbuf_printf(out, "excerpt: %.*s\n", SLICE_FMT(meaning->excerpt));
}

static void check(const char *name, const struct received_mail *mail, struct slice expected, const char *road,
                  struct arena *arena) {
    struct mail_options options = {.hash_key = key, .excerpt_max = 60};
    struct mail_meaning meaning;
    struct err err = {0};
    struct strbuf text;
    strbuf_init(&text, 65536);
    if (mail_understand(mail, &options, arena, &meaning, &err) != 0) fail_msg("%s (%s): %s", name, road, err.text);
    render(&meaning, &text);
    if (!slice_equal(strbuf_slice(&text), expected))
        fail_msg("%s (%s) is understood as\n%s\nnot as\n%.*s", name, road, text.ptr, SLICE_FMT(expected));
    strbuf_release(&text);
}

static void test_case(const char *name) {
    struct arena *arena = arena_new();
    struct received_mail mail = {.raw = read_file(path_of(name, ".eml"), arena), .received_at = RECEIVED_AT}, split;
    struct err err = {0};
    if (getenv("WRITE_EXPECTED")) { /* to look at, and to commit when it is right */
        struct mail_options options = {.hash_key = key, .excerpt_max = 60};
        struct mail_meaning meaning;
        struct strbuf text;
        strbuf_init(&text, 65536);
        assert_int_equal(mail_understand(&mail, &options, arena, &meaning, &err), 0);
        render(&meaning, &text);
        FILE *file = fopen(path_of(name, ".expect"), "wb");
        fwrite(text.ptr, 1, text.len, file);
        fclose(file);
        strbuf_release(&text);
    }
    struct slice expected = read_file(path_of(name, ".expect"), arena);
    check(name, &mail, expected, "raw", arena);
    assert_int_equal(mail_parse(&mail, true, arena, &split, &err), 0);
    check(name, &split, expected, "taken apart", arena);
    arena_free(arena);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void test_fixtures(void **state) {
    (void)state;
    char *names[CASES_MAX];
    size_t count = 0;
    DIR *directory = opendir(path_of("", ""));
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        size_t len = strlen(entry->d_name);
        if (len <= 4 || strcmp(entry->d_name + len - 4, ".eml") != 0) continue;
        assert_true(count < CASES_MAX);
        names[count] = memory_cstr(entry->d_name, len);
        names[count++][len - 4] = '\0';
    }
    closedir(directory);
    qsort(names, count, sizeof(names[0]), by_name);
    assert_true(count >= 40);
    for (size_t i = 0; i < count; i++) {
        test_case(names[i]);
        free(names[i]);
    }
}

/* ---- what no fixture has ---- */

static void understand(struct slice raw, struct arena *arena, struct mail_meaning *meaning) {
    struct mail_options options = {.hash_key = key};
    struct received_mail mail = {.raw = raw, .received_at = RECEIVED_AT};
    struct err err = {0};
    assert_int_equal(mail_understand(&mail, &options, arena, meaning, &err), 0);
}

static void test_nonsense_is_no_error(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    struct mail_meaning meaning;
    struct mail_options options = {.hash_key = key};
    struct received_mail nothing = {.raw = SLICE("\0\0\0"), .received_at = RECEIVED_AT};
    struct err err = {0};
    assert_int_equal(mail_understand(&nothing, &options, arena, &meaning, &err), -ERR_UNREADABLE);
    understand(SLICE("From jane Tue Nov 24\nSubject: Re: a\nReferences: <a@b>\n\n"), arena, &meaning);
    assert_int_equal(meaning.kind, MAIL_REPLY);
    assert_int_equal(meaning.id_count, 1);
    understand(SLICE("Subject: Re: a\nIn-Reply-To: <\n\n"), arena, &meaning);
    assert_int_equal(meaning.kind, MAIL_REPLY);
    assert_int_equal(meaning.id_count, 0);
    assert_true(meaning.sent_at == RECEIVED_AT);
    arena_free(arena);
}

static void test_too_large(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    struct mail_options options = {.hash_key = key};
    struct received_mail mail = {.raw = slice_of("x", MAIL_SIZE_MAX + 1)};
    struct mail_meaning meaning;
    struct err err = {0};
    assert_int_equal(mail_understand(&mail, &options, arena, &meaning, &err), -ERR_TOO_LARGE);
    arena_free(arena);
}

/* A mail made to take long: a hundred open boundaries over 40 MiB of lines that could be one. */
static void test_many_boundaries_take_no_time(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    struct strbuf raw;
    strbuf_init(&raw, MAIL_SIZE_MAX);
    strbuf_add_cstr(&raw, "In-Reply-To: <a@b>\n");
    for (int i = 0; i < 300; i++)
        strbuf_printf(&raw, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
    strbuf_add_char(&raw, '\n');
    while (strbuf_add_cstr(&raw, "--bbbb\n") == 0)
        ;
    struct mail_meaning meaning;
    int64_t begin = clock_monotonic_us();
    understand(slice_of(raw.ptr, raw.len), arena, &meaning);
    int64_t taken = clock_monotonic_us() - begin;
    assert_int_equal(meaning.kind, MAIL_REPLY);
    assert_true(taken < 20 * 1000000); /* unbounded it is minutes under the sanitizers; here about a second */
    strbuf_release(&raw);
    arena_free(arena);
}

/* The envelope's null return path says more than headers. */
static void test_envelope(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    struct mail_options options = {.hash_key = key};
    struct slice recipients[] = {SLICE("unsubscribe@mail.acme.example")};
    struct received_mail mail = {.raw = SLICE("From: jane@example.net\nSubject: Re: x\nIn-Reply-To: <a@b>\n\nhi\n"),
                                 .has_sender = true,
                                 .received_at = RECEIVED_AT};
    struct mail_meaning meaning;
    struct err err = {0};
    assert_int_equal(mail_understand(&mail, &options, arena, &meaning, &err), 0);
    assert_int_equal(meaning.kind, MAIL_AUTOMATIC);
    mail.sender = SLICE("jane@example.net");
    assert_int_equal(mail_understand(&mail, &options, arena, &meaning, &err), 0);
    assert_int_equal(meaning.kind, MAIL_REPLY);
    mail.recipients = recipients;
    mail.recipient_count = 1;
    assert_int_equal(mail_understand(&mail, &options, arena, &meaning, &err), 0);
    assert_int_equal(meaning.kind, MAIL_UNSUBSCRIBE);
    arena_free(arena);
}

int main(void) {
    mail_global_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixtures),  cmocka_unit_test(test_nonsense_is_no_error),
        cmocka_unit_test(test_too_large), cmocka_unit_test(test_many_boundaries_take_no_time),
        cmocka_unit_test(test_envelope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
