/* endpoint_support: stored endpoints of the generic provider, with secrets that a box of their own has sealed. */
#ifndef INKLING_TESTS_INGEST_ENDPOINT_SUPPORT_H
#define INKLING_TESTS_INGEST_ENDPOINT_SUPPORT_H

#include "ingest/secret_box.h"
#include "store/endpoints.h"
#include "tests/unit/store/store_contract.h"

#define SECRET_ONE "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define SECRET_TWO "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const struct secret_box box = {.key = {1, 2, 3}};

static inline struct slice seal(struct arena *arena, const char *json) {
    struct strbuf sealed;
    strbuf_init(&sealed, 10000);
    assert_int_equal(secret_box_seal(&box, slice_cstr(json), &sealed), 0);
    struct slice copy = arena_copy(arena, strbuf_slice(&sealed));
    strbuf_release(&sealed);
    return copy;
}

/* Not stored yet. `secrets`: a JSON array; NULL: none. */
static inline struct endpoint_row row_with(struct arena *arena, const char *token, const char *secrets) {
    return (struct endpoint_row){
        .organization_id = 1,
        .token = slice_cstr(token),
        .provider = SLICE("generic"),
        .name = SLICE("test"),
        .secrets = secrets ? seal(arena, secrets) : SLICE_NONE,
        .topic_arns = SLICE("[]"),
        .require_signature = true,
        .allowed_cidrs = SLICE("[]"),
        .timestamp_tolerance_s = TOLERANCE_DEFAULT,
    };
}

#endif
