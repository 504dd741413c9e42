#include "model/tracking.h"

#include "base/banned.h"

static const char *const level_names[] = {
    [TRACKING_NONE] = "none",
    [TRACKING_AGGREGATE] = "aggregate",
    [TRACKING_CLICKS] = "clicks",
    [TRACKING_FULL] = "full",
};
static const char *const consent_mode_names[] = {
    [CONSENT_OPT_OUT] = "opt_out",
    [CONSENT_OPT_IN] = "opt_in",
};
static const char *const address_policy_names[] = {
    [ADDRESS_DROP] = "drop",
    [ADDRESS_TRUNCATE] = "truncate",
    [ADDRESS_KEEP] = "keep",
};
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *name_at(const char *const *names, size_t count, int value) {
    return value >= 0 && (size_t)value < count ? names[value] : NULL;
}

static bool name_find(const char *const *names, size_t count, struct slice name, int *ret) {
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(name, slice_cstr(names[i]))) {
            *ret = (int)i;
            return true;
        }
    }
    return false;
}

const char *tracking_level_name(enum tracking_level level) {
    return name_at(level_names, COUNT_OF(level_names), (int)level);
}

bool tracking_level_parse(struct slice name, enum tracking_level *ret) {
    int found;
    if (!name_find(level_names, COUNT_OF(level_names), name, &found)) return false;
    *ret = (enum tracking_level)found;
    return true;
}

enum tracking_level tracking_strictest(enum tracking_level a, enum tracking_level b) {
    return a < b ? a : b;
}

enum tracking_decision tracking_decide(enum tracking_level level, enum event_type type) {
    if (!event_type_is_tracking(type)) return TRACKING_RECORD;
    switch (level) {
    case TRACKING_FULL:
        return TRACKING_RECORD;
    case TRACKING_CLICKS:
        return type == EVENT_CLICK ? TRACKING_RECORD : TRACKING_WITHHOLD;
    case TRACKING_AGGREGATE:
        return TRACKING_COUNT_ONLY;
    case TRACKING_NONE:
        return TRACKING_WITHHOLD;
    }
    return TRACKING_WITHHOLD;
}

enum own_tracking own_tracking_under(enum tracking_level level, enum own_tracking wanted) {
    switch (level) {
    case TRACKING_FULL:
    case TRACKING_AGGREGATE:
        return wanted;
    case TRACKING_CLICKS:
        return (enum own_tracking)((unsigned)wanted & (unsigned)OWN_TRACKING_CLICKS);
    case TRACKING_NONE:
        break;
    }
    return OWN_TRACKING_NONE;
}

bool own_tracking_measures(enum own_tracking own, enum event_type type) {
    if (type == EVENT_OPEN) return ((unsigned)own & (unsigned)OWN_TRACKING_OPENS) != 0;
    return type == EVENT_CLICK && ((unsigned)own & (unsigned)OWN_TRACKING_CLICKS) != 0;
}

const char *consent_mode_name(enum consent_mode mode) {
    return name_at(consent_mode_names, COUNT_OF(consent_mode_names), (int)mode);
}

bool consent_mode_parse(struct slice name, enum consent_mode *ret) {
    int found;
    if (!name_find(consent_mode_names, COUNT_OF(consent_mode_names), name, &found)) return false;
    *ret = (enum consent_mode)found;
    return true;
}

const char *address_policy_name(enum address_policy policy) {
    return name_at(address_policy_names, COUNT_OF(address_policy_names), (int)policy);
}

bool address_policy_parse(struct slice name, enum address_policy *ret) {
    int found;
    if (!name_find(address_policy_names, COUNT_OF(address_policy_names), name, &found)) return false;
    *ret = (enum address_policy)found;
    return true;
}
