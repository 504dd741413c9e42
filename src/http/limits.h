/* limits: token buckets, keyed by a 64-bit hash, in a table of fixed size. Thread-safe. A new
 * key that finds no room takes the bucket that was idle longest among the 16 where it may lie, so an attacker with many
 * addresses cannot grow the table. Keys of equal value must come with equal rate and burst (>= 1). */
#ifndef INKLING_HTTP_LIMITS_H
#define INKLING_HTTP_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct limits;

struct limits *limits_new(size_t buckets);
struct limits *limits_free(struct limits *limits);
/* Takes one token from the bucket `key`, which refills with `rate` tokens a second up to `burst`. False when it is
 * empty; *ret_wait_s then says in how many whole seconds (>= 1) one token will be there. `now_us`: clock_monotonic_us.
 */
bool limits_take(struct limits *limits, uint64_t key, double rate, double burst, int64_t now_us, int *ret_wait_s);
/* Puts a token that was taken back, for what turned out not to count. */
void limits_give(struct limits *limits, uint64_t key, double burst);

#endif
