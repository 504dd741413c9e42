#include "ingest/certificates.h"

#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"

#include "base/banned.h"

#define FAILURE_REMEMBERED_MS (60 * SECOND_MS)
#define PATH_MAX_             4096

struct entry {
    char *url; /* NULL: free */
    char *pem; /* NULL: the last attempt failed, see `err`, or `fetching` */
    size_t pem_len;
    struct err err;
    int64_t until_us; /* monotonic */
    int64_t used_us;
    bool fetching;
};

struct certificates {
    char *directory;
    certificate_fetch fetch;
    void *context;
    pthread_mutex_t mutex;
    pthread_cond_t fetched;
    struct entry entries[CERTIFICATES_MAX];
};

struct certificates *certificates_new(const char *directory, certificate_fetch fetch, void *context) {
    struct certificates *certificates = memory_alloc(sizeof(*certificates));
    certificates->directory = directory && *directory ? memory_cstr(directory, strlen(directory)) : NULL;
    certificates->fetch = fetch;
    certificates->context = context;
    pthread_mutex_init(&certificates->mutex, NULL);
    pthread_cond_init(&certificates->fetched, NULL);
    return certificates;
}

static void entry_clear(struct entry *entry) {
    free(entry->url);
    free(entry->pem);
    *entry = (struct entry){0};
}

struct certificates *certificates_free(struct certificates *certificates) {
    if (!certificates) return NULL;
    for (size_t i = 0; i < CERTIFICATES_MAX; i++)
        entry_clear(&certificates->entries[i]);
    pthread_cond_destroy(&certificates->fetched);
    pthread_mutex_destroy(&certificates->mutex);
    free(certificates->directory);
    free(certificates);
    return NULL;
}

/* ---- disk ---- */

static bool read_pinned(const char *path, struct strbuf *out) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    char buffer[4096];
    ssize_t len;
    while ((len = read(fd, buffer, sizeof(buffer))) > 0)
        strbuf_add(out, buffer, (size_t)len);
    close(fd);
    if (len == 0 && out->len > 0 && !out->overflow) return true;
    strbuf_clear(out);
    return false;
}

/* The last path segment as a file name: nothing that could lead elsewhere. */
static bool is_file_name(struct slice name) {
    if (slice_empty(name) || name.ptr[0] == '.') return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._", c)))
            return false;
    }
    return slice_ends_with(name, SLICE(".pem"));
}

static bool find_pinned(const struct certificates *certificates, struct slice url, struct strbuf *out) {
    unsigned char digest[crypto_hash_sha256_BYTES];
    char path[PATH_MAX_];
    struct strbuf hex;
    if (!certificates->directory) return false;
    crypto_hash_sha256(digest, (const unsigned char *)url.ptr, url.len);
    strbuf_init(&hex, 2 * sizeof(digest));
    hex_encode(&hex, slice_of((const char *)digest, sizeof(digest)));
    snprintf(path, sizeof(path), "%s/%s.pem", certificates->directory, hex.ptr);
    strbuf_release(&hex);
    if (read_pinned(path, out)) return true;
    size_t start = url.len;
    while (start > 0 && url.ptr[start - 1] != '/')
        start--;
    struct slice name = slice_from(url, start);
    if (!is_file_name(name)) return false;
    snprintf(path, sizeof(path), "%s/%.*s", certificates->directory, SLICE_FMT(name));
    return read_pinned(path, out);
}

/* ---- memory; all with the mutex held ---- */

static struct entry *find_entry(struct certificates *certificates, struct slice url) {
    for (size_t i = 0; i < CERTIFICATES_MAX; i++)
        if (certificates->entries[i].url && slice_equal(slice_cstr(certificates->entries[i].url), url))
            return &certificates->entries[i];
    return NULL;
}

/* A place for another one: free, or that which was not used for the longest time. NULL: all are being fetched. */
static struct entry *make_entry(struct certificates *certificates, struct slice url) {
    struct entry *oldest = NULL;
    for (size_t i = 0; i < CERTIFICATES_MAX; i++) {
        struct entry *entry = &certificates->entries[i];
        if (entry->fetching) continue;
        if (!oldest || !entry->url || (oldest->url && entry->used_us < oldest->used_us)) oldest = entry;
    }
    if (!oldest) return NULL;
    entry_clear(oldest);
    oldest->url = memory_cstr(url.ptr, url.len);
    return oldest;
}

static int give(struct entry *entry, struct arena *arena, struct slice *ret_pem, struct err *err) {
    if (!entry->pem) {
        if (err) *err = entry->err;
        return -(int)entry->err.code;
    }
    entry->used_us = clock_monotonic_us();
    *ret_pem = arena_copy(arena, slice_of(entry->pem, entry->pem_len));
    return 0;
}

/* ---- */

/* Without the mutex. */
static int obtain(struct certificates *certificates, const char *url, struct strbuf *pem, struct err *err) {
    if (find_pinned(certificates, slice_cstr(url), pem)) return 0;
    if (!certificates->fetch)
        return err_set(err, ERR_UNAVAILABLE, "the signing certificate is not pinned, and fetching it is switched off");
    return certificates->fetch(certificates->context, url, pem, err);
}

static void refresh(struct certificates *certificates, struct entry *entry) {
    struct strbuf pem;
    struct err err = {0};
    char *url = memory_cstr(entry->url, strlen(entry->url));
    strbuf_init(&pem, CERTIFICATE_PEM_MAX);
    entry->fetching = true;
    pthread_mutex_unlock(&certificates->mutex);
    int r = obtain(certificates, url, &pem, &err);
    if (r == 0 && (pem.overflow || pem.len == 0))
        r = err_set(&err, ERR_UNAVAILABLE, "the signing certificate is empty or larger than %d bytes",
                    CERTIFICATE_PEM_MAX);
    if (r < 0 && err.code != ERR_UNAVAILABLE) err.code = ERR_UNAVAILABLE; /* whatever it was: not to be had now */
    pthread_mutex_lock(&certificates->mutex);
    int64_t now = clock_monotonic_us();
    if (r == 0) {
        free(entry->pem);
        entry->pem = strbuf_detach(&pem, &entry->pem_len);
    }
    /* A certificate that is there outlives a failed attempt to read it again: its own validity is checked anyway. */
    entry->err = err;
    entry->until_us = now + 1000 * (r == 0 ? CERTIFICATE_FRESH_MS : FAILURE_REMEMBERED_MS);
    entry->used_us = now;
    entry->fetching = false;
    pthread_cond_broadcast(&certificates->fetched);
    strbuf_release(&pem);
    free(url);
}

int certificates_find(struct certificates *certificates, struct slice url, bool may_block, struct arena *arena,
                      struct slice *ret_pem, struct err *err) {
    struct entry *entry;
    int r;
    if (url.len > CERTIFICATE_URL_MAX)
        return err_set(err, ERR_SIGNATURE, "the url of the signing certificate is too long");
    pthread_mutex_lock(&certificates->mutex);
    for (;;) {
        entry = find_entry(certificates, url);
        if (entry && !entry->fetching && entry->until_us > clock_monotonic_us()) break;
        if (!may_block) {
            entry = NULL;
            break;
        }
        if (entry && entry->fetching) {
            pthread_cond_wait(&certificates->fetched, &certificates->mutex);
            continue;
        }
        if (!entry) entry = make_entry(certificates, url);
        if (!entry) break;
        refresh(certificates, entry);
    }
    r = entry ? give(entry, arena, ret_pem, err)
              : err_set(err, ERR_UNAVAILABLE, "the signing certificate is not at hand");
    pthread_mutex_unlock(&certificates->mutex);
    return r;
}
