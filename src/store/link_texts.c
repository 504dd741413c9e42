#include "store/link_texts.h"

#include <stdlib.h>

#include "store/db.h"

#include "base/banned.h"

static const struct statement select_stored = {
    "link texts",
    "SELECT link_hash, link_check, text_hash FROM link_texts WHERE organization_id = $1 AND link_hash IN " DB_LIST(
        "$2"),
    "SELECT link_hash, link_check, text_hash FROM link_texts WHERE organization_id = $1 AND link_hash "
    "IN " DB_LIST_POSTGRES("$2")};
static const struct statement insert = {
    "link text insert",
    "INSERT INTO link_texts (organization_id, link_hash, link_check, text_hash, text, created_at) VALUES ($1, $2, $3, "
    "$4, $5, $6) ON CONFLICT (organization_id, link_hash, link_check, text_hash) DO NOTHING",
    NULL};

struct link_text link_text_make(const unsigned char hash_key[HASH_KEY_SIZE], struct slice url, int32_t position,
                                struct slice text) {
    return (struct link_text){
        .link = link_key(hash_key, url, position), .text_hash = message_key(hash_key, text).hash, .text = text};
}

static int compare(const void *left, const void *right) {
    const struct link_text *a = left, *b = right;
    if (a->link.hash != b->link.hash) return a->link.hash < b->link.hash ? -1 : 1;
    if (a->link.check != b->link.check) return a->link.check < b->link.check ? -1 : 1;
    return (a->text_hash > b->text_hash) - (a->text_hash < b->text_hash);
}

static size_t take_off_twins(struct link_text *texts, size_t count) {
    size_t kept = 0;
    if (count > 1) qsort(texts, count, sizeof(*texts), compare);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || compare(&texts[kept - 1], &texts[i]) != 0) texts[kept++] = texts[i];
    return kept;
}

int link_texts_missing(struct db *db, int64_t organization_id, struct link_text *texts, size_t *count,
                       struct arena *arena, struct err *err) {
    size_t all = take_off_twins(texts, *count), kept = 0;
    int64_t *hashes = arena_alloc_array(arena, all, sizeof(*hashes));
    bool *stored = arena_alloc_array(arena, all, sizeof(*stored));
    struct db_rows *rows;
    *count = all;
    if (all == 0) return 0;
    for (size_t i = 0; i < all; i++)
        hashes[i] = texts[i].link.hash;
    int r = db_query(db, &select_stored, DB_VALUES(db_int(organization_id), db_list(arena, hashes, all)), &rows, err);
    if (r < 0) return r;
    while ((r = db_next(rows, err)) > 0) {
        const struct link_text key = {.link = {db_column_int(rows, 0), db_column_int(rows, 1)},
                                      .text_hash = db_column_int(rows, 2)};
        const struct link_text *found = bsearch(&key, texts, all, sizeof(*texts), compare);
        if (found) stored[found - texts] = true;
    }
    db_rows_free(rows);
    if (r < 0) return r;
    for (size_t i = 0; i < all; i++)
        if (!stored[i]) texts[kept++] = texts[i];
    *count = kept;
    return 0;
}

int link_texts_insert(struct db *db, int64_t organization_id, const struct link_text *texts, size_t count, int64_t now,
                      struct err *err) {
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++)
        r = db_run(db, &insert,
                   DB_VALUES(db_int(organization_id), db_int(texts[i].link.hash), db_int(texts[i].link.check),
                             db_int(texts[i].text_hash), db_text(texts[i].text), db_int(now)),
                   NULL, err);
    return r;
}
