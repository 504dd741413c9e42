/* private_postgres: a PostgreSQL server of one's own on a socket in a temporary directory, for tests and measurements.
 * Run as root it starts as the user "postgres", whom Debian's package makes. */
#ifndef INKLING_TESTS_PRIVATE_POSTGRES_H
#define INKLING_TESTS_PRIVATE_POSTGRES_H

struct private_postgres;

/* `settings`: lines for postgresql.conf ("fsync = off\n…"), after the usual ones. NULL when there is no PostgreSQL on
 * this machine or it does not start; the reason is on standard error. */
struct private_postgres *private_postgres_start(const char *settings);
const char *private_postgres_url(const struct private_postgres *server);
const char *private_postgres_directory(const struct private_postgres *server);
/* Kills it at once ("immediate" shutdown), as a crash would, and starts it again on the same data. 0 or -1. */
int private_postgres_restart(struct private_postgres *server);
/* Stops it and removes its directory; NULL accepted. */
struct private_postgres *private_postgres_stop(struct private_postgres *server);

#endif
