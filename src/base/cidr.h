/* cidr: internet addresses and blocks of them. IPv4 is held as v4-mapped IPv6, so one rule serves both. */
#ifndef INKLING_BASE_CIDR_H
#define INKLING_BASE_CIDR_H

#include "base/err.h"
#include "base/slice.h"

struct address {
    uint8_t bytes[16]; /* network order; IPv4 as ::ffff:a.b.c.d */
};

struct cidr {
    struct address network;
    uint8_t prefix; /* bits of the 128 */
};

struct sockaddr;

bool address_parse(struct slice text, struct address *ret); /* "192.0.2.1", "2001:db8::1", "[2001:db8::1]" */
bool address_from_sockaddr(const struct sockaddr *sockaddr, struct address *ret);
bool address_is_v4(struct address address);
#define ADDRESS_TEXT_MAX 48
struct slice address_format(struct address address, char out[ADDRESS_TEXT_MAX]);
/* Loopback, private, link-local, unique-local, multicast, unspecified, metadata services: nothing on the internet. */
bool address_is_internal(struct address address);
/* Keeps the first 24 bits of IPv4 or 48 of IPv6, the rest zero (compliance C-24, policy `truncate`). */
struct address address_truncate(struct address address);

/* "192.0.2.0/24", "2001:db8::/32", a bare address = one host. Bits behind the prefix must be 0. */
MUST_USE int cidr_parse(struct slice text, struct cidr *ret, struct err *err);
bool cidr_contains(struct cidr cidr, struct address address);
bool cidr_any_contains(const struct cidr *cidrs, size_t count, struct address address);

#endif
