/* rewrite: how many emails a second one core rewrites, beside gumbo's bare parse of the same bytes. */
#include <gumbo.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/strbuf.h"
#include "tracking/rewrite.h"

#include "base/banned.h"

#define HTML_BYTES   50000
#define SECONDS_EACH 2.0
#define ROUNDS       3

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A newsletter as builders make them: nested tables with styles, a button for Outlook a row, images, entities. */
static void write_newsletter(struct strbuf *out) {
    strbuf_add_cstr(out, "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Jobs &amp; more</title>"
                         "<style>td{padding:0}a{color:#06c}</style></head><body><table width=\"100%\"><tr><td>");
    for (int row = 0; out->len < HTML_BYTES - 100; row++)
        strbuf_printf(
            out,
            "<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" width=\"600\" "
            "style=\"margin:0 auto;background:#fff\"><tr><td style=\"padding:12px 24px;font-family:Arial,sans-serif;"
            "font-size:14px;line-height:20px\"><img src=\"https://img.example.com/%d.png\" alt=\"Picture %d\" "
            "width=\"120\">"
            "<p>A position that <b>fits</b> you&nbsp;&ndash; <i>near</i> your home, with a team of %d people.</p>"
            "<!--[if mso]><v:roundrect xmlns:v=\"urn:schemas-microsoft-com:vml\" "
            "href=\"https://jobs.example.com/%d?ref=mail&amp;n=1\"><center>See it</center></v:roundrect><![endif]-->"
            "<a href=\"https://jobs.example.com/%d?ref=mail&amp;n=1\" style=\"display:inline-block;padding:8px "
            "16px;color:#fff\">See it</a> <a href='https://www.example.org/about/%d'>About us</a></td></tr></table>\n",
            row, row, row + 3, row, row, row);
    strbuf_add_cstr(out, "</td></tr></table></body></html>");
}

static double parse_rate(struct slice html) {
    double begin = seconds(), end = begin;
    size_t count = 0;
    for (; end - begin < SECONDS_EACH; count++) {
        gumbo_destroy_output(&kGumboDefaultOptions,
                             gumbo_parse_with_options(&kGumboDefaultOptions, html.ptr, html.len));
        end = seconds();
    }
    return (double)count / (end - begin);
}

static double rewrite_rate(struct slice html, const struct rewrite_target *target, size_t *ret_links, size_t *ret_len) {
    const struct rewrite_scan_options options = {.base = target->base};
    struct arena *arena = arena_new();
    struct strbuf out;
    strbuf_init(&out, 64UL << 20);
    double begin = seconds(), end = begin;
    size_t count = 0;
    for (; end - begin < SECONDS_EACH; count++) {
        struct rewrite_scan *scan;
        struct err err;
        arena_reset(arena);
        strbuf_clear(&out);
        if (rewrite_scan_html(html, &options, arena, &scan, &err) != 0) {
            fprintf(stderr, "rewrite: %s\n", err.text);
            exit(1);
        }
        rewrite_write(scan, target, &out);
        rewrite_links(scan, ret_links);
        end = seconds();
    }
    *ret_len = out.len;
    strbuf_release(&out);
    arena_free(arena);
    return (double)count / (end - begin);
}

int main(void) {
    const struct token_key key = {.id = 1, .bytes = {1, 2, 3}};
    struct token_ring *ring = token_ring_new(&key, 1);
    const struct rewrite_target target = {.ring = ring,
                                          .base = SLICE("https://track.example.net"),
                                          .organization_id = 1,
                                          .email_log_id = 123456,
                                          .level = TRACKING_FULL,
                                          .measures = OWN_TRACKING_BOTH,
                                          .unsubscribe = true,
                                          .footer = true};
    struct strbuf html;
    size_t links = 0, len = 0;
    double parse = 0, rewrite = 0;
    strbuf_init(&html, 1 << 20);
    write_newsletter(&html);
    for (int round = 0; round < ROUNDS; round++) { /* in turn, so that both see the same machine; the best of each */
        double rate = parse_rate(strbuf_slice(&html));
        if (rate > parse) parse = rate;
        rate = rewrite_rate(strbuf_slice(&html), &target, &links, &len);
        if (rate > rewrite) rewrite = rate;
    }
    printf("an email of %zu bytes with %zu links becomes %zu bytes\n", html.len, links, len);
    printf("gumbo's bare parse  %8.0f emails/s a core\n", parse);
    printf("rewriting           %8.0f emails/s a core, %.2f of the bare parse (goal: 200)\n", rewrite, rewrite / parse);
    strbuf_release(&html);
    token_ring_free(ring);
    return rewrite < 200;
}
