/* endpoints: the configured webhooks, as stored. Secrets and credentials are sealed above (ingest/secret_box.h); lists
 * are JSON text. */
#ifndef INKLING_STORE_ENDPOINTS_H
#define INKLING_STORE_ENDPOINTS_H

#include "base/arena.h"
#include "base/err.h"
#include "model/counters.h"

struct db;

#define ENDPOINT_NAME_MAX    100
#define ENDPOINT_TOKEN_CHARS 32  /* 160 bits: unguessable (compliance C-98) */
#define ENDPOINTS_MAX        500 /* in force, in one organization */
#define TOLERANCE_DEFAULT    (-1)

struct endpoint_row {
    int64_t organization_id, id;
    struct slice token, provider, name;
    struct slice secrets;     /* sealed JSON array of texts; NULL ptr: none */
    struct slice credentials; /* sealed JSON array of {"username", "password"}; NULL ptr: none */
    struct slice topic_arns;  /* JSON array of texts */
    bool require_signature;
    struct slice allowed_cidrs; /* JSON array of texts */
    int64_t rate_limit;
    int64_t timestamp_tolerance_s; /* TOLERANCE_DEFAULT: the provider's */
    bool allow_sns_version_1, auto_confirm;
    struct slice pending_confirmation; /* JSON {kind, topic, confirm_url, received_at}; NULL ptr: none */
    int64_t confirmed_at, created_at, updated_at, disabled_at; /* TIME_UNSET: never */
};

MUST_USE int endpoint_row_load(struct db *db, int64_t organization_id, int64_t id, struct arena *arena,
                               struct endpoint_row *ret, struct err *err);
/* Disabled ones too; by id, at most `limit` after `after_id`. */
MUST_USE int endpoint_rows_list(struct db *db, int64_t organization_id, int64_t after_id, size_t limit,
                                struct arena *arena, struct endpoint_row **ret, size_t *ret_count, struct err *err);
/* All of all organizations that are in force. */
MUST_USE int endpoint_rows_active(struct db *db, struct arena *arena, struct endpoint_row **ret, size_t *ret_count,
                                  struct err *err);

/* Is there any sealed secret in the database? */
MUST_USE int endpoint_rows_any_sealed(struct db *db, bool *ret, struct err *err);

/* In the caller's write transaction, and raising the settings version, so all below. Sets id and times.
 * ERR_TOO_LARGE: the organization has ENDPOINTS_MAX. */
MUST_USE int endpoint_row_insert(struct db *db, struct endpoint_row *row, int64_t now, struct err *err);
/* Everything but token, provider, confirmation and the times is stored. */
MUST_USE int endpoint_row_update(struct db *db, const struct endpoint_row *row, int64_t now, struct err *err);
/* ERR_NOT_FOUND when there is none in force. */
MUST_USE int endpoint_row_disable(struct db *db, int64_t organization_id, int64_t id, int64_t now, struct err *err);
/* What a provider asked for (JSON), to be confirmed. */
MUST_USE int endpoint_row_ask(struct db *db, int64_t organization_id, int64_t id, struct slice pending,
                              struct err *err);
MUST_USE int endpoint_row_confirmed(struct db *db, int64_t organization_id, int64_t id, int64_t now, struct err *err);

#endif
