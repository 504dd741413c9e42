#include "base/memory.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

void memory_exhausted(void) {
    static const char message[] = "inkling: out of memory\n";
    /* Nothing here may allocate, and a failed write changes nothing about the end. */
    ssize_t ignored = write(STDERR_FILENO, message, sizeof(message) - 1);
    (void)ignored;
    abort();
}

void memory_keep(void) {
    static const int kept = 32 << 20;
    /* Refusals leave the defaults, which work too. */
    (void)mallopt(M_MMAP_THRESHOLD, kept);
    (void)mallopt(M_TRIM_THRESHOLD, 2 * kept);
    (void)mallopt(M_ARENA_MAX, 4);
}

void *memory_alloc(size_t size) {
    return memory_alloc_array(1, size);
}

void *memory_alloc_array(size_t count, size_t size) {
    /* calloc checks the product; size 0 must still give a pointer of its own. */
    void *memory = count == 0 || size == 0 ? calloc(1, 1) : calloc(count, size);
    if (!memory) memory_exhausted();
    return memory;
}

void *memory_grow(void *old, size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) memory_exhausted();
    void *memory = realloc(old, total ? total : 1);
    if (!memory) memory_exhausted();
    return memory;
}

char *memory_cstr(const char *text, size_t len) {
    size_t size;
    if (__builtin_add_overflow(len, 1, &size)) memory_exhausted();
    char *copy = memory_alloc(size);
    if (len) memcpy(copy, text, len);
    return copy;
}

size_t memory_next_capacity(size_t have, size_t need) {
    size_t capacity = have < 16 ? 16 : have;
    while (capacity < need) {
        if (capacity > SIZE_MAX / 2) return need;
        capacity *= 2;
    }
    return capacity;
}
