/* settings: the organization's own settings. */
#include "api/audit.h"
#include "api/resources.h"
#include "base/timezone.h"
#include "store/organizations.h"
#include "store/scores.h"

#include "base/banned.h"

/* Empty as null. */
static struct slice given(struct slice text) {
    return slice_empty(text) ? SLICE_NONE : text;
}

static void write_score_settings(struct api_table *object, const struct score_policy *policy) {
    api_table_bool(object, "score_enabled", policy->enabled);
    api_table_object(object, "score_points");
    api_table_int(object, "within_24_hours", policy->recency[RECENCY_DAY]);
    api_table_int(object, "within_7_days", policy->recency[RECENCY_WEEK]);
    api_table_int(object, "within_30_days", policy->recency[RECENCY_MONTH]);
    api_table_int(object, "opens", policy->opens);
    api_table_int(object, "clicks", policy->clicks);
    api_table_close(object);
    api_table_object(object, "score_levels");
    api_table_int(object, "hot", policy->hot);
    api_table_int(object, "warm", policy->warm);
    api_table_close(object);
}

static void write_settings(struct api_table *object, const struct organization *organization) {
    api_table_int(object, "organization_id", organization->id);
    api_table_text(object, "name", organization->name);
    api_table_text(object, "time_zone", organization->time_zone);
    api_table_text(object, "tracking", slice_cstr(tracking_level_name(organization->tracking)));
    api_table_text(object, "consent_mode", slice_cstr(consent_mode_name(organization->consent_mode)));
    api_table_text(object, "address_policy", slice_cstr(address_policy_name(organization->address_policy)));
    api_table_int(object, "retention_days", organization->retention_days);
    api_table_text(object, "tracking_domain", given(organization->tracking_domain));
    api_table_text(object, "brand_color", given(organization->brand_color));
    api_table_bool(object, "honor_privacy_signals", organization->honor_privacy_signals);
    write_score_settings(object, &organization->score);
    api_table_time(object, "created_at", organization->created_at);
    api_table_time(object, "updated_at", organization->updated_at);
}

int settings_show(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {NULL};
    struct organization organization;
    int r = api_known_parameters(call, parameters, err);
    if (r == 0) r = organization_load(call->db, call->organization_id, call->arena, &organization, err);
    if (r != 0) return r;
    write_settings(api_object_begin(call), &organization);
    api_object_end(call, 200);
    return 0;
}

/* Host names of RFC 1123 section 2.1, in lower case, with at least one dot; a port may follow. */
static bool is_tracking_domain(struct slice text) {
    struct slice label, rest = text;
    ptrdiff_t colon = slice_find_char(text, ':');
    if (colon >= 0) {
        int64_t port;
        if (!slice_parse_i64(slice_from(text, (size_t)colon + 1), &port) || port < 1 || port > 65535) return false;
        rest = slice_first(text, (size_t)colon);
    }
    bool has_dot = slice_find_char(rest, '.') > 0;
    while (slice_split_next(&rest, '.', &label)) {
        if (slice_empty(label) || label.len > 63 || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
            return false;
        for (size_t i = 0; i < label.len; i++) {
            char c = label.ptr[i];
            if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-') return false;
        }
    }
    return has_dot;
}

static bool is_color(struct slice text) {
    if (text.len != 7 || text.ptr[0] != '#') return false;
    for (size_t i = 1; i < text.len; i++) {
        char c = text.ptr[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F')) return false;
    }
    return true;
}

/* How the organization appears to recipients. An empty text takes a value away. */
static int read_appearance(struct api_call *call, struct json_value body, struct organization *organization,
                           struct err *err) {
    int r = api_text(call, body, "tracking_domain", TRACKING_DOMAIN_MAX, &organization->tracking_domain, err);
    if (r == 0) r = api_text(call, body, "brand_color", 7, &organization->brand_color, err);
    if (r == 0) r = api_bool(body, "honor_privacy_signals", &organization->honor_privacy_signals, err);
    if (r != 0) return r;
    if (!slice_empty(organization->tracking_domain) && !is_tracking_domain(organization->tracking_domain))
        return err_set(err, ERR_INVALID, "tracking_domain must be a host name in lower case like links.example.org");
    if (!slice_empty(organization->brand_color) && !is_color(organization->brand_color))
        return err_set(err, ERR_INVALID, "brand_color must be a colour like #1a5fb4");
    return 0;
}

/* An object of integers from 0 to 100; members that are absent keep their value. */
static int read_points(struct json_value body, const char *name, const char *const *members, int32_t *const *values,
                       struct err *err) {
    struct json_value object = json_get(body, slice_cstr(name));
    if (object.type == JSON_KIND_NONE || object.type == JSON_KIND_NULL) return 0;
    int r = api_known_members(object, members, err);
    for (size_t i = 0; members[i] && r == 0; i++) {
        int64_t value = *values[i];
        r = api_integer(object, members[i], 0, 100, &value, err);
        *values[i] = (int32_t)value;
    }
    return r;
}

static int read_score_settings(struct json_value body, struct score_policy *policy, struct err *err) {
    static const char *const points[] = {"within_24_hours", "within_7_days", "within_30_days", "opens", "clicks", NULL};
    static const char *const levels[] = {"hot", "warm", NULL};
    int32_t *const point_values[] = {&policy->recency[RECENCY_DAY], &policy->recency[RECENCY_WEEK],
                                     &policy->recency[RECENCY_MONTH], &policy->opens, &policy->clicks};
    int32_t *const level_values[] = {&policy->hot, &policy->warm};
    int r = api_bool(body, "score_enabled", &policy->enabled, err);
    if (r == 0) r = read_points(body, "score_points", points, point_values, err);
    if (r == 0) r = read_points(body, "score_levels", levels, level_values, err);
    return r < 0 ? r : score_policy_check(policy, err);
}

/* Members that are absent keep their value. */
static int read_settings(struct api_call *call, struct json_value body, struct organization *organization,
                         struct err *err) {
    struct slice tracking = SLICE_NONE, consent = SLICE_NONE, address = SLICE_NONE;
    int r = api_text(call, body, "name", ORGANIZATION_NAME_MAX, &organization->name, err);
    if (r == 0) r = api_text(call, body, "time_zone", ORGANIZATION_TIME_ZONE_MAX, &organization->time_zone, err);
    if (r == 0) r = api_text(call, body, "tracking", 20, &tracking, err);
    if (r == 0) r = api_text(call, body, "consent_mode", 20, &consent, err);
    if (r == 0) r = api_text(call, body, "address_policy", 20, &address, err);
    if (r == 0) r = read_appearance(call, body, organization, err);
    if (r == 0) r = api_integer(body, "retention_days", 1, RETENTION_DAYS_MAX, &organization->retention_days, err);
    if (r == 0) r = read_score_settings(body, &organization->score, err);
    if (r != 0) return r;
    if (slice_empty(organization->name)) return err_set(err, ERR_INVALID, "name must not be empty");
    if (!timezone_known(organization->time_zone))
        return err_set(err, ERR_INVALID, "time_zone must be an IANA time zone like Europe/Berlin");
    if (tracking.ptr && !tracking_level_parse(tracking, &organization->tracking))
        return err_set(err, ERR_INVALID, "tracking must be full, clicks, aggregate or none");
    if (consent.ptr && !consent_mode_parse(consent, &organization->consent_mode))
        return err_set(err, ERR_INVALID, "consent_mode must be opt_out or opt_in");
    if (address.ptr && !address_policy_parse(address, &organization->address_policy))
        return err_set(err, ERR_INVALID, "address_policy must be drop, truncate or keep");
    return 0;
}

struct replacing {
    struct api_call *call;
    struct json_value body;
    struct organization organization; /* out */
};

static int run_replace(void *context, struct applier *applier, struct db *db, struct err *err) {
    struct replacing *replacing = context;
    struct api_call *call = replacing->call;
    int r = organization_load(db, call->organization_id, call->arena, &replacing->organization, err);
    if (r == 0) write_settings(api_audit_before(call), &replacing->organization);
    if (r == 0) r = read_settings(call, replacing->body, &replacing->organization, err);
    if (r == 0) r = organization_update(db, &replacing->organization, call->now, err);
    if (r == 0) replacing->organization.updated_at = call->now;
    if (r == 0) write_settings(api_audit_after(call), &replacing->organization);
    return r;
}

int settings_replace(struct api_call *call, struct err *err) {
    static const char *const members[] = {"organization_id", "name",
                                          "time_zone",       "tracking",
                                          "consent_mode",    "address_policy",
                                          "retention_days",  "created_at",
                                          "updated_at",      "tracking_domain",
                                          "brand_color",     "honor_privacy_signals",
                                          "score_enabled",   "score_points",
                                          "score_levels",    NULL};
    struct replacing replacing = {.call = call};
    int r = api_body(call, &replacing.body, err);
    if (r == 0) r = api_known_members(replacing.body, members, err);
    if (r == 0) r = api_write(call, run_replace, &replacing, err);
    if (r != 0) return r;
    write_settings(api_object_begin(call), &replacing.organization);
    api_object_end(call, 200);
    return 0;
}

/* How many candidates have which score, so that a page can say what other thresholds would make of them. */
int settings_scores(struct api_call *call, struct err *err) {
    int64_t counts[SCORE_COUNTS];
    int r = api_known_parameters(call, (const char *const[]){NULL}, err);
    if (r == 0) r = scores_count(call->db, call->organization_id, counts, err);
    if (r != 0) return r;
    struct api_table *object = api_object_begin(call);
    api_table_int(object, "unknown", counts[SCORE_COUNTS - 1]);
    api_table_array(object, "scores");
    for (int score = 0; score < SCORE_COUNTS - 1; score++)
        api_table_int(object, NULL, counts[score]);
    api_table_close(object);
    api_object_end(call, 200);
    return 0;
}
