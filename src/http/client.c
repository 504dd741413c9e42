#include "http/client.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cidr.h"
#include "build_config.h"
#include "http/exchange.h"

#include "base/banned.h"

#define TIMEOUT_DEFAULT_MS 10000
#define ANSWER_HEAD_MAX    (64 * 1024)
#define FORGET_MAX         (256 * 1024)

void http_client_global_init(void) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) BUG("libcurl cannot be initialised");
}

void http_client_global_cleanup(void) {
    curl_global_cleanup();
}

/* libcurl asks here for a socket to the very address it is about to connect to, so nothing can be resolved anew
 * between check and use (compliance C-95). */
static curl_socket_t open_socket(void *exchange_, curlsocktype purpose, struct curl_sockaddr *to) {
    struct exchange *exchange = exchange_;
    struct address address;
    bool known = address_from_sockaddr(&to->addr, &address);
    if (!exchange->options->allow_internal && (!known || address_is_internal(address))) {
        exchange->refused_address = true;
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *exchange_) {
    struct exchange *exchange = exchange_;
    struct strbuf *answer = exchange->answer;
    size_t len = size * count;
    exchange->body_bytes += len;
    if (!exchange->forget) {
        if (strbuf_add(answer, bytes, len) == 0) return len;
    } else {
        size_t room = answer->max - answer->len;
        strbuf_add(answer, bytes, len < room ? len : room);
        if (exchange->body_bytes <= FORGET_MAX) return len;
    }
    exchange->body_too_large = true;
    return 0;
}

/* libcurl keeps all header fields, however many come. */
static size_t take_head(char *bytes, size_t size, size_t count, void *exchange_) {
    struct exchange *exchange = exchange_;
    exchange->head_bytes += size * count;
    if (exchange->head_bytes <= ANSWER_HEAD_MAX) return size * count;
    exchange->head_too_large = true;
    return 0;
}

static bool has_line_break(struct slice text) {
    return slice_find_char(text, '\r') >= 0 || slice_find_char(text, '\n') >= 0 || slice_find_char(text, '\0') >= 0;
}

static int add_header(struct curl_slist **list, const char *name, struct slice value, struct err *err) {
    struct strbuf line;
    int result = 0;
    strbuf_init(&line, 16 * 1024);
    if (has_line_break(value) || has_line_break(slice_cstr(name))) {
        result = err_set(err, ERR_INVALID, "the value of header %s holds a line break", name);
        goto out;
    }
    /* "Name;" is libcurl's way to write a header without a value. */
    if (slice_empty(value))
        strbuf_printf(&line, "%s;", name);
    else
        strbuf_printf(&line, "%s: %.*s", name, SLICE_FMT(value));
    struct curl_slist *longer = line.overflow ? NULL : curl_slist_append(*list, line.ptr);
    if (longer == NULL) {
        result = err_set(err, ERR_INVALID, "header %s is too long", name);
        goto out;
    }
    *list = longer;
out:
    strbuf_release(&line);
    return result;
}

int http_client_check_url(const struct http_client_options *options, const char *url, struct err *err) {
    CURLU *parts = curl_url();
    char *scheme = NULL, *user = NULL, *host = NULL;
    struct address address;
    int result = 0;
    if (parts == NULL || curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
        result = err_set(err, ERR_DENIED, "the address is no absolute URL");
        goto out;
    }
    bool https = strcmp(scheme, "https") == 0;
    if (!https && !(options->allow_internal && strcmp(scheme, "http") == 0)) {
        result = err_set(err, ERR_DENIED, "only https addresses are used, not %s", scheme);
        goto out;
    }
    if (curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_OK)
        result = err_set(err, ERR_DENIED, "an address with a user name in it is not used");
    else if (!options->allow_internal && address_parse(slice_cstr(host), &address) && address_is_internal(address))
        result = err_set(err, ERR_DENIED, "an address of an internal network is not connected to");
out:
    curl_free(scheme);
    curl_free(user);
    curl_free(host);
    curl_url_cleanup(parts);
    return result;
}

static void configure(struct exchange *exchange, const char *url, struct slice body, bool post) {
    const struct http_client_options *options = exchange->options;
    CURL *curl = exchange->curl;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, options->allow_internal ? "http,https" : "https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* the environment's would connect where nothing was checked */
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                     options->timeout_ms > 0 ? (long)options->timeout_ms : TIMEOUT_DEFAULT_MS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "inkling/" INKLING_VERSION);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, exchange->headers);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, exchange);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
    if (post) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.ptr != NULL ? body.ptr : "");
    }
}

int exchange_result(const struct exchange *exchange, CURLcode code, int *ret_status, struct err *err) {
    bool answered = exchange->forget && exchange->body_too_large; /* the status is all that is asked for */
    long status = 0;
    if (code == CURLE_OK || answered) {
        curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &status);
        *ret_status = (int)status;
        return 0;
    }
    if (exchange->body_too_large)
        return err_set(err, ERR_TOO_LARGE, "the answer is larger than %zu bytes", exchange->answer->max);
    if (exchange->head_too_large)
        return err_set(err, ERR_TOO_LARGE, "the answer's header is larger than %d bytes", ANSWER_HEAD_MAX);
    if (exchange->refused_address)
        return err_set(err, ERR_DENIED, "the host has an address of an internal network, which is not connected to");
    return err_set(err, ERR_UNAVAILABLE, "the exchange failed: %s", curl_easy_strerror(code));
}

void exchange_release(struct exchange *exchange) {
    curl_easy_cleanup(exchange->curl);
    curl_slist_free_all(exchange->headers);
    exchange->curl = NULL;
    exchange->headers = NULL;
}

int exchange_prepare(struct exchange *exchange, const char *url, const char *content_type, struct slice body,
                     const struct http_client_header *headers, size_t header_count, struct err *err) {
    bool post = content_type != NULL || body.len > 0;
    int result = http_client_check_url(exchange->options, url, err);
    if (result == 0 && post)
        result = add_header(&exchange->headers, "Content-Type",
                            content_type != NULL ? slice_cstr(content_type) : SLICE("application/octet-stream"), err);
    for (size_t i = 0; i < header_count && result == 0; i++)
        result = add_header(&exchange->headers, headers[i].name, headers[i].value, err);
    if (result != 0) return result;
    exchange->curl = curl_easy_init();
    if (exchange->curl == NULL) return err_set(err, ERR_UNAVAILABLE, "libcurl has no memory left");
    configure(exchange, url, body, post);
    return 0;
}

int http_client_send(const struct http_client_options *options, const char *url, const char *content_type,
                     struct slice body, const struct http_client_header *headers, size_t header_count, int *ret_status,
                     struct strbuf *ret_body, struct err *err) {
    struct exchange exchange = {.options = options, .answer = ret_body};
    size_t len_before = ret_body->len;
    int result = exchange_prepare(&exchange, url, content_type, body, headers, header_count, err);
    if (result == 0) result = exchange_result(&exchange, curl_easy_perform(exchange.curl), ret_status, err);
    if (result != 0 && ret_body->len > len_before) {
        ret_body->len = len_before;
        ret_body->ptr[len_before] = '\0';
    }
    exchange_release(&exchange);
    return result;
}
