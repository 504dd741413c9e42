/* Links of HTML, by gumbo, which parses as browsers do and tells where in the source each attribute's value stands. */
#include "tracking/rewrite.h"

#include <gumbo.h>
#include <setjmp.h>
#include <time.h>

#include "base/clock.h"
#include "tracking/destination.h"
#include "tracking/scan.h"

#include "base/banned.h"

/* What a parse may cost. Emails take 5 to 25 bytes a byte, a tag for each word 65; misnested formatting elements can
 * multiply without end by the standard's rules, and gumbo has no limit of its own. */
#define MEMORY_FLOOR   (4UL << 20)
#define MEMORY_A_BYTE  80
#define TIME_MAX_MS    2000                   /* of the processor */
#define TIME_EVERY     256                    /* allocations between two looks at the clock */
#define TEXT_NODES_MAX 200                    /* looked at for the text of one link */
#define TEXT_ROOM      (REWRITE_TEXT_MAX + 4) /* so that a character is cut as a whole */
#define STACK_FIRST    64

/* Gumbo's memory: never given back piece by piece (its own clean-up recurses as deep as the document), and when the
 * budget is used up, control leaves gumbo for good. */
struct memory {
    struct arena *arena;
    size_t budget, allocations;
    int64_t ends_at_ms;
    jmp_buf exhausted;
};

struct walk {
    struct rewrite_scan *scan;
    const struct rewrite_scan_options *options;
    struct memory *memory;
    const GumboNode **stack;
    size_t depth, capacity;
};

/* ---- memory ---- */

static int64_t thread_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * SECOND_MS + now.tv_nsec / 1000000;
}

static void *allocate(void *userdata, size_t size) {
    struct memory *memory = userdata;
    bool too_long = ++memory->allocations % TIME_EVERY == 0 && thread_ms() > memory->ends_at_ms;
    if (too_long || size > memory->budget || arena_used(memory->arena) > memory->budget - size)
        longjmp(memory->exhausted, 1);
    return arena_alloc(memory->arena, size);
}

static void deallocate(void *userdata, void *pointer) {}

static const GumboNode *parse(struct memory *memory, struct slice html) {
    GumboOptions options = kGumboDefaultOptions;
    options.allocator = allocate;
    options.deallocator = deallocate;
    options.userdata = memory;
    options.max_errors = 0;
    return gumbo_parse_with_options(&options, html.ptr, html.len)->document;
}

/* ---- one link ---- */

static const GumboVector *children_of(const GumboNode *node) {
    static const GumboVector none = {NULL, 0, 0};
    if (node->type == GUMBO_NODE_DOCUMENT) return &node->v.document.children;
    if (node->type == GUMBO_NODE_ELEMENT || node->type == GUMBO_NODE_TEMPLATE) return &node->v.element.children;
    return &none;
}

static const char *attribute(const GumboNode *node, const char *name) {
    const GumboAttribute *found = gumbo_get_attribute(&node->v.element.attributes, name);
    return found ? found->value : NULL;
}

static void add_words(struct slice words, char text[TEXT_ROOM], size_t *len) {
    for (size_t i = 0; i < words.len && *len < TEXT_ROOM; i++) {
        bool blank = (unsigned char)words.ptr[i] <= ' ' || words.ptr[i] == 0x7f;
        if (blank && (*len == 0 || text[*len - 1] == ' ')) continue;
        text[(*len)++] = blank ? ' ' : words.ptr[i];
    }
}

/* The text that a reader sees, or of images their alternative text. */
static struct slice text_of(const GumboNode *link, struct arena *arena) {
    char text[TEXT_ROOM], images[TEXT_ROOM];
    size_t len = 0, images_len = 0, depth = 0;
    const GumboNode *stack[TEXT_NODES_MAX];
    stack[depth++] = link;
    for (size_t seen = 0; depth > 0 && seen < TEXT_NODES_MAX; seen++) {
        const GumboNode *node = stack[--depth];
        const GumboVector *children = children_of(node);
        if (node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_WHITESPACE)
            add_words(slice_cstr(node->v.text.text), text, &len);
        else if (node->type == GUMBO_NODE_ELEMENT && node->v.element.tag == GUMBO_TAG_IMG && attribute(node, "alt"))
            add_words(slice_cstr(attribute(node, "alt")), images, &images_len);
        for (size_t i = children->length; i > 0; i--)
            if (depth < TEXT_NODES_MAX) stack[depth++] = children->data[i - 1];
    }
    struct slice seen = slice_trim(slice_of(text, len));
    if (slice_empty(seen)) seen = slice_trim(slice_of(images, images_len));
    if (slice_empty(seen) && attribute(link, "alt")) seen = slice_trim(slice_cstr(attribute(link, "alt")));
    if (slice_empty(seen) && attribute(link, "title")) seen = slice_trim(slice_cstr(attribute(link, "title")));
    return arena_copy(arena, slice_first_utf8(seen, REWRITE_TEXT_MAX));
}

/* <a>, <area>, and Outlook's shapes, <v:roundrect href>. */
static bool is_link(const GumboNode *node) {
    if (node->type != GUMBO_NODE_ELEMENT) return false;
    const GumboElement *element = &node->v.element;
    if (element->tag == GUMBO_TAG_A || element->tag == GUMBO_TAG_AREA) return true;
    const GumboStringPiece tag = element->original_tag;
    return element->tag == GUMBO_TAG_UNKNOWN && tag.length > 3 &&
           slice_equal_nocase(slice_of(tag.data, 3), SLICE("<v:"));
}

/* The value between its quotes, as a part of the source. */
static bool locate(const struct walk *walk, const GumboAttribute *attribute, struct slice *ret) {
    const struct slice source = walk->scan->source;
    const GumboStringPiece piece = attribute->original_value;
    if (!piece.data || piece.data < source.ptr || piece.data + piece.length > source.ptr + source.len) return false;
    struct slice value = slice_of(piece.data, piece.length);
    if (value.len >= 2 && (value.ptr[0] == '"' || value.ptr[0] == '\'') && value.ptr[value.len - 1] == value.ptr[0])
        value = slice_of(value.ptr + 1, value.len - 2);
    *ret = value;
    return value.len > 0;
}

static bool is_ascii(struct slice text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] >= 0x80) return false;
    return true;
}

static bool is_ours(const struct walk *walk, struct slice url) {
    struct slice base = walk->options->base;
    if (slice_empty(base) || !slice_equal_nocase(slice_first(url, base.len), base)) return false;
    return url.len == base.len || strchr("/?#", url.ptr[base.len]);
}

static void visit_link(struct walk *walk, const GumboNode *node, bool in_comment) {
    const GumboAttribute *href = gumbo_get_attribute(&node->v.element.attributes, "href");
    struct arena *arena = walk->scan->arena;
    struct slice value, url;
    if (!href || !locate(walk, href, &value)) return;
    if (walk->options->is_ascii_only ? !is_ascii(value) : !slice_is_utf8(value)) return;
    if (!destination_read(slice_cstr(href->value), walk->options->allow_internal, arena, &url)) return;
    if (is_ours(walk, url)) return;
    size_t start = (size_t)(value.ptr - walk->scan->source.ptr);
    scan_add_link(walk->scan, start, start + value.len, arena_copy(arena, url), text_of(node, arena), in_comment);
}

/* ---- the tree ---- */

static void push(struct walk *walk, const GumboNode *node) {
    if (walk->depth == walk->capacity) {
        size_t capacity = walk->capacity > 0 ? 2 * walk->capacity : STACK_FIRST;
        const GumboNode **grown = allocate(walk->memory, capacity * sizeof(*grown));
        if (walk->depth > 0) memcpy(grown, walk->stack, walk->depth * sizeof(*grown));
        walk->stack = grown;
        walk->capacity = capacity;
    }
    walk->stack[walk->depth++] = node;
}

/* "<!--[if mso]> … <![endif]-->": what Outlook takes for HTML and everybody else for a comment. Empty: another one. */
static struct slice conditional_html(const struct walk *walk, const GumboNode *node) {
    const struct slice source = walk->scan->source;
    const GumboStringPiece piece = node->v.text.original_text;
    struct slice text = slice_of(piece.data, piece.length);
    if (!piece.data || piece.data < source.ptr || piece.data + piece.length > source.ptr + source.len)
        return SLICE_NONE;
    if (!slice_starts_with(text, SLICE("<!--"))) return SLICE_NONE;
    text = slice_from(text, 4);
    if (slice_ends_with(text, SLICE("-->"))) text.len -= 3;
    while (text.len > 0 && (unsigned char)text.ptr[0] <= ' ')
        text = slice_from(text, 1);
    ptrdiff_t end = slice_find(text, SLICE("]>"));
    if (!slice_equal_nocase(slice_first(text, 3), SLICE("[if")) || end < 0) return SLICE_NONE;
    return slice_from(text, (size_t)end + 2);
}

static void walk_tree(struct walk *walk, const GumboNode *root, bool in_comment);

static void visit(struct walk *walk, const GumboNode *node, bool in_comment) {
    if (is_link(node)) visit_link(walk, node, in_comment);
    if (node->type != GUMBO_NODE_COMMENT || in_comment) return;
    struct slice html = conditional_html(walk, node);
    if (slice_empty(html)) return;
    struct walk inner = *walk;
    inner.stack = NULL;
    inner.depth = inner.capacity = 0;
    walk_tree(&inner, parse(walk->memory, html), true);
}

/* Without recursion into the document, which may be deep; into comments once. */
static void walk_tree(struct walk *walk, const GumboNode *root, bool in_comment) {
    push(walk, root);
    while (walk->depth > 0) {
        const GumboNode *node = walk->stack[--walk->depth];
        bool is_element = node->type == GUMBO_NODE_ELEMENT || node->type == GUMBO_NODE_TEMPLATE;
        const char *mark = is_element ? attribute(node, "data-inkling") : NULL;
        if (mark && slice_equal_nocase(slice_trim(slice_cstr(mark)), SLICE("off"))) continue;
        visit(walk, node, in_comment);
        const GumboVector *children = children_of(node);
        for (size_t i = children->length; i > 0; i--)
            push(walk, children->data[i - 1]);
    }
}

/* ---- where the footer goes, and its language ---- */

static const GumboNode *child(const GumboNode *node, GumboTag tag) {
    const GumboVector *children = children_of(node);
    for (size_t i = 0; i < children->length; i++) {
        const GumboNode *at = children->data[i];
        if (at->type == GUMBO_NODE_ELEMENT && at->v.element.tag == tag) return at;
    }
    return NULL;
}

/* The end tag's place in the source, or `none`. */
static size_t end_tag(const struct rewrite_scan *scan, const GumboNode *node, size_t none) {
    const GumboStringPiece tag = node ? node->v.element.original_end_tag : kGumboEmptyString;
    if (!tag.data || tag.length < 2 || tag.data < scan->source.ptr || tag.data >= scan->source.ptr + scan->source.len)
        return none;
    return memcmp(tag.data, "</", 2) == 0 ? (size_t)(tag.data - scan->source.ptr) : none;
}

static void read_frame(struct rewrite_scan *scan, const GumboNode *document) {
    const GumboNode *html = child(document, GUMBO_TAG_HTML);
    const GumboNode *body = html ? child(html, GUMBO_TAG_BODY) : NULL;
    const char *language = html ? attribute(html, "lang") : NULL;
    scan_add_end(scan, end_tag(scan, body, end_tag(scan, html, scan->source.len)));
    if (!language) return;
    struct slice subtag = slice_first(slice_trim(slice_cstr(language)), REWRITE_LANGUAGE_MAX);
    size_t len = 0;
    while (len < subtag.len && ((subtag.ptr[len] | 0x20) >= 'a' && (subtag.ptr[len] | 0x20) <= 'z'))
        len++;
    char *lower = arena_bytes(scan->arena, len);
    for (size_t i = 0; i < len; i++)
        lower[i] = (char)(subtag.ptr[i] | 0x20);
    scan->language = slice_of(lower, len);
}

/* ---- all of it ---- */

/* False: the budget was used up. The scan is then of no use. */
static bool scan_within(struct rewrite_scan *scan, const struct rewrite_scan_options *options, struct memory *memory) {
    if (setjmp(memory->exhausted) != 0) return false;
    struct walk walk = {.scan = scan, .options = options, .memory = memory};
    const GumboNode *document = parse(memory, scan->source);
    walk_tree(&walk, document, false);
    read_frame(scan, document);
    return true;
}

int rewrite_scan_html(struct slice html, const struct rewrite_scan_options *options, struct arena *arena,
                      struct rewrite_scan **ret, struct err *err) {
    if (html.len > REWRITE_BYTES_MAX)
        return err_set(err, ERR_TOO_LARGE, "html has %zu bytes: at most %lu can be rewritten", html.len,
                       REWRITE_BYTES_MAX);
    struct memory memory = {.arena = arena_new(),
                            .budget = MEMORY_FLOOR + MEMORY_A_BYTE * html.len,
                            .ends_at_ms = thread_ms() + TIME_MAX_MS};
    struct rewrite_scan *scan = scan_new(html, true, arena);
    bool done = scan_within(scan, options, &memory);
    arena_free(memory.arena);
    if (!done)
        return err_set(err, ERR_TOO_LARGE, "html is nested too deeply to be rewritten: are elements left unclosed?");
    scan_finish(scan, NULL);
    *ret = scan;
    return 0;
}
