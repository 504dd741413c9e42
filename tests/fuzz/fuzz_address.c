/* Any bytes as addresses and blocks of them (X-Forwarded-For, allow lists): what is taken is written again as something
 * that means the same, and a block holds its own network. */
#include <stdint.h>
#include <stdlib.h>

#include "base/cidr.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice text = slice_of((const char *)data, size);
    struct address address, again;
    struct cidr cidr;
    char out[ADDRESS_TEXT_MAX];
    if (address_parse(text, &address)) {
        check(address_parse(address_format(address, out), &again));
        check(memcmp(&address, &again, sizeof(address)) == 0);
        struct address less = address_truncate(address), least = address_truncate(less);
        check(memcmp(&less, &least, sizeof(less)) == 0 && address_is_v4(less) == address_is_v4(address));
    }
    if (cidr_parse(text, &cidr, NULL) == 0) {
        check(cidr.prefix <= 128 && cidr_contains(cidr, cidr.network));
        if (cidr.prefix > 0) {
            struct address outside = cidr.network;
            outside.bytes[(cidr.prefix - 1) / 8] ^= (uint8_t)(0x80 >> (cidr.prefix - 1) % 8);
            check(!cidr_contains(cidr, outside));
        }
    }
    return 0;
}
