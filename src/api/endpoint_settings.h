/* endpoint_settings: checking what an admin says about an endpoint, and sealing its secrets. The same for the API and
 * the command line. */
#ifndef INKLING_API_ENDPOINT_SETTINGS_H
#define INKLING_API_ENDPOINT_SETTINGS_H

#include "api/table.h"
#include "ingest/endpoints.h"
#include "ingest/secret_box.h"
#include "store/endpoints.h"

#define ENDPOINT_SECRETS_MAX     10
#define ENDPOINT_SECRET_MAX      4096 /* bytes */
#define ENDPOINT_CREDENTIALS_MAX 10
#define ENDPOINT_CREDENTIAL_MAX  256 /* bytes each of user name and password */
#define ENDPOINT_HEADER_MAX      64
#define ENDPOINT_TOPICS_MAX      20
#define ENDPOINT_TOPIC_MAX       256
#define ENDPOINT_CIDRS_MAX       100
#define ENDPOINT_TOLERANCE_MAX_S (7 * 86400)
#define ENDPOINT_RATE_MAX        10000000

struct text_list {
    bool given; /* false: as it is */
    const struct slice *items;
    size_t count;
};

/* What is to be set; what is not given stays as it is. */
struct endpoint_change {
    struct slice name; /* NULL ptr: not given */
    struct text_list secrets;
    struct text_list add_secrets; /* beside those there are: rotation with overlap */
    struct {
        bool given;
        const struct endpoint_credential *items;
        size_t count;
    } credentials;
    struct text_list topic_arns, allowed_cidrs;
    bool has_require_signature, require_signature;
    bool has_rate_limit;
    int64_t rate_limit;
    bool has_tolerance;
    int64_t tolerance_s; /* TOLERANCE_DEFAULT: the provider's */
    bool has_allow_sns_version_1, allow_sns_version_1;
    bool has_auto_confirm, auto_confirm;
};

/* A new endpoint of the provider named, with a new token and the defaults; strings in `arena`. ERR_INVALID. */
MUST_USE int endpoint_settings_new(int64_t organization_id, struct slice provider, struct arena *arena,
                                   struct endpoint_row *ret, struct err *err);
/* Checks and takes the change into the row. ERR_INVALID with a sentence that helps. */
MUST_USE int endpoint_settings_apply(struct endpoint_row *row, const struct endpoint_change *change,
                                     const struct secret_box *box, struct arena *arena, struct err *err);
/* What is sealed in a row, opened, and its topics, in `arena`. */
struct endpoint_opened {
    const struct slice *secrets;
    size_t secret_count;
    const struct endpoint_credential *credentials;
    size_t credential_count;
    const struct slice *topics;
    size_t topic_count;
};
/* ERR_CONFLICT when the secret key is another than the one that sealed them. */
MUST_USE int endpoint_settings_open(const struct endpoint_row *row, const struct secret_box *box, struct arena *arena,
                                    struct endpoint_opened *ret, struct err *err);
/* As the API shows it: no secret. `public_url`: see app_public_url. */
void endpoint_settings_write(struct api_table *row_out, const struct endpoint_row *row, const struct secret_box *box,
                             const char *public_url);

#endif
