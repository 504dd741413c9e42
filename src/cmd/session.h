/* session: what a subcommand that works on the database has open. */
#ifndef INKLING_CMD_SESSION_H
#define INKLING_CMD_SESSION_H

#include "api/table.h"
#include "cmd/command.h"
#include "http/client.h"
#include "ingest/secret_box.h"
#include "store/db.h"
#include "store/store.h"

struct session {
    struct config *config;
    const char *const *rest; /* arguments that are no options */
    size_t rest_count;
    const char *values[COMMAND_OPTIONS_MAX]; /* of command->options, by index; NULL: not given */
    struct arena *arena;
    struct secret_box box;
    struct store *store;
    struct db *db; /* for writing, not in a transaction */
};

/* Reads the configuration and the command's options; the database stays closed. session_close even after a failure. */
MUST_USE int session_begin(struct session *session, const struct command *command, int argument_count,
                           char *const *arguments, struct err *err);
/* Opens the database. Only with `create` it, its directory and the secret key are made when absent; else ERR_NOT_FOUND,
 * so that a typing error makes no empty database. */
MUST_USE int session_open(struct session *session, bool create, struct err *err);
void session_close(struct session *session);

/* The organization that `text` names by id; NULL: the only one there is. ERR_INVALID when there are several. */
MUST_USE int session_organization(struct session *session, const char *text, int64_t *ret, struct err *err);
/* A positive number out of an option or argument. */
MUST_USE int session_id(const char *what, const char *text, int64_t *ret, struct err *err);
/* Notes in the audit log what the command does, as the last step of its transaction. `object_id` 0: none. */
MUST_USE int session_audit(struct session *session, int64_t organization_id, const char *action, int64_t object_id,
                           struct err *err);
/* The same in every organization, for what concerns them all. */
MUST_USE int session_audit_all(struct session *session, const char *action, int64_t object_id, struct err *err);
/* Prints a finished table with a line feed behind it, and frees it. */
MUST_USE int session_print(struct api_table *table, struct err *err);

/* Makes the directory of a SQLite database, readable by its owner alone, when it is absent. */
MUST_USE int database_directory_make(const struct config *config, struct err *err);
/* Reads the secret key. It is made when absent, but never beside secrets that were sealed with a lost one:
 * ERR_NOT_FOUND.
 */
MUST_USE int secret_key_load(const struct config *config, struct store *store, struct secret_box *ret, struct err *err);
/* certificate_fetch (ingest/certificates.h); `context`: a `struct http_client_options`. */
int fetch_certificate(void *context, const char *url, struct strbuf *ret_pem, struct err *err);

#endif
