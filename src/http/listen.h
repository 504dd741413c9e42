/* listen: the server's socket and TLS files. */
#ifndef INKLING_HTTP_LISTEN_H
#define INKLING_HTTP_LISTEN_H

#include "base/err.h"

/* A listening, non-blocking TCP socket at "address:port"; port 0 takes a free one. "[::]" takes IPv4 too. */
MUST_USE int listen_open(const char *where, int *ret_socket, int *ret_port, struct err *err);
/* A whole file as a C string (free() it). */
MUST_USE int listen_read_file(const char *path, char **ret_text, struct err *err);

#endif
