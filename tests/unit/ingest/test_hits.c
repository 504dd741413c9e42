/* hits.c: many threads add at once, and each hit is on disk once, counted once, and answered once when somebody waits;
 * what is beyond the bound is dropped and counted. What becomes of hits in the database: tests/integration/tracking. */
#include "ingest/hits.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "store/organizations.h"
#include "tests/unit/store/store_contract.h"

#include "base/banned.h"

#define THREADS     6
#define EACH        3000
#define EVERY       100 /* of these, somebody waits for one */
#define PATIENCE_MS 60000

struct service {
    struct metrics metrics;
    char directory[64];
    struct writer *writer;
    struct hits *hits;
    atomic_int answered, failed;
};

static void begin(struct service *service, struct fixture *fixture, size_t queue_max) {
    static const unsigned char hash_key[HASH_KEY_SIZE] = {5};
    struct organization organization;
    organization_init(&organization);
    organization.name = SLICE("one");
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(organization_insert(fixture->db, &organization, clock_now(), err));
    assert_done(db_commit(fixture->db, err));
    assert_int_equal(organization.id, 1);
    *service = (struct service){.directory = "/tmp/inkling-hits-XXXXXX"};
    assert_non_null(mkdtemp(service->directory));
    struct writer_options writer_options = {.store = fixture->store,
                                            .threads = 1,
                                            .queue_events_max = 100000,
                                            .queue_jobs_max = 100,
                                            .group_events_max = 5000,
                                            .metrics = &service->metrics};
    assert_done(writer_start(&writer_options, &service->writer, err));
    struct hits_options options = {.directory = service->directory,
                                   .journal_bytes_max = 1UL << 30,
                                   .queue_max = queue_max,
                                   .writer = service->writer,
                                   .hash_key = hash_key,
                                   .metrics = &service->metrics};
    assert_done(hits_start(&options, &service->hits, err));
}

static void end(struct service *service) {
    char path[400];
    hits_free(service->hits);
    writer_free(service->writer);
    DIR *folder = opendir(service->directory);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof(path), "%s/%s", service->directory, entry->d_name);
        unlink(path);
    }
    closedir(folder);
    assert_int_equal(rmdir(service->directory), 0);
}

static void done(void *service_, int result) {
    struct service *service = service_;
    atomic_fetch_add(&service->answered, 1);
    if (result != 0) atomic_fetch_add(&service->failed, 1);
}

/* Texts of any length, so that hits end anywhere in a chunk. */
static struct hit hit_number(int number) {
    static const char text[EVENT_URL_MAX_BYTES];
    return (struct hit){
        .kind = HIT_CLICK,
        .occurred_at = 1764000000000LL + number,
        .organization_id = 1,
        .email_log_id = number + 1,
        .url = slice_of(text, (size_t)number * 31 % (number % 50 == 0 ? EVENT_URL_MAX_BYTES : 200)),
        .agent = slice_of(text, (size_t)number * 17 % 300),
    };
}

static void *add_many(void *service_) {
    struct service *service = service_;
    for (int i = 0; i < EACH; i++) {
        struct hit hit = hit_number(i);
        if (i % EVERY == 0)
            hits_add_acknowledged(service->hits, &hit, done, service);
        else
            hits_add(service->hits, &hit);
    }
    return NULL;
}

static bool settled(struct service *service) {
    int64_t end_us = clock_monotonic_us() + PATIENCE_MS * 1000LL;
    while (metric_get(&service->metrics, METRIC_HITS_WAITING) != 0 && clock_monotonic_us() < end_us)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return metric_get(&service->metrics, METRIC_HITS_WAITING) == 0;
}

static void every_hit_is_kept_once(void **state) {
    struct service service;
    pthread_t threads[THREADS];
    begin(&service, fixture_of(state), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, &service), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_true(settled(&service));
    hits_stop(service.hits);
    assert_int_equal(metric_get(&service.metrics, METRIC_HITS), THREADS * EACH);
    assert_int_equal(metric_get(&service.metrics, METRIC_HIT_SECONDS), THREADS * EACH);
    assert_int_equal(metric_get(&service.metrics, METRIC_HITS_DROPPED), 0);
    assert_int_equal(metric_get(&service.metrics, METRIC_HITS_REFUSED), 0);
    assert_int_equal(atomic_load(&service.answered), THREADS * EACH / EVERY);
    assert_int_equal(atomic_load(&service.failed), 0);
    end(&service);
}

/* Who waits is not turned away by the bound. */
static void what_is_beyond_the_bound_is_counted(void **state) {
    struct service service;
    int added = 0;
    begin(&service, fixture_of(state), 100);
    for (; metric_get(&service.metrics, METRIC_HITS_DROPPED) < 50; added++) {
        struct hit hit = hit_number(added);
        hits_add(service.hits, &hit);
    }
    struct hit change = {.kind = HIT_CONSENT, .organization_id = 1, .email_log_id = 1, .level = TRACKING_NONE};
    hits_add_acknowledged(service.hits, &change, done, &service);
    assert_true(settled(&service));
    hits_stop(service.hits);
    assert_int_equal(metric_get(&service.metrics, METRIC_HITS_DROPPED), 50);
    assert_int_equal(metric_get(&service.metrics, METRIC_HITS), added - 50 + 1);
    assert_int_equal(atomic_load(&service.answered), 1);
    assert_int_equal(atomic_load(&service.failed), 0);
    end(&service);
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(every_hit_is_kept_once),
        contract_test(what_is_beyond_the_bound_is_counted),
    };
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
