#include "base/cidr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/banned.h"

enum { V4_BITS = 96 }; /* bits in front of an IPv4 address in its v4-mapped form */

static const unsigned char v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

static struct address from_v4(const void *bytes) {
    struct address address;
    memcpy(address.bytes, v4_prefix, sizeof(v4_prefix));
    memcpy(address.bytes + sizeof(v4_prefix), bytes, 4);
    return address;
}

bool address_parse(struct slice text, struct address *ret) {
    if (text.len >= 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']') {
        text = slice_of(text.ptr + 1, text.len - 2);
        if (slice_find_char(text, ':') < 0) return false;
    }
    char copy[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof(copy) || slice_find_char(text, '\0') >= 0) return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    struct address address;
    if (slice_find_char(text, ':') >= 0) {
        if (inet_pton(AF_INET6, copy, address.bytes) != 1) return false;
    } else {
        struct in_addr v4;
        if (inet_pton(AF_INET, copy, &v4) != 1) return false;
        address = from_v4(&v4);
    }
    *ret = address;
    return true;
}

bool address_from_sockaddr(const struct sockaddr *sockaddr, struct address *ret) {
    /* Copied out: the caller's buffer need not be aligned for the wider types. */
    if (sockaddr->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, sockaddr, sizeof(v4));
        *ret = from_v4(&v4.sin_addr);
        return true;
    }
    if (sockaddr->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, sockaddr, sizeof(v6));
        memcpy(ret->bytes, &v6.sin6_addr, sizeof(ret->bytes));
        return true;
    }
    return false;
}

bool address_is_v4(struct address address) {
    return memcmp(address.bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

struct slice address_format(struct address address, char out[ADDRESS_TEXT_MAX]) {
    if (address_is_v4(address))
        inet_ntop(AF_INET, address.bytes + 12, out, ADDRESS_TEXT_MAX);
    else
        inet_ntop(AF_INET6, address.bytes, out, ADDRESS_TEXT_MAX);
    return slice_cstr(out);
}

/* IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), and the addresses at which clouds serve the
 * credentials of a machine. Ranges for documentation are left out: nothing answers there. */
static const struct cidr internal[] = {
#define V4(a, b, c, d, prefix)                                                                                         \
    { {{[10] = 0xff, [11] = 0xff, a, b, c, d}}, V4_BITS + (prefix) }
    V4(0, 0, 0, 0, 8),        /* this network */
    V4(10, 0, 0, 0, 8),       /* private, RFC 1918 */
    V4(100, 64, 0, 0, 10),    /* shared by carriers, RFC 6598; Alibaba's metadata service */
    V4(127, 0, 0, 0, 8),      /* loopback */
    V4(168, 63, 129, 16, 32), /* Azure's metadata service */
    V4(169, 254, 0, 0, 16),   /* link-local; metadata services of most clouds */
    V4(172, 16, 0, 0, 12),    /* private */
    V4(192, 0, 0, 0, 24),     /* protocol assignments; Oracle's metadata service */
    V4(192, 168, 0, 0, 16),   /* private */
    V4(198, 18, 0, 0, 15),    /* benchmarks, RFC 2544 */
    V4(224, 0, 0, 0, 4),      /* multicast */
    V4(240, 0, 0, 0, 4),      /* reserved, broadcast */
#undef V4
    {{{0}}, V4_BITS},                             /* unspecified, loopback, the old v4-compatible form */
    {{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}}, 48}, /* translation inside a network, RFC 8215 */
    {{{0x01, 0x00}}, 64},                         /* discard, RFC 6666 */
    {{{0x20, 0x01}}, 32},                         /* Teredo, RFC 4380: hides an IPv4 address */
    {{{0xfc, 0x00}}, 7},                          /* unique-local */
    {{{0xfe, 0x80}}, 10},                         /* link-local */
    {{{0xfe, 0xc0}}, 10},                         /* site-local, deprecated by RFC 3879 */
    {{{0xff, 0x00}}, 8},                          /* multicast */
};

bool address_is_internal(struct address address) {
    static const struct cidr translated = {{{0x00, 0x64, 0xff, 0x9b}}, 96}; /* NAT64, RFC 6052 */
    static const struct cidr six_to_four = {{{0x20, 0x02}}, 16};            /* RFC 3056 */
    if (cidr_contains(translated, address))
        address = from_v4(address.bytes + 12);
    else if (cidr_contains(six_to_four, address))
        address = from_v4(address.bytes + 2);
    return cidr_any_contains(internal, sizeof(internal) / sizeof(internal[0]), address);
}

static struct address first_bits(struct address address, unsigned bits) {
    for (unsigned i = 0; i < sizeof(address.bytes); i++) {
        unsigned kept = bits > i * 8 ? bits - i * 8 : 0;
        if (kept < 8) address.bytes[i] &= (uint8_t)(0xff00 >> kept);
    }
    return address;
}

struct address address_truncate(struct address address) {
    return first_bits(address, address_is_v4(address) ? V4_BITS + 24 : 48);
}

static bool parse_prefix(struct slice text, unsigned most, unsigned *ret) {
    int64_t value;
    if (text.len > 3 || (text.len > 1 && text.ptr[0] == '0') || !slice_parse_i64(text, &value)) return false;
    if (value < 0 || value > most) return false;
    *ret = (unsigned)value;
    return true;
}

int cidr_parse(struct slice text, struct cidr *ret, struct err *err) {
    ptrdiff_t slash = slice_find_char(text, '/');
    struct slice host = slash < 0 ? text : slice_first(text, (size_t)slash);
    struct address network;
    if (slice_find_char(host, '[') >= 0 || !address_parse(host, &network))
        return err_set(err, ERR_INVALID, "\"%.*s\" is no address block such as 192.0.2.0/24 or 2001:db8::/32",
                       SLICE_FMT(slice_first(text, 64)));
    bool v4_text = slice_find_char(host, ':') < 0;
    unsigned most = v4_text ? 32 : 128, prefix = most;
    if (slash >= 0 && !parse_prefix(slice_from(text, (size_t)slash + 1), most, &prefix))
        return err_set(err, ERR_INVALID, "the prefix length of \"%.*s\" is not a number from 0 to %u",
                       SLICE_FMT(slice_first(text, 64)), most);
    if (v4_text) prefix += V4_BITS;
    struct address cleared = first_bits(network, prefix);
    if (memcmp(cleared.bytes, network.bytes, sizeof(network.bytes)) != 0) {
        char right[ADDRESS_TEXT_MAX];
        address_format(cleared, right);
        return err_set(err, ERR_INVALID, "\"%.*s\" has bits behind its prefix, write %s/%u",
                       SLICE_FMT(slice_first(text, 64)), right, v4_text ? prefix - V4_BITS : prefix);
    }
    *ret = (struct cidr){.network = network, .prefix = (uint8_t)prefix};
    return 0;
}

bool cidr_contains(struct cidr cidr, struct address address) {
    size_t whole = cidr.prefix / 8, bits = cidr.prefix % 8;
    if (memcmp(cidr.network.bytes, address.bytes, whole) != 0) return false;
    return bits == 0 || ((cidr.network.bytes[whole] ^ address.bytes[whole]) & (0xff00 >> bits) & 0xff) == 0;
}

bool cidr_any_contains(const struct cidr *cidrs, size_t count, struct address address) {
    for (size_t i = 0; i < count; i++) {
        if (cidr_contains(cidrs[i], address)) return true;
    }
    return false;
}
