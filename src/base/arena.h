/* arena: memory that is freed all at once. One per request or batch; used by one thread at a time.
 * Out of memory ends the process with a message (inputs are bounded before they get here). */
#ifndef INKLING_BASE_ARENA_H
#define INKLING_BASE_ARENA_H

#include "base/slice.h"

struct arena;

struct arena *arena_new(void);
/* Frees everything; accepts NULL; returns NULL. */
struct arena *arena_free(struct arena *arena);
/* Forgets all allocations but keeps one block for the next use. */
void arena_reset(struct arena *arena);

/* Aligned for any type, zeroed. Size 0 gives a valid pointer. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull, malloc));
/* count * size with an overflow check (overflow ends the process). */
void *arena_alloc_array(struct arena *arena, size_t count, size_t size) __attribute__((returns_nonnull));
/* Not zeroed; for byte buffers. */
char *arena_bytes(struct arena *arena, size_t size) __attribute__((returns_nonnull));
/* A copy with a NUL behind it. */
char *arena_cstr(struct arena *arena, struct slice s) __attribute__((returns_nonnull));
struct slice arena_copy(struct arena *arena, struct slice s);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(2), returns_nonnull));
/* Bytes handed out so far, for bounds. */
size_t arena_used(const struct arena *arena);

#endif
