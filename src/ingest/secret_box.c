#include "ingest/secret_box.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/random.h"

#include "base/banned.h"

#define KEY_SIZE     sizeof(((struct secret_box *)0)->key)
#define FILE_MAX     256
#define PATH_MAX_    4096
#define SEALED_EXTRA (crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES)

_Static_assert(KEY_SIZE == crypto_secretbox_KEYBYTES, "the key's size");

/* 1: read; 0: no such file. */
static int read_key(const char *path, struct secret_box *ret, struct err *err) {
    char text[FILE_MAX];
    unsigned char key[KEY_SIZE];
    struct stat about;
    size_t len;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), r = 1;
    if (fd < 0 && errno == ENOENT) return 0;
    if (fd < 0 || fstat(fd, &about) != 0) {
        r = err_set(err, ERR_UNAVAILABLE, "the secret key %s cannot be opened: %s", path, strerror(errno));
        goto out;
    }
    if ((about.st_mode & 077) != 0) {
        r = err_set(err, ERR_DENIED, "the secret key %s can be read by others: run chmod 600 on it", path);
        goto out;
    }
    ssize_t got = read(fd, text, sizeof(text));
    struct slice line = slice_trim(slice_of(text, got < 0 ? 0 : (size_t)got));
    if (!base64_decode(line, key, sizeof(key), &len) || len != sizeof(key)) {
        r = err_set(err, ERR_INVALID, "%s is not a secret key of inkling: restore it from your copy", path);
        goto out;
    }
    memcpy(ret->key, key, sizeof(key));
out:
    sodium_memzero(text, sizeof(text));
    sodium_memzero(key, sizeof(key));
    if (fd >= 0) close(fd);
    return r;
}

static bool write_all(int fd, struct slice bytes) {
    while (bytes.len > 0) {
        ssize_t len = write(fd, bytes.ptr, bytes.len);
        if (len < 0 && errno == EINTR) continue;
        if (len <= 0) return false;
        bytes = slice_from(bytes, (size_t)len);
    }
    return true;
}

/* Written whole under another name first, then given its own without replacing what another process made meanwhile. */
static int create_key(const char *path, struct err *err) {
    unsigned char key[KEY_SIZE];
    char unfinished[PATH_MAX_];
    struct strbuf text;
    char suffix[17];
    random_token(suffix, sizeof(suffix) - 1);
    if (snprintf(unfinished, sizeof(unfinished), "%s.%s", path, suffix) >= (int)sizeof(unfinished))
        return err_set(err, ERR_INVALID, "the path of the secret key is too long");
    random_bytes(key, sizeof(key));
    strbuf_init(&text, FILE_MAX);
    base64_encode(&text, slice_of((const char *)key, sizeof(key)));
    strbuf_add_char(&text, '\n');
    int fd = open(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool written = fd >= 0 && write_all(fd, strbuf_slice(&text)) && fsync(fd) == 0 &&
                   (link(unfinished, path) == 0 || errno == EEXIST);
    int r = written ? 0 : err_set(err, ERR_UNAVAILABLE, "the secret key %s cannot be made: %s", path, strerror(errno));
    if (fd >= 0) {
        close(fd);
        unlink(unfinished);
    }
    sodium_memzero(key, sizeof(key));
    sodium_memzero(text.ptr, text.len);
    strbuf_release(&text);
    return r;
}

int secret_box_load(const char *path, struct secret_box *ret, struct err *err) {
    int found = read_key(path, ret, err);
    if (found != 0) return found < 0 ? found : 0;
    int r = create_key(path, err);
    if (r < 0) return r;
    found = read_key(path, ret, err);
    if (found == 0) return err_set(err, ERR_UNAVAILABLE, "the secret key %s has vanished", path);
    return found < 0 ? found : 0;
}

void secret_box_derive(const struct secret_box *box, const char *label, unsigned char ret[32]) {
    crypto_auth_hmacsha256(ret, (const unsigned char *)label, strlen(label), box->key);
}

int secret_box_seal(const struct secret_box *box, struct slice plain, struct strbuf *out) {
    unsigned char *sealed = (unsigned char *)strbuf_reserve(out, plain.len + SEALED_EXTRA);
    if (!sealed) return -1;
    random_bytes(sealed, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(sealed + crypto_secretbox_NONCEBYTES, (const unsigned char *)plain.ptr, plain.len, sealed,
                          box->key);
    strbuf_grew(out, plain.len + SEALED_EXTRA);
    return 0;
}

int secret_box_open(const struct secret_box *box, struct slice sealed, struct strbuf *out, struct err *err) {
    const unsigned char *bytes = (const unsigned char *)sealed.ptr;
    if (sealed.len < SEALED_EXTRA) return err_set(err, ERR_UNREADABLE, "a stored secret is damaged");
    size_t len = sealed.len - SEALED_EXTRA;
    unsigned char *plain = (unsigned char *)strbuf_reserve(out, len);
    if (!plain) return err_set(err, ERR_TOO_LARGE, "a stored secret is too large");
    if (crypto_secretbox_open_easy(plain, bytes + crypto_secretbox_NONCEBYTES, len + crypto_secretbox_MACBYTES, bytes,
                                   box->key) != 0)
        return err_set(err, ERR_UNREADABLE,
                       "a stored secret cannot be decrypted: it was stored under another secret key, set it anew");
    strbuf_grew(out, len);
    return 0;
}
