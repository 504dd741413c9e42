#include "api/attention.h"

#include <stdio.h>

#include "base/banned.h"

#define TEXT_MAX 120

/* A thousandth of the emails sent, at least two. */
static bool reaches(int64_t part, int64_t sent, int64_t thousandths) {
    return part >= 2 && part * 1000 >= sent * thousandths;
}

unsigned attention_of(const struct contribution *sums) {
    unsigned reasons = 0;
    if (sums->sent < ATTENTION_SENT_MIN) return 0;
    if (reaches(sums->complained, sums->sent, 3)) reasons |= 1U << ATTENTION_SPAM;
    if (reaches(sums->bounced, sums->sent, 50)) reasons |= 1U << ATTENTION_BOUNCES;
    if (reaches(sums->dropped, sums->sent, 50)) reasons |= 1U << ATTENTION_NOT_SENT;
    if (reaches(sums->unsubscribed, sums->sent, 20)) reasons |= 1U << ATTENTION_UNSUBSCRIBES;
    if (sums->delivered + sums->bounced + sums->dropped + sums->opens + sums->machine_opens + sums->total_clicks +
            sums->replied ==
        0)
        reasons |= 1U << ATTENTION_SILENCE;
    return reasons;
}

void attention_write(struct api_table *table, const struct contribution *sums) {
    const struct {
        const char *code, *words;
        int64_t part;
    } all[ATTENTION_COUNT] = {
        [ATTENTION_SPAM] = {"spam", "marked as spam", sums->complained},
        [ATTENTION_BOUNCES] = {"bounces", "came back", sums->bounced},
        [ATTENTION_NOT_SENT] = {"not_sent", "were not sent by the provider", sums->dropped},
        [ATTENTION_UNSUBSCRIBES] = {"unsubscribes", "were answered by unsubscribing", sums->unsubscribed},
        [ATTENTION_SILENCE] = {"silence", NULL, 0},
    };
    const unsigned reasons = attention_of(sums);
    api_table_array(table, "attention");
    for (int i = 0; i < ATTENTION_COUNT; i++) {
        char text[TEXT_MAX] = "No event has been received of any of these emails";
        if (!(reasons >> i & 1)) continue;
        if (all[i].words)
            snprintf(text, sizeof(text), "%lld of %lld %s", (long long)all[i].part, (long long)sums->sent,
                     all[i].words);
        api_table_object(table, NULL);
        api_table_text(table, "code", slice_cstr(all[i].code));
        api_table_text(table, "text", slice_cstr(text));
        api_table_close(table);
    }
    api_table_close(table);
}
