#include "lmtp/session.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/memory.h"
#include "model/event.h"

#include "base/banned.h"

#define OUTPUT_MAX  ((size_t)1 << 20)
#define ADDRESS_MAX EVENT_RECIPIENT_MAX_BYTES

enum phase { PHASE_COMMANDS, PHASE_DATA };
/* How far the end of a message has been seen, CRLF.CRLF: at the beginning of a line, behind '.', behind '.' and CR, in
 * a line, behind CR in a line. */
enum data_at { AT_LINE, AT_DOT, AT_DOT_CR, AT_TEXT, AT_CR };

struct lmtp_session {
    const struct lmtp_settings *settings;
    struct strbuf output, line, message;
    struct arena *arena; /* of the transaction */
    enum phase phase;
    enum data_at data_at;
    enum lmtp_state state;
    bool greeted, has_sender, line_too_long, message_too_large;
    int errors;
    struct slice sender;
    struct slice recipients[RECEIVED_MAIL_RECIPIENTS_MAX];
    int64_t owners[RECEIVED_MAIL_RECIPIENTS_MAX];
    size_t recipient_count;
    struct lmtp_message complete;
};

static void reply(struct lmtp_session *session, const char *text) {
    strbuf_add_cstr(&session->output, text);
    strbuf_add_cstr(&session->output, "\r\n");
    /* Somebody who sends commands and reads no answers. */
    if (session->output.overflow) session->state = LMTP_CLOSING;
}

static void wrong(struct lmtp_session *session, const char *text) {
    reply(session, text);
    if (++session->errors < LMTP_ERRORS_MAX) return;
    lmtp_session_end(session, "4.7.0 too many errors");
}

static void reset(struct lmtp_session *session) {
    session->has_sender = false;
    session->sender = SLICE_NONE;
    session->recipient_count = 0;
    session->message_too_large = false;
    strbuf_release(&session->message); /* not only emptied: 40 MiB are not kept for the next */
    arena_reset(session->arena);
}

struct lmtp_session *lmtp_session_new(const struct lmtp_settings *settings) {
    struct lmtp_session *session = memory_alloc(sizeof(*session));
    session->settings = settings;
    session->arena = arena_new();
    strbuf_init(&session->output, OUTPUT_MAX);
    strbuf_init(&session->line, LMTP_LINE_MAX);
    strbuf_init(&session->message, settings->message_max);
    strbuf_printf(&session->output, "220 %s LMTP inkling\r\n", settings->name);
    return session;
}

struct lmtp_session *lmtp_session_free(struct lmtp_session *session) {
    if (!session) return NULL;
    strbuf_release(&session->output);
    strbuf_release(&session->line);
    strbuf_release(&session->message);
    arena_free(session->arena);
    free(session);
    return NULL;
}

struct strbuf *lmtp_session_output(struct lmtp_session *session) {
    return &session->output;
}

void lmtp_session_end(struct lmtp_session *session, const char *reason) {
    strbuf_printf(&session->output, "421 %s\r\n", reason);
    session->state = LMTP_CLOSING;
}

bool lmtp_session_idle(const struct lmtp_session *session) {
    return session->phase == PHASE_COMMANDS && !session->has_sender;
}

const struct lmtp_message *lmtp_session_message(const struct lmtp_session *session) {
    return &session->complete;
}

/* ---- commands ---- */

static void greet(struct lmtp_session *session, struct slice argument) {
    if (slice_empty(argument)) {
        wrong(session, "501 5.5.4 LHLO wants a name");
        return;
    }
    reset(session);
    session->greeted = true;
    strbuf_printf(
        &session->output,
        "250-%s\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE %zu\r\n",
        session->settings->name, session->settings->message_max);
}

/* "<jane@example.org> SIZE=1" behind FROM: or TO:. Source routes (RFC 5321 appendix C) are taken off. False: malformed.
 */
static bool read_path(struct slice text, struct slice *ret_address, struct slice *ret_parameters) {
    text = slice_trim(text);
    if (text.len < 2 || text.ptr[0] != '<') return false;
    bool quoted = false;
    for (size_t i = 1; i < text.len; i++) {
        char c = text.ptr[i];
        if ((unsigned char)c < ' ' || c == 0x7f) return false;
        if (quoted && c == '\\') {
            i++;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && c == '>') {
            struct slice address = slice_of(text.ptr + 1, i - 1);
            ptrdiff_t route = slice_starts_with(address, SLICE("@")) ? slice_find_char(address, ':') : -1;
            *ret_address = route >= 0 ? slice_from(address, (size_t)route + 1) : address;
            *ret_parameters = slice_trim(slice_from(text, i + 1));
            return i + 1 == text.len || text.ptr[i + 1] == ' ';
        }
    }
    return false;
}

/* MAIL's parameters; false, and answered, when one cannot be met. */
static bool check_parameters(struct lmtp_session *session, struct slice parameters) {
    struct slice part;
    while (parameters.ptr && slice_split_next(&parameters, ' ', &part)) {
        int64_t size;
        if (slice_empty(part) || slice_equal_nocase(part, SLICE("SMTPUTF8"))) continue;
        if (slice_equal_nocase(slice_first(part, 5), SLICE("BODY="))) {
            struct slice body = slice_from(part, 5);
            if (slice_equal_nocase(body, SLICE("7BIT")) || slice_equal_nocase(body, SLICE("8BITMIME"))) continue;
        }
        if (slice_equal_nocase(slice_first(part, 5), SLICE("SIZE=")) && slice_parse_i64(slice_from(part, 5), &size) &&
            size >= 0) {
            if ((uint64_t)size <= session->settings->message_max) continue;
            reply(session, "552 5.3.4 the message is too large");
            return false;
        }
        wrong(session, "555 5.5.4 unknown parameter");
        return false;
    }
    return true;
}

static void take_sender(struct lmtp_session *session, struct slice argument) {
    struct slice address, parameters;
    if (!session->greeted) {
        wrong(session, "503 5.5.1 say LHLO first");
    } else if (session->has_sender) {
        wrong(session, "503 5.5.1 there is a sender already");
    } else if (!slice_equal_nocase(slice_first(argument, 5), SLICE("FROM:")) ||
               !read_path(slice_from(argument, 5), &address, &parameters) || address.len > ADDRESS_MAX) {
        wrong(session, "501 5.1.7 write MAIL FROM:<address>");
    } else if (check_parameters(session, parameters)) {
        session->sender = arena_copy(session->arena, address);
        session->has_sender = true;
        reply(session, "250 2.1.0 ok");
    }
}

static void take_recipient(struct lmtp_session *session, struct slice argument) {
    struct slice address, parameters;
    int64_t owner = 0;
    if (!session->has_sender) {
        wrong(session, "503 5.5.1 say MAIL first");
    } else if (!slice_equal_nocase(slice_first(argument, 3), SLICE("TO:")) ||
               !read_path(slice_from(argument, 3), &address, &parameters) || slice_empty(address) ||
               address.len > ADDRESS_MAX) {
        wrong(session, "501 5.1.3 write RCPT TO:<address>");
    } else if (!slice_empty(parameters)) {
        wrong(session, "555 5.5.4 unknown parameter");
    } else if (session->recipient_count >= session->settings->recipients_max ||
               session->recipient_count >= RECEIVED_MAIL_RECIPIENTS_MAX) {
        reply(session, "452 4.5.3 too many recipients");
    } else if (session->settings->accept(session->settings->context, address, &owner) != LMTP_ACCEPTED) {
        reply(session, "450 4.3.5 no organization is known for this address: see mail_organizations");
    } else {
        session->recipients[session->recipient_count] = arena_copy(session->arena, address);
        session->owners[session->recipient_count++] = owner;
        reply(session, "250 2.1.5 ok");
    }
}

static void begin_data(struct lmtp_session *session) {
    if (session->recipient_count == 0) {
        wrong(session, "503 5.5.1 there is no recipient"); /* RFC 2033 section 4.2 */
        return;
    }
    session->phase = PHASE_DATA;
    session->data_at = AT_LINE;
    reply(session, "354 go ahead");
}

static void command(struct lmtp_session *session, struct slice line) {
    struct slice rest = line, verb;
    slice_split_next(&rest, ' ', &verb);
    struct slice argument = slice_trim(rest);
    if (slice_equal_nocase(verb, SLICE("LHLO"))) {
        greet(session, argument);
    } else if (slice_equal_nocase(verb, SLICE("MAIL"))) {
        take_sender(session, argument);
    } else if (slice_equal_nocase(verb, SLICE("RCPT"))) {
        take_recipient(session, argument);
    } else if (slice_equal_nocase(verb, SLICE("DATA"))) {
        begin_data(session);
    } else if (slice_equal_nocase(verb, SLICE("RSET"))) {
        reset(session);
        reply(session, "250 2.0.0 ok");
    } else if (slice_equal_nocase(verb, SLICE("NOOP"))) {
        reply(session, "250 2.0.0 ok");
    } else if (slice_equal_nocase(verb, SLICE("VRFY"))) {
        reply(session, "252 2.5.0 mail for it may be taken");
    } else if (slice_equal_nocase(verb, SLICE("QUIT"))) {
        reply(session, "221 2.0.0 good-bye");
        session->state = LMTP_CLOSING;
    } else if (slice_equal_nocase(verb, SLICE("HELO")) || slice_equal_nocase(verb, SLICE("EHLO"))) {
        wrong(session, "500 5.5.1 this is LMTP: say LHLO"); /* RFC 2033 section 4.1 */
    } else {
        wrong(session, "500 5.5.2 unknown command");
    }
}

/* Gives the bytes used: up to a line's end, or all of them. */
static size_t feed_command(struct lmtp_session *session, struct slice input) {
    ptrdiff_t end = slice_find_char(input, '\n');
    size_t used = end >= 0 ? (size_t)end + 1 : input.len;
    if (strbuf_add(&session->line, input.ptr, used) < 0) session->line_too_long = true;
    if (end < 0) return used;
    if (session->line_too_long) {
        wrong(session, "500 5.5.2 the line is too long");
    } else {
        struct slice line = strbuf_slice(&session->line);
        line.len--;
        if (line.len > 0 && line.ptr[line.len - 1] == '\r') line.len--;
        command(session, line);
    }
    session->line_too_long = false;
    strbuf_clear(&session->line);
    return used;
}

/* ---- the message ---- */

static void keep(struct lmtp_session *session, const char *bytes, size_t len) {
    if (!session->message_too_large && strbuf_add(&session->message, bytes, len) < 0) {
        session->message_too_large = true;
        strbuf_release(&session->message);
    }
}

static void end_data(struct lmtp_session *session) {
    session->phase = PHASE_COMMANDS;
    if (session->message_too_large) {
        for (size_t i = 0; i < session->recipient_count; i++)
            reply(session, "552 5.3.4 the message is too large");
        reset(session);
        return;
    }
    session->complete = (struct lmtp_message){
        .mail = {.raw = strbuf_slice(&session->message),
                 .has_sender = true,
                 .sender = session->sender,
                 .recipients = session->recipients,
                 .recipient_count = session->recipient_count},
        .owners = session->owners,
    };
    session->state = LMTP_MESSAGE;
}

/* One byte at the beginning of a line: a dot there is not part of the text (RFC 5321 section 4.5.2). True: the message
 * is complete. */
static bool step(struct lmtp_session *session, char c) {
    switch (session->data_at) {
    case AT_LINE:
        if (c == '.') {
            session->data_at = AT_DOT;
            return false;
        }
        break;
    case AT_DOT:
        if (c == '\r') {
            session->data_at = AT_DOT_CR;
            return false;
        }
        break;
    case AT_DOT_CR:
        if (c == '\n') return true;
        keep(session, "\r", 1);
        break;
    case AT_TEXT:
    case AT_CR:
        break;
    }
    bool ends_line = session->data_at == AT_CR && c == '\n';
    keep(session, &c, 1);
    session->data_at = ends_line ? AT_LINE : c == '\r' ? AT_CR : AT_TEXT;
    return false;
}

static size_t feed_data(struct lmtp_session *session, struct slice input) {
    size_t at = 0;
    while (at < input.len) {
        if (session->data_at == AT_TEXT) { /* in one go up to the next CR */
            ptrdiff_t cr = slice_find_char(slice_from(input, at), '\r');
            size_t run = cr >= 0 ? (size_t)cr : input.len - at;
            keep(session, input.ptr + at, run);
            at += run;
            if (at == input.len) break;
        }
        if (!step(session, input.ptr[at++])) continue;
        end_data(session);
        break;
    }
    return at;
}

void lmtp_session_answer(struct lmtp_session *session, const enum lmtp_answer *answers) {
    for (size_t i = 0; i < session->recipient_count; i++) {
        if (answers[i] == LMTP_STORED) {
            reply(session, "250 2.0.0 stored");
        } else if (answers[i] == LMTP_UNREADABLE) {
            reply(session, "554 5.6.0 this is no mail");
        } else {
            reply(session, "451 4.3.0 it could not be stored, try again");
        }
    }
    session->complete = (struct lmtp_message){0};
    if (session->state == LMTP_MESSAGE) session->state = LMTP_READING;
    reset(session);
}

enum lmtp_state lmtp_session_feed(struct lmtp_session *session, struct slice input, size_t *ret_used) {
    size_t used = 0;
    while (session->state == LMTP_READING && used < input.len) {
        struct slice rest = slice_from(input, used);
        used += session->phase == PHASE_DATA ? feed_data(session, rest) : feed_command(session, rest);
    }
    *ret_used = used;
    return session->state;
}
