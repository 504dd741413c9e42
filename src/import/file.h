/* file: the bytes of a file, or of standard input, unpacked when they are gzip (several members one behind the other
 * too, as Firehose writes them), and what the file is known again by. One thread. */
#ifndef INKLING_IMPORT_FILE_H
#define INKLING_IMPORT_FILE_H

#include "base/err.h"
#include "base/hash.h"

struct import_file;

/* "-": standard input, which has no size and is not known again. */
MUST_USE int import_file_open(const char *path, struct import_file **ret, struct err *err);
struct import_file *import_file_close(struct import_file *file); /* NULL accepted */

/* At most `size` bytes; 0 at the end. ERR_UNREADABLE: damaged or cut off; ERR_UNAVAILABLE. */
MUST_USE int import_file_read(struct import_file *file, char *bytes, size_t size, size_t *ret_len, struct err *err);
/* Bytes of the file that have been read, packed as they are, and how many there are; 0: not known. */
int64_t import_file_position(const struct import_file *file);
int64_t import_file_size(const struct import_file *file);
/* Keyed, of the first and last bytes. Its name is no part of it, its size is kept beside. */
MUST_USE int import_file_hash(const struct import_file *file, const unsigned char key[HASH_KEY_SIZE], int64_t *ret,
                              struct err *err);

#endif
