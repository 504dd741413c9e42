/* search: candidates, emails, campaigns, templates and jobs by what somebody types (store/search.h). */
#include "api/resources.h"

#include "store/search.h"

#include "base/banned.h"

#define TEXT_MAX_BYTES 200
#define LIMIT_DEFAULT  5
#define LIMIT_MAX      20

enum { FOUND_CANDIDATES, FOUND_EMAILS, FOUND_CAMPAIGNS, FOUND_TEMPLATES, FOUND_JOBS, FOUND_KINDS };

struct result {
    struct found *rows;
    size_t count;
};

static int search_all(struct api_call *call, struct slice text, size_t limit, struct result *ret, struct err *err) {
    static const struct {
        int of;
        enum searched_kind kind;
    } things[] = {{FOUND_CAMPAIGNS, SEARCH_CAMPAIGNS}, {FOUND_TEMPLATES, SEARCH_TEMPLATES}, {FOUND_JOBS, SEARCH_JOBS}};
    struct db *db = call->db;
    int64_t organization_id = call->organization_id, jobs_of = call->jobs_of;
    int result = search_candidates(db, organization_id, jobs_of, text, limit, call->arena, &ret[FOUND_CANDIDATES].rows,
                                   &ret[FOUND_CANDIDATES].count, err);
    if (result == 0)
        result = search_emails(db, organization_id, jobs_of, text, limit, call->arena, &ret[FOUND_EMAILS].rows,
                               &ret[FOUND_EMAILS].count, err);
    for (size_t i = 0; i < sizeof(things) / sizeof(things[0]) && result == 0; i++)
        result = search_things(db, organization_id, jobs_of, things[i].kind, text, limit, call->arena,
                               &ret[things[i].of].rows, &ret[things[i].of].count, err);
    return result;
}

static void write_found(struct api_table *object, int kind, const struct found *found) {
    if (kind == FOUND_EMAILS) {
        api_table_int(object, "id", found->id);
        api_table_text(object, "subject", found->name);
        api_table_time(object, "sent_at", found->at);
        api_table_text(object, "candidate_name", found->detail);
        return;
    }
    api_table_text(object, "id", found->external_id);
    api_table_text(object, kind == FOUND_JOBS ? "title" : "name", found->name);
    if (kind == FOUND_CANDIDATES) api_table_text(object, "title", found->detail);
}

int search_show(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {"q", "limit", NULL};
    static const char *const names[FOUND_KINDS] = {"candidates", "emails", "campaigns", "templates", "jobs"};
    struct result results[FOUND_KINDS] = {{NULL, 0}};
    struct slice text = slice_trim(http_query(call->request, SLICE("q")));
    int64_t limit;
    int result = api_known_parameters(call, parameters, err);
    if (result == 0) result = api_limit(call, LIMIT_DEFAULT, LIMIT_MAX, &limit, err);
    if (result != 0) return result;
    if (slice_empty(text) || text.len > TEXT_MAX_BYTES)
        return err_set(err, ERR_INVALID, "q must have 1 to %d bytes", TEXT_MAX_BYTES);
    result = db_begin(call->db, DB_READ, err);
    if (result != 0) return result;
    result = search_all(call, text, (size_t)limit, results, err);
    db_rollback(call->db);
    if (result != 0) return result;
    struct api_table *object = api_object_begin(call);
    for (int kind = 0; kind < FOUND_KINDS; kind++) {
        api_table_array(object, names[kind]);
        for (size_t i = 0; i < results[kind].count; i++) {
            api_table_object(object, NULL);
            write_found(object, kind, &results[kind].rows[i]);
            api_table_close(object);
        }
        api_table_close(object);
    }
    api_object_end(call, 200);
    return 0;
}
