/* mail_checks: what mail_understand promises of every meaning, for the fuzz targets. */
#ifndef INKLING_TESTS_FUZZ_MAIL_CHECKS_H
#define INKLING_TESTS_FUZZ_MAIL_CHECKS_H

#include <stdlib.h>

#include "mail/mail.h"

#define RECEIVED_AT 1795521600000LL

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned char mail_key[HASH_KEY_SIZE] = {1, 2, 3};

static inline void check(bool holds) {
    if (!holds) abort();
}

static inline void check_finding(const struct mail_finding *finding) {
    check(finding->type == EVENT_REPLY || finding->type == EVENT_AUTO_REPLY || finding->type == EVENT_BOUNCE ||
          finding->type == EVENT_SPAM || finding->type == EVENT_UNSUBSCRIBE || finding->type == EVENT_DEFERRED ||
          finding->type == EVENT_DELIVERED);
    check((finding->bounce != BOUNCE_NONE) == (finding->type == EVENT_BOUNCE));
    check(finding->recipient.len <= EVENT_RECIPIENT_MAX_BYTES);
    check(slice_is_utf8(finding->diagnostic) && slice_is_utf8(finding->status) && slice_is_utf8(finding->sign));
}

static inline void check_meaning(const struct mail_meaning *meaning) {
    check(meaning->kind >= MAIL_OTHER && meaning->kind <= MAIL_UNSUBSCRIBE);
    check(meaning->finding_count <= MAIL_FINDINGS_MAX);
    check(meaning->kind != MAIL_OTHER || meaning->finding_count == 0);
    check(meaning->kind == MAIL_OTHER || meaning->kind == MAIL_BOUNCE || meaning->finding_count == 1);
    for (size_t i = 0; i < meaning->finding_count; i++)
        check_finding(&meaning->findings[i]);
    check(meaning->id_count <= MAIL_IDS_MAX);
    for (size_t i = 0; i < meaning->id_count; i++) {
        check(meaning->ids[i].id.len > 0 && meaning->ids[i].id.len <= EVENT_KEY_MAX_BYTES);
        for (size_t k = 0; k < i; k++)
            check(!slice_equal(meaning->ids[i].id, meaning->ids[k].id));
    }
    check(meaning->sent_at >= 0 && meaning->sent_at <= RECEIVED_AT + 2 * 24 * 3600 * 1000LL);
    check(slice_is_utf8(meaning->subjects[0]) && slice_is_utf8(meaning->subjects[1]));
    check(slice_is_utf8(meaning->excerpt) && meaning->excerpt.len <= 4 * MAIL_EXCERPT_MAX);
}

static inline void check_same(const struct mail_meaning *a, const struct mail_meaning *b) {
    check(a->kind == b->kind && a->finding_count == b->finding_count && a->id_count == b->id_count);
    check(a->sent_at == b->sent_at && slice_equal(a->author, b->author) && slice_equal(a->excerpt, b->excerpt));
}

#endif
