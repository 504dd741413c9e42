/* token_tool: makes tokens of an installation as the sending side does, for tests and measurements.
 *
 *   token_tool --database URL --data-directory DIR     reads lines from standard input, answers each with one line:
 *
 *     PURPOSE ORGANIZATION EMAIL COHORT POSITION URL   the token; URL "-": none
 *     own ORGANIZATION EMAIL BITS                      sets what our own tracking measures of an email: "ok"
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cmd/session.h"
#include "ingest/token_keys.h"
#include "store/db.h"
#include "store/store.h"

#include "base/banned.h"

struct tool {
    struct db *db;
    const struct token_keyset *keys;
};

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "token_tool: %s\n", what);
    exit(1);
}

static void set_own(const struct tool *tool, int64_t organization, int64_t email, int64_t bits) {
    static const struct statement update = {
        "own tracking", "UPDATE email_stats SET own_tracking = $3 WHERE organization_id = $1 AND email_log_id = $2",
        NULL, false};
    struct err err = {0};
    int r = db_begin(tool->db, DB_WRITE, &err);
    if (r == 0) r = db_run(tool->db, &update, DB_VALUES(db_int(organization), db_int(email), db_int(bits)), NULL, &err);
    if (r == 0) r = db_commit(tool->db, &err);
    if (r < 0) fail(err.text);
    printf("ok\n");
}

static void write_token(const struct tool *tool, int64_t purpose, const int64_t *numbers, const char *url) {
    struct token token = {.purpose = (enum token_purpose)purpose,
                          .organization_id = numbers[0],
                          .email_log_id = numbers[1],
                          .cohort_id = numbers[2],
                          .link_position = (int32_t)numbers[3],
                          .url = strcmp(url, "-") != 0 ? slice_cstr(url) : SLICE_NONE};
    struct strbuf text;
    strbuf_init(&text, TOKEN_MAX_CHARS);
    token_write(tool->keys->ring, &token, &text);
    printf("%.*s\n", (int)text.len, text.ptr);
    strbuf_release(&text);
}

static void take_line(const struct tool *tool, char *line) {
    char word[16], url[TOKEN_URL_MAX_BYTES + 1] = "-";
    int64_t numbers[4] = {0};
    // NOLINTNEXTLINE(cert-err34-c): a test's own lines
    int count = sscanf(line, "%15s %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %2048s", word, &numbers[0],
                       &numbers[1], &numbers[2], &numbers[3], url);
    if (count == 4 && strcmp(word, "own") == 0)
        set_own(tool, numbers[0], numbers[1], numbers[2]);
    else if (count >= 5)
        write_token(tool, strtol(word, NULL, 10), numbers, url);
    else
        fail("a line is neither a token nor own");
    fflush(stdout);
}

int main(int count, char **arguments) {
    struct tool tool = {0};
    struct config *config;
    struct store *store;
    struct secret_box box;
    struct err err = {0};
    char line[4096];
    size_t rest;
    clock_init();
    int r = config_load(count - 1, arguments + 1, NULL, NULL, &config, NULL, &rest, &err);
    if (r < 0) fail(err.text);
    struct store_options options = {.url = config->database, .readers_max = 2, .sqlite_cache_bytes = 1 << 20};
    r = store_open(&options, &store, &err);
    if (r == 0) r = secret_key_load(config, store, &box, &err);
    if (r == 0) r = store_writer(store, &tool.db, &err);
    if (r == 0) r = token_keys_ensure(&box, tool.db, clock_now(), &err);
    struct token_keys *keys = token_keys_new(&box);
    if (r == 0) r = token_keys_refresh(keys, tool.db, &err);
    if (r < 0) fail(err.text);
    tool.keys = token_keys_acquire(keys);
    if (!tool.keys) fail("there is no key");
    while (fgets(line, sizeof(line), stdin))
        take_line(&tool, line);
    token_keys_release(tool.keys);
    token_keys_free(keys);
    store_writer_close(store, tool.db);
    store_close(store);
    config_free(config);
    return 0;
}
