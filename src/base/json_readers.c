#include "base/json_readers.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"

#include "base/banned.h"

#define KEPT_CAPACITY_MAX ((size_t)1 << 20) /* a reader takes about 14 times that */

struct json_readers {
    pthread_mutex_t mutex;
    size_t count, max;
    struct json_reader *idle[];
};

struct json_readers *json_readers_new(size_t max) {
    struct json_readers *readers = memory_alloc(sizeof(*readers) + max * sizeof(readers->idle[0]));
    readers->max = max;
    pthread_mutex_init(&readers->mutex, NULL);
    return readers;
}

struct json_readers *json_readers_free(struct json_readers *readers) {
    if (!readers) return NULL;
    while (readers->count > 0)
        json_reader_free(readers->idle[--readers->count]);
    pthread_mutex_destroy(&readers->mutex);
    free(readers);
    return NULL;
}

struct json_reader *json_readers_take(struct json_readers *readers) {
    struct json_reader *reader = NULL;
    pthread_mutex_lock(&readers->mutex);
    if (readers->count > 0) reader = readers->idle[--readers->count];
    pthread_mutex_unlock(&readers->mutex);
    return reader ? reader : json_reader_new();
}

void json_readers_give(struct json_readers *readers, struct json_reader *reader) {
    if (!reader) return;
    if (json_reader_capacity(reader) <= KEPT_CAPACITY_MAX) {
        pthread_mutex_lock(&readers->mutex);
        if (readers->count < readers->max) {
            readers->idle[readers->count++] = reader;
            reader = NULL;
        }
        pthread_mutex_unlock(&readers->mutex);
    }
    json_reader_free(reader);
}
