#include "store/postgres.h"

#include <assert.h>
#include <endian.h>
#include <limits.h>
#include <stdlib.h>

#include "base/memory.h"

#include "base/banned.h"

/* Type numbers of the server (pg_type.dat): fixed for ever, as clients with binary parameters rely on them. */
#define TYPE_BYTEA    17
#define TYPE_BIGINT   20
#define TYPE_SMALLINT 21
#define TYPE_INTEGER  23
#define TYPE_TEXT     25

/* Buffers greater than this are given back after use, so that one huge batch does not hold its memory for ever. */
#define KEPT_BYTES ((size_t)8 << 20)

static_assert(sizeof(enum verdict) == sizeof(int32_t), "enums are read as 32-bit integers");

void postgres_params_clear(struct postgres_params *params) {
    if (params->capacity > KEPT_BYTES) {
        free(params->bytes);
        params->bytes = NULL;
        params->capacity = 0;
    }
    params->used = 0;
    params->count = 0;
}

void postgres_params_release(struct postgres_params *params) {
    free(params->bytes);
    *params = (struct postgres_params){.arena = params->arena};
}

static unsigned char *reserve(struct postgres_params *params, size_t count) {
    if (params->capacity - params->used < count) {
        params->capacity = memory_next_capacity(params->capacity, params->used + count);
        params->bytes = memory_grow(params->bytes, params->capacity, 1);
    }
    return params->bytes + params->used;
}

static unsigned char *put_u16(unsigned char *at, uint16_t value) {
    value = htobe16(value);
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

static unsigned char *put_u32(unsigned char *at, uint32_t value) {
    value = htobe32(value);
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

static unsigned char *put_u64(unsigned char *at, uint64_t value) {
    value = htobe64(value);
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

#define LENGTH_OF_NULL UINT32_MAX

static void parameter_begin(struct postgres_params *params) {
    if (params->count == POSTGRES_PARAMETERS_MAX) BUG("more than %d parameters", POSTGRES_PARAMETERS_MAX);
    params->offsets[params->count] = params->used;
}

static void parameter_end(struct postgres_params *params, const unsigned char *end) {
    params->used = (size_t)(end - params->bytes);
    size_t length = params->used - params->offsets[params->count];
    if (length > INT_MAX) BUG("a parameter of %zu bytes", length);
    params->lengths[params->count++] = (int)length;
}

/* An array of one dimension, its first element numbered 1 (array_send() of the server). */
#define ARRAY_HEADER_BYTES 20
static unsigned char *array_header(unsigned char *at, uint32_t type, size_t count) {
    if (count > INT32_MAX / 16) BUG("an array of %zu elements", count);
    at = put_u32(at, count > 0 ? 1 : 0); /* dimensions */
    at = put_u32(at, 1);                 /* there may be NULLs; the server looks for itself */
    at = put_u32(at, type);
    if (count == 0) return at;
    at = put_u32(at, (uint32_t)count);
    return put_u32(at, 1);
}

static const unsigned char *member(const struct postgres_structs *structs, size_t i, size_t offset) {
    const unsigned char *base =
        structs->pointers ? structs->pointers[i] : (const unsigned char *)structs->first + i * structs->size;
    return base + offset;
}

void postgres_params_bigint(struct postgres_params *params, int64_t value) {
    parameter_begin(params);
    parameter_end(params, put_u64(reserve(params, sizeof(value)), (uint64_t)value));
}

void postgres_params_bigints(struct postgres_params *params, const struct postgres_structs *structs, size_t offset) {
    parameter_begin(params);
    unsigned char *at = reserve(params, ARRAY_HEADER_BYTES + 12 * structs->count);
    at = array_header(at, TYPE_BIGINT, structs->count);
    for (size_t i = 0; i < structs->count; i++) {
        int64_t value;
        memcpy(&value, member(structs, i, offset), sizeof(value));
        at = put_u32(at, sizeof(value));
        at = put_u64(at, (uint64_t)value);
    }
    parameter_end(params, at);
}

void postgres_params_bigints_or_null(struct postgres_params *params, const struct postgres_structs *structs,
                                     size_t offset, int64_t none) {
    parameter_begin(params);
    unsigned char *at = reserve(params, ARRAY_HEADER_BYTES + 12 * structs->count);
    at = array_header(at, TYPE_BIGINT, structs->count);
    for (size_t i = 0; i < structs->count; i++) {
        int64_t value;
        memcpy(&value, member(structs, i, offset), sizeof(value));
        at = put_u32(at, value == none ? LENGTH_OF_NULL : sizeof(value));
        if (value != none) at = put_u64(at, (uint64_t)value);
    }
    parameter_end(params, at);
}

void postgres_params_integers(struct postgres_params *params, const struct postgres_structs *structs, size_t offset) {
    parameter_begin(params);
    unsigned char *at = reserve(params, ARRAY_HEADER_BYTES + 8 * structs->count);
    at = array_header(at, TYPE_INTEGER, structs->count);
    for (size_t i = 0; i < structs->count; i++) {
        int32_t value;
        memcpy(&value, member(structs, i, offset), sizeof(value));
        at = put_u32(at, sizeof(value));
        at = put_u32(at, (uint32_t)value);
    }
    parameter_end(params, at);
}

void postgres_params_smallints(struct postgres_params *params, const struct postgres_structs *structs, size_t offset) {
    parameter_begin(params);
    unsigned char *at = reserve(params, ARRAY_HEADER_BYTES + 6 * structs->count);
    at = array_header(at, TYPE_SMALLINT, structs->count);
    for (size_t i = 0; i < structs->count; i++) {
        int32_t value;
        memcpy(&value, member(structs, i, offset), sizeof(value));
        if (value < INT16_MIN || value > INT16_MAX) BUG("%d does not fit into a smallint", value);
        at = put_u32(at, sizeof(int16_t));
        at = put_u16(at, (uint16_t)value);
    }
    parameter_end(params, at);
}

static void add_slices(struct postgres_params *params, uint32_t type, const struct postgres_structs *structs,
                       size_t offset) {
    parameter_begin(params);
    unsigned char *at = array_header(reserve(params, ARRAY_HEADER_BYTES), type, structs->count);
    for (size_t i = 0; i < structs->count; i++) {
        struct slice value;
        memcpy(&value, member(structs, i, offset), sizeof(value));
        if (type == TYPE_TEXT) value = postgres_text(value, params->arena);
        if (value.len > INT32_MAX / 16) BUG("a value of %zu bytes", value.len);
        params->used = (size_t)(at - params->bytes);
        at = reserve(params, 4 + value.len);
        at = put_u32(at, value.len == 0 ? LENGTH_OF_NULL : (uint32_t)value.len);
        if (value.len > 0) memcpy(at, value.ptr, value.len);
        at += value.len;
    }
    parameter_end(params, at);
}

void postgres_params_texts(struct postgres_params *params, const struct postgres_structs *structs, size_t offset) {
    add_slices(params, TYPE_TEXT, structs, offset);
}

void postgres_params_blobs(struct postgres_params *params, const struct postgres_structs *structs, size_t offset) {
    add_slices(params, TYPE_BYTEA, structs, offset);
}

/* ---- rows for COPY ---- */

void postgres_copy_start(struct postgres_params *params) {
    static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0"; /* signature, flags, no extension */
    postgres_params_clear(params);
    memcpy(reserve(params, sizeof(header)), header, sizeof(header));
    params->used = sizeof(header);
}

void postgres_copy_row(struct postgres_params *params, uint16_t columns) {
    params->used = (size_t)(put_u16(reserve(params, sizeof(columns)), columns) - params->bytes);
}

void postgres_copy_bigint(struct postgres_params *params, int64_t value) {
    unsigned char *at = put_u32(reserve(params, 12), sizeof(value));
    params->used = (size_t)(put_u64(at, (uint64_t)value) - params->bytes);
}

void postgres_copy_smallint(struct postgres_params *params, int16_t value) {
    unsigned char *at = put_u32(reserve(params, 6), sizeof(value));
    params->used = (size_t)(put_u16(at, (uint16_t)value) - params->bytes);
}

void postgres_copy_blob(struct postgres_params *params, struct slice value) {
    if (value.len > INT32_MAX / 16) BUG("a value of %zu bytes", value.len);
    unsigned char *at = reserve(params, 4 + value.len);
    at = put_u32(at, value.len == 0 ? LENGTH_OF_NULL : (uint32_t)value.len);
    if (value.len > 0) memcpy(at, value.ptr, value.len);
    params->used = (size_t)(at + value.len - params->bytes);
}

void postgres_copy_text(struct postgres_params *params, struct slice value) {
    postgres_copy_blob(params, postgres_text(value, params->arena));
}

/* ---- text ---- */

/* Length of the well-formed character at the start of `rest`, 0 when there is none. */
static size_t character_length(struct slice rest) {
    unsigned char lead = (unsigned char)rest.ptr[0];
    size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (lead == 0 || length > rest.len || !slice_is_utf8(slice_first(rest, length))) return 0;
    return length;
}

struct slice postgres_text(struct slice text, struct arena *arena) {
    if (text.len == 0 || (!memchr(text.ptr, 0, text.len) && slice_is_utf8(text))) return text;
    char *copy = arena_bytes(arena, 3 * text.len);
    size_t used = 0;
    for (size_t at = 0; at < text.len;) {
        size_t length = character_length(slice_from(text, at));
        if (length > 0) {
            memcpy(copy + used, text.ptr + at, length);
            used += length;
            at += length;
        } else {
            memcpy(copy + used, "\xEF\xBF\xBD", 3);
            used += 3;
            at++;
        }
    }
    return slice_of(copy, used);
}
