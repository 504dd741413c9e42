#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/memory.h"

#include "base/banned.h"

enum {
    BLOCK_FIRST = 8 << 10,
    BLOCK_MAX = 256 << 10, /* blocks double up to this; a bigger allocation gets a block of its own */
    ALIGNMENT = _Alignof(max_align_t),
};

struct block {
    struct block *next;
    size_t size, used;
    _Alignas(max_align_t) char bytes[];
};

struct arena {
    struct block *blocks; /* allocations come from the first */
    size_t used;
};

static struct block *block_new(struct arena *arena, size_t size, struct block *next) {
    size_t total;
    if (__builtin_add_overflow(size, sizeof(struct block), &total)) memory_exhausted();
    struct block *block = memory_grow(NULL, total, 1);
    block->next = next;
    block->size = size;
    block->used = 0;
    return block;
}

struct arena *arena_new(void) {
    return memory_alloc(sizeof(struct arena));
}

static void blocks_free(struct block *block) {
    while (block) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
}

struct arena *arena_free(struct arena *arena) {
    if (arena) blocks_free(arena->blocks);
    free(arena);
    return NULL;
}

void arena_reset(struct arena *arena) {
    struct block **kept = NULL;
    for (struct block **link = &arena->blocks; *link; link = &(*link)->next) {
        /* A block above the ordinary size served one large request; keeping it would let memory creep up. */
        if ((*link)->size <= BLOCK_MAX && (!kept || (*link)->size > (*kept)->size)) kept = link;
    }
    struct block *block = kept ? *kept : NULL;
    if (block) *kept = block->next;
    blocks_free(arena->blocks);
    if (block) {
        block->next = NULL;
        block->used = 0;
    }
    arena->blocks = block;
    arena->used = 0;
}

/* Room of `size` bytes at a multiple of `alignment`, a power of two. */
static char *take(struct arena *arena, size_t size, size_t alignment) {
    struct block *block = arena->blocks;
    size_t start = block ? (block->used + alignment - 1) & ~(alignment - 1) : 0;
    if (!block || start > block->size || block->size - start < size) {
        size_t next_size = !block ? BLOCK_FIRST : block->size < BLOCK_MAX / 2 ? block->size * 2 : BLOCK_MAX;
        if (size > BLOCK_MAX / 4 && block) {
            /* Behind the first, so that what is left of the first stays in use. */
            block->next = block_new(arena, size, block->next);
            block = block->next;
        } else {
            block = block_new(arena, size > next_size ? size : next_size, block);
            arena->blocks = block;
        }
        start = 0;
    }
    block->used = start + size;
    arena->used += size;
    return block->bytes + start;
}

void *arena_alloc(struct arena *arena, size_t size) {
    char *memory = take(arena, size, ALIGNMENT);
    memset(memory, 0, size);
    return memory;
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) memory_exhausted();
    return arena_alloc(arena, total);
}

char *arena_bytes(struct arena *arena, size_t size) {
    return take(arena, size, 1);
}

char *arena_cstr(struct arena *arena, struct slice s) {
    size_t size;
    if (__builtin_add_overflow(s.len, 1, &size)) memory_exhausted();
    char *copy = take(arena, size, 1);
    if (s.len) memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

struct slice arena_copy(struct arena *arena, struct slice s) {
    if (s.len == 0) return SLICE_NONE;
    char *copy = take(arena, s.len, 1);
    memcpy(copy, s.ptr, s.len);
    return slice_of(copy, s.len);
}

char *arena_printf(struct arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0) BUG("a format that cannot be printed");
    char *text = take(arena, (size_t)len + 1, 1);
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}

size_t arena_used(const struct arena *arena) {
    return arena->used;
}
