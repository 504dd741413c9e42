/* Answers that are always the same but for one field. An event thread keeps a few responses of each kind, whose fields
 * are set already: a request takes one for itself, sets what differs, and gives it back when it is over. libmicrohttpd
 * allocates three times for each field of a response, and formats a date for each that has none; so both are done once
 * a second instead of once a request. */
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "http/request.h"

#include "base/banned.h"

/* Beyond these a request puts its response together as for any other answer. */
#define SPARE_MAX 64

static struct answer_header *copy_headers(const struct http_fixed_header *headers, struct arena *arena) {
    struct answer_header *first = NULL, **last = &first;
    for (; headers != NULL && headers->name != NULL; headers++) {
        *last = arena_alloc(arena, sizeof(**last));
        (*last)->name = arena_cstr(arena, slice_cstr(headers->name));
        (*last)->value = arena_cstr(arena, slice_cstr(headers->value));
        last = &(*last)->next;
    }
    return first;
}

struct http_prepared *http_prepared_new(int status, const char *content_type, struct slice body,
                                        const struct http_fixed_header *headers) {
    struct arena *arena = arena_new();
    struct http_prepared *prepared = arena_alloc(arena, sizeof(*prepared));
    *prepared = (struct http_prepared){.arena = arena,
                                       .status = status,
                                       .content_type =
                                           content_type != NULL ? arena_cstr(arena, slice_cstr(content_type)) : NULL,
                                       .body = arena_copy(arena, body),
                                       .headers = copy_headers(headers, arena)};
    return prepared;
}

struct http_prepared *http_prepared_free(struct http_prepared *prepared) {
    if (prepared != NULL) arena_free(prepared->arena);
    return NULL;
}

/* RFC 9110 section 5.6.7; the program keeps the C locale. */
static void keep_date(struct http_loop *loop, time_t now) {
    struct tm utc;
    if (loop->date_second == now && loop->date[0] != '\0') return;
    loop->date_second = now;
    gmtime_r(&now, &utc);
    strftime(loop->date, sizeof(loop->date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
}

static void remove_header(struct MHD_Response *response, const char *name) {
    const char *value = MHD_get_response_header(response, name);
    if (value != NULL) MHD_del_response_header(response, name, value);
}

static void set_varying(struct prepared_response *response, const struct answer_header *varying) {
    if (response->varying != NULL) remove_header(response->mhd, response->varying);
    if (varying->name != NULL) MHD_add_response_header(response->mhd, varying->name, varying->value);
    response->varying = varying->name;
}

static void set_date(struct prepared_response *response, struct http_loop *loop) {
    time_t now = time(NULL);
    if (response->second == now) return;
    keep_date(loop, now);
    remove_header(response->mhd, "Date");
    MHD_add_response_header(response->mhd, "Date", loop->date);
    response->second = now;
}

static struct prepared_kind *kind_of(struct http_loop *loop, const struct http_prepared *prepared) {
    for (size_t i = 0; i < PREPARED_KINDS_MAX; i++) {
        struct prepared_kind *kind = &loop->prepared[i];
        if (kind->prepared == NULL) kind->prepared = prepared;
        if (kind->prepared == prepared) return kind;
    }
    return NULL;
}

static struct prepared_response *response_new(struct prepared_kind *kind) {
    const struct http_prepared *prepared = kind->prepared;
    struct http_answer answer = {.content_type = prepared->content_type, .body = prepared->body, .prepared = prepared};
    struct MHD_Response *mhd = answer_response(&answer);
    if (mhd == NULL) return NULL;
    struct prepared_response *response = memory_alloc(sizeof(*response));
    *response = (struct prepared_response){.kind = kind, .mhd = mhd};
    return response;
}

static void response_free(struct prepared_response *response) {
    MHD_destroy_response(response->mhd);
    free(response);
}

struct prepared_response *prepared_take(struct http_loop *loop, const struct http_answer *answer) {
    struct prepared_kind *kind = kind_of(loop, answer->prepared);
    struct prepared_response *response = kind != NULL ? kind->spare : NULL;
    if (response != NULL) {
        kind->spare = response->next;
        kind->spare_count--;
    } else if (kind == NULL || (response = response_new(kind)) == NULL) {
        return NULL;
    }
    set_date(response, loop);
    if (response->varying != NULL || answer->varying.name != NULL) set_varying(response, &answer->varying);
    return response;
}

/* libmicrohttpd lets go of its own reference before this thread comes to another request. */
void prepared_give(struct prepared_response *response) {
    struct prepared_kind *kind = response->kind;
    if (kind->spare_count == SPARE_MAX) {
        response_free(response);
        return;
    }
    response->next = kind->spare;
    kind->spare = response;
    kind->spare_count++;
}

void prepared_free_spare(struct http_loop *loop) {
    for (size_t i = 0; i < PREPARED_KINDS_MAX; i++) {
        struct prepared_kind *kind = &loop->prepared[i];
        while (kind->spare != NULL) {
            struct prepared_response *response = kind->spare;
            kind->spare = response->next;
            response_free(response);
        }
    }
}
