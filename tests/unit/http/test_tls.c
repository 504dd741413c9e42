#include "http/server.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "http/client.h"
#include "http/raw_client.h"

struct files {
    char directory[64];
    char certificate[96], key[96], other_key[96];
};

static void say_hello(struct http_request *request) {
    http_answer(request, 200, "text/plain", SLICE("hello"));
}

static const struct http_route routes[] = {{HTTP_GET, "/", say_hello, 0, 0, NULL}, {0}};

static void write_key(const char *path, EVP_PKEY *key) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
}

static void write_certificate(const char *path, EVP_PKEY *key) {
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    fclose(file);
    X509_free(certificate);
}

static int set_up(void **state) {
    static struct files files;
    EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
    snprintf(files.directory, sizeof(files.directory), "/tmp/inkling-tls-XXXXXX");
    assert_non_null(mkdtemp(files.directory));
    snprintf(files.certificate, sizeof(files.certificate), "%s/certificate.pem", files.directory);
    snprintf(files.key, sizeof(files.key), "%s/key.pem", files.directory);
    snprintf(files.other_key, sizeof(files.other_key), "%s/other.pem", files.directory);
    write_certificate(files.certificate, key);
    write_key(files.key, key);
    write_key(files.other_key, other);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    http_client_global_init();
    *state = &files;
    return 0;
}

static int tear_down(void **state) {
    struct files *files = *state;
    unlink(files->certificate);
    unlink(files->key);
    unlink(files->other_key);
    rmdir(files->directory);
    http_client_global_cleanup();
    return 0;
}

static int start(const char *certificate, const char *key, struct http_server **ret, struct err *err) {
    struct http_server_options options = {
        .listen = "127.0.0.1:0",
        .event_threads = 2,
        .idle_timeout_s = 30,
        .tls_certificate_file = certificate,
        .tls_key_file = key,
    };
    return http_server_start(&options, routes, ret, err);
}

/* The answer's length, or -1 when no connection of at most that version comes about. */
static int get(int port, int version_max, char *answer, int size) {
    struct raw *raw = raw_open(port);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(context, version_max);
    SSL_CTX_set_security_level(context, 0);
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, raw->fd);
    int len = -1;
    if (SSL_connect(ssl) == 1) {
        static const char request[] = "GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
        assert_int_equal(SSL_write(ssl, request, sizeof(request) - 1), sizeof(request) - 1);
        int got;
        for (len = 0; len < size && (got = SSL_read(ssl, answer + len, size - len)) > 0; len += got)
            ;
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    raw_close(raw);
    return len;
}

static void test_speaks_tls(void **state) {
    struct files *files = *state;
    struct http_server *server = NULL;
    struct err err;
    char answer[2048];
    assert_int_equal(start(files->certificate, files->key, &server, &err), 0);
    int port = http_server_port(server);
    int len = get(port, TLS1_3_VERSION, answer, sizeof(answer));
    assert_true(len > 5);
    assert_memory_equal(answer, "HTTP/1.1 200", 12);
    assert_memory_equal(answer + len - 5, "hello", 5);
    assert_true(get(port, TLS1_2_VERSION, answer, sizeof(answer)) > 5);
    assert_int_equal(get(port, TLS1_1_VERSION, answer, sizeof(answer)), -1);
    http_server_stop(server, 1000);
    http_server_free(server);
}

static void test_client_checks_the_certificate(void **state) {
    struct files *files = *state;
    struct http_server *server = NULL;
    struct err err;
    struct strbuf body;
    char url[64];
    int status = 0;
    const struct http_client_options options = {.allow_internal = true};
    assert_int_equal(start(files->certificate, files->key, &server, &err), 0);
    snprintf(url, sizeof(url), "https://localhost:%d/", http_server_port(server));
    strbuf_init(&body, 1000);
    assert_int_equal(http_client_send(&options, url, NULL, SLICE_NONE, NULL, 0, &status, &body, &err),
                     -ERR_UNAVAILABLE);
    strbuf_release(&body);
    http_server_free(server);
}

static void test_unusable_files(void **state) {
    struct files *files = *state;
    struct http_server *server = NULL;
    struct err err;
    assert_int_equal(start(files->certificate, NULL, &server, &err), -ERR_INVALID);
    assert_int_equal(start("/nonexistent/certificate.pem", files->key, &server, &err), -ERR_INVALID);
    assert_non_null(strstr(err.text, "/nonexistent/certificate.pem"));
    assert_int_equal(start(files->key, files->key, &server, &err), -ERR_INVALID);
    assert_int_equal(start(files->certificate, files->other_key, &server, &err), -ERR_INVALID);
    assert_null(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_speaks_tls),
        cmocka_unit_test(test_client_checks_the_certificate),
        cmocka_unit_test(test_unusable_files),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
