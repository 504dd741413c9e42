/* The bulk verb that stores scores: a statement for each table. */
#include "store/postgres.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/memory.h"

#include "base/banned.h"

static const struct statement save = {
    .name = "save scores",
    .sql = "INSERT INTO candidate_scores (organization_id, candidate_id, score, next_look_at, recency, replied)"
           " SELECT u.o, u.c, u.s, u.n, u.r, u.a FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[],"
           " $5::bigint[], $6::bigint[]) AS u(o, c, s, n, r, a) ON CONFLICT (organization_id, candidate_id)"
           " DO UPDATE SET score = excluded.score, next_look_at = excluded.next_look_at, recency = excluded.recency,"
           " replied = excluded.replied",
};
static const struct statement save_jobs = {
    .name = "save scores of jobs",
    .sql = "UPDATE candidate_jobs j SET score = u.s FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])"
           " AS u(o, c, s) WHERE j.organization_id = u.o AND j.candidate_id = u.c",
};
static const struct statement save_days = {
    .name = "save scores of days",
    .sql = "INSERT INTO candidate_score_days (organization_id, candidate_id, score, day, former)"
           " SELECT u.o, u.c, u.s, u.d, u.f FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[],"
           " $5::bigint[]) AS u(o, c, s, d, f) ON CONFLICT (organization_id, candidate_id, day)"
           " DO UPDATE SET score = excluded.score",
};

static void add_keys(struct postgres_params *params, const struct postgres_structs *structs) {
    postgres_params_clear(params);
    postgres_params_bigints(params, structs, offsetof(struct score_row, organization_id));
    postgres_params_bigints(params, structs, offsetof(struct score_row, candidate_id));
    postgres_params_bigints(params, structs, offsetof(struct score_row, score));
}

int postgres_save_scores(struct db *base, const struct score_row *rows, size_t count, struct err *err) {
    struct postgres_db *db = (struct postgres_db *)base;
    const struct score_row **changed = memory_alloc_array(count, sizeof(*changed));
    struct postgres_structs structs = {.pointers = (const void *const *)changed};
    for (size_t i = 0; i < count; i++)
        if (rows[i].score != rows[i].former) changed[structs.count++] = &rows[i];
    add_keys(&db->params, POSTGRES_STRUCTS(rows, count));
    postgres_params_bigints_or_null(&db->params, POSTGRES_STRUCTS(rows, count),
                                    offsetof(struct score_row, next_look_at), TIME_UNSET);
    postgres_params_bigints(&db->params, POSTGRES_STRUCTS(rows, count), offsetof(struct score_row, recency));
    postgres_params_bigints(&db->params, POSTGRES_STRUCTS(rows, count), offsetof(struct score_row, replied));
    int r = postgres_execute_params(db, &save, NULL, err);
    if (r < 0 || structs.count == 0) goto out;
    add_keys(&db->params, &structs);
    r = postgres_execute_params(db, &save_jobs, NULL, err);
    if (r < 0) goto out;
    add_keys(&db->params, &structs);
    postgres_params_bigints(&db->params, &structs, offsetof(struct score_row, day));
    postgres_params_bigints(&db->params, &structs, offsetof(struct score_row, former));
    r = postgres_execute_params(db, &save_days, NULL, err);
out:
    free(changed);
    return r;
}
