#include "mail/report.h"

#include "mail/headers.h"

#include "base/banned.h"

#define FIELDS_MAX     30
#define GROUPS_MAX     (MAIL_FINDINGS_MAX + 20)
#define DIAGNOSTIC_MAX 1000

struct slice report_part(const struct received_mail *mail, struct slice type) {
    for (size_t i = 0; i < mail->part_count; i++)
        if (slice_equal_nocase(mail->parts[i].content_type, type)) return mail->parts[i].body;
    return SLICE_NONE;
}

/* ---- statuses ---- */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Digits at `*at`, one to three; moves behind them. */
static bool skip_number(struct slice text, size_t *at) {
    size_t begin = *at;
    while (*at < text.len && is_digit(text.ptr[*at]))
        ++*at;
    return *at > begin && *at - begin <= 3;
}

struct slice report_status_in(struct slice text) {
    for (size_t i = 0; i + 4 < text.len; i++) {
        char c = text.ptr[i];
        if ((c != '2' && c != '4' && c != '5') || text.ptr[i + 1] != '.') continue;
        if (i > 0 && (is_digit(text.ptr[i - 1]) || text.ptr[i - 1] == '.')) continue;
        size_t at = i + 2;
        if (!skip_number(text, &at) || at >= text.len || text.ptr[at] != '.') continue;
        at++;
        if (!skip_number(text, &at)) continue;
        if (at + 1 < text.len && text.ptr[at] == '.' && is_digit(text.ptr[at + 1])) continue; /* an address: 5.1.1.7 */
        return slice_of(text.ptr + i, at - i);
    }
    return SLICE_NONE;
}

/* The reply code of SMTP in "smtp; 550 5.1.1 …"; 0 when there is none. */
static char smtp_class(struct slice diagnostic) {
    for (size_t i = 0; i + 2 < diagnostic.len; i++) {
        bool begins = i == 0 || !is_digit(diagnostic.ptr[i - 1]);
        if (begins && (diagnostic.ptr[i] == '4' || diagnostic.ptr[i] == '5') && is_digit(diagnostic.ptr[i + 1]) &&
            is_digit(diagnostic.ptr[i + 2]) && (i + 3 == diagnostic.len || !is_digit(diagnostic.ptr[i + 3])))
            return diagnostic.ptr[i];
    }
    return '\0';
}

enum bounce_kind report_bounce_kind(struct slice status, struct slice diagnostic) {
    /* Many servers report x.0.0 and have the real status in the text. */
    if (slice_empty(status) || slice_ends_with(status, SLICE(".0.0"))) {
        struct slice found = report_status_in(diagnostic);
        if (!slice_empty(found)) status = found;
    }
    struct slice subject = slice_from(status, 1); /* RFC 3463: class, subject, detail */
    if (slice_equal(subject, SLICE(".2.2")) || slice_equal(subject, SLICE(".4.7"))) return BOUNCE_SOFT;
    if (slice_starts_with(subject, SLICE(".7."))) return BOUNCE_BLOCK;
    if (slice_starts_with(status, SLICE("5"))) return BOUNCE_HARD;
    if (slice_starts_with(status, SLICE("4"))) return BOUNCE_SOFT;
    return smtp_class(diagnostic) == '5' ? BOUNCE_HARD : BOUNCE_SOFT;
}

/* ---- what came back ---- */

static void read_returned(const struct received_mail *mail, struct returned *returned) {
    static const struct slice types[] = {
        {"message/rfc822", 14}, {"text/rfc822-headers", 19}, {"message/global", 14}, {"message/global-headers", 22}};
    returned->count = 0;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]) && returned->count == 0; i++) {
        struct slice text = report_part(mail, types[i]);
        returned->count = received_headers_read(&text, returned->headers, RETURNED_HEADERS_MAX);
    }
}

/* "rfc822; jane@example.org", "jane@example.org" or "<jane@example.org>". */
static struct slice typed_address(struct slice value, struct arena *arena) {
    ptrdiff_t semicolon = slice_find_char(value, ';');
    struct slice text = slice_trim(semicolon >= 0 ? slice_from(value, (size_t)semicolon + 1) : value);
    struct slice address = recipient_address(text);
    return arena_copy(arena, slice_first(slice_empty(address) ? text : address, EVENT_RECIPIENT_MAX_BYTES));
}

struct slice report_one_line(struct slice text, size_t max, struct arena *arena) {
    struct slice kept = slice_first_utf8(slice_trim(text), max);
    bool is_utf8 = slice_is_utf8(kept);
    char *copy = arena_bytes(arena, kept.len);
    size_t len = 0;
    for (size_t i = 0; i < kept.len; i++) {
        unsigned char c = (unsigned char)kept.ptr[i];
        bool space = c <= ' ';
        if (space && len > 0 && copy[len - 1] == ' ') continue;
        copy[len++] = space ? ' ' : c >= 0x80 && !is_utf8 ? '?' : (char)c;
    }
    return slice_of(copy, len);
}

/* ---- delivery reports ---- */

static void add_recipient(const struct received_header *fields, size_t count, struct arena *arena,
                          struct mail_meaning *meaning) {
    struct slice action = field_value(fields, count, SLICE("Action"));
    struct slice recipient = field_value(fields, count, SLICE("Original-Recipient"));
    struct slice status = report_status_in(field_value(fields, count, SLICE("Status")));
    struct mail_finding finding = {0};
    if (slice_empty(recipient)) recipient = field_value(fields, count, SLICE("Final-Recipient"));
    if (meaning->finding_count == MAIL_FINDINGS_MAX || (slice_empty(action) && slice_empty(status))) return;
    finding.recipient = typed_address(recipient, arena);
    finding.diagnostic = report_one_line(field_value(fields, count, SLICE("Diagnostic-Code")), DIAGNOSTIC_MAX, arena);
    finding.status = arena_copy(arena, status);
    if (slice_starts_with(action, SLICE("fail")) || slice_starts_with(action, SLICE("Fail")) || slice_empty(action)) {
        if (slice_starts_with(status, SLICE("2"))) return;
        finding.type = EVENT_BOUNCE;
        finding.bounce = report_bounce_kind(status, finding.diagnostic);
    } else if (slice_equal_nocase(slice_first(action, 7), SLICE("delayed"))) {
        finding.type = EVENT_DEFERRED;
    } else if (slice_equal_nocase(slice_first(action, 9), SLICE("delivered"))) {
        finding.type = EVENT_DELIVERED;
    } else {
        return; /* relayed, expanded: where it went on nobody will tell */
    }
    meaning->findings[meaning->finding_count++] = finding;
}

static bool reports(const struct received_mail *mail, struct slice type) {
    struct slice content_type = header_value(mail, SLICE("Content-Type"));
    return slice_equal_nocase(slice_first(content_type, 16), SLICE("multipart/report")) &&
           slice_equal_nocase(header_parameter(content_type, SLICE("report-type")), type);
}

bool report_read_delivery(const struct received_mail *mail, struct arena *arena, struct mail_meaning *meaning,
                          struct returned *returned) {
    struct slice rest = report_part(mail, SLICE("message/delivery-status"));
    if (slice_empty(rest)) rest = report_part(mail, SLICE("message/global-delivery-status"));
    if (slice_empty(rest) && !reports(mail, SLICE("delivery-status"))) return false;
    meaning->kind = MAIL_BOUNCE;
    struct received_header fields[FIELDS_MAX];
    for (size_t group = 0; group < GROUPS_MAX && rest.ptr; group++)
        add_recipient(fields, received_headers_read(&rest, fields, FIELDS_MAX), arena, meaning);
    read_returned(mail, returned);
    return true;
}

/* ---- feedback reports ---- */

static struct slice reported_recipient(const struct received_header *fields, size_t count,
                                       const struct returned *returned, struct arena *arena) {
    struct slice address = field_value(fields, count, SLICE("Original-Rcpt-To"));
    if (!slice_empty(address)) return typed_address(address, arena);
    struct slice to[1];
    struct slice value = field_value(returned->headers, returned->count, SLICE("To"));
    return header_addresses(value, arena, to, 1) > 0 ? to[0] : SLICE_NONE;
}

bool report_read_feedback(const struct received_mail *mail, struct arena *arena, struct mail_meaning *meaning,
                          struct returned *returned) {
    static const struct {
        struct slice name;
        enum event_type type;
    } types[] = {
        {{"abuse", 5}, EVENT_SPAM},
        {{"fraud", 5}, EVENT_SPAM},
        {{"opt-out", 7}, EVENT_UNSUBSCRIBE},
        {{"opt-out-list", 12}, EVENT_UNSUBSCRIBE},
    }; /* not-spam, virus, other, auth-failure: nothing that a recipient said about us */
    struct slice rest = report_part(mail, SLICE("message/feedback-report"));
    if (slice_empty(rest) && !reports(mail, SLICE("feedback-report"))) return false;
    meaning->kind = MAIL_OTHER;
    struct received_header fields[FIELDS_MAX];
    size_t count = received_headers_read(&rest, fields, FIELDS_MAX);
    struct slice name = field_value(fields, count, SLICE("Feedback-Type"));
    read_returned(mail, returned);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (!slice_equal_nocase(name, types[i].name)) continue;
        meaning->kind = types[i].type == EVENT_SPAM ? MAIL_COMPLAINT : MAIL_UNSUBSCRIBE;
        meaning->findings[meaning->finding_count++] = (struct mail_finding){
            .type = types[i].type,
            .recipient = reported_recipient(fields, count, returned, arena),
            .sign = types[i].name,
        };
    }
    return true;
}
