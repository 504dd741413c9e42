#include "api/routes.h"

#include "api/pages.h"
#include "api/resources.h"
#include "api/webhook.h"

#include "base/banned.h"

#define BODY_NONE    0
#define BODY_FORM    (16UL << 10)
#define BODY_OBJECT  (256UL << 10)
#define BODY_EMAILS  (8UL << 20) /* REGISTRATION_EMAILS_MAX of them, or some with their HTML */
#define BODY_WEBHOOK SIZE_MAX    /* as configured */
#define BODY_INBOUND (SIZE_MAX - 1)

#define ROUTE(handler_, permission_)                                                                                   \
    &(const struct api_route) {                                                                                        \
        .handler = (handler_), .permission = (permission_)                                                             \
    }

#define ROUTE_EMBED(handler_)                                                                                          \
    &(const struct api_route) {                                                                                        \
        .handler = (handler_), .permission = API_READ_JOBS, .embed = true                                              \
    }

/* What a page preloads. */
#define PAGE(...)                                                                                                      \
    (const char *const[]) {                                                                                            \
        "/me", __VA_ARGS__, NULL                                                                                       \
    }
/* Its answer says who is signed in. */
#define PAGE_DASHBOARD                                                                                                 \
    (const char *const[]) {                                                                                            \
        "/engagement/dashboard{query}", NULL                                                                           \
    }

/* clang-format off */
static const struct http_route table[] = {
    {HTTP_GET, "/", pages_show, 0, BODY_NONE, PAGE_DASHBOARD},
    {HTTP_GET, "/dashboard", pages_show, 0, BODY_NONE, PAGE_DASHBOARD},
    {HTTP_GET, "/candidates", pages_show, 0, BODY_NONE, PAGE(NULL)},
    {HTTP_GET, "/candidates/{id}", pages_show, 0, BODY_NONE, PAGE("/candidates/{id}")},
    {HTTP_GET, "/emails", pages_show, 0, BODY_NONE, PAGE(NULL)},
    {HTTP_GET, "/emails/{id}", pages_show, 0, BODY_NONE, PAGE("/emails/{id}", "/emails/{id}/events", "/emails/{id}/links")},
    {HTTP_GET, "/campaigns", pages_show, 0, BODY_NONE, PAGE(NULL)},
    {HTTP_GET, "/campaigns/{id}", pages_show, 0, BODY_NONE, PAGE(NULL)},
    {HTTP_GET, "/templates", pages_show, 0, BODY_NONE, PAGE(NULL)},
    {HTTP_GET, "/templates/{id}", pages_show, 0, BODY_NONE, PAGE(NULL)},
    {HTTP_GET, "/jobs", pages_show, 0, BODY_NONE, PAGE(NULL)},
    {HTTP_GET, "/jobs/{id}", pages_show, 0, BODY_NONE, PAGE(NULL)},
    {HTTP_GET, "/activity", pages_show, 0, BODY_NONE, PAGE("/activity?limit=200")},
    {HTTP_GET, "/notifications", pages_show, 0, BODY_NONE, PAGE("/notifications")},
    {HTTP_GET, "/notifications/preferences", pages_show, 0, BODY_NONE, PAGE("/me/notification-preferences")},
    {HTTP_GET, "/sign-in", pages_show, 0, BODY_NONE, PAGE(NULL)},
    {HTTP_GET, "/welcome", pages_show, 0, BODY_NONE, PAGE(NULL)},
    {HTTP_GET, "/account", pages_show, 0, BODY_NONE, PAGE(NULL)},
    {HTTP_GET, "/admin", pages_show, 0, BODY_NONE, PAGE(NULL)},
    {HTTP_GET, "/admin/{page}", pages_show, 0, BODY_NONE, PAGE(NULL)},
    {HTTP_GET, "/assets/{name}", pages_asset, 0, BODY_NONE, NULL},
    {HTTP_GET, "/embed/inkling.js", pages_embed, 0, BODY_NONE, NULL},

    {HTTP_GET, "/healthz", meta_health, HTTP_ROUTE_EVERY_HOST, BODY_NONE, NULL},
    {HTTP_GET, "/readyz", meta_ready, 0, BODY_NONE, NULL},
    {HTTP_GET, "/metrics", meta_metrics, 0, BODY_NONE, NULL},
    {HTTP_GET, "/api/v1/openapi.json", meta_openapi, 0, BODY_NONE, NULL},

    {HTTP_GET, "/webhooks/email/{endpoint}", webhook_email, 0, BODY_NONE, NULL},
    {HTTP_POST, "/webhooks/email/{endpoint}", webhook_email, 0, BODY_WEBHOOK, NULL, webhook_too_large},
    {HTTP_GET, "/webhooks/inbound/{endpoint}", webhook_inbound, HTTP_ROUTE_WORKER, BODY_NONE, NULL},
    {HTTP_POST, "/webhooks/inbound/{endpoint}", webhook_inbound, HTTP_ROUTE_WORKER, BODY_INBOUND, NULL, webhook_inbound_too_large},

    {HTTP_GET, "/o/{token}", tracking_open, HTTP_ROUTE_EVERY_HOST, BODY_NONE, NULL},
    {HTTP_GET, "/c/{token}", tracking_click, HTTP_ROUTE_EVERY_HOST, BODY_NONE, NULL},
    {HTTP_GET, "/u/{token}", unsubscribe_show, HTTP_ROUTE_EVERY_HOST, BODY_NONE, NULL},
    {HTTP_POST, "/u/{token}", unsubscribe_take, HTTP_ROUTE_EVERY_HOST, BODY_FORM, NULL},
    {HTTP_GET, "/p/{token}", preferences_show, HTTP_ROUTE_WORKER | HTTP_ROUTE_EVERY_HOST, BODY_NONE, NULL},
    {HTTP_POST, "/p/{token}", preferences_take, HTTP_ROUTE_EVERY_HOST, BODY_FORM, NULL},

    {HTTP_GET, "/api/v1/session", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(session_options, API_PUBLIC)},
    {HTTP_POST, "/api/v1/session", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(session_create, API_PUBLIC)},
    {HTTP_DELETE, "/api/v1/session", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(session_delete, API_SELF)},
    {HTTP_POST, "/api/v1/setup", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(setup_create, API_PUBLIC)},

    {HTTP_GET, "/api/v1/oidc/start", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(oidc_start, API_PUBLIC)},
    {HTTP_GET, "/api/v1/oidc/callback", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(oidc_callback, API_PUBLIC)},

    {HTTP_GET, "/api/v1/me", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(me_show, API_SELF)},
    {HTTP_PATCH, "/api/v1/me", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(me_change, API_SELF)},
    {HTTP_PUT, "/api/v1/me/password", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(me_set_password, API_SELF)},
    {HTTP_GET, "/api/v1/me/sessions", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(me_sessions_list, API_SELF)},
    {HTTP_DELETE, "/api/v1/me/sessions", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(me_sessions_end_others, API_SELF)},
    {HTTP_DELETE, "/api/v1/me/sessions/{id}", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(me_sessions_end, API_SELF)},

    {HTTP_POST, "/api/v1/me/second-factor", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(me_second_factor_begin, API_SELF)},
    {HTTP_PUT, "/api/v1/me/second-factor", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(me_second_factor_confirm, API_SELF)},
    {HTTP_POST, "/api/v1/me/second-factor/remove", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(me_second_factor_remove, API_SELF)},
    {HTTP_POST, "/api/v1/account-links/show", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(account_links_show, API_PUBLIC)},
    {HTTP_POST, "/api/v1/account-links/redeem", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(account_links_redeem, API_PUBLIC)},

    {HTTP_GET, "/api/v1/settings", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(settings_show, API_READ)},
    {HTTP_PUT, "/api/v1/settings", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(settings_replace, API_ADMIN)},
    {HTTP_GET, "/api/v1/settings/scores", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(settings_scores, API_ADMIN)},

    {HTTP_GET, "/api/v1/users", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(users_list, API_ADMIN)},
    {HTTP_POST, "/api/v1/users", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(users_create, API_ADMIN)},
    {HTTP_GET, "/api/v1/users/{id}", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(users_show, API_ADMIN)},
    {HTTP_PATCH, "/api/v1/users/{id}", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(users_change, API_ADMIN)},
    {HTTP_DELETE, "/api/v1/users/{id}", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(users_disable, API_ADMIN)},

    {HTTP_GET, "/api/v1/users/{id}/jobs", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(user_jobs_list, API_ADMIN)},
    {HTTP_PUT, "/api/v1/users/{id}/jobs", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(user_jobs_replace, API_ADMIN)},
    {HTTP_POST, "/api/v1/users/{id}/link", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(user_link_create, API_ADMIN)},
    {HTTP_DELETE, "/api/v1/users/{id}/second-factor", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(user_second_factor_remove, API_ADMIN)},
    {HTTP_DELETE, "/api/v1/users/{id}/sessions", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(user_sessions_end, API_ADMIN)},

    {HTTP_GET, "/api/v1/api-keys", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(api_keys_list, API_ADMIN)},
    {HTTP_POST, "/api/v1/api-keys", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(api_keys_create, API_ADMIN)},
    {HTTP_GET, "/api/v1/api-keys/{id}", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(api_keys_show, API_ADMIN)},
    {HTTP_DELETE, "/api/v1/api-keys/{id}", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(api_keys_revoke, API_ADMIN)},

    {HTTP_GET, "/api/v1/endpoints", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(endpoints_list, API_ADMIN)},
    {HTTP_POST, "/api/v1/endpoints", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(endpoints_create, API_ADMIN)},
    {HTTP_GET, "/api/v1/endpoints/{id}", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(endpoints_show, API_ADMIN)},
    {HTTP_GET, "/api/v1/endpoints/{id}/health", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(endpoints_health, API_ADMIN)},
    {HTTP_PATCH, "/api/v1/endpoints/{id}", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(endpoints_change, API_ADMIN)},
    {HTTP_DELETE, "/api/v1/endpoints/{id}", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(endpoints_disable, API_ADMIN)},
    {HTTP_POST, "/api/v1/endpoints/{id}/confirm", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(endpoints_confirm, API_ADMIN)},

    {HTTP_GET, "/api/v1/providers", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(providers_list, API_ADMIN)},

    {HTTP_GET, "/api/v1/failed-deliveries", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(failed_deliveries_list, API_ADMIN)},
    {HTTP_GET, "/api/v1/failed-deliveries/{id}", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(failed_deliveries_show, API_ADMIN)},
    {HTTP_POST, "/api/v1/failed-deliveries/{id}/replay", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(failed_deliveries_replay, API_ADMIN)},
    {HTTP_GET, "/api/v1/security-events", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(security_events_list, API_ADMIN)},
    {HTTP_GET, "/api/v1/audit-log", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(audit_log_list, API_AUDIT)},

    {HTTP_GET, "/api/v1/consents", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(consents_list, API_ADMIN)},

    {HTTP_GET, "/api/v1/orphan-events", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(orphan_events_list, API_ADMIN)},
    {HTTP_GET, "/api/v1/orphan-events/{id}/emails", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(orphan_events_emails_list, API_ADMIN)},
    {HTTP_POST, "/api/v1/orphan-events/{id}/match", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(orphan_events_match, API_ADMIN)},
    {HTTP_POST, "/api/v1/orphan-events/{id}/retry", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(orphan_events_retry, API_ADMIN)},
    {HTTP_POST, "/api/v1/orphan-events/{id}/discard", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(orphan_events_discard, API_ADMIN)},

    {HTTP_GET, "/api/v1/webhook-subscriptions", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(webhook_subscriptions_index, API_ADMIN)},
    {HTTP_POST, "/api/v1/webhook-subscriptions", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(webhook_subscriptions_create, API_ADMIN)},
    {HTTP_GET, "/api/v1/webhook-subscriptions/{id}", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(webhook_subscriptions_show, API_ADMIN)},
    {HTTP_PATCH, "/api/v1/webhook-subscriptions/{id}", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(webhook_subscriptions_change, API_ADMIN)},
    {HTTP_DELETE, "/api/v1/webhook-subscriptions/{id}", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(webhook_subscriptions_delete, API_ADMIN)},
    {HTTP_POST, "/api/v1/webhook-subscriptions/{id}/secret", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(webhook_subscriptions_rotate, API_ADMIN)},
    {HTTP_POST, "/api/v1/webhook-subscriptions/{id}/test", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(webhook_subscriptions_test, API_ADMIN)},
    {HTTP_GET, "/api/v1/webhook-subscriptions/{id}/deliveries", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(webhook_deliveries_index, API_ADMIN)},
    {HTTP_GET, "/api/v1/webhook-subscriptions/{id}/deliveries/{delivery}", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(webhook_deliveries_show, API_ADMIN)},
    {HTTP_POST, "/api/v1/webhook-subscriptions/{id}/deliveries/{delivery}/redeliver", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(webhook_deliveries_redeliver, API_ADMIN)},

    {HTTP_GET, "/api/v1/emails", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(emails_list_show, API_READ_JOBS)},
    {HTTP_POST, "/api/v1/emails", api_dispatch, HTTP_ROUTE_WORKER, BODY_EMAILS, ROUTE(emails_register, API_REGISTER)},
    {HTTP_GET, "/api/v1/emails/{id}", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE_EMBED(emails_show)},
    {HTTP_PATCH, "/api/v1/emails/{id}", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(emails_change, API_REGISTER)},
    {HTTP_GET, "/api/v1/emails/{id}/events", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE_EMBED(emails_events)},
    {HTTP_GET, "/api/v1/emails/{id}/links", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE_EMBED(emails_links_show)},

    {HTTP_GET, "/api/v1/candidates", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(candidates_list_show, API_READ_JOBS)},
    {HTTP_GET, "/api/v1/candidates/{id}", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE_EMBED(candidates_show)},
    {HTTP_GET, "/api/v1/candidates/{id}/timeline", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE_EMBED(candidates_timeline)},
    {HTTP_PUT, "/api/v1/candidates/{id}/tracking", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(candidates_set_tracking, API_WRITE)},
    {HTTP_PUT, "/api/v1/campaigns/{id}/tracking", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(campaigns_set_tracking, API_WRITE)},

    {HTTP_POST, "/api/v1/embed-tokens", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(embed_tokens_create, API_EMBED)},
    {HTTP_GET, "/api/v1/embed", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE_EMBED(embed_show)},
    {HTTP_OPTIONS, "/api/v1/embed", embed_preflight, 0, BODY_NONE, NULL},
    {HTTP_OPTIONS, "/api/v1/candidates/{id}", embed_preflight, 0, BODY_NONE, NULL},
    {HTTP_OPTIONS, "/api/v1/candidates/{id}/timeline", embed_preflight, 0, BODY_NONE, NULL},
    {HTTP_OPTIONS, "/api/v1/emails/{id}", embed_preflight, 0, BODY_NONE, NULL},
    {HTTP_OPTIONS, "/api/v1/emails/{id}/events", embed_preflight, 0, BODY_NONE, NULL},
    {HTTP_OPTIONS, "/api/v1/emails/{id}/links", embed_preflight, 0, BODY_NONE, NULL},

    {HTTP_GET, "/api/v1/activity", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(activity_list, API_READ_JOBS)},
    {HTTP_GET, "/api/v1/stream", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(stream_open, API_READ_JOBS)},
    {HTTP_GET, "/api/v1/notifications", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(notifications_list, API_SELF)},
    {HTTP_POST, "/api/v1/notifications/read", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(notifications_read, API_SELF)},
    {HTTP_PATCH, "/api/v1/notifications/{id}", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(notifications_change, API_SELF)},
    {HTTP_GET, "/api/v1/me/notification-preferences", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(notification_preferences_show, API_SELF)},
    {HTTP_PUT, "/api/v1/me/notification-preferences", api_dispatch, HTTP_ROUTE_WORKER, BODY_OBJECT, ROUTE(notification_preferences_replace, API_SELF)},

    {HTTP_GET, "/api/v1/engagement/dashboard", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(engagement_dashboard, API_READ_JOBS)},
    {HTTP_GET, "/api/v1/search", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(search_show, API_READ_JOBS)},

    {HTTP_GET, "/api/v1/engagement/summary", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(engagement_summary, API_READ_JOBS)},
    {HTTP_GET, "/api/v1/engagement/series", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(engagement_series, API_READ_JOBS)},
    {HTTP_GET, "/api/v1/engagement/templates", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(engagement_templates, API_READ_JOBS)},
    {HTTP_GET, "/api/v1/engagement/top", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(engagement_top, API_READ_JOBS)},
    {HTTP_GET, "/api/v1/engagement/campaigns", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(engagement_campaigns, API_READ_JOBS)},
    {HTTP_GET, "/api/v1/engagement/jobs", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(engagement_jobs, API_READ_JOBS)},
    {HTTP_GET, "/api/v1/engagement/links", api_dispatch, HTTP_ROUTE_WORKER, BODY_NONE, ROUTE(engagement_links, API_READ_JOBS)},
    {0},
};
/* clang-format on */

const struct http_route *routes_new(size_t webhook_body_max, size_t inbound_body_max, struct arena *arena) {
    struct http_route *routes = arena_alloc_array(arena, sizeof(table) / sizeof(table[0]), sizeof(*routes));
    memcpy(routes, table, sizeof(table));
    for (struct http_route *route = routes; route->pattern; route++) {
        if (route->body_max == BODY_WEBHOOK) route->body_max = webhook_body_max;
        if (route->body_max == BODY_INBOUND) route->body_max = inbound_body_max;
    }
    return routes;
}
