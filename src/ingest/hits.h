/* hits: what our own pixel, links and pages see, on its way into the database. The request is answered at once; a
 * thread takes the hits over, writes them to a journal on disk (journal.h) and brings them from there into the database
 * down the road of all events, so that an outage of the database costs nothing and breaks no link (compliance C-76).
 *
 *   event threads → list in memory → journal, synced about 30 times a second → writer → database
 *
 * Promises: a hit is on disk within a second, or counted as dropped (journal or queue full). Unsubscribes and changes
 * of consent are acknowledged only when they are on disk; room is kept for them. A hit enters the database once,
 * however often it is tried. Consent is checked when it enters, as for every event. More than HITS_A_MINUTE on one
 * token are counted and not stored (C-74).
 *
 * Who has the most hits comes first: while very many come in, they wait in the journal, at most HITS_DELAY_MS. */
#ifndef INKLING_INGEST_HITS_H
#define INKLING_INGEST_HITS_H

#include "base/metrics.h"
#include "ingest/hit.h"
#include "ingest/writer.h"

struct hits;

#define HITS_A_MINUTE 30
#define HITS_DELAY_MS 30000

struct hits_options {
    const char *directory; /* of the journal */
    size_t journal_bytes_max;
    size_t queue_max; /* hits that wait for the journal; 0: 200 000 */
    struct writer *writer;
    const unsigned char *hash_key; /* HASH_KEY_SIZE bytes, the store's */
    struct metrics *metrics;
};

/* Replays what a former process left in the journal, in the background. */
MUST_USE int hits_start(const struct hits_options *options, struct hits **ret, struct err *err);
/* Everything taken is on disk afterwards, and as much of it in the database as a few seconds allow. Before the writer
 * stops; nobody calls hits_add any more. */
void hits_stop(struct hits *hits);
struct hits *hits_free(struct hits *hits); /* stops first if need be; NULL accepted */

/* The how-manieth hit of this minute is this on the token whose text has this hash? 0: one too many to be stored. Any
 * thread. */
int hits_admit(struct hits *hits, uint64_t token_hash, int64_t now);
/* hits_admit will be asked soon: fetches what it reads into the processor's cache. */
void hits_prepare(const struct hits *hits, uint64_t token_hash);
/* Takes a copy. Any thread; never waits for the disk or the database. */
void hits_add(struct hits *hits, const struct hit *hit);
/* The same, and calls `done` once on another thread: with 0 when the hit is on disk and, if that can be had within a
 * moment, in the database; ERR_FULL, ERR_UNAVAILABLE: it could not be kept. */
void hits_add_acknowledged(struct hits *hits, const struct hit *hit, void (*done)(void *context, int result),
                           void *context);

#endif
