#include "demo/api.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/strbuf.h"
#include "http/client.h"

#include "base/banned.h"

#define ANSWER_MAX ((size_t)4 << 20)
#define TIMEOUT_MS 10000

static const struct http_client_options client_options = {.allow_internal = true, .timeout_ms = TIMEOUT_MS};

static int full_url(const struct demo_api *api, const char *path, char url[2 * DEMO_URL_MAX], struct err *err) {
    int len = snprintf(url, 2 * DEMO_URL_MAX, "%s%s", api->base, path);
    if (len < 0 || len >= 2 * DEMO_URL_MAX) return err_set(err, ERR_INVALID, "an address of the demo is too long");
    return 0;
}

/* RFC 9457. */
static int problem(const char *path, int status, const json_t *answer, struct err *err) {
    const char *detail = json_string_value(json_object_get(answer, "detail"));
    enum err_code code = status == 429 || status >= 500 ? ERR_UNAVAILABLE : ERR_INVALID;
    return err_set(err, code, "%s answered %d: %s", path, status, detail ? detail : "no reason given");
}

int demo_api_call(const struct demo_api *api, const char *path, json_t *body, json_t **ret_answer, struct err *err) {
    char url[2 * DEMO_URL_MAX], bearer[200];
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct strbuf answer_text;
    json_t *answer = NULL;
    int status = 0;
    strbuf_init(&answer_text, ANSWER_MAX);
    int len = snprintf(bearer, sizeof(bearer), "Bearer %s", api->key);
    int result = full_url(api, path, url, err);
    if (result == 0 && (len < 0 || (size_t)len >= sizeof(bearer) || (body && !text)))
        result = err_set(err, ERR_INTERNAL, "a request of the demo cannot be written");
    if (result < 0) goto out;
    const struct http_client_header header = {"Authorization", slice_cstr(bearer)};
    result = http_client_send(&client_options, url, body ? "application/json" : NULL, slice_cstr(text), &header, 1,
                              &status, &answer_text, err);
    if (result < 0) goto out;
    answer = json_loadb(answer_text.ptr, answer_text.len, JSON_ALLOW_NUL, NULL);
    if (status < 200 || status > 299) result = problem(path, status, answer, err);
    if (result == 0 && ret_answer) {
        *ret_answer = answer;
        answer = NULL;
    }
out:
    json_decref(answer);
    json_decref(body);
    free(text);
    strbuf_release(&answer_text);
    return result;
}

int demo_api_deliver(const struct demo_api *api, const char *path, const struct composed_delivery *delivery,
                     int *ret_status, struct err *err) {
    struct http_client_header headers[sizeof(delivery->headers) / sizeof(delivery->headers[0])];
    char url[2 * DEMO_URL_MAX];
    struct strbuf answer;
    for (size_t i = 0; i < delivery->header_count; i++)
        headers[i] = (struct http_client_header){delivery->headers[i].name, delivery->headers[i].value};
    strbuf_init(&answer, ANSWER_MAX);
    int result = full_url(api, path, url, err);
    if (result == 0)
        result = http_client_send(&client_options, url, delivery->content_type, delivery->body, headers,
                                  delivery->header_count, ret_status, &answer, err);
    strbuf_release(&answer);
    return result;
}

bool demo_api_ready(const struct demo_api *api) {
    char url[2 * DEMO_URL_MAX];
    struct strbuf answer;
    int status = 0;
    strbuf_init(&answer, ANSWER_MAX);
    int result = full_url(api, "/readyz", url, NULL);
    if (result == 0) result = http_client_send(&client_options, url, NULL, SLICE_NONE, NULL, 0, &status, &answer, NULL);
    strbuf_release(&answer);
    return result == 0 && status == 200;
}
