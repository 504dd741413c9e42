#include "ingest/health.h"

#include "base/clock.h"

#include "base/banned.h"

/* Below these a share says nothing. */
#define EVENTS_FOR_SHARE 20
#define DELIVERED_FOR_OPENS                                                                                            \
    50 /* that none of so many is opened, at the usual rates, is less likely than one in a million */
#define USUAL_FOR_QUIET 10 /* events a day */
#define AHEAD_MAX_MS    (5 * MINUTE_MS)
#define DELAY_MAX_MS    HOUR_MS

const char *health_name(enum health health) {
    static const char *const names[] = {"unknown", "ok", "quiet", "failing"};
    return names[health];
}

int64_t health_usual(const int64_t weeks[ENDPOINT_WEEKS]) {
    int64_t sorted[ENDPOINT_WEEKS] = {0};
    for (size_t i = 0; i < ENDPOINT_WEEKS; i++) {
        size_t at = i;
        for (; at > 0 && sorted[at - 1] > weeks[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = weeks[i];
    }
    return (sorted[ENDPOINT_WEEKS / 2 - 1] + sorted[ENDPOINT_WEEKS / 2]) / 2;
}

static struct health_finding finding(enum health health, const char *cause, bool hides_opens, const char *reason) {
    return (struct health_finding){.health = health, .cause = cause, .hides_opens = hides_opens, .reason = reason};
}

static struct health_finding of_silent(const struct health_facts *facts) {
    if (facts->waits_for_confirmation)
        return finding(HEALTH_QUIET, "not_confirmed", true,
                       "The provider's subscription was never confirmed, so it sends nothing: confirm it.");
    if (facts->now - facts->created_at < DAY_MS)
        return finding(HEALTH_UNKNOWN, NULL, false, "Nothing has come yet; the endpoint is less than a day old.");
    return finding(HEALTH_QUIET, "never_heard", true,
                   "Nothing has ever come. Is the address entered at the provider, for the account, region and sending "
                   "domain that you send from?");
}

static bool is_mostly(int64_t part, int64_t whole) {
    return whole >= EVENTS_FOR_SHARE && 2 * part >= whole;
}

struct health_finding health_of(const struct health_facts *facts) {
    const struct endpoint_sums *sums = &facts->sums;
    if (facts->disabled) return finding(HEALTH_UNKNOWN, "disabled", false, "The endpoint is disabled.");
    if (sums->day_rejected > 0 && sums->last_rejected_at > sums->last_event_at)
        return finding(HEALTH_FAILING, "wrong_key", true,
                       "Deliveries are rejected for their signature, credentials or source, and none was taken since: "
                       "is the key the one that the provider signs with?");
    if (sums->day_unreadable > 0 && sums->day_events == 0)
        return finding(HEALTH_FAILING, "unreadable", true,
                       "What comes cannot be read: is it this provider, and are these its event webhooks?");
    if (sums->last_event_at == 0) return of_silent(facts);
    if (is_mostly(sums->week_orphans, sums->week_events))
        return finding(HEALTH_FAILING, "unknown_emails", true,
                       "Most events are of unknown emails: the sender does not register what it sends, or registers "
                       "other message ids than this provider reports.");
    if (sums->day_events == 0 && health_usual(sums->day_usual) >= USUAL_FOR_QUIET)
        return finding(HEALTH_QUIET, "fell_silent", true,
                       "Nothing has come for a day, which is unusual: was the webhook switched off at the provider, or "
                       "did sending stop?");
    if (10 * sums->day_events < health_usual(sums->day_usual) && health_usual(sums->day_usual) >= 10 * USUAL_FOR_QUIET)
        return finding(HEALTH_QUIET, "below_usual", true, "Far fewer events came in the last day than usual.");
    if (!facts->measures_itself && sums->week_delivered >= DELIVERED_FOR_OPENS && sums->week_opens == 0)
        return finding(HEALTH_QUIET, "tracking_off", true,
                       "Emails are delivered, but no open ever comes: open tracking is off at the provider, or open "
                       "events are not among those that it posts.");
    if (sums->week_opens + sums->week_clicks >= EVENTS_FOR_SHARE && sums->week_delivered == 0)
        return finding(HEALTH_QUIET, "no_deliveries", false,
                       "Opens and clicks come, but never a delivery: delivery and bounce events are not among those "
                       "that the provider posts.");
    if (sums->day_ahead_ms > AHEAD_MAX_MS)
        return finding(HEALTH_OK, "clock", false,
                       "Events bear times ahead of this machine's clock: is the clock right (NTP)?");
    if (sums->day_events >= EVENTS_FOR_SHARE && sums->day_delay_ms > DELAY_MAX_MS)
        return finding(HEALTH_OK, "late", false, "Events come more than an hour late.");
    return finding(HEALTH_OK, NULL, false, NULL);
}
