/* Any bytes as ids: what is taken is what we write, and what we pack comes back. */
#include <stdlib.h>

#include "model/identity.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) abort();
}

static void check_public_id_text(struct slice text) {
    struct event_key key = {0};
    char again[EVENT_PUBLIC_ID_MAX];
    if (event_public_id_parse(text, &key)) check(slice_equal(event_public_id(&key, again), text));
}

static void check_public_id_of_key(const uint8_t *data, size_t size) {
    struct event_key key = {0}, back = {0};
    char text[EVENT_PUBLIC_ID_MAX];
    if (size < sizeof(key)) return;
    memcpy(&key, data, sizeof(key));
    key.organization_id = 0;
    key.event_type = (int64_t)((uint64_t)key.event_type % EVENT_TYPE_MAX) + 1;
    check(event_public_id_parse(event_public_id(&key, text), &back));
    check(event_key_compare(&key, &back) == 0);
}

static void check_packed(struct slice id) {
    struct strbuf packed, back;
    strbuf_init(&packed, EVENT_PROVIDER_ID_MAX_BYTES + 1);
    strbuf_init(&back, 4 * EVENT_PROVIDER_ID_MAX_BYTES);
    check(provider_event_id_pack(id, &packed) == 0);
    check(provider_event_id_unpack(strbuf_slice(&packed), &back) == 0);
    check(slice_equal(strbuf_slice(&back), slice_first(id, EVENT_PROVIDER_ID_MAX_BYTES)));
    strbuf_clear(&back);
    provider_event_id_unpack(slice_first(id, EVENT_PROVIDER_ID_MAX_BYTES + 1), &back);
    strbuf_release(&packed);
    strbuf_release(&back);
}

static void check_addresses(struct slice text) {
    struct slice id = message_id_normalize(text), address = recipient_address(text);
    check(id.len <= text.len && address.len <= text.len);
    if (!slice_empty(address)) {
        check(slice_find_char(address, '@') > 0);
        check(slice_equal(recipient_address(address), address));
    }
    static const unsigned char key[HASH_KEY_SIZE] = "0123456789abcdef";
    check((recipient_hash(key, address) == 0) == slice_empty(address));
    check(message_key(key, id).check >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice text = slice_of((const char *)data, size);
    check_public_id_text(text);
    check_public_id_of_key(data, size);
    check_packed(text);
    check_addresses(text);
    return 0;
}
