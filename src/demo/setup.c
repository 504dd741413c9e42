#include "demo/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "demo/data.h"
#include "store/db.h"
#include "store/notifications.h"
#include "store/organizations.h"
#include "store/references.h"
#include "store/store.h"
#include "store/users.h"

#include "base/banned.h"

#define OPEN_FILES_MAX    16
#define DEMO_MANAGER_JOBS 2

int demo_place_make(struct demo_place *place, struct err *err) {
    const char *parent = getenv("TMPDIR");
    if (!parent || !*parent) parent = "/tmp";
    int len = snprintf(place->directory, sizeof(place->directory), "%s/inkling-demo-XXXXXX", parent);
    if (len < 0 || (size_t)len >= sizeof(place->directory) || !mkdtemp(place->directory)) {
        place->directory[0] = '\0';
        return err_set(err, ERR_UNAVAILABLE, "no directory can be made in %s: set TMPDIR to one that can be written to",
                       parent);
    }
    snprintf(place->certificates, sizeof(place->certificates), "%s/sns-certificates", place->directory);
    snprintf(place->log, sizeof(place->log), "%s/service.log", place->directory);
    snprintf(place->database, sizeof(place->database), "sqlite:%s/inkling.db", place->directory);
    if (mkdir(place->certificates, 0700) < 0)
        return err_set(err, ERR_UNAVAILABLE, "%s cannot be made: %s", place->certificates, strerror(errno));
    return 0;
}

int demo_place_pin(const struct demo_place *place, const char *name, struct slice pem, struct err *err) {
    char path[2 * DEMO_PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", place->certificates, name);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool written = file >= 0 && write(file, pem.ptr, pem.len) == (ssize_t)pem.len;
    if (file >= 0 && close(file) < 0) written = false;
    return written ? 0 : err_set(err, ERR_UNAVAILABLE, "%s cannot be written: %s", path, strerror(errno));
}

/* ---- the database ---- */

/* Someone who signs in with the demo's password. */
static int insert_person(struct db *db, struct user *user, const char *password_hashed, int64_t now, struct err *err) {
    user->disabled_at = TIME_UNSET;
    return user_insert(db, user, password_hashed, now, err);
}

/* She hears of all candidates, so that whoever watches sees what the live traffic brings. */
static int insert_admin(struct db *db, const struct demo_place *place, const char *password_hashed, int64_t now,
                        struct err *err) {
    struct user user = {.organization_id = place->organization_id,
                        .email = SLICE(DEMO_ADMIN_EMAIL),
                        .name = SLICE(DEMO_ADMIN_NAME),
                        .external_id = slice_cstr(demo_senders[0].id), /* she sends emails too */
                        .role = USER_ADMIN};
    struct notification_preferences preferences = notification_preferences_default(USER_ADMIN);
    preferences.scope = NOTIFY_TEAM;
    int result = insert_person(db, &user, password_hashed, now, err);
    if (result < 0) return result;
    return notification_preferences_save(db, place->organization_id, user.id, &preferences, now, err);
}

static int insert_recruiter(struct db *db, const struct demo_place *place, const char *password_hashed, int64_t now,
                            struct err *err) {
    const struct demo_sender *sender = &demo_senders[DEMO_RECRUITER];
    struct user user = {.organization_id = place->organization_id,
                        .email = slice_cstr(sender->email),
                        .name = slice_cstr(sender->name),
                        .external_id = slice_cstr(sender->id),
                        .role = USER_RECRUITER};
    return insert_person(db, &user, password_hashed, now, err);
}

static int insert_manager(struct db *db, const struct demo_place *place, const char *password_hashed, int64_t now,
                          struct err *err) {
    struct user user = {.organization_id = place->organization_id,
                        .email = SLICE(DEMO_MANAGER_EMAIL),
                        .name = SLICE(DEMO_MANAGER_NAME),
                        .role = USER_HIRING_MANAGER};
    int64_t jobs[DEMO_MANAGER_JOBS];
    int result = insert_person(db, &user, password_hashed, now, err);
    for (int i = 0; i < DEMO_MANAGER_JOBS && result == 0; i++)
        result = reference_upsert(db, REFERENCE_JOBS, place->organization_id, slice_cstr(demo_jobs[i].id),
                                  slice_cstr(demo_jobs[i].title), now, &jobs[i], err);
    return result < 0 ? result : user_jobs_set(db, place->organization_id, user.id, jobs, DEMO_MANAGER_JOBS, err);
}

static int insert_all(struct db *db, struct demo_place *place, const char *password_hashed, int64_t now,
                      struct err *err) {
    struct organization organization;
    struct api_key key = {.name = SLICE("demo"), .role = KEY_ADMIN, .expires_at = TIME_UNSET};
    unsigned char hash[API_KEY_HASH_SIZE];
    organization_init(&organization);
    organization.name = SLICE(DEMO_ORGANIZATION);
    organization.time_zone = SLICE(DEMO_TIME_ZONE);
    int result = organization_insert(db, &organization, now, err);
    if (result < 0) return result;
    key.organization_id = place->organization_id = organization.id;
    result = insert_admin(db, place, password_hashed, now, err);
    if (result == 0) result = insert_recruiter(db, place, password_hashed, now, err);
    if (result == 0) result = insert_manager(db, place, password_hashed, now, err);
    if (result < 0) return result;
    api_key_make(organization.id, place->api_key, &key.prefix, hash);
    return api_key_insert(db, &key, hash, now, err);
}

int demo_place_fill(struct demo_place *place, int64_t now, struct err *err) {
    const struct store_options options = {
        .url = place->database, .readers_max = 1, .sqlite_cache_bytes = (int64_t)16 << 20};
    char hashed[PASSWORD_HASH_MAX];
    struct store *store = NULL;
    struct db *db = NULL;
    password_make(place->password);
    int result = password_hash(slice_cstr(place->password), hashed, err);
    if (result == 0) result = store_open(&options, &store, err);
    if (result == 0) result = store_writer(store, &db, err);
    if (result == 0) result = db_begin(db, DB_WRITE, err);
    if (result == 0) result = insert_all(db, place, hashed, now, err);
    if (result == 0) result = db_commit(db, err);
    if (db) {
        db_rollback(db);
        store_writer_close(store, db);
    }
    store_close(store);
    return result;
}

/* ---- removal ---- */

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place) {
    return remove(path);
}

int demo_place_remove(struct demo_place *place, struct err *err) {
    if (!place->directory[0]) return 0;
    if (nftw(place->directory, remove_entry, OPEN_FILES_MAX, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0)
        return err_set(err, ERR_UNAVAILABLE, "%s cannot be removed: %s", place->directory, strerror(errno));
    place->directory[0] = '\0';
    return 0;
}
