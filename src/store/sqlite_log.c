/* The write-ahead log is written in large pieces. SQLite writes each page of a commit in two small steps, which cost
 * more than all else in a commit of some thousand events; here they are gathered until SQLite syncs, reads or asks.
 *
 * Why this is safe: with synchronous=FULL (which every connection sets) a commit syncs the log before it tells anyone
 * of the new pages through the shared index, and the sync writes first what was gathered. Pages of an unfinished
 * transaction are read by its own connection alone, through the same file. A write that fails makes the sync fail, and
 * with it the commit. */
#include "store/sqlite.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"

#include "base/banned.h"

/* SQLite's file system for Unix does not write 128 KiB or more at once. */
#define GATHER_BYTES ((size_t)64 << 10)

/* Followed in memory by the file of the underlying VFS. */
struct log_file {
    sqlite3_file base;
    sqlite3_file *real;
    char *gathered; /* of length `used`, to be written at `offset` */
    size_t used;
    sqlite3_int64 offset;
};

static int write_gathered(struct log_file *log) {
    size_t used = log->used;
    log->used = 0;
    return used > 0 ? log->real->pMethods->xWrite(log->real, log->gathered, (int)used, log->offset) : SQLITE_OK;
}

static struct log_file *log_of(sqlite3_file *file) {
    return (struct log_file *)file;
}

static int log_close(sqlite3_file *file) {
    struct log_file *log = log_of(file);
    int written = write_gathered(log);
    int closed = log->real->pMethods->xClose(log->real);
    free(log->gathered);
    return written != SQLITE_OK ? written : closed;
}

static int log_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset) {
    struct log_file *log = log_of(file);
    size_t size = (size_t)len;
    if (log->used > 0 && (offset != log->offset + (sqlite3_int64)log->used || log->used + size > GATHER_BYTES)) {
        int written = write_gathered(log);
        if (written != SQLITE_OK) return written;
    }
    if (size > GATHER_BYTES) return log->real->pMethods->xWrite(log->real, bytes, len, offset);
    if (!log->gathered) log->gathered = memory_alloc(GATHER_BYTES);
    if (log->used == 0) log->offset = offset;
    memcpy(log->gathered + log->used, bytes, size);
    log->used += size;
    return SQLITE_OK;
}

static int log_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 offset) {
    struct log_file *log = log_of(file);
    int written = write_gathered(log);
    return written != SQLITE_OK ? written : log->real->pMethods->xRead(log->real, bytes, len, offset);
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size) {
    struct log_file *log = log_of(file);
    int written = write_gathered(log);
    return written != SQLITE_OK ? written : log->real->pMethods->xTruncate(log->real, size);
}

static int log_sync(sqlite3_file *file, int flags) {
    struct log_file *log = log_of(file);
    int written = write_gathered(log);
    return written != SQLITE_OK ? written : log->real->pMethods->xSync(log->real, flags);
}

static int log_size(sqlite3_file *file, sqlite3_int64 *ret) {
    struct log_file *log = log_of(file);
    int written = write_gathered(log);
    return written != SQLITE_OK ? written : log->real->pMethods->xFileSize(log->real, ret);
}

static int log_lock(sqlite3_file *file, int level) {
    return log_of(file)->real->pMethods->xLock(log_of(file)->real, level);
}

static int log_unlock(sqlite3_file *file, int level) {
    return log_of(file)->real->pMethods->xUnlock(log_of(file)->real, level);
}

static int log_check_reserved(sqlite3_file *file, int *ret) {
    return log_of(file)->real->pMethods->xCheckReservedLock(log_of(file)->real, ret);
}

static int log_control(sqlite3_file *file, int operation, void *argument) {
    return log_of(file)->real->pMethods->xFileControl(log_of(file)->real, operation, argument);
}

static int log_sector_size(sqlite3_file *file) {
    return log_of(file)->real->pMethods->xSectorSize(log_of(file)->real);
}

static int log_characteristics(sqlite3_file *file) {
    return log_of(file)->real->pMethods->xDeviceCharacteristics(log_of(file)->real);
}

static const sqlite3_io_methods log_methods = {
    .iVersion = 1, /* a log has neither locks nor shared memory of its own */
    .xClose = log_close,
    .xRead = log_read,
    .xWrite = log_write,
    .xTruncate = log_truncate,
    .xSync = log_sync,
    .xFileSize = log_size,
    .xLock = log_lock,
    .xUnlock = log_unlock,
    .xCheckReservedLock = log_check_reserved,
    .xFileControl = log_control,
    .xSectorSize = log_sector_size,
    .xDeviceCharacteristics = log_characteristics,
};

static int open_file(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *ret_flags) {
    sqlite3_vfs *real = vfs->pAppData;
    if (!(flags & SQLITE_OPEN_WAL)) return real->xOpen(real, name, file, flags, ret_flags);
    struct log_file *log = log_of(file);
    *log = (struct log_file){.real = (sqlite3_file *)(log + 1)};
    int opened = real->xOpen(real, name, log->real, flags, ret_flags);
    if (log->real->pMethods) log->base.pMethods = &log_methods;
    return opened;
}

/* SQLite knows file systems by name, process-wide. */
static sqlite3_vfs gathering_vfs;

static void register_vfs(void) {
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    if (!real) return;
    gathering_vfs = *real;
    gathering_vfs.pNext = NULL;
    gathering_vfs.zName = SQLITE_VFS_NAME;
    gathering_vfs.pAppData = real;
    gathering_vfs.szOsFile = (int)sizeof(struct log_file) + real->szOsFile;
    gathering_vfs.xOpen = open_file;
    sqlite3_vfs_register(&gathering_vfs, 0);
}

void sqlite_register_vfs(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, register_vfs);
}
