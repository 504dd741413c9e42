/* resources: the handlers of the route table, a group for each file. */
#ifndef INKLING_API_RESOURCES_H
#define INKLING_API_RESOURCES_H

#include "api/api.h"

/* meta.c: not below /api/v1, so without a key; on event threads. */
void meta_health(struct http_request *request);
void meta_ready(struct http_request *request);
void meta_metrics(struct http_request *request);
void meta_openapi(struct http_request *request);

/* webhook.c */
void webhook_email(struct http_request *request);
void webhook_inbound(struct http_request *request);

/* tracking.c, tracking_pages.c: for recipients, by token. On event threads, but for preferences_show. */
void tracking_open(struct http_request *request);
void tracking_click(struct http_request *request);
void unsubscribe_show(struct http_request *request);
void unsubscribe_take(struct http_request *request);
void preferences_show(struct http_request *request);
void preferences_take(struct http_request *request);

/* session.c */
int session_create(struct api_call *call, struct err *err);
int session_delete(struct api_call *call, struct err *err);
int me_sessions_list(struct api_call *call, struct err *err);
int me_sessions_end(struct api_call *call, struct err *err);
int me_sessions_end_others(struct api_call *call, struct err *err);

/* first_run.c */
int session_options(struct api_call *call, struct err *err);
int setup_create(struct api_call *call, struct err *err);

/* oidc.c */
int oidc_start(struct api_call *call, struct err *err);
int oidc_callback(struct api_call *call, struct err *err);
/* The member "single_sign_on": what the button says and where it leads, or null. */
void oidc_write_option(struct api_table *object, struct app *app);

/* me.c */
int me_show(struct api_call *call, struct err *err);
int me_change(struct api_call *call, struct err *err);
int me_set_password(struct api_call *call, struct err *err);

/* second_factor.c */
int me_second_factor_begin(struct api_call *call, struct err *err);
int me_second_factor_confirm(struct api_call *call, struct err *err);
int me_second_factor_remove(struct api_call *call, struct err *err);
int user_second_factor_remove(struct api_call *call, struct err *err);

/* links.c */
int user_link_create(struct api_call *call, struct err *err);
int account_links_show(struct api_call *call, struct err *err);
int account_links_redeem(struct api_call *call, struct err *err);

/* settings.c */
int settings_show(struct api_call *call, struct err *err);
int settings_replace(struct api_call *call, struct err *err);
int settings_scores(struct api_call *call, struct err *err);

/* users.c */
int users_list(struct api_call *call, struct err *err);
int users_create(struct api_call *call, struct err *err);
int users_show(struct api_call *call, struct err *err);
int users_change(struct api_call *call, struct err *err);
int users_disable(struct api_call *call, struct err *err);

/* user_access.c */
int user_jobs_list(struct api_call *call, struct err *err);
int user_jobs_replace(struct api_call *call, struct err *err);
int user_sessions_end(struct api_call *call, struct err *err);

/* keys.c */
int api_keys_list(struct api_call *call, struct err *err);
int api_keys_create(struct api_call *call, struct err *err);
int api_keys_show(struct api_call *call, struct err *err);
int api_keys_revoke(struct api_call *call, struct err *err);

/* endpoints.c */
int endpoints_list(struct api_call *call, struct err *err);
int endpoints_create(struct api_call *call, struct err *err);
int endpoints_show(struct api_call *call, struct err *err);
int endpoints_health(struct api_call *call, struct err *err); /* endpoint_health.c */
int endpoints_change(struct api_call *call, struct err *err);
int endpoints_disable(struct api_call *call, struct err *err);
int endpoints_confirm(struct api_call *call, struct err *err);

/* providers.c */
int providers_list(struct api_call *call, struct err *err);

/* records.c */
int failed_deliveries_list(struct api_call *call, struct err *err);
int failed_deliveries_show(struct api_call *call, struct err *err);
int failed_deliveries_replay(struct api_call *call, struct err *err);
int security_events_list(struct api_call *call, struct err *err);

/* orphans.c */
int orphan_events_list(struct api_call *call, struct err *err);
int orphan_events_emails_list(struct api_call *call, struct err *err);
int orphan_events_match(struct api_call *call, struct err *err);
int orphan_events_retry(struct api_call *call, struct err *err);
int orphan_events_discard(struct api_call *call, struct err *err);

/* consents.c */
int consents_list(struct api_call *call, struct err *err);

/* audit_log.c */
int audit_log_list(struct api_call *call, struct err *err);

/* webhook_subscriptions.c */
int webhook_subscriptions_index(struct api_call *call, struct err *err);
int webhook_subscriptions_show(struct api_call *call, struct err *err);
int webhook_subscriptions_create(struct api_call *call, struct err *err);
int webhook_subscriptions_change(struct api_call *call, struct err *err);
int webhook_subscriptions_delete(struct api_call *call, struct err *err);
int webhook_subscriptions_rotate(struct api_call *call, struct err *err);
int webhook_subscriptions_test(struct api_call *call, struct err *err);

/* webhook_deliveries.c */
int webhook_deliveries_index(struct api_call *call, struct err *err);
int webhook_deliveries_show(struct api_call *call, struct err *err);
int webhook_deliveries_redeliver(struct api_call *call, struct err *err);

/* register_emails.c */
int emails_register(struct api_call *call, struct err *err);

/* emails.c */
int emails_list_show(struct api_call *call, struct err *err);
int emails_show(struct api_call *call, struct err *err);
int emails_change(struct api_call *call, struct err *err);
int emails_events(struct api_call *call, struct err *err);
int emails_links_show(struct api_call *call, struct err *err);

/* candidates.c */
int candidates_list_show(struct api_call *call, struct err *err);
int candidates_show(struct api_call *call, struct err *err);
int candidates_timeline(struct api_call *call, struct err *err);
int candidates_set_tracking(struct api_call *call, struct err *err);
int campaigns_set_tracking(struct api_call *call, struct err *err);

/* embed.c */
int embed_tokens_create(struct api_call *call, struct err *err);
int embed_show(struct api_call *call, struct err *err);
void embed_preflight(struct http_request *request);

/* activity.c */
int activity_list(struct api_call *call, struct err *err);

/* stream.c */
int stream_open(struct api_call *call, struct err *err);

/* notifications.c */
int notifications_list(struct api_call *call, struct err *err);
int notifications_change(struct api_call *call, struct err *err);
int notifications_read(struct api_call *call, struct err *err);
int notification_preferences_show(struct api_call *call, struct err *err);
int notification_preferences_replace(struct api_call *call, struct err *err);

/* search.c */
int search_show(struct api_call *call, struct err *err);

/* dashboard.c */
int engagement_dashboard(struct api_call *call, struct err *err);

/* engagement.c */
int engagement_summary(struct api_call *call, struct err *err);
int engagement_series(struct api_call *call, struct err *err);
int engagement_templates(struct api_call *call, struct err *err);
int engagement_campaigns(struct api_call *call, struct err *err);
int engagement_jobs(struct api_call *call, struct err *err);
int engagement_top(struct api_call *call, struct err *err);
int engagement_links(struct api_call *call, struct err *err);

#endif
