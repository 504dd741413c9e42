/* backup: a consistent copy of a SQLite database, while the service runs. */
#include "cmd/session.h"

#include "base/banned.h"

static int note(struct session *session, struct err *err) {
    int r = db_begin(session->db, DB_WRITE, err);
    if (r == 0) r = session_audit_all(session, "backup.create", 0, err);
    if (r == 0) r = db_commit(session->db, err);
    if (r < 0) db_rollback(session->db);
    return r;
}

static int run(const struct command *command, int argument_count, char *const *arguments, struct err *err) {
    struct session session;
    int r = session_begin(&session, command, argument_count, arguments, err);
    if (r == 0 && session.rest_count != 1) r = err_set(err, ERR_INVALID, "name the one file to write the copy to");
    if (r == 0) r = session_open(&session, false, err);
    if (r == 0) r = note(&session, err); /* before, so that the copy has it too */
    if (r == 0) r = store_backup(session.store, session.rest[0], err);
    session_close(&session);
    return r;
}

const struct command command_backup = {
    .name = "backup",
    .usage = "FILE",
    .summary = "Copies a SQLite database to FILE while the service runs; for PostgreSQL use pg_dump.",
    .details = "The secret key is not in the copy: keep one of the file secret_key_file, in another place.",
    .run = run,
};
