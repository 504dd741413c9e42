#include "http/exchanges.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/memory.h"
#include "http/exchange.h"

#include "base/banned.h"

struct slot {
    bool used, ended; /* ended: it was told of, and is cleaned up at the next call */
    struct exchange exchange;
    struct http_client_options options;
    struct arena *arena; /* body */
    struct strbuf answer;
    size_t tag;
};

struct http_exchanges {
    CURLM *multi;
    struct slot *slots;
    size_t max, running;
    atomic_bool woken;
};

struct http_exchanges *http_exchanges_new(size_t max) {
    struct http_exchanges *exchanges = memory_alloc(sizeof(*exchanges));
    exchanges->multi = curl_multi_init();
    if (!exchanges->multi) memory_exhausted();
    curl_multi_setopt(exchanges->multi, CURLMOPT_MAXCONNECTS, (long)max);
    exchanges->slots = memory_alloc_array(max, sizeof(*exchanges->slots));
    exchanges->max = max;
    return exchanges;
}

static void clear(struct http_exchanges *exchanges, struct slot *slot) {
    if (slot->exchange.curl && !slot->ended) curl_multi_remove_handle(exchanges->multi, slot->exchange.curl);
    exchange_release(&slot->exchange);
    strbuf_release(&slot->answer);
    arena_free(slot->arena);
    *slot = (struct slot){0};
}

struct http_exchanges *http_exchanges_free(struct http_exchanges *exchanges) {
    if (!exchanges) return NULL;
    for (size_t i = 0; i < exchanges->max; i++)
        if (exchanges->slots[i].used) clear(exchanges, &exchanges->slots[i]);
    curl_multi_cleanup(exchanges->multi);
    free(exchanges->slots);
    free(exchanges);
    return NULL;
}

size_t http_exchanges_running(const struct http_exchanges *exchanges) {
    return exchanges->running;
}

static void clear_ended(struct http_exchanges *exchanges) {
    for (size_t i = 0; i < exchanges->max; i++)
        if (exchanges->slots[i].used && exchanges->slots[i].ended) clear(exchanges, &exchanges->slots[i]);
}

static struct slot *free_slot(struct http_exchanges *exchanges) {
    for (size_t i = 0; i < exchanges->max; i++)
        if (!exchanges->slots[i].used) return &exchanges->slots[i];
    return NULL;
}

int http_exchanges_post(struct http_exchanges *exchanges, const struct http_client_options *options, const char *url,
                        const char *content_type, struct slice body, const struct http_client_header *headers,
                        size_t header_count, size_t tag, struct err *err) {
    clear_ended(exchanges);
    struct slot *slot = free_slot(exchanges);
    if (!slot) return err_set(err, ERR_FULL, "too many exchanges are under way");
    *slot = (struct slot){.used = true, .options = *options, .arena = arena_new(), .tag = tag};
    strbuf_init(&slot->answer, HTTP_EXCHANGE_ANSWER_MAX);
    slot->exchange = (struct exchange){.options = &slot->options, .answer = &slot->answer, .forget = true};
    int r =
        exchange_prepare(&slot->exchange, url, content_type, arena_copy(slot->arena, body), headers, header_count, err);
    if (r == 0 && curl_multi_add_handle(exchanges->multi, slot->exchange.curl) != CURLM_OK)
        r = err_set(err, ERR_UNAVAILABLE, "libcurl takes no more exchanges");
    if (r != 0) {
        slot->ended = true; /* libcurl does not have it */
        clear(exchanges, slot);
        return r;
    }
    exchanges->running++;
    return 0;
}

static void finish(struct http_exchanges *exchanges, struct slot *slot, CURLcode code, struct http_exchange_end *ret) {
    curl_off_t retry_after = 0, duration = 0;
    *ret = (struct http_exchange_end){.tag = slot->tag};
    ret->result = exchange_result(&slot->exchange, code, &ret->status, &ret->err);
    curl_easy_getinfo(slot->exchange.curl, CURLINFO_RETRY_AFTER, &retry_after);
    curl_easy_getinfo(slot->exchange.curl, CURLINFO_TOTAL_TIME_T, &duration);
    ret->answer = strbuf_slice(&slot->answer);
    ret->retry_after_s = retry_after;
    ret->duration_us = duration;
    curl_multi_remove_handle(exchanges->multi, slot->exchange.curl);
    slot->ended = true;
    exchanges->running--;
}

static size_t take_ends(struct http_exchanges *exchanges, struct http_exchange_end *ret, size_t max) {
    size_t count = 0;
    int left;
    CURLMsg *message;
    while (count < max && (message = curl_multi_info_read(exchanges->multi, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        CURL *curl = message->easy_handle;
        CURLcode code = message->data.result; /* the message goes with the handle */
        for (size_t i = 0; i < exchanges->max; i++) {
            struct slot *slot = &exchanges->slots[i];
            if (!slot->used || slot->ended || slot->exchange.curl != curl) continue;
            finish(exchanges, slot, code, &ret[count++]);
            break;
        }
    }
    return count;
}

size_t http_exchanges_wait(struct http_exchanges *exchanges, int timeout_ms, struct http_exchange_end *ret,
                           size_t max) {
    int64_t until = clock_monotonic_us() + timeout_ms * 1000LL, left = 0;
    clear_ended(exchanges);
    for (;;) {
        int running;
        curl_multi_perform(exchanges->multi, &running);
        size_t count = take_ends(exchanges, ret, max);
        left = until - clock_monotonic_us();
        if (count > 0 || left <= 0 || atomic_exchange(&exchanges->woken, false)) return count;
        curl_multi_poll(exchanges->multi, NULL, 0, (int)(left / 1000) + 1, NULL); /* sockets, curl's timers, wake */
    }
}

void http_exchanges_wake(struct http_exchanges *exchanges) {
    atomic_store(&exchanges->woken, true);
    curl_multi_wakeup(exchanges->multi);
}
