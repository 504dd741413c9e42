#include "providers/metadata.h"

#include "model/event.h"
#include "providers/text.h"

#include "base/banned.h"

void metadata_init(struct metadata *metadata) {
    strbuf_init(&metadata->members, (size_t)METADATA_MEMBERS_MAX * EVENT_METADATA_MAX_BYTES);
    strbuf_init(&metadata->member, EVENT_METADATA_MAX_BYTES);
    metadata->count = 0;
}

void metadata_release(struct metadata *metadata) {
    strbuf_release(&metadata->members);
    strbuf_release(&metadata->member);
}

static bool has_key(const struct metadata *metadata, struct slice written_key) {
    for (size_t i = 0; i < metadata->count; i++) {
        const struct metadata_part *part = &metadata->parts[i];
        if (slice_equal(slice_of(metadata->members.ptr + part->at, part->key_len), written_key)) return true;
    }
    return false;
}

/* Starts a member with its key; 0 when it must be passed over, else the length of the key as written. */
static size_t begin_member(struct metadata *metadata, struct slice key) {
    if (metadata->count == METADATA_MEMBERS_MAX) return 0;
    strbuf_clear(&metadata->member);
    text_write_json(&metadata->member, key);
    strbuf_add_char(&metadata->member, ':');
    if (metadata->member.overflow || has_key(metadata, strbuf_slice(&metadata->member))) return 0;
    return metadata->member.len;
}

static void end_member(struct metadata *metadata, size_t key_len) {
    if (metadata->member.overflow) return;
    metadata->parts[metadata->count++] = (struct metadata_part){
        .at = metadata->members.len,
        .len = metadata->member.len,
        .key_len = key_len,
    };
    strbuf_add_slice(&metadata->members, strbuf_slice(&metadata->member));
}

void metadata_add(struct metadata *metadata, struct slice key, struct json_value value) {
    if (value.type == JSON_KIND_NONE || value.type == JSON_KIND_NULL) return;
    size_t key_len = begin_member(metadata, key);
    if (key_len == 0) return;
    json_write_value(value, &metadata->member);
    end_member(metadata, key_len);
}

void metadata_add_text(struct metadata *metadata, struct slice key, struct slice text) {
    if (slice_empty(text)) return;
    size_t key_len = begin_member(metadata, key);
    if (key_len == 0) return;
    size_t len = text.len;
    if (len > METADATA_TEXT_MAX_BYTES) {
        len = METADATA_TEXT_MAX_BYTES;
        while (len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
            len--;
    }
    text_write_json(&metadata->member, slice_first(text, len));
    end_member(metadata, key_len);
}

void metadata_add_brief(struct metadata *metadata, struct slice key, struct json_value value) {
    struct slice text;
    if (json_text(value, &text)) {
        metadata_add_text(metadata, key, text);
    } else {
        metadata_add(metadata, key, value);
    }
}

static void drop_largest(struct metadata *metadata) {
    size_t largest = 0;
    for (size_t i = 1; i < metadata->count; i++) {
        if (metadata->parts[i].len > metadata->parts[largest].len) largest = i;
    }
    metadata->count--;
    memmove(&metadata->parts[largest], &metadata->parts[largest + 1],
            (metadata->count - largest) * sizeof(metadata->parts[0]));
}

/* The braces, the members and the commas between them. */
static size_t object_size(const struct metadata *metadata) {
    size_t size = 1 + metadata->count;
    for (size_t i = 0; i < metadata->count; i++)
        size += metadata->parts[i].len;
    return size;
}

struct slice metadata_finish(struct metadata *metadata, struct arena *arena) {
    struct slice object = SLICE_NONE;
    while (metadata->count > 0 && object_size(metadata) > EVENT_METADATA_MAX_BYTES)
        drop_largest(metadata);
    if (metadata->count > 0) {
        char *text = arena_bytes(arena, object_size(metadata));
        size_t len = 0;
        for (size_t i = 0; i < metadata->count; i++) {
            text[len++] = i == 0 ? '{' : ',';
            memcpy(text + len, metadata->members.ptr + metadata->parts[i].at, metadata->parts[i].len);
            len += metadata->parts[i].len;
        }
        text[len++] = '}';
        object = slice_of(text, len);
    }
    strbuf_clear(&metadata->members);
    metadata->count = 0;
    return object;
}
