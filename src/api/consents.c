/* consents: who said what may be recorded of them. How an answer is given: candidates.c, tracking_pages.c. */
#include "api/resources.h"
#include "store/candidates.h"

#include "base/banned.h"

#define LIST       "consents"
#define SEARCH_MAX 200

static void write_answer(struct api_table *row, const struct candidate_answer *answer) {
    const struct candidate_view *candidate = &answer->candidate;
    char ref[CANDIDATE_REF_MAX];
    api_table_text(row, "candidate_id", candidate->external_id);
    api_table_text(row, "candidate_ref", candidate_ref(candidate->id, ref));
    api_table_text(row, "name", candidate->name);
    api_table_text(row, "email", candidate->email);
    api_table_text(row, "tracking", slice_cstr(tracking_level_name(candidate->tracking)));
    api_table_text(row, "channel", answer->channel);
    api_table_time(row, "answered_at", answer->answered_at);
}

int consents_list(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {"limit", "cursor", "search", NULL};
    struct slice search = slice_trim(http_query(call->request, SLICE("search")));
    struct candidate_answer *answers;
    int64_t limit, before = INT64_MAX;
    size_t count;
    bool present;
    int r = api_known_parameters(call, parameters, err);
    if (r == 0) r = api_limit(call, 50, 500, &limit, err);
    if (r == 0) r = api_cursor_read(call, LIST, &before, 1, &present, err);
    if (r == 0 && search.len > SEARCH_MAX) r = err_set(err, ERR_INVALID, "search has at most %d bytes", SEARCH_MAX);
    if (r == 0)
        r = candidates_answers(call->db, call->organization_id, search, before, (size_t)limit + 1, call->arena,
                               &answers, &count, err);
    if (r != 0) return r;
    bool more = count > (size_t)limit;
    struct api_table *table = api_table_begin(call, LIST);
    for (size_t i = 0; i < count - more; i++) {
        api_table_row(table);
        write_answer(table, &answers[i]);
    }
    api_table_end(call, more ? api_cursor_make(call, LIST, &answers[count - 2].candidate.id, 1) : NULL);
    return 0;
}
