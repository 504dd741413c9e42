#include "model/webhook_event.h"

#include "base/banned.h"

static const char *const names[WEBHOOK_EVENTS] = {
    [WEBHOOK_EMAIL_DELIVERED] = "email.delivered",
    [WEBHOOK_EMAIL_OPENED] = "email.opened",
    [WEBHOOK_EMAIL_CLICKED] = "email.clicked",
    [WEBHOOK_EMAIL_REPLIED] = "email.replied",
    [WEBHOOK_EMAIL_BOUNCED] = "email.bounced",
    [WEBHOOK_EMAIL_DROPPED] = "email.dropped",
    [WEBHOOK_EMAIL_UNSUBSCRIBED] = "email.unsubscribed",
    [WEBHOOK_EMAIL_COMPLAINED] = "email.complained",
    [WEBHOOK_EVENT_WITHDRAWN] = "email.event_withdrawn",
    [WEBHOOK_LEVEL_CHANGED] = "candidate.level_changed",
    [WEBHOOK_TRACKING_WITHDRAWN] = "candidate.tracking_withdrawn",
    [WEBHOOK_TEST] = "webhook.test",
};

const char *webhook_event_name(int event) {
    return event >= 0 && event < WEBHOOK_EVENTS ? names[event] : NULL;
}

bool webhook_event_parse(struct slice name, enum webhook_event *ret) {
    for (int i = 0; i < WEBHOOK_EVENTS; i++) {
        if (i == WEBHOOK_TEST || !slice_equal(name, slice_cstr(names[i]))) continue;
        *ret = (enum webhook_event)i;
        return true;
    }
    return false;
}

static const struct {
    enum event_type type;
    enum webhook_event event;
} told[] = {
    {EVENT_DELIVERED, WEBHOOK_EMAIL_DELIVERED},
    {EVENT_OPEN, WEBHOOK_EMAIL_OPENED},
    {EVENT_CLICK, WEBHOOK_EMAIL_CLICKED},
    {EVENT_REPLY, WEBHOOK_EMAIL_REPLIED},
    {EVENT_BOUNCE, WEBHOOK_EMAIL_BOUNCED},
    {EVENT_DROPPED, WEBHOOK_EMAIL_DROPPED},
    {EVENT_UNSUBSCRIBE, WEBHOOK_EMAIL_UNSUBSCRIBED},
    {EVENT_GROUP_UNSUBSCRIBE, WEBHOOK_EMAIL_UNSUBSCRIBED},
    {EVENT_SPAM, WEBHOOK_EMAIL_COMPLAINED},
};

bool webhook_event_of(enum event_type type, enum webhook_event *ret) {
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        if (told[i].type != type) continue;
        *ret = told[i].event;
        return true;
    }
    return false;
}
