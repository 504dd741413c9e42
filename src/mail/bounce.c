/* bounce: reports of failure that people can read and programs should not have to: qmail's (cr.yp.to/proto/qsbmf.txt)
 * and Exim's (Exim specification, chapter "Customizing bounce and warning messages"; header X-Failed-Recipients). Exim
 * sends RFC 3464 reports since 4.84, qmail never has. */
#include "mail/report.h"

#include "mail/headers.h"

#include "base/banned.h"

#define PARAGRAPHS_MAX 200
#define REASON_MAX     400
#define EXIM_FAILED    8 /* addresses in one X-Failed-Recipients header */

/* Cuts the next paragraph out of *rest. */
static bool next_paragraph(struct slice *rest, struct slice *ret) {
    ptrdiff_t end = slice_find(*rest, SLICE("\n\n")), end_crlf = slice_find(*rest, SLICE("\n\r\n"));
    if (slice_empty(*rest)) return false;
    if (end < 0 || (end_crlf >= 0 && end_crlf < end)) end = end_crlf;
    if (end < 0) {
        *ret = *rest;
        *rest = SLICE_NONE;
        return true;
    }
    *ret = slice_first(*rest, (size_t)end);
    *rest = slice_from(*rest, (size_t)end + 2);
    return true;
}

/* The headers of the copy that stands below `marker`'s line. */
static void read_copy(struct slice text, struct slice marker, struct returned *returned) {
    ptrdiff_t at = slice_find(text, marker);
    if (at < 0) return;
    struct slice rest = slice_from(text, (size_t)at), line;
    if (!slice_split_next(&rest, '\n', &line)) return;
    returned->count = received_headers_read(&rest, returned->headers, RETURNED_HEADERS_MAX);
    /* A line before the headers, such as qmail's empty one and Exim's blank, is passed over by received_headers_read;
     * Return-Path alone is followed by nothing. */
}

static void add_failure(struct slice address, struct slice reason, struct arena *arena, struct mail_meaning *meaning) {
    if (meaning->finding_count == MAIL_FINDINGS_MAX) return;
    struct slice diagnostic = report_one_line(reason, REASON_MAX, arena);
    struct slice status = report_status_in(diagnostic);
    meaning->findings[meaning->finding_count++] = (struct mail_finding){
        .type = EVENT_BOUNCE,
        .bounce = report_bounce_kind(status, diagnostic),
        .recipient = arena_copy(arena, slice_first(address, EVENT_RECIPIENT_MAX_BYTES)),
        .status = status,
        .diagnostic = diagnostic,
    };
}

/* QSBMF: a paragraph that begins with "Hi. This is the", then one for each recipient, "<address>:" and the reason,
 * until one that begins with '-'. */
static bool read_qmail(const struct received_mail *mail, struct arena *arena, struct mail_meaning *meaning,
                       struct returned *returned) {
    struct slice rest = slice_trim(mail->text), paragraph;
    if (!slice_starts_with(rest, SLICE("Hi. This is the"))) return false;
    meaning->kind = MAIL_BOUNCE;
    for (int i = 0; i < PARAGRAPHS_MAX && next_paragraph(&rest, &paragraph); i++) {
        paragraph = slice_trim(paragraph);
        if (slice_starts_with(paragraph, SLICE("-"))) break;
        ptrdiff_t close = slice_find(paragraph, SLICE(">:"));
        if (!slice_starts_with(paragraph, SLICE("<")) || close < 1) continue;
        add_failure(slice_of(paragraph.ptr + 1, (size_t)close - 1), slice_from(paragraph, (size_t)close + 2), arena,
                    meaning);
    }
    read_copy(mail->text, SLICE("--- Below this line is a copy of the message"), returned);
    return true;
}

static bool read_exim(const struct received_mail *mail, struct arena *arena, struct mail_meaning *meaning,
                      struct returned *returned) {
    struct slice failed[EXIM_FAILED];
    size_t count = header_addresses(header_value(mail, SLICE("X-Failed-Recipients")), arena, failed, EXIM_FAILED);
    if (count == 0) return false;
    meaning->kind = MAIL_BOUNCE;
    for (size_t i = 0; i < count; i++) {
        ptrdiff_t at = slice_find(mail->text, failed[i]);
        struct slice reason = SLICE_NONE, rest = at >= 0 ? slice_from(mail->text, (size_t)at) : SLICE_NONE;
        if (next_paragraph(&rest, &reason)) reason = slice_from(reason, failed[i].len);
        add_failure(failed[i], reason, arena, meaning);
    }
    read_copy(mail->text, SLICE("------ This is a copy of"), returned);
    for (size_t i = 0; i < mail->part_count && returned->count == 0; i++) {
        struct slice body = mail->parts[i].body;
        if (slice_equal_nocase(mail->parts[i].content_type, SLICE("message/rfc822")))
            returned->count = received_headers_read(&body, returned->headers, RETURNED_HEADERS_MAX);
    }
    return true;
}

bool bounce_read_plain(const struct received_mail *mail, struct arena *arena, struct mail_meaning *meaning,
                       struct returned *returned) {
    /* RFC 5321 section 6.1: a report of failure has the null return path; a person who quotes one has not. */
    if (mail->has_sender && !slice_empty(mail->sender)) return false;
    return read_qmail(mail, arena, meaning, returned) || read_exim(mail, arena, meaning, returned);
}
