#include "ingest/journal.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include "base/banned.h"

#define FILE_BYTES    (8UL << 20)
#define BUFFER_MAX    (16UL << 20) /* records that wait for the disk */
#define READ_BYTES    (1UL << 20)
#define KEPT_BYTES    (64UL << 10) /* of a file whose records are done, until journal_tidy */
#define RESERVE_BYTES (1UL << 20)  /* of the bound, for records that must be taken */
#define MAGIC         "inkhits2"
#define MAGIC_BYTES   8
#define FILES_MAX     4096
#define PATH_BYTES    4096

/* A file's name is its number; numbers rise for ever, so that record numbers do too. */
struct file {
    uint64_t number;
    size_t size; /* of whole records, with the magic */
};

struct journal {
    char *directory;
    int directory_fd, lock_fd;
    size_t bytes_max, file_bytes;
    struct file *files; /* the first is read, the last is written when write_fd >= 0 */
    size_t file_count, file_capacity;
    uint64_t next_number;
    int write_fd, read_fd; /* -1: none */
    size_t read_at;        /* in files[0] */
    size_t total;          /* bytes of all files */
    struct strbuf buffer;  /* added, not flushed */
    uint64_t buffered;     /* records in it */
    uint64_t added, done;
    struct strbuf window; /* what journal_read reads into */
    size_t taken_bytes;
    uint64_t taken;
};

/* ---- frames: length and checksum, 4 bytes each, then the record ---- */

/* SipHash, because it takes eight bytes at a time; its key is no secret here. */
static uint32_t checksum(struct slice record) {
    static const unsigned char key[HASH_KEY_SIZE];
    return (uint32_t)hash128(key, record).low;
}

void journal_frame_write(struct slice record, unsigned char head[JOURNAL_FRAME_BYTES]) {
    uint32_t fields[2] = {htole32((uint32_t)record.len), htole32(checksum(record))};
    memcpy(head, fields, sizeof(fields));
}

size_t journal_frame_read(struct slice bytes, struct slice *ret_record) {
    uint32_t fields[2];
    if (bytes.len < sizeof(fields)) return 0;
    memcpy(fields, bytes.ptr, sizeof(fields));
    size_t len = le32toh(fields[0]);
    if (len == 0 || len > JOURNAL_RECORD_MAX || len > bytes.len - sizeof(fields)) return 0;
    struct slice record = slice_of(bytes.ptr + sizeof(fields), len);
    if (checksum(record) != le32toh(fields[1])) return 0;
    *ret_record = record;
    return sizeof(fields) + len;
}

/* ---- files ---- */

static void file_name(uint64_t number, char out[32]) {
    snprintf(out, 32, "%016llx.hits", (unsigned long long)number);
}

static bool parse_name(const char *name, uint64_t *ret) {
    char again[32];
    unsigned long long number = strtoull(name, NULL, 16);
    file_name(number, again);
    if (strcmp(name, again) != 0) return false;
    *ret = number;
    return true;
}

static struct file *add_file(struct journal *journal, uint64_t number, size_t size) {
    if (journal->file_count == journal->file_capacity) {
        journal->file_capacity = memory_next_capacity(journal->file_capacity, journal->file_count + 1);
        journal->files = memory_grow(journal->files, journal->file_capacity, sizeof(*journal->files));
    }
    journal->files[journal->file_count] = (struct file){.number = number, .size = size};
    journal->total += size;
    if (number >= journal->next_number) journal->next_number = number + 1;
    return &journal->files[journal->file_count++];
}

static void close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static int write_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return -1;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

static int fault(struct journal *journal, const char *what, struct err *err) {
    return err_set(err, ERR_UNAVAILABLE, "the journal in %s cannot be %s: %s", journal->directory, what,
                   strerror(errno));
}

static int begin_file(struct journal *journal, struct err *err) {
    char name[32];
    close_fd(&journal->write_fd);
    file_name(journal->next_number, name);
    int fd = openat(journal->directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        journal->next_number += errno == EEXIST;
        return fault(journal, "written", err);
    }
    /* The name must be on disk before anything in the file counts. */
    if (write_all(fd, MAGIC, MAGIC_BYTES) < 0 || fsync(journal->directory_fd) < 0) {
        int r = fault(journal, "written", err);
        close(fd);
        unlinkat(journal->directory_fd, name, 0);
        return r;
    }
    journal->write_fd = fd;
    add_file(journal, journal->next_number, MAGIC_BYTES);
    return 0;
}

static void remove_first(struct journal *journal) {
    char name[32];
    close_fd(&journal->read_fd);
    file_name(journal->files[0].number, name);
    unlinkat(journal->directory_fd, name, 0);
    journal->total -= journal->files[0].size;
    memmove(journal->files, journal->files + 1, --journal->file_count * sizeof(*journal->files));
    if (journal->file_count == 0) {
        close_fd(&journal->write_fd);
        journal->done = journal->added - journal->buffered; /* records that could not be read again are done too */
    }
    journal->read_at = MAGIC_BYTES;
}

/* ---- opening ---- */

/* Bytes of the magic and whole records; counts them. The window has room for more than one record. */
static int scan(struct journal *journal, int fd, size_t *ret_size, uint64_t *ret_records) {
    char *buffer = memory_alloc(READ_BYTES);
    size_t good = 0, held = 0, frame;
    uint64_t records = 0;
    ssize_t n;
    struct slice record;
    n = pread(fd, buffer, MAGIC_BYTES, 0);
    if (n == MAGIC_BYTES && memcmp(buffer, MAGIC, MAGIC_BYTES) == 0) good = MAGIC_BYTES;
    while (n >= 0 && good > 0) {
        n = pread(fd, buffer, READ_BYTES, (off_t)good);
        if (n <= 0) break;
        held = (size_t)n;
        size_t at = 0;
        while ((frame = journal_frame_read(slice_of(buffer + at, held - at), &record)) > 0) {
            at += frame;
            records++;
        }
        if (at == 0) break;
        good += at;
    }
    free(buffer);
    *ret_size = good;
    *ret_records = records;
    return n < 0 ? -1 : 0;
}

static int recover_file(struct journal *journal, uint64_t number, size_t *lost, struct err *err) {
    char name[32];
    struct stat about;
    size_t size;
    uint64_t records;
    file_name(number, name);
    int fd = openat(journal->directory_fd, name, O_RDWR | O_CLOEXEC), r = 0;
    if (fd < 0) return fault(journal, "read", err);
    if (fstat(fd, &about) < 0 || scan(journal, fd, &size, &records) < 0) {
        r = fault(journal, "read", err);
        goto out;
    }
    if ((size_t)about.st_size > size) {
        *lost += (size_t)about.st_size - size;
        if (ftruncate(fd, (off_t)size) < 0) r = fault(journal, "repaired", err);
    }
    if (r < 0) goto out;
    if (records == 0) {
        unlinkat(journal->directory_fd, name, 0);
        if (number >= journal->next_number) journal->next_number = number + 1;
    } else {
        add_file(journal, number, size);
        journal->added += records;
    }
out:
    close(fd);
    return r;
}

static int compare_numbers(const void *left, const void *right) {
    const uint64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

static int recover(struct journal *journal, size_t *lost, struct err *err) {
    uint64_t *numbers = memory_alloc_array(FILES_MAX, sizeof(*numbers));
    size_t count = 0;
    int r = 0;
    DIR *folder = opendir(journal->directory);
    if (!folder) {
        r = fault(journal, "read", err);
        goto out;
    }
    for (const struct dirent *entry; (entry = readdir(folder)) && count < FILES_MAX;)
        if (parse_name(entry->d_name, &numbers[count])) count++;
    closedir(folder);
    qsort(numbers, count, sizeof(*numbers), compare_numbers);
    for (size_t i = 0; i < count && r == 0; i++)
        r = recover_file(journal, numbers[i], lost, err);
out:
    free(numbers);
    return r;
}

static int open_directory(struct journal *journal, struct err *err) {
    if (mkdir(journal->directory, 0700) < 0 && errno != EEXIST)
        return err_set(err, ERR_UNAVAILABLE, "the directory %s cannot be made: %s; create it or set journal_directory",
                       journal->directory, strerror(errno));
    journal->directory_fd = open(journal->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (journal->directory_fd < 0) return fault(journal, "opened", err);
    journal->lock_fd = openat(journal->directory_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (journal->lock_fd < 0) return fault(journal, "opened", err);
    if (flock(journal->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(err, ERR_CONFLICT,
                       "the journal in %s belongs to another running service: give each its own journal_directory",
                       journal->directory);
    return 0;
}

int journal_open(const struct journal_options *options, struct journal **ret, size_t *ret_lost, struct err *err) {
    struct journal *journal = memory_alloc(sizeof(*journal));
    size_t lost = 0;
    journal->directory = memory_cstr(options->directory, strlen(options->directory));
    journal->bytes_max = options->bytes_max;
    journal->file_bytes = options->file_bytes ? options->file_bytes : FILE_BYTES;
    journal->directory_fd = journal->lock_fd = journal->write_fd = journal->read_fd = -1;
    journal->read_at = MAGIC_BYTES;
    journal->next_number = 1;
    strbuf_init(&journal->buffer, BUFFER_MAX);
    strbuf_init(&journal->window, READ_BYTES);
    int r = open_directory(journal, err);
    if (r == 0) r = recover(journal, &lost, err);
    if (r < 0) {
        journal_close(journal);
        return r;
    }
    *ret_lost = lost;
    *ret = journal;
    return 0;
}

struct journal *journal_close(struct journal *journal) {
    if (!journal) return NULL;
    close_fd(&journal->write_fd);
    close_fd(&journal->read_fd);
    close_fd(&journal->lock_fd);
    close_fd(&journal->directory_fd);
    strbuf_release(&journal->buffer);
    strbuf_release(&journal->window);
    free(journal->files);
    free(journal->directory);
    free(journal);
    return NULL;
}

/* ---- writing ---- */

bool journal_add(struct journal *journal, struct slice record, bool must) {
    unsigned char head[JOURNAL_FRAME_BYTES];
    size_t held = journal->total + journal->buffer.len + sizeof(head) + record.len;
    size_t spare = must ? 0 : RESERVE_BYTES;
    if (record.len == 0 || record.len > JOURNAL_RECORD_MAX) BUG("a record of %zu bytes", record.len);
    if (held + spare > journal->bytes_max) return false;
    if (journal->buffer.len + sizeof(head) + record.len + (must ? 0 : RESERVE_BYTES) > BUFFER_MAX) return false;
    journal_frame_write(record, head);
    strbuf_add(&journal->buffer, (const char *)head, sizeof(head));
    strbuf_add_slice(&journal->buffer, record);
    journal->buffered++;
    journal->added++;
    return true;
}

int journal_flush(struct journal *journal, struct err *err) {
    if (journal->buffered == 0) return 0;
    bool fresh = journal->write_fd < 0 || journal->files[journal->file_count - 1].size >= journal->file_bytes;
    int r = fresh ? begin_file(journal, err) : 0;
    if (r < 0) return r;
    struct file *file = &journal->files[journal->file_count - 1];
    if (write_all(journal->write_fd, journal->buffer.ptr, journal->buffer.len) < 0 ||
        fdatasync(journal->write_fd) < 0) {
        r = fault(journal, "written", err);
        /* After a failed sync nobody knows what is in the file: the records go into a new one, and may be there twice.
         */
        if (ftruncate(journal->write_fd, (off_t)file->size) < 0) err_prefix(err, "and not cut either");
        close_fd(&journal->write_fd);
        return r;
    }
    file->size += journal->buffer.len;
    journal->total += journal->buffer.len;
    journal->buffered = 0;
    strbuf_clear(&journal->buffer);
    return 0;
}

uint64_t journal_added(const struct journal *journal) {
    return journal->added;
}

uint64_t journal_done_count(const struct journal *journal) {
    return journal->done;
}

/* ---- reading ---- */

/* Fills the window from where reading stands; *ret_len 0 at the end of the file. */
static int fill(struct journal *journal, size_t *ret_len, struct err *err) {
    const struct file *file = &journal->files[0];
    char name[32];
    size_t len = file->size - journal->read_at < READ_BYTES ? file->size - journal->read_at : READ_BYTES;
    if (journal->read_fd < 0) {
        file_name(file->number, name);
        journal->read_fd = openat(journal->directory_fd, name, O_RDONLY | O_CLOEXEC);
        if (journal->read_fd < 0) return fault(journal, "read", err);
    }
    strbuf_clear(&journal->window);
    char *bytes = strbuf_reserve(&journal->window, len);
    ssize_t n = len > 0 ? pread(journal->read_fd, bytes, len, (off_t)journal->read_at) : 0;
    if (n < 0) return fault(journal, "read", err);
    strbuf_grew(&journal->window, (size_t)n);
    *ret_len = (size_t)n;
    return 0;
}

int journal_read(struct journal *journal, size_t limit, journal_visitor visit, void *context, struct err *err) {
    size_t len, frame;
    struct slice record;
    journal->taken = 0;
    journal->taken_bytes = 0;
    /* Files that are read to their end; what cannot be read of one that was whole is lost. */
    while (journal->file_count > 0) {
        bool is_written = journal->write_fd >= 0 && journal->file_count == 1;
        int r = fill(journal, &len, err);
        if (r < 0) return r;
        if (journal_frame_read(strbuf_slice(&journal->window), &record) > 0) break;
        if (is_written && journal->read_at == journal->files[0].size) return 0;
        remove_first(journal);
    }
    while (journal->taken < limit && journal->file_count > 0) {
        struct slice rest =
            slice_of(journal->window.ptr + journal->taken_bytes, journal->window.len - journal->taken_bytes);
        frame = journal_frame_read(rest, &record);
        uint64_t number = journal->files[0].number << 32 | (journal->read_at + journal->taken_bytes);
        if (frame == 0 || !visit(context, number, record)) break;
        journal->taken_bytes += frame;
        journal->taken++;
    }
    return (int)journal->taken;
}

static bool all_done(const struct journal *journal) {
    return journal->write_fd >= 0 && journal->file_count == 1 && journal->read_at == journal->files[0].size;
}

/* The file goes on from its beginning. */
static void cut_first(struct journal *journal) {
    struct file *file = &journal->files[0];
    if (ftruncate(journal->write_fd, MAGIC_BYTES) < 0)
        return; /* it may stay: it is done, and removed when it is full */
    journal->total -= file->size - MAGIC_BYTES;
    file->size = journal->read_at = MAGIC_BYTES;
}

void journal_done(struct journal *journal) {
    if (journal->taken == 0) return;
    journal->read_at += journal->taken_bytes;
    journal->done += journal->taken;
    journal->taken = journal->taken_bytes = 0;
    if (all_done(journal)) {
        if (journal->files[0].size > KEPT_BYTES) cut_first(journal);
    } else if (journal->read_at >= journal->files[0].size) {
        remove_first(journal);
    }
}

void journal_tidy(struct journal *journal) {
    if (all_done(journal) && journal->files[0].size > MAGIC_BYTES) cut_first(journal);
}
