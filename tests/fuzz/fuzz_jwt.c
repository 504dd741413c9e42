/* Tokens and key sets of an identity provider: the input is a token, a line feed, and a key set. What is accepted was
 * signed by a key of the set, so a token with one character changed is not. */
#include <stdlib.h>

#include "account/jwt.h"
#include "account/oidc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int verify(struct json_reader *json, struct arena *arena, struct slice token, struct slice keys,
                  struct slice *ret_payload) {
    struct err err = {0};
    int result = jwt_verify(json, token, jwt_keep_padded(arena, keys), arena, ret_payload, &err);
    if (result != 0 && (result != -(int)err.code || !err.text[0])) abort();
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice rest = slice_of((const char *)data, size), token = SLICE_NONE, payload;
    if (size == 0 || !slice_split_next(&rest, '\n', &token)) return 0;
    struct json_reader *json = json_reader_new();
    struct arena *arena = arena_new();
    if (verify(json, arena, token, rest, &payload) == 0) {
        struct slice other = arena_copy(arena, token);
        ((char *)(uintptr_t)other.ptr)[0] ^= 1;
        struct slice ignored;
        if (verify(json, arena, other, rest, &ignored) == 0) abort();
    }
    /* The second part is looked at as what a provider says of itself, and as a token's payload. */
    struct json_value root;
    struct oidc_provider provider;
    struct oidc_identity identity;
    enum user_role role;
    if (json_parse(json, jwt_keep_padded(arena, rest), &root, NULL) == 0) {
        if (oidc_read_provider(root, SLICE("https://id.example.org"), arena, &provider, NULL) == 0 &&
            slice_empty(provider.jwks_uri))
            abort();
        if (oidc_read_identity(root, SLICE("https://id.example.org"), SLICE("us"), SLICE("n"), 1764000000000, arena,
                               &identity, NULL) == 0 &&
            (slice_empty(identity.subject) || identity.subject.len > OIDC_SUBJECT_MAX))
            abort();
        (void)oidc_role(root, SLICE("groups"), slice_first(token, 100), &role);
    }
    arena_free(arena);
    json_reader_free(json);
    return 0;
}
