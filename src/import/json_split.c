#include "import/json_split.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include "base/banned.h"

enum state { BETWEEN, INSIDE, STRING, ESCAPE, JUNK };

struct json_split {
    void (*piece)(void *context, const struct json_piece *piece);
    void *context;
    struct strbuf text;
    enum state state;
    size_t depth;
    int64_t line, piece_line;
    char last;      /* the last character inside that is no white space */
    bool too_large; /* what comes of this object is passed over */
    bool new_line;  /* the character before was a line feed */
    bool has_lines; /* this object has line feeds within */
    bool in_lines;  /* the first object had none: so one a line is meant */
    bool any;
};

struct json_split *json_split_new(void (*piece)(void *context, const struct json_piece *piece), void *context) {
    struct json_split *split = memory_alloc(sizeof(*split));
    *split = (struct json_split){.piece = piece, .context = context, .line = 1};
    strbuf_init(&split->text, JSON_SPLIT_MAX_BYTES + JSON_PADDING);
    return split;
}

struct json_split *json_split_free(struct json_split *split) {
    if (!split) return NULL;
    strbuf_release(&split->text);
    free(split);
    return NULL;
}

static void emit(struct json_split *split, bool broken) {
    size_t len = split->text.len;
    (void)strbuf_reserve(&split->text, JSON_PADDING);
    struct json_piece piece = {
        .text = slice_of(split->text.ptr, len), .line = split->piece_line, .broken = broken || split->too_large};
    split->piece(split->context, &piece);
    if (!split->any && !piece.broken) {
        split->any = true;
        split->in_lines = !split->has_lines;
    }
    strbuf_clear(&split->text);
    split->state = BETWEEN;
    split->depth = 0;
    split->too_large = split->has_lines = false;
}

static void keep(struct json_split *split, const char *bytes, size_t len) {
    if (split->too_large || len == 0) return;
    if (split->text.len + len > JSON_SPLIT_MAX_BYTES)
        split->too_large = true;
    else
        strbuf_add(&split->text, bytes, len);
}

/* Does a line that begins with a brace begin an object of its own, so that the former never ended? In pretty text such
 * a line stands behind a comma, a colon or a bracket. */
static bool begins_anew(const struct json_split *split, char c) {
    if (!split->new_line || c != '{') return false;
    return split->in_lines || split->state == STRING || !strchr(",:[", split->last);
}

static void between(struct json_split *split, char c) {
    if (c == '{') {
        split->state = INSIDE;
        split->depth = 1;
        split->piece_line = split->line;
        split->last = c;
        keep(split, &c, 1);
    } else if (!strchr(" \t\r\n,[]\x1e", c)) { /* the last separates records in RFC 7464 */
        split->state = JUNK;
        split->piece_line = split->line;
        keep(split, &c, 1);
    }
}

static void inside(struct json_split *split, char c) {
    keep(split, &c, 1);
    if (c == '"')
        split->state = STRING;
    else if (c == '{' || c == '[')
        split->depth++;
    else if (c == '}' || c == ']')
        split->depth--;
    if (!strchr(" \t\r\n", c)) split->last = c;
    if (split->depth == 0) emit(split, false);
}

static void take(struct json_split *split, char c) {
    if ((split->state == INSIDE || split->state == STRING) && begins_anew(split, c)) emit(split, true);
    split->new_line = c == '\n';
    if (split->new_line && split->state != BETWEEN) split->has_lines = true;
    switch (split->state) {
    case BETWEEN:
        between(split, c == '\0' ? '\x01' : c);
        break;
    case INSIDE:
        inside(split, c == '\0' ? '\x01' : c);
        break;
    case STRING:
        keep(split, &c, 1);
        if (c == '\\') split->state = ESCAPE;
        if (c == '"') {
            split->state = INSIDE;
            split->last = c;
        }
        break;
    case ESCAPE:
        keep(split, &c, 1);
        split->state = STRING;
        break;
    case JUNK:
        if (c == '\n') {
            emit(split, true);
        } else {
            keep(split, &c, 1);
        }
        break;
    }
    if (split->new_line) split->line++;
}

/* Bytes at the beginning that mean nothing where the reader is: most of a text lies within strings. */
static size_t plain_bytes(const struct json_split *split, struct slice bytes) {
    size_t len = 0;
    if (split->state == STRING && !split->new_line)
        while (len < bytes.len && bytes.ptr[len] != '"' && bytes.ptr[len] != '\\' && bytes.ptr[len] != '\n')
            len++;
    return len;
}

void json_split_feed(struct json_split *split, struct slice bytes) {
    while (bytes.len > 0) {
        size_t plain = plain_bytes(split, bytes);
        keep(split, bytes.ptr, plain);
        bytes = slice_from(bytes, plain);
        if (bytes.len == 0) break;
        take(split, bytes.ptr[0]);
        bytes = slice_from(bytes, 1);
    }
}

void json_split_finish(struct json_split *split) {
    if (split->state != BETWEEN) emit(split, true);
}
