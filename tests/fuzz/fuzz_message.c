/* message: emails as senders' programs write them. What is not rewritten comes out byte for byte, and a part that is
 * put back as it was can be read again as it was. */
#include <stdlib.h>

#include "base/strbuf.h"
#include "relay/message.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) abort();                                                                                     \
    } while (0)

/* Without carriage returns and without line breaks at the end: transfer encodings have line breaks of their own. */
static struct slice essence(struct slice text, struct arena *arena) {
    char *kept = arena_bytes(arena, text.len);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != '\r') kept[len++] = text.ptr[i];
    while (len > 0 && kept[len - 1] == '\n')
        len--;
    return slice_of(kept, len);
}

static void check_unchanged(const struct message *message, struct strbuf *out) {
    struct err err;
    strbuf_clear(out);
    must(message_write(message, SLICE_NONE, SLICE_NONE, NULL, 0, out, &err) == 0);
    must(slice_equal(strbuf_slice(out), message->source));
}

static void check_put_back(struct message *message, struct strbuf *out) {
    struct message *again;
    struct err err;
    strbuf_clear(out);
    if (!message->html.text.ptr) return;
    if (message_write(message, message->html.text, SLICE_NONE, NULL, 0, out, &err) != 0) return;
    must(slice_starts_with(strbuf_slice(out), slice_first(message->source, message->html.start)));
    must(slice_ends_with(strbuf_slice(out), slice_from(message->source, message->html.end)));
    must(message_open(strbuf_slice(out), &again, &err) == 0);
    must(again->html.text.ptr != NULL);
    must(slice_equal(essence(again->html.text, again->arena), essence(message->html.text, again->arena)));
    message_close(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct message *message;
    struct strbuf out;
    struct err err;
    message_global_init();
    if (message_open(slice_of((const char *)data, size), &message, &err) != 0) return 0;
    strbuf_init(&out, 16 * size + (1 << 20));
    must(message->html.end <= size && message->html.start <= message->html.end);
    must(message->text.end <= size && message->text.start <= message->text.end);
    must(slice_is_utf8(message->html.text) && slice_is_utf8(message->text.text) && slice_is_utf8(message->subject));
    message_header(message, "X-Inkling-Job");
    check_unchanged(message, &out);
    check_put_back(message, &out);
    strbuf_release(&out);
    message_close(message);
    return 0;
}
