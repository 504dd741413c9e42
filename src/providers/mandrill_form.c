#include "providers/mandrill.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/form.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "providers/hmac.h"
#include "providers/reading.h"
#include "providers/text.h"

#include "base/banned.h"

#define MAC_BYTES         20 /* HMAC-SHA1 */
#define STAND_IN_URL      "https://inkling.example/webhooks/email/composed"
#define CONTENT_TYPE_FORM "application/x-www-form-urlencoded"

static const char signature_header[] = "X-Mandrill-Signature";
static const struct slice events_field = {"mandrill_events", 15};

struct provider_secret {
    size_t len;
    unsigned char key[HMAC_KEY_MAX_BYTES];
};

int mandrill_secret_parse(struct slice text, struct provider_secret **ret, struct err *err) {
    struct slice key = slice_trim(text);
    if (slice_equal(key, SLICE("test-webhook")))
        return err_set(err, ERR_INVALID, "this is the key of Mandrill's probe: give the webhook's own key");
    if (key.len < HMAC_KEY_MIN_BYTES || key.len > HMAC_KEY_MAX_BYTES)
        return err_set(err, ERR_INVALID, "a webhook key has %d to %d characters: copy it from Settings, Webhooks",
                       HMAC_KEY_MIN_BYTES, HMAC_KEY_MAX_BYTES);
    struct provider_secret *secret = memory_alloc(sizeof(*secret));
    memcpy(secret->key, key.ptr, key.len);
    secret->len = key.len;
    *ret = secret;
    return 0;
}

void mandrill_secret_free(struct provider_secret *secret) {
    if (secret) sodium_memzero(secret, sizeof(*secret));
    free(secret);
}

/* ---- the form ---- */

struct form {
    struct form_field *fields;
    size_t count;
};

static int read_form(const struct delivery *delivery, struct arena *arena, struct form *ret, struct err *err) {
    struct slice content_type = delivery->header(delivery, SLICE("Content-Type"));
    int result = form_parse(content_type, delivery->body, arena, &ret->fields, &ret->count, err);
    if (result < 0) return result;
    if (form_find(ret->fields, ret->count, events_field)) return 0;
    return err_set(err, ERR_UNREADABLE, "the form has no field %.*s", SLICE_FMT(events_field));
}

static int compare_fields(const void *a, const void *b) {
    const struct form_field *first = a, *second = b;
    return slice_compare(first->name, second->name);
}

/* What is signed: the address, then name and value of each field in the order of the names, nothing between them. */
static void write_signed(struct strbuf *out, struct slice url, struct form *form) {
    qsort(form->fields, form->count, sizeof(form->fields[0]), compare_fields);
    strbuf_add_slice(out, url);
    for (size_t i = 0; i < form->count; i++) {
        strbuf_add_slice(out, form->fields[i].name);
        strbuf_add_slice(out, form->fields[i].value);
    }
}

static void mac_of(struct slice key, struct slice text, unsigned char out[MAC_BYTES]) {
    unsigned int len = MAC_BYTES;
    if (!HMAC(EVP_sha1(), key.ptr, (int)key.len, (const unsigned char *)text.ptr, text.len, out, &len))
        BUG("HMAC-SHA1 cannot fail");
}

/* ---- verify ---- */

static int check_signature(const struct provider_endpoint *endpoint, const struct delivery *delivery, struct form *form,
                           struct slice sent_text, struct err *err) {
    unsigned char sent[MAC_BYTES], ours[MAC_BYTES];
    struct slice url = delivery->inbound ? endpoint->inbound_url : endpoint->url;
    struct strbuf text;
    size_t len;
    bool match = false;
    if (slice_empty(url))
        return err_set(err, ERR_SIGNATURE,
                       "Mandrill signs the address that it posts to, and the service does not know its own: set the "
                       "option public_url to what stands in front of /webhooks/ at Mandrill");
    if (!base64_decode(sent_text, sent, sizeof(sent), &len) || len != MAC_BYTES)
        return err_set(err, ERR_SIGNATURE, "the header %s is no base64 of %d bytes", signature_header, MAC_BYTES);
    strbuf_init(&text, url.len + delivery->body.len);
    write_signed(&text, url, form); /* decoded fields are never longer than the body */
    for (size_t i = 0; i < endpoint->secret_count && !text.overflow; i++) {
        const struct provider_secret *secret = endpoint->secrets[i];
        mac_of(slice_of((const char *)secret->key, secret->len), strbuf_slice(&text), ours);
        match |= sodium_memcmp(sent, ours, MAC_BYTES) == 0;
    }
    strbuf_release(&text);
    if (match) return 0;
    return err_set(err, ERR_SIGNATURE,
                   "the signature matches none of the endpoint's keys, or Mandrill knows the address by another name "
                   "than public_url gives it");
}

int mandrill_verify(const struct provider_endpoint *endpoint, const struct provider_environment *environment,
                    const struct delivery *delivery, struct json_reader *json, struct arena *arena, struct err *err) {
    struct slice sent = slice_trim(delivery->header(delivery, slice_cstr(signature_header)));
    struct form form;
    struct err reason;
    (void)environment;
    (void)json;
    if (!endpoint->require_signature && (endpoint->secret_count == 0 || slice_empty(sent))) return 0;
    if (read_form(delivery, arena, &form, &reason) < 0) return err_set(err, ERR_SIGNATURE, "%s", reason.text);
    if (slice_equal(slice_trim(form_value(form.fields, form.count, events_field)), SLICE("[]"))) return 0;
    if (endpoint->secret_count == 0) return err_set(err, ERR_SIGNATURE, "the endpoint has no key to check with");
    if (slice_empty(sent))
        return err_set(err, ERR_SIGNATURE, "no signature: the header %s is missing", signature_header);
    return check_signature(endpoint, delivery, &form, sent, err);
}

int mandrill_read_form(const struct delivery *delivery, struct json_reader *json, struct arena *arena,
                       struct json_value *ret_events, struct err *err) {
    struct form form;
    int result = read_form(delivery, arena, &form, err);
    if (result < 0) return result;
    struct slice text = form_value(form.fields, form.count, events_field);
    result = json_parse(json, text_keep_padded(arena, text), ret_events, err);
    if (result < 0) return err_prefix(err, "%.*s", SLICE_FMT(events_field));
    if (ret_events->type == JSON_KIND_ARRAY) return 0;
    return err_set(err, ERR_UNREADABLE, "%.*s is no array of events", SLICE_FMT(events_field));
}

/* ---- compose ---- */

int mandrill_compose_form(const struct provider_endpoint *endpoint, struct slice events, struct slice signing,
                          struct arena *arena, struct composed_delivery *ret, struct err *err) {
    struct composed_delivery composed;
    struct slice url = endpoint ? endpoint->url : SLICE(STAND_IN_URL), key = slice_trim(signing);
    struct form_field field = {.name = events_field, .value = events};
    struct form form = {&field, 1};
    unsigned char mac[MAC_BYTES];
    struct strbuf text, body;
    if (slice_empty(url))
        return err_set(err, ERR_INVALID, "Mandrill signs the address that it posts to: set the option public_url");
    if (key.len < HMAC_KEY_MIN_BYTES || key.len > HMAC_KEY_MAX_BYTES)
        return err_set(err, ERR_INVALID, "the webhook key has %d to %d characters", HMAC_KEY_MIN_BYTES,
                       HMAC_KEY_MAX_BYTES);
    strbuf_init(&text, 2 * COMPOSED_MAX_BYTES);
    strbuf_init(&body, COMPOSED_MAX_BYTES);
    write_signed(&text, url, &form);
    mac_of(key, strbuf_slice(&text), mac);
    strbuf_clear(&text);
    base64_encode(&text, slice_of((const char *)mac, MAC_BYTES));
    strbuf_add_slice(&body, events_field);
    strbuf_add_char(&body, '=');
    text_write_percent(&body, events);
    int result = reading_composed(&body, CONTENT_TYPE_FORM, arena, &composed, err);
    if (result == 0) {
        composed.headers[composed.header_count++] =
            (struct composed_header){signature_header, arena_copy(arena, strbuf_slice(&text))};
        *ret = composed;
    }
    strbuf_release(&body);
    strbuf_release(&text);
    return result;
}
