#include "model/received_mail.h"

#include "base/banned.h"

size_t received_headers_read(struct slice *rest, struct received_header *ret, size_t max) {
    size_t count = 0;
    bool open = false; /* a folded line goes on with the field before it, if that was kept */
    struct slice line;
    while (slice_split_next(rest, '\n', &line)) {
        if (line.len > 0 && line.ptr[line.len - 1] == '\r') line.len--;
        if (line.len == 0) {
            if (count > 0) return count;
            continue; /* empty lines in front */
        }
        if (line.ptr[0] == ' ' || line.ptr[0] == '\t') {
            if (open) ret[count - 1].value.len = (size_t)(line.ptr + line.len - ret[count - 1].value.ptr);
            continue;
        }
        ptrdiff_t colon = slice_find_char(line, ':');
        struct slice name = colon > 0 ? slice_trim(slice_first(line, (size_t)colon)) : SLICE_NONE;
        open = !slice_empty(name) && count < max;
        if (!open) continue;
        ret[count++] = (struct received_header){
            .name = name,
            .value = slice_of(line.ptr + colon + 1, line.len - (size_t)colon - 1),
        };
    }
    return count;
}
