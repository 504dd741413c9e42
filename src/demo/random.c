#include "demo/random.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/* splitmix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators"). */
uint64_t demo_random_next(struct demo_random *dice) {
    uint64_t z = dice->state += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

double demo_random_unit(struct demo_random *dice) {
    return (double)(demo_random_next(dice) >> 11) * 0x1p-53;
}

bool demo_random_chance(struct demo_random *dice, double probability) {
    return demo_random_unit(dice) < probability;
}

int demo_random_below(struct demo_random *dice, int count) {
    return (int)(demo_random_unit(dice) * count);
}

double demo_random_normal(struct demo_random *dice, double mean, double deviation) {
    double radius = sqrt(-2 * log(1 - demo_random_unit(dice)));
    return mean + deviation * radius * cos(2 * M_PI * demo_random_unit(dice));
}

double demo_random_wait(struct demo_random *dice, double median, double spread) {
    return median * exp(demo_random_normal(dice, 0, spread));
}

double demo_random_gap(struct demo_random *dice, double mean) {
    return -mean * log(1 - demo_random_unit(dice));
}

int demo_random_weighted(struct demo_random *dice, const int *first_weight, size_t stride, size_t count) {
    const char *weights = (const char *)first_weight;
    int sum = 0, index = 0;
    for (size_t i = 0; i < count; i++)
        sum += *(const int *)(const void *)(weights + i * stride);
    int rest = demo_random_below(dice, sum);
    while (index + 1 < (int)count) {
        rest -= *(const int *)(const void *)(weights + (size_t)index * stride);
        if (rest < 0) break;
        index++;
    }
    return index;
}

void demo_random_text(struct demo_random *dice, const char *alphabet, char *out, size_t chars) {
    int count = (int)strlen(alphabet);
    for (size_t i = 0; i < chars; i++)
        out[i] = alphabet[demo_random_below(dice, count)];
    out[chars] = '\0';
}
