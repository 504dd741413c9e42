/* fault_driver: a connection on which the n-th call of its driver fails. Every other call goes through to the real
 * driver. For tests that fail each call in turn:
 *
 *     struct fault_driver faults;
 *     fault_install(&faults, db);
 *     for (int64_t n = 1;; n++) {
 *         fault_arm(&faults, n, ERR_UNAVAILABLE);
 *         … do it …
 *         if (!faults.hit) break;   // more calls than it makes
 *     }
 *     fault_remove(&faults, db);
 */
#ifndef INKLING_TESTS_STORE_FAULT_DRIVER_H
#define INKLING_TESTS_STORE_FAULT_DRIVER_H

#include "store/driver.h"

struct fault_driver {
    struct db_driver driver; /* first: the connection's driver is this one */
    const struct db_driver *real;
    int64_t calls_left; /* until the one that fails; 0: none fails any more */
    enum err_code code;
    bool hit;
};

static inline void fault_arm(struct fault_driver *faults, int64_t call, enum err_code code) {
    faults->calls_left = call;
    faults->code = code;
    faults->hit = false;
}

/* 0, or the failure whose turn it is. */
static inline int fault_next(const struct db *db, struct err *err) {
    struct fault_driver *faults = (struct fault_driver *)(uintptr_t)db->driver;
    if (faults->calls_left == 0 || --faults->calls_left > 0) return 0;
    faults->hit = true;
    return err_set(err, faults->code, "failed on purpose");
}

static inline const struct db_driver *fault_real(const struct db *db) {
    return ((const struct fault_driver *)(const void *)db->driver)->real;
}

/* A slot that fails in its turn: its name, its parameters, and the same as arguments. */
#define FAULT_SLOT(slot, parameters, arguments)                                                                        \
    static inline int fault_##slot parameters {                                                                        \
        int rc = fault_next(db, err);                                                                                  \
        return rc < 0 ? rc : fault_real(db)->slot arguments;                                                           \
    }

FAULT_SLOT(begin, (struct db * db, enum db_mode mode, struct err *err), (db, mode, err))
FAULT_SLOT(commit, (struct db * db, struct err *err), (db, err))
FAULT_SLOT(run,
           (struct db * db, const struct statement *statement, const struct db_value *values, size_t count,
            int64_t *ret_changes, struct err *err),
           (db, statement, values, count, ret_changes, err))
FAULT_SLOT(query,
           (struct db * db, const struct statement *statement, const struct db_value *values, size_t count,
            struct db_rows **ret, struct err *err),
           (db, statement, values, count, ret, err))
FAULT_SLOT(script, (struct db * db, struct slice sql, struct err *err), (db, sql, err))
FAULT_SLOT(find_emails, (struct db * db, struct email_lookup *lookups, size_t count, struct err *err),
           (db, lookups, count, err))
FAULT_SLOT(lock_stats, (struct db * db, struct email_stats *stats, size_t count, struct err *err),
           (db, stats, count, err))
FAULT_SLOT(dictionary,
           (struct db * db, enum dictionary dictionary, struct dictionary_row *rows, size_t count, struct err *err),
           (db, dictionary, rows, count, err))
FAULT_SLOT(insert_events, (struct db * db, struct event_row *rows, size_t count, struct err *err),
           (db, rows, count, err))
FAULT_SLOT(load_links, (struct db * db, struct link_row *rows, size_t count, struct err *err), (db, rows, count, err))
FAULT_SLOT(save_links, (struct db * db, const struct link_row *rows, size_t count, struct err *err),
           (db, rows, count, err))
FAULT_SLOT(save_stats, (struct db * db, const struct email_stats *const *stats, size_t count, struct err *err),
           (db, stats, count, err))
FAULT_SLOT(append_deltas,
           (struct db * db, const struct cohort_delta *cohorts, size_t cohort_count,
            const struct breakdown_delta *breakdowns, size_t breakdown_count, struct err *err),
           (db, cohorts, cohort_count, breakdowns, breakdown_count, err))
FAULT_SLOT(fold, (struct db * db, size_t limit, int64_t *ret_folded, struct err *err), (db, limit, ret_folded, err))
FAULT_SLOT(registration_lock, (struct db * db, int64_t organization_id, enum registration_side side, struct err *err),
           (db, organization_id, side, err))
FAULT_SLOT(insert_orphans, (struct db * db, struct orphan_row *rows, size_t count, struct err *err),
           (db, rows, count, err))
FAULT_SLOT(claim_fingerprints, (struct db * db, struct fingerprint_row *rows, size_t count, struct err *err),
           (db, rows, count, err))
FAULT_SLOT(insert_emails, (struct db * db, struct email_row *rows, size_t count, struct err *err),
           (db, rows, count, err))
FAULT_SLOT(save_scores, (struct db * db, const struct score_row *rows, size_t count, struct err *err),
           (db, rows, count, err))
FAULT_SLOT(event_keys,
           (struct db * db, int64_t organization_id, int64_t email_log_id, size_t limit, struct arena *arena,
            struct event_key **ret, size_t *ret_count, struct err *err),
           (db, organization_id, email_log_id, limit, arena, ret, ret_count, err))
#undef FAULT_SLOT

static inline int fault_next_row(struct db_rows *rows, struct err *err) {
    int rc = fault_next(rows->db, err);
    return rc < 0 ? rc : fault_real(rows->db)->next(rows, err);
}

static inline void fault_install(struct fault_driver *faults, struct db *db) {
    *faults = (struct fault_driver){.driver = *db->driver, .real = db->driver};
    struct db_driver *driver = &faults->driver;
    driver->begin = fault_begin;
    driver->commit = fault_commit;
    driver->run = fault_run;
    driver->query = fault_query;
    driver->next = fault_next_row;
    driver->script = fault_script;
    driver->find_emails = fault_find_emails;
    driver->lock_stats = fault_lock_stats;
    driver->dictionary = fault_dictionary;
    driver->insert_events = fault_insert_events;
    driver->load_links = fault_load_links;
    driver->save_links = fault_save_links;
    driver->save_stats = fault_save_stats;
    driver->append_deltas = fault_append_deltas;
    driver->fold = fault_fold;
    driver->registration_lock = fault_registration_lock;
    driver->insert_orphans = fault_insert_orphans;
    driver->claim_fingerprints = fault_claim_fingerprints;
    driver->insert_emails = fault_insert_emails;
    driver->save_scores = fault_save_scores;
    driver->event_keys = fault_event_keys;
    db->driver = driver;
}

static inline void fault_remove(struct fault_driver *faults, struct db *db) {
    db->driver = faults->real;
}

#endif
