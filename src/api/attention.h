/* attention: which campaigns want to be looked at, and why. By the figures of a period alone; pure but for the writing.
 * A hint to look, with the numbers behind it, where low numbers say nothing: under ATTENTION_SENT_MIN emails nothing is
 * told. */
#ifndef INKLING_API_ATTENTION_H
#define INKLING_API_ATTENTION_H

#include "api/table.h"
#include "model/counters.h"

#define ATTENTION_SENT_MIN 20

enum attention {
    ATTENTION_SPAM,         /* 0.3 % marked as spam: from there Gmail refuses (its sender guidelines, 2024) */
    ATTENTION_BOUNCES,      /* 5 % came back: Amazon SES puts accounts under review from there */
    ATTENTION_NOT_SENT,     /* 5 % were refused by the provider */
    ATTENTION_UNSUBSCRIBES, /* 2 % unsubscribed */
    ATTENTION_SILENCE,      /* nothing was reported of any: events do not arrive, or were sent just now */
};
#define ATTENTION_COUNT 5

/* The reasons as bits, the gravest the lowest. 0: none. */
unsigned attention_of(const struct contribution *sums);
/* Field "attention": a list of {code, text}. */
void attention_write(struct api_table *table, const struct contribution *sums);

#endif
