#include "demo/webhooks.h"

#include <stdio.h>

#include "base/clock.h"
#include "providers/sns.h"

#include "base/banned.h"

#define TOPIC_ARN "arn:aws:sns:eu-central-1:123456789012:northwind-email-events"

const char *demo_certificate_name(void) {
    return strrchr(SNS_COMPOSED_CERT_URL, '/') + 1;
}

/* ---- endpoints ---- */

/* The answer's url names the service as the outside knows it; we stay on the address that we have. */
static int take_answer(struct demo_outbox *outbox, const json_t *answer, struct err *err) {
    const json_t *id = json_object_get(answer, "id");
    const char *url = json_string_value(json_object_get(answer, "url"));
    const char *path = url ? strstr(url, "/webhooks/") : NULL;
    int64_t number = json_integer_value(id);
    if (json_is_string(id) && !slice_parse_i64(slice_cstr(json_string_value(id)), &number)) number = 0;
    if (!path || strlen(path) >= sizeof(outbox->path) || number <= 0)
        return err_set(err, ERR_INTERNAL, "the service answered a new endpoint without its id and url");
    memcpy(outbox->path, path, strlen(path) + 1);
    outbox->endpoint_id = number;
    return 0;
}

static int create_endpoint(const struct demo_api *api, struct demo_outbox *outbox, const char *name, const char *secret,
                           struct err *err) {
    json_t *answer = NULL;
    json_t *body = json_pack("{s:s, s:s}", "provider", outbox->provider->name, "name", name);
    if (secret) json_object_set_new(body, "secrets", json_pack("[s]", secret));
    if (outbox->provider->topics_required) json_object_set_new(body, "topic_arns", json_pack("[s]", TOPIC_ARN));
    int result = demo_api_call(api, "/api/v1/endpoints", body, &answer, err);
    if (result == 0) result = take_answer(outbox, answer, err);
    json_decref(answer);
    return result;
}

int demo_webhooks_create(struct demo_webhooks *webhooks, const struct demo_api *api, const struct demo_keys *keys,
                         struct err *err) {
    const struct {
        const char *provider, *title, *name, *secret;
        struct slice signing;
    } rows[DEMO_PROVIDER_COUNT] = {
        [DEMO_SENDGRID] = {"sendgrid", "SendGrid", "SendGrid, marketing and invitations", keys->sendgrid_public.ptr,
                           strbuf_slice(&keys->sendgrid_private)},
        [DEMO_SES] = {"ses", "SES", "Amazon SES, automatic letters", NULL, strbuf_slice(&keys->sns_private)},
        [DEMO_GENERIC] = {"generic", "own mail", "Northwind's own mail server and mailbox", keys->generic_secret.ptr,
                          strbuf_slice(&keys->generic_secret)},
    };
    webhooks->api = api;
    webhooks->keys = keys;
    for (size_t i = 0; i < DEMO_PROVIDER_COUNT; i++) {
        struct demo_outbox *outbox = &webhooks->outboxes[i];
        *outbox = (struct demo_outbox){.provider = provider_find(slice_cstr(rows[i].provider)),
                                       .title = rows[i].title,
                                       .signing = rows[i].signing};
        int result = create_endpoint(api, outbox, rows[i].name, rows[i].secret, err);
        if (result < 0) return result;
    }
    return 0;
}

/* ---- deliveries ---- */

bool demo_webhooks_add(struct demo_webhooks *webhooks, const struct demo_prospect *prospect) {
    struct demo_outbox *outbox = &webhooks->outboxes[prospect->happening.provider];
    if (outbox->count == DEMO_OUTBOX_MAX) return false;
    outbox->waiting[outbox->count++] = *prospect;
    return true;
}

static void remove_first(struct demo_outbox *outbox, size_t count) {
    outbox->count -= count;
    memmove(outbox->waiting, outbox->waiting + count, outbox->count * sizeof(outbox->waiting[0]));
}

static bool comes_back(int status) {
    return status == 429 || status >= 500;
}

int demo_webhooks_send(struct demo_webhooks *webhooks, enum demo_provider number, struct demo_world *world,
                       enum demo_manner manner, struct demo_delivery *ret, struct err *err) {
    static const struct slice topic = {TOPIC_ARN, sizeof(TOPIC_ARN) - 1};
    struct demo_outbox *outbox = &webhooks->outboxes[number];
    const struct provider *provider = outbox->provider;
    struct provider_endpoint endpoint = {.provider = provider, .topic_arns = &topic, .topic_arn_count = 1};
    struct composed_delivery composed;
    struct event events[DEMO_OUTBOX_MAX];
    struct arena *arena = arena_new();
    *ret = (struct demo_delivery){
        .count = outbox->count < provider->events_per_delivery ? outbox->count : provider->events_per_delivery};
    for (size_t i = 0; i < ret->count; i++) {
        ret->sent[i] = outbox->waiting[i];
        events[i] = demo_event(world, &ret->sent[i].email, &ret->sent[i].happening, arena);
    }
    struct slice signing = manner == DEMO_FORGED ? strbuf_slice(&webhooks->keys->stranger_private) : outbox->signing;
    int result = provider->compose(&endpoint, events, ret->count, signing, clock_now(), arena, &composed, err);
    if (result == 0) result = demo_api_deliver(webhooks->api, outbox->path, &composed, &ret->status, err);
    if (result == 0 && manner == DEMO_TWICE)
        result = demo_api_deliver(webhooks->api, outbox->path, &composed, &ret->status_again, err);
    if (result == 0 && manner != DEMO_FORGED && !comes_back(ret->status)) remove_first(outbox, ret->count);
    arena_free(arena);
    return result;
}
