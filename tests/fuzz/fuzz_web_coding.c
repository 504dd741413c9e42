/* Any bytes as the headers by which a browser asks for a file: what is found lies within them, and what is named alone
 * is found. */
#include <stdint.h>
#include <stdlib.h>

#include "web/coding.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice header = slice_of((const char *)data, size);
    bool gzip = coding_accepted(header, SLICE("gzip")), any = coding_accepted(header, SLICE("unheard-of"));
    if (any && slice_find_char(header, '*') < 0) abort();
    if (gzip && !any && size < 4) abort();
    if (etag_matches(header, SLICE("\"tag\"")) && slice_find(header, SLICE("\"tag\"")) < 0 &&
        slice_find_char(header, '*') < 0)
        abort();
    struct slice theme = cookie_value(header, SLICE("theme"));
    if (theme.len > 0 && (theme.ptr < header.ptr || theme.ptr + theme.len > header.ptr + header.len)) abort();
    if (theme.len > 0 && slice_find_char(theme, ';') >= 0) abort();
    return 0;
}
