#include "tracking/siv.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

#include "base/banned.h"

#define LEN_MAX 600 /* more than what is made of the key stream at once */
#define THREADS 24  /* more than there are sets of contexts */

static const unsigned char associated[] = {7, 8};

/* OpenSSL's own AES-256-SIV. */
static void reference_seal(const unsigned char *key, const unsigned char *plain, size_t len, unsigned char *tag,
                           unsigned char *out) {
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-SIV", NULL);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int written;
    assert_int_equal(EVP_EncryptInit_ex2(context, cipher, key, NULL, NULL), 1);
    assert_int_equal(EVP_EncryptUpdate(context, NULL, &written, associated, sizeof(associated)), 1);
    assert_int_equal(EVP_EncryptUpdate(context, out, &written, plain, (int)len), 1);
    assert_int_equal(EVP_EncryptFinal_ex(context, out + written, &written), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, SIV_TAG_BYTES, tag), 1);
    EVP_CIPHER_CTX_free(context);
    EVP_CIPHER_free(cipher);
}

static void it_is_openssls_aes_siv(void **state) {
    unsigned char key[SIV_KEY_BYTES], plain[LEN_MAX], tag[2][SIV_TAG_BYTES], sealed[2][LEN_MAX], opened[LEN_MAX];
    for (size_t len = 1; len < LEN_MAX; len++) {
        random_bytes(key, sizeof(key));
        random_bytes(plain, sizeof(plain));
        struct siv *siv = siv_new(key, associated, sizeof(associated));
        for (int i = 0; i < 2; i++) { /* contexts serve more than once */
            siv_seal(siv, plain, len, tag[0], sealed[0]);
            reference_seal(key, plain, len, tag[1], sealed[1]);
            assert_memory_equal(tag[0], tag[1], SIV_TAG_BYTES);
            assert_memory_equal(sealed[0], sealed[1], len);
            assert_true(siv_open(siv, tag[1], sealed[1], len, opened));
            assert_memory_equal(opened, plain, len);
        }
        siv_free(siv);
    }
}

static void what_was_changed_is_not_opened(void **state) {
    static const unsigned char key[SIV_KEY_BYTES] = {1}, nothing[40], plain[40] = {2};
    unsigned char tag[SIV_TAG_BYTES], sealed[40], opened[40];
    struct siv *siv = siv_new(key, associated, 2), *other = siv_new(key, associated, 1);
    siv_seal(siv, plain, sizeof(plain), tag, sealed);
    assert_false(siv_open(other, tag, sealed, sizeof(sealed), opened));
    assert_memory_equal(opened, nothing, sizeof(opened));
    for (size_t bit = 0; bit < 8 * SIV_TAG_BYTES; bit++) {
        tag[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_false(siv_open(siv, tag, sealed, sizeof(sealed), opened));
        tag[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sizeof(sealed); bit++) {
        sealed[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_false(siv_open(siv, tag, sealed, sizeof(sealed), opened));
        assert_memory_equal(opened, nothing, sizeof(opened));
        sealed[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    assert_false(siv_open(siv, tag, sealed, sizeof(sealed) - 1, opened));
    assert_true(siv_open(siv, tag, sealed, sizeof(sealed), opened));
    siv_free(siv);
    siv_free(other);
}

struct worker {
    pthread_t thread;
    struct siv *siv;
    unsigned char number;
    int wrong;
};

static void *seal_and_open(void *worker_) {
    struct worker *worker = worker_;
    unsigned char plain[60], tag[SIV_TAG_BYTES], sealed[60], opened[60];
    for (int i = 0; i < 2000; i++) {
        memset(plain, worker->number + i, sizeof(plain));
        siv_seal(worker->siv, plain, sizeof(plain), tag, sealed);
        if (!siv_open(worker->siv, tag, sealed, sizeof(sealed), opened) || memcmp(opened, plain, sizeof(plain)) != 0)
            worker->wrong++;
    }
    return NULL;
}

static void threads_share_it(void **state) {
    static const unsigned char key[SIV_KEY_BYTES] = {3};
    struct siv *siv = siv_new(key, associated, sizeof(associated));
    struct worker workers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.siv = siv, .number = (unsigned char)(i * 10)};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, seal_and_open, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].wrong, 0);
    }
    siv_free(siv);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_openssls_aes_siv),
        cmocka_unit_test(what_was_changed_is_not_opened),
        cmocka_unit_test(threads_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
