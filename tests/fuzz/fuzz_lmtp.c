/* Any bytes from a mail server, in one piece and in small ones: the answers must be the same. The first byte says how
 * small. */
#include <stdlib.h>

#include "lmtp/session.h"

#include "base/banned.h"

#define MESSAGE_MAX 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) abort();
}

static enum lmtp_answer accept_most(void *context, struct slice recipient, int64_t *ret_owner) {
    *ret_owner = 1;
    check(recipient.len > 0 && recipient.len <= 320);
    return recipient.ptr[0] == 'n' ? LMTP_NOT_NOW : LMTP_ACCEPTED;
}

static const struct lmtp_settings settings = {
    .name = "mx", .message_max = MESSAGE_MAX, .recipients_max = 5, .accept = accept_most};

static void drain(struct lmtp_session *session, struct strbuf *out) {
    strbuf_add_slice(out, strbuf_slice(lmtp_session_output(session)));
    strbuf_clear(lmtp_session_output(session));
}

static void talk(struct slice input, size_t step, struct strbuf *out) {
    static const enum lmtp_answer answers[] = {LMTP_STORED, LMTP_NOT_STORED, LMTP_UNREADABLE, LMTP_STORED, LMTP_STORED};
    struct lmtp_session *session = lmtp_session_new(&settings);
    enum lmtp_state state = LMTP_READING;
    for (size_t at = 0; at < input.len && state != LMTP_CLOSING;) {
        size_t used;
        struct slice piece = slice_first(slice_from(input, at), step);
        state = lmtp_session_feed(session, piece, &used);
        check(used <= piece.len && (used == piece.len || state != LMTP_READING));
        at += used;
        drain(session, out);
        if (state != LMTP_MESSAGE) continue;
        const struct lmtp_message *message = lmtp_session_message(session);
        check(message->mail.raw.len <= MESSAGE_MAX);
        check(message->mail.recipient_count > 0 && message->mail.recipient_count <= 5);
        strbuf_add_slice(out, message->mail.raw);
        lmtp_session_answer(session, answers);
    }
    drain(session, out);
    check(slice_ends_with(strbuf_slice(out), SLICE("\r\n")));
    lmtp_session_free(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct strbuf whole, pieces;
    if (size == 0) return 0;
    struct slice input = slice_of((const char *)data + 1, size - 1);
    strbuf_init(&whole, 16 << 20);
    strbuf_init(&pieces, 16 << 20);
    talk(input, SIZE_MAX, &whole);
    talk(input, 1 + data[0] % 16, &pieces);
    check(slice_equal(strbuf_slice(&whole), strbuf_slice(&pieces)));
    strbuf_release(&whole);
    strbuf_release(&pieces);
    return 0;
}
