#include "ingest/batch.h"

#include <stdio.h>

#include "base/memory.h"
#include "verdict/verdict.h"

#include "base/banned.h"

/* Text as both databases take it: well-formed UTF-8 without NUL, at most `max` bytes, never cut inside a character.
 * Nearly always that is what came, and nothing is copied. */
static struct slice storable_text(struct arena *arena, struct slice text, size_t max) {
    if (text.len > max) {
        size_t len = max;
        while (len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
            len--;
        text.len = len;
    }
    bool has_nul = text.len > 0 && memchr(text.ptr, 0, text.len) != NULL;
    bool is_utf8 = slice_is_utf8(text);
    if (!has_nul && is_utf8) return text;
    char *clean = arena_bytes(arena, text.len);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        clean[i] = c == 0 || (c >= 0x80 && !is_utf8) ? '?' : text.ptr[i];
    }
    return slice_of(clean, text.len);
}

static void prepare(struct prepared_event *prepared, struct event *event, struct arena *arena, struct strbuf *packed,
                    const unsigned char hash_key[HASH_KEY_SIZE]) {
    for (size_t i = 0; i < EVENT_KEYS_MAX; i++) {
        struct slice key = event->keys[i];
        if (slice_empty(key) || key.len > EVENT_KEY_MAX_BYTES) continue;
        event->keys[prepared->key_count] = storable_text(arena, key, EVENT_KEY_MAX_BYTES);
        prepared->keys[prepared->key_count++] = message_key(hash_key, key);
    }
    for (size_t i = prepared->key_count; i < EVENT_KEYS_MAX; i++)
        event->keys[i] = SLICE_NONE;
    event->url = storable_text(arena, event->url, EVENT_URL_MAX_BYTES);
    event->user_agent = storable_text(arena, event->user_agent, EVENT_AGENT_MAX_BYTES);
    event->recipient = storable_text(arena, event->recipient, EVENT_KEY_MAX_BYTES);
    event->provider_event_id = storable_text(arena, event->provider_event_id, EVENT_PROVIDER_ID_MAX_BYTES);
    if (event->metadata.len > EVENT_METADATA_MAX_BYTES) event->metadata = SLICE_NONE; /* half a JSON object is none */
    event->metadata = storable_text(arena, event->metadata, EVENT_METADATA_MAX_BYTES);
    prepared->recipient_hash = recipient_hash(hash_key, recipient_address(event->recipient));
    if (!slice_empty(event->url)) prepared->link = link_key(hash_key, event->url, event->link_position);
    if (!slice_empty(event->user_agent)) prepared->agent = message_key(hash_key, event->user_agent);
    prepared->has_address = address_parse(event->ip_address, &prepared->address);
    if (!slice_empty(event->provider_event_id)) {
        strbuf_clear(packed);
        if (provider_event_id_pack(event->provider_event_id, packed) == 0)
            prepared->provider_event_id = arena_copy(arena, strbuf_slice(packed));
    }
    struct judgement judgement = verdict_judge(event);
    prepared->verdict = judgement.verdict;
    prepared->reasons = judgement.reasons;
}

struct event_batch *event_batch_new(struct arena *arena, struct event *events, size_t count, int64_t organization_id,
                                    int64_t endpoint_id, int64_t received_at,
                                    const unsigned char hash_key[HASH_KEY_SIZE]) {
    struct event_batch *batch = arena_alloc(arena, sizeof(*batch));
    *batch = (struct event_batch){
        .arena = arena,
        .organization_id = organization_id,
        .endpoint_id = endpoint_id,
        .received_at = received_at,
        .events = events,
        .prepared = arena_alloc_array(arena, count, sizeof(struct prepared_event)),
        .count = count,
    };
    struct strbuf packed;
    strbuf_init(&packed, EVENT_PROVIDER_ID_MAX_BYTES + 1);
    for (size_t i = 0; i < count; i++)
        prepare(&batch->prepared[i], &events[i], arena, &packed, hash_key);
    strbuf_release(&packed);
    return batch;
}

struct event_batch *event_batch_free(struct event_batch *batch) {
    if (batch) arena_free(batch->arena);
    return NULL;
}
