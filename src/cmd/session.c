#include "cmd/session.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "ingest/certificates.h"
#include "store/audit.h"
#include "store/endpoints.h"
#include "store/organizations.h"

#include "base/banned.h"

#define READERS            4
#define OUTPUT_MAX         (64UL << 20)
#define CACHE_BYTES        (16 << 20)
#define ORGANIZATIONS_PAGE 200

int session_begin(struct session *session, const struct command *command, int argument_count, char *const *arguments,
                  struct err *err) {
    *session = (struct session){.arena = arena_new()};
    int r = config_load(argument_count, arguments, command->options, session->values, &session->config, &session->rest,
                        &session->rest_count, err);
    if (r == 0) log_configure((enum log_level)session->config->log_level, (enum log_format)session->config->log_format);
    return r;
}

int database_directory_make(const struct config *config, struct err *err) {
    const char *prefix = "sqlite:", *path = config->database + strlen(prefix), *slash = strrchr(path, '/');
    char directory[4096];
    if (strncmp(config->database, prefix, strlen(prefix)) != 0 || !slash || slash == path) return 0;
    if ((size_t)(slash - path) >= sizeof(directory))
        return err_set(err, ERR_INVALID, "the path of the database is too long");
    memcpy(directory, path, (size_t)(slash - path));
    directory[slash - path] = '\0';
    if (mkdir(directory, 0700) == 0 || errno == EEXIST) return 0;
    return err_set(err, ERR_UNAVAILABLE, "the directory %s cannot be made: %s; create it or set data_directory",
                   directory, strerror(errno));
}

int secret_key_load(const struct config *config, struct store *store, struct secret_box *ret, struct err *err) {
    struct db *db = NULL;
    bool sealed = false;
    int r = 0;
    if (access(config->secret_key_file, F_OK) != 0) {
        r = store_reader(store, &db, err);
        if (r == 0) r = endpoint_rows_any_sealed(db, &sealed, err);
        store_reader_return(store, db);
    }
    if (r == 0 && sealed)
        r = err_set(err, ERR_NOT_FOUND,
                    "the secret key %s is missing, and the database holds secrets that it alone opens: restore your "
                    "copy, or name its place with secret_key_file",
                    config->secret_key_file);
    return r < 0 ? r : secret_box_load(config->secret_key_file, ret, err);
}

static int database_exists(const struct config *config, struct err *err) {
    const char *prefix = "sqlite:", *path = config->database + strlen(prefix);
    if (strncmp(config->database, prefix, strlen(prefix)) != 0 || access(path, F_OK) == 0) return 0;
    return err_set(err, ERR_NOT_FOUND, "there is no database %s: run inkling setup, or name it with --database", path);
}

int session_open(struct session *session, bool create, struct err *err) {
    struct store_options options = {
        .url = session->config->database, .readers_max = READERS, .sqlite_cache_bytes = CACHE_BYTES};
    int r = create ? database_directory_make(session->config, err) : database_exists(session->config, err);
    if (r == 0) r = store_open(&options, &session->store, err);
    if (r == 0) r = secret_key_load(session->config, session->store, &session->box, err);
    if (r == 0) r = store_writer(session->store, &session->db, err);
    return r;
}

void session_close(struct session *session) {
    if (session->db) store_writer_close(session->store, session->db);
    store_close(session->store);
    config_free(session->config);
    arena_free(session->arena);
    *session = (struct session){0};
}

int session_id(const char *what, const char *text, int64_t *ret, struct err *err) {
    int64_t id;
    if (!slice_parse_i64(slice_cstr(text), &id) || id <= 0)
        return err_set(err, ERR_INVALID, "%s must be a number, not \"%.60s\"", what, text);
    *ret = id;
    return 0;
}

int session_organization(struct session *session, const char *text, int64_t *ret, struct err *err) {
    struct organization *organizations, named;
    size_t count;
    int64_t id;
    int r;
    if (text) {
        r = session_id("--org", text, &id, err);
        if (r == 0) r = organization_load(session->db, id, session->arena, &named, err);
        if (r == 0) *ret = id;
        return r;
    }
    r = organizations_list(session->db, 0, 2, session->arena, &organizations, &count, err);
    if (r < 0) return r;
    if (count == 0) return err_set(err, ERR_NOT_FOUND, "there is no organization yet: run inkling setup");
    if (count > 1)
        return err_set(err, ERR_INVALID, "there are several organizations: name one with --org, see inkling org list");
    *ret = organizations[0].id;
    return 0;
}

int session_audit(struct session *session, int64_t organization_id, const char *action, int64_t object_id,
                  struct err *err) {
    unsigned char key[AUDIT_KEY_SIZE];
    struct audit_entry entry = {.organization_id = organization_id,
                                .actor = AUDIT_COMMAND,
                                .action = slice_cstr(action),
                                .object = slice_first(slice_cstr(action), strcspn(action, ".")),
                                .object_id = object_id};
    secret_box_derive(&session->box, AUDIT_LABEL, key);
    return audit_append(session->db, key, &entry, clock_now(), err);
}

int session_audit_all(struct session *session, const char *action, int64_t object_id, struct err *err) {
    struct organization *organizations;
    int64_t after = 0;
    size_t count;
    int r;
    do {
        r = organizations_list(session->db, after, ORGANIZATIONS_PAGE, session->arena, &organizations, &count, err);
        for (size_t i = 0; i < count && r == 0; i++) {
            after = organizations[i].id;
            r = session_audit(session, after, action, object_id, err);
        }
    } while (r == 0 && count == ORGANIZATIONS_PAGE);
    return r;
}

int session_print(struct api_table *table, struct err *err) {
    struct strbuf *text = api_table_finish(table, NULL);
    strbuf_add_char(text, '\n');
    int r = text->overflow ? err_set(err, ERR_TOO_LARGE, "there is too much to print")
                           : command_print(strbuf_slice(text), err);
    api_table_free(table);
    return r;
}

int fetch_certificate(void *context, const char *url, struct strbuf *ret_pem, struct err *err) {
    int status = 0;
    int r = http_client_send(context, url, NULL, SLICE_NONE, NULL, 0, &status, ret_pem, err);
    if (r < 0) return err_prefix(err, "the signing certificate");
    if (status == 200) return 0;
    return err_set(err, ERR_UNAVAILABLE, "the signing certificate cannot be fetched: status %d", status);
}
