#include "import/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/memory.h"

#include "base/banned.h"

#define HEAD_BYTES   ((size_t)64 << 10)
#define TAIL_BYTES   ((size_t)16 << 10)
#define BUFFER_BYTES (256U << 10)

struct import_file {
    gzFile bytes;   /* passes on what is not packed */
    int descriptor; /* belongs to `bytes` */
    int64_t size;   /* 0: no file */
};

int import_file_open(const char *path, struct import_file **ret, struct err *err) {
    struct stat status;
    bool is_input = strcmp(path, "-") == 0;
    int descriptor = is_input ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return err_set(err, ERR_NOT_FOUND, "%s cannot be read: %s", path, strerror(errno));
    if (fstat(descriptor, &status) != 0 || S_ISDIR(status.st_mode)) {
        close(descriptor);
        return err_set(err, ERR_INVALID, "%s is not a file", path);
    }
    gzFile bytes = gzdopen(descriptor, "rb");
    if (!bytes) memory_exhausted();
    gzbuffer(bytes, BUFFER_BYTES);
    struct import_file *file = memory_alloc(sizeof(*file));
    *file = (struct import_file){
        .bytes = bytes, .descriptor = descriptor, .size = S_ISREG(status.st_mode) && !is_input ? status.st_size : 0};
    *ret = file;
    return 0;
}

struct import_file *import_file_close(struct import_file *file) {
    if (!file) return NULL;
    gzclose_r(file->bytes);
    free(file);
    return NULL;
}

int import_file_read(struct import_file *file, char *bytes, size_t size, size_t *ret_len, struct err *err) {
    int len = gzread(file->bytes, bytes, (unsigned)size), code = Z_OK;
    const char *reason = gzerror(file->bytes, &code);
    if (len < 0 || (code != Z_OK && code != Z_STREAM_END && len == 0)) {
        if (code == Z_ERRNO) return err_set(err, ERR_UNAVAILABLE, "the file cannot be read: %s", strerror(errno));
        if (code == Z_BUF_ERROR) reason = "it ends in the middle";
        return err_set(err, ERR_UNREADABLE, "the packed file is damaged: %s", reason);
    }
    *ret_len = (size_t)len;
    return 0;
}

int64_t import_file_position(const struct import_file *file) {
    return gzoffset(file->bytes);
}

int64_t import_file_size(const struct import_file *file) {
    return file->size;
}

int import_file_hash(const struct import_file *file, const unsigned char key[HASH_KEY_SIZE], int64_t *ret,
                     struct err *err) {
    char *bytes = memory_alloc(HEAD_BYTES + TAIL_BYTES);
    int64_t tail_at = file->size > (int64_t)TAIL_BYTES ? file->size - (int64_t)TAIL_BYTES : 0;
    ssize_t head = pread(file->descriptor, bytes, HEAD_BYTES, 0), tail = -1;
    if (head >= 0) tail = pread(file->descriptor, bytes + head, TAIL_BYTES, tail_at);
    int r = 0;
    if (tail < 0)
        r = err_set(err, ERR_UNAVAILABLE, "the file cannot be read: %s", strerror(errno));
    else
        *ret = (int64_t)hash128(key, slice_of(bytes, (size_t)head + (size_t)tail)).high;
    free(bytes);
    return r;
}
