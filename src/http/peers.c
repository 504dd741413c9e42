#include "http/peers.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"

#include "base/banned.h"

struct peer {
    struct address address;
    size_t connections; /* 0: the slot is free */
};

struct peers {
    pthread_mutex_t lock;
    unsigned char hash_key[HASH_KEY_SIZE];
    size_t each_max;
    size_t mask; /* slots - 1; at least half of the slots are free at any time */
    size_t used;
    struct peer slots[];
};

struct peers *peers_new(size_t connections_max, size_t each_max) {
    size_t slots = 16;
    while (slots < 2 * connections_max)
        slots *= 2;
    struct peers *peers = memory_alloc(sizeof(*peers) + slots * sizeof(struct peer));
    pthread_mutex_init(&peers->lock, NULL);
    random_bytes(peers->hash_key, sizeof(peers->hash_key));
    peers->each_max = each_max;
    peers->mask = slots - 1;
    return peers;
}

struct peers *peers_free(struct peers *peers) {
    if (peers == NULL) return NULL;
    pthread_mutex_destroy(&peers->lock);
    free(peers);
    return NULL;
}

static struct address network_of(struct address address) {
    if (!address_is_v4(address)) memset(address.bytes + 8, 0, 8);
    return address;
}

static size_t home_of(const struct peers *peers, const struct address *address) {
    struct slice bytes = slice_of((const char *)address->bytes, sizeof(address->bytes));
    return (size_t)hash128(peers->hash_key, bytes).low & peers->mask;
}

/* The address' slot, or the free one where it belongs. */
static size_t find(const struct peers *peers, const struct address *address) {
    size_t at = home_of(peers, address);
    while (peers->slots[at].connections != 0 && memcmp(&peers->slots[at].address, address, sizeof(*address)) != 0)
        at = (at + 1) & peers->mask;
    return at;
}

bool peers_may_connect(struct peers *peers, struct address address) {
    address = network_of(address);
    pthread_mutex_lock(&peers->lock);
    bool may = peers->slots[find(peers, &address)].connections < peers->each_max;
    pthread_mutex_unlock(&peers->lock);
    return may;
}

void peers_connected(struct peers *peers, struct address address) {
    address = network_of(address);
    pthread_mutex_lock(&peers->lock);
    struct peer *peer = &peers->slots[find(peers, &address)];
    if (peer->connections++ == 0) {
        peer->address = address;
        if (++peers->used > (peers->mask + 1) / 2) BUG("more peers than connections");
    }
    pthread_mutex_unlock(&peers->lock);
}

/* Frees slot `hole` and moves later entries of its run up, so that no search stops too early. */
static void remove_slot(struct peers *peers, size_t hole) {
    for (size_t at = (hole + 1) & peers->mask; peers->slots[at].connections != 0; at = (at + 1) & peers->mask) {
        size_t home = home_of(peers, &peers->slots[at].address);
        bool reachable_from_hole = ((at - home) & peers->mask) >= ((at - hole) & peers->mask);
        if (!reachable_from_hole) continue;
        peers->slots[hole] = peers->slots[at];
        hole = at;
    }
    peers->slots[hole].connections = 0;
    peers->used--;
}

void peers_closed(struct peers *peers, struct address address) {
    address = network_of(address);
    pthread_mutex_lock(&peers->lock);
    size_t at = find(peers, &address);
    if (peers->slots[at].connections == 0) BUG("a connection closed that was never counted");
    if (peers->slots[at].connections > 1)
        peers->slots[at].connections--;
    else
        remove_slot(peers, at);
    pthread_mutex_unlock(&peers->lock);
}
