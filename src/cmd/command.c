#include "cmd/command.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/banned.h"

int command_print(struct slice text, struct err *err) {
    while (text.len > 0) {
        ssize_t len = write(STDOUT_FILENO, text.ptr, text.len);
        if (len < 0 && errno == EINTR) continue;
        if (len <= 0) return err_set(err, ERR_UNAVAILABLE, "standard output cannot be written: %s", strerror(errno));
        text = slice_from(text, (size_t)len);
    }
    return 0;
}

static int read_file(const char *path, size_t max, struct arena *arena, struct slice *ret, struct err *err) {
    bool is_standard = strcmp(path, "-") == 0;
    char *bytes = arena_bytes(arena, max + 2);
    size_t have = 0;
    int fd = is_standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_set(err, ERR_INVALID, "%s cannot be read: %s", path, strerror(errno));
    while (have < max + 2) {
        ssize_t len = read(fd, bytes + have, max + 2 - have);
        if (len < 0 && errno == EINTR) continue;
        if (len <= 0) break;
        have += (size_t)len;
    }
    if (!is_standard) close(fd);
    *ret = slice_of(bytes, have);
    return 0;
}

static int first_line(const char *path, size_t max, struct slice file, struct slice *ret, struct err *err) {
    struct slice rest = file, line = SLICE_NONE;
    if (!slice_split_next(&rest, '\n', &line) || line.len > max)
        return err_set(err, ERR_INVALID, "the first line of %s is longer than %zu bytes", path, max);
    if (slice_ends_with(line, SLICE("\r"))) line.len--;
    if (slice_empty(line)) return err_set(err, ERR_INVALID, "%s has no first line", path);
    *ret = line;
    return 0;
}

int command_read_line(const char *path, size_t max, struct arena *arena, struct slice *ret, struct err *err) {
    struct slice file;
    int r = read_file(path, max, arena, &file, err);
    return r == 0 ? first_line(path, max, file, ret, err) : r;
}

int command_read_secret(const char *path, size_t max, struct arena *arena, struct slice *ret, struct err *err) {
    struct slice file, text;
    int r = read_file(path, max, arena, &file, err);
    if (r != 0) return r;
    text = slice_trim(file);
    if (!slice_starts_with(text, SLICE("-----BEGIN")) && !slice_starts_with(text, SLICE("{")))
        return first_line(path, max, file, ret, err);
    if (text.len > max) return err_set(err, ERR_INVALID, "%s is longer than %zu bytes", path, max);
    *ret = text;
    return 0;
}
