/* peers: how many connections each address holds, to bound them. IPv6 hosts get whole /64 networks, so these are
 * counted by network. Thread-safe. */
#ifndef INKLING_HTTP_PEERS_H
#define INKLING_HTTP_PEERS_H

#include "base/cidr.h"

struct peers;

/* Room for `connections_max` different addresses; more are a BUG. */
struct peers *peers_new(size_t connections_max, size_t each_max);
struct peers *peers_free(struct peers *peers);
bool peers_may_connect(struct peers *peers, struct address address);
void peers_connected(struct peers *peers, struct address address);
void peers_closed(struct peers *peers, struct address address);

#endif
