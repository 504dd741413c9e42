/* random: the demo's own repeatable randomness: the same seed gives the same history. Never for secrets. */
#ifndef INKLING_DEMO_RANDOM_H
#define INKLING_DEMO_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct demo_random {
    uint64_t state; /* the seed at the start */
};

uint64_t demo_random_next(struct demo_random *dice);
double demo_random_unit(struct demo_random *dice); /* 0 … 1, the 1 excluded */
bool demo_random_chance(struct demo_random *dice, double probability);
/* 0 … count - 1; count > 0. */
int demo_random_below(struct demo_random *dice, int count);
double demo_random_normal(struct demo_random *dice, double mean, double deviation);
/* Waiting times: half are shorter than `median`; `spread` 1 puts one in six above 2.7 × the median. */
double demo_random_wait(struct demo_random *dice, double median, double spread);
/* Mean waiting time between events that know nothing of each other. */
double demo_random_gap(struct demo_random *dice, double mean);
/* An index drawn by weights, read `stride` bytes apart. */
int demo_random_weighted(struct demo_random *dice, const int *first_weight, size_t stride, size_t count);
/* `chars` characters of `alphabet` and a NUL. */
void demo_random_text(struct demo_random *dice, const char *alphabet, char *out, size_t chars);

#endif
