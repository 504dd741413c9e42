/* database: empty databases for tests. SQLite ones are files in a temporary folder; PostgreSQL ones live in a private
 * server that ends with the test, or in the server named by INKLING_TEST_POSTGRES, a connection URI
 * ("postgresql://user@/?host=…") of someone who may create databases. */
#ifndef INKLING_TESTS_STORE_DATABASE_H
#define INKLING_TESTS_STORE_DATABASE_H

#include <stdbool.h>

#define DATABASE_URL_MAX 1024

struct databases;

struct databases *databases_new(void);        /* ends the program when the folder or the server cannot be made */
struct databases *databases_new_sqlite(void); /* without a server */
struct databases *databases_free(struct databases *databases);
bool databases_have_postgres(const struct databases *databases); /* is it installed here, or given? */
/* The URL of an empty database. */
void database_create(struct databases *databases, bool postgres, char url[DATABASE_URL_MAX]);
/* The URL of a copy of one made here, which nobody uses: cheaper than to migrate another one. */
void database_copy(struct databases *databases, const char *from_url, char url[DATABASE_URL_MAX]);

#endif
