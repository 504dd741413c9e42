/* memory: allocation that cannot fail (out of memory ends the process with a message) and checked sizes. */
#ifndef INKLING_BASE_MEMORY_H
#define INKLING_BASE_MEMORY_H

#include <stddef.h>

/* Tells the allocator to keep what it once had: buffers of a few megabytes come and go with every large request, and
 * getting their pages from the system anew costs more than filling them. Before threads, by programs that serve. */
void memory_keep(void);

void *memory_alloc(size_t size) __attribute__((returns_nonnull, malloc));             /* zeroed */
void *memory_alloc_array(size_t count, size_t size) __attribute__((returns_nonnull)); /* zeroed, overflow checked */
void *memory_grow(void *old, size_t count, size_t size)
    __attribute__((returns_nonnull));                                             /* realloc, overflow checked */
char *memory_cstr(const char *text, size_t len) __attribute__((returns_nonnull)); /* a NUL-ended copy */

/* Capacity to grow to when `need` elements are wanted and `have` fit: at least 16, doubling. */
size_t memory_next_capacity(size_t have, size_t need);

/* For libraries that report the lack of memory themselves: says so on standard error and aborts. */
void memory_exhausted(void) __attribute__((noreturn));

#endif
