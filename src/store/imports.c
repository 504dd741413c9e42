#include "store/imports.h"

#include "store/rows.h"

#include "base/banned.h"

static const struct statement select_one = {"import",
                                            "SELECT records, refused_bytes, totals, started_at, updated_at, "
                                            "finished_at FROM imports WHERE organization_id = $1 "
                                            "AND file_hash = $2 AND file_size = $3 AND format = $4",
                                            NULL};
static const struct statement upsert = {
    "import progress",
    "INSERT INTO imports (organization_id, file_hash, file_size, format, records, refused_bytes, totals, started_at, "
    "updated_at, finished_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (organization_id, "
    "file_hash, "
    "file_size, format) DO UPDATE SET records = excluded.records, refused_bytes = excluded.refused_bytes, "
    "totals = excluded.totals, started_at = excluded.started_at, updated_at = excluded.updated_at, "
    "finished_at = excluded.finished_at",
    NULL};

int import_load(struct db *db, const struct import_key *key, struct arena *arena, struct import_row *ret,
                struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(
        db, &select_one,
        DB_VALUES(db_int(key->organization_id), db_int(key->file_hash), db_int(key->file_size), db_text(key->format)),
        &rows, err);
    if (found <= 0) return found;
    *ret = (struct import_row){
        .records = db_column_int(rows, 0),
        .refused_bytes = db_column_int(rows, 1),
        .totals = row_text(rows, 2, arena),
        .started_at = db_column_int(rows, 3),
        .updated_at = db_column_int(rows, 4),
        .finished_at = row_time(rows, 5),
    };
    db_rows_free(rows);
    return 1;
}

int import_save(struct db *db, const struct import_key *key, const struct import_row *row, struct err *err) {
    return db_run(db, &upsert,
                  DB_VALUES(db_int(key->organization_id), db_int(key->file_hash), db_int(key->file_size),
                            db_text(key->format), db_int(row->records), db_int(row->refused_bytes),
                            db_text(row->totals), db_int(row->started_at), db_int(row->updated_at),
                            db_time(row->finished_at)),
                  NULL, err);
}
