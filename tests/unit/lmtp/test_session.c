#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "lmtp/session.h"

#define MESSAGE_MAX 1000

/* Everything but nobody@… is ours, and owned by the length of its address. */
static enum lmtp_answer accept_all(void *context, struct slice recipient, int64_t *ret_owner) {
    (void)context;
    *ret_owner = (int64_t)recipient.len;
    return slice_starts_with(recipient, SLICE("nobody@")) ? LMTP_NOT_NOW : LMTP_ACCEPTED;
}

static const struct lmtp_settings settings = {
    .name = "mx.example.org", .message_max = MESSAGE_MAX, .recipients_max = 3, .accept = accept_all};

/* What a session does with `input`, fed `step` bytes at a time: the answers, and each message as
 * "<sender|recipients|text>". Stored messages are answered with `answers`. */
static void talk(struct slice input, size_t step, const enum lmtp_answer *answers, struct strbuf *out) {
    struct lmtp_session *session = lmtp_session_new(&settings);
    enum lmtp_state state = LMTP_READING;
    for (size_t at = 0; at < input.len && state != LMTP_CLOSING;) {
        size_t used;
        state = lmtp_session_feed(session, slice_first(slice_from(input, at), step), &used);
        at += used;
        if (state == LMTP_READING) continue;
        strbuf_add_slice(out, strbuf_slice(lmtp_session_output(session)));
        strbuf_clear(lmtp_session_output(session));
        if (state != LMTP_MESSAGE) continue;
        const struct lmtp_message *message = lmtp_session_message(session);
        strbuf_printf(out, "<%.*s|", SLICE_FMT(message->mail.sender));
        for (size_t i = 0; i < message->mail.recipient_count; i++)
            strbuf_printf(out, "%.*s %lld,", SLICE_FMT(message->mail.recipients[i]), (long long)message->owners[i]);
        strbuf_printf(out, "|%.*s>", SLICE_FMT(message->mail.raw));
        lmtp_session_answer(session, answers);
    }
    strbuf_add_slice(out, strbuf_slice(lmtp_session_output(session)));
    lmtp_session_free(session);
}

static const enum lmtp_answer stored[] = {LMTP_STORED, LMTP_STORED, LMTP_STORED};

/* In one piece and byte by byte it is the same (RFC 2920). */
static void check(const char *input, const enum lmtp_answer *answers, const char *expected) {
    static const size_t steps[] = {SIZE_MAX, 1, 2, 7};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct strbuf out;
        strbuf_init(&out, 1 << 20);
        talk(slice_cstr(input), steps[i], answers, &out);
        struct slice got = slice_from(strbuf_slice(&out), strlen("220 mx.example.org LMTP inkling\r\n"));
        if (!slice_equal(got, slice_cstr(expected)))
            fail_msg("steps of %zu: %s\nis answered\n%.*s\nnot\n%s", steps[i], input, SLICE_FMT(got), expected);
        strbuf_release(&out);
    }
}

#define LHLO_ANSWER                                                                                                    \
    "250-mx.example.org\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE "     \
    "1000\r\n"
#define BEGIN        "LHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
#define BEGIN_ANSWER LHLO_ANSWER "250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go ahead\r\n"

static void test_a_message(void **state) {
    (void)state;
    check("LHLO mail.example.org\r\nMAIL FROM:<a@b> BODY=8BITMIME SMTPUTF8 SIZE=1000\r\nRCPT TO:<c@d>\r\n"
          "RCPT TO:<\"x y\"@long.example>\r\nDATA\r\nSubject: x\r\n\r\ntext\r\n.\r\nQUIT\r\n",
          stored,
          LHLO_ANSWER "250 2.1.0 ok\r\n250 2.1.5 ok\r\n250 2.1.5 ok\r\n354 go ahead\r\n"
                      "<a@b|c@d 3,\"x y\"@long.example 18,|Subject: x\r\n\r\ntext\r\n>"
                      "250 2.0.0 stored\r\n250 2.0.0 stored\r\n221 2.0.0 good-bye\r\n");
}

static void test_each_recipient_has_its_answer(void **state) {
    (void)state;
    static const enum lmtp_answer answers[] = {LMTP_STORED, LMTP_NOT_STORED, LMTP_UNREADABLE};
    check("LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<c@d>\r\nRCPT TO:<nobody@d>\r\nRCPT TO:<e@f>\r\nRCPT TO:<g@h>\r\n"
          "RCPT TO:<i@j>\r\nDATA\r\nx\r\n.\r\n",
          answers,
          LHLO_ANSWER
          "250 2.1.0 ok\r\n250 2.1.5 ok\r\n"
          "450 4.3.5 no organization is known for this address: see mail_organizations\r\n"
          "250 2.1.5 ok\r\n250 2.1.5 ok\r\n452 4.5.3 too many recipients\r\n354 go ahead\r\n"
          "<|c@d 3,e@f 3,g@h 3,|x\r\n>"
          "250 2.0.0 stored\r\n451 4.3.0 it could not be stored, try again\r\n554 5.6.0 this is no mail\r\n");
}

static void test_dots(void **state) {
    (void)state;
    check(BEGIN "..a\r\n.b\r\n.\r\n", stored, BEGIN_ANSWER "<a@b|c@d 3,|.a\r\nb\r\n>250 2.0.0 stored\r\n");
    check(BEGIN ".\r\n", stored, BEGIN_ANSWER "<a@b|c@d 3,|>250 2.0.0 stored\r\n");
    /* Nothing but CRLF.CRLF ends a message (CVE-2023-51764 and its kin). */
    check(BEGIN "a\n.\nb\n.\r\nc\r\n.\nd\r.\re\r\n.\r\n", stored,
          BEGIN_ANSWER "<a@b|c@d 3,|a\n.\nb\n.\r\nc\r\n\nd\r.\re\r\n>250 2.0.0 stored\r\n");
    check(BEGIN ".\r.\r\n.\r\n", stored, BEGIN_ANSWER "<a@b|c@d 3,|\r.\r\n>250 2.0.0 stored\r\n");
}

static void test_order(void **state) {
    (void)state;
    check("MAIL FROM:<a@b>\r\nHELO a\r\nEHLO a\r\nLHLO\r\nLHLO a\r\nRCPT TO:<c@d>\r\nDATA\r\nMAIL FROM:<a@b>\r\n"
          "MAIL FROM:<a@b>\r\nDATA\r\nRSET\r\nRCPT TO:<c@d>\r\nNOOP\r\nVRFY c\r\nWHAT\r\n\r\n",
          stored,
          "503 5.5.1 say LHLO first\r\n500 5.5.1 this is LMTP: say LHLO\r\n500 5.5.1 this is LMTP: say LHLO\r\n"
          "501 5.5.4 LHLO wants a name\r\n" LHLO_ANSWER
          "503 5.5.1 say MAIL first\r\n503 5.5.1 there is no recipient\r\n"
          "250 2.1.0 ok\r\n503 5.5.1 there is a sender already\r\n503 5.5.1 there is no recipient\r\n250 2.0.0 ok\r\n"
          "503 5.5.1 say MAIL first\r\n250 2.0.0 ok\r\n252 2.5.0 mail for it may be taken\r\n500 5.5.2 unknown "
          "command\r\n"
          "500 5.5.2 unknown command\r\n");
}

static void test_paths(void **state) {
    (void)state;
    check("LHLO a\r\nMAIL FROM:a@b\r\nMAIL FROM:<a@b\r\nMAIL FROM:<a@b>x\r\nMAIL FROM:<a@b> WHAT=1\r\n"
          "MAIL FROM:<a@b> SIZE=1001\r\nMAIL TO:<a@b>\r\nmail from:<@relay,@other:a@b>\r\nRCPT TO:<>\r\nRCPT TO:<c@d> "
          "X\r\n"
          "rcpt to: <c@d>\r\nDATA\r\n.\r\n",
          stored,
          LHLO_ANSWER
          "501 5.1.7 write MAIL FROM:<address>\r\n501 5.1.7 write MAIL FROM:<address>\r\n"
          "501 5.1.7 write MAIL FROM:<address>\r\n555 5.5.4 unknown parameter\r\n"
          "552 5.3.4 the message is too large\r\n501 5.1.7 write MAIL FROM:<address>\r\n250 2.1.0 ok\r\n"
          "501 5.1.3 write RCPT TO:<address>\r\n555 5.5.4 unknown parameter\r\n250 2.1.5 ok\r\n354 go ahead\r\n"
          "<a@b|c@d 3,|>250 2.0.0 stored\r\n");
}

static void test_bounds(void **state) {
    (void)state;
    struct strbuf input, expected;
    strbuf_init(&input, 1 << 20);
    strbuf_init(&expected, 1 << 20);
    /* A message that is too large is read to its end, and the next is taken. */
    strbuf_add_cstr(&input, BEGIN);
    for (int i = 0; i < MESSAGE_MAX; i++)
        strbuf_add_cstr(&input, "x\r\n");
    strbuf_add_cstr(&input, ".\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\ny\r\n.\r\n");
    check(input.ptr, stored,
          BEGIN_ANSWER "552 5.3.4 the message is too large\r\n250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go ahead\r\n"
                       "<a@b|c@d 3,|y\r\n>250 2.0.0 stored\r\n");
    /* So is a line. */
    strbuf_clear(&input);
    for (int i = 0; i < 3 * LMTP_LINE_MAX; i++)
        strbuf_add_char(&input, 'x');
    strbuf_add_cstr(&input, "\r\nNOOP\r\n");
    check(input.ptr, stored, "500 5.5.2 the line is too long\r\n250 2.0.0 ok\r\n");
    /* Who makes too many errors is cut off. */
    strbuf_clear(&input);
    for (int i = 0; i < LMTP_ERRORS_MAX + 5; i++)
        strbuf_add_cstr(&input, "WHAT\r\n");
    for (int i = 0; i < LMTP_ERRORS_MAX; i++)
        strbuf_add_cstr(&expected, "500 5.5.2 unknown command\r\n");
    strbuf_add_cstr(&expected, "421 4.7.0 too many errors\r\n");
    check(input.ptr, stored, expected.ptr);
    strbuf_release(&input);
    strbuf_release(&expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message), cmocka_unit_test(test_each_recipient_has_its_answer),
        cmocka_unit_test(test_dots),      cmocka_unit_test(test_order),
        cmocka_unit_test(test_paths),     cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
