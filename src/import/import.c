#include "import/import.h"

#include <stdlib.h>
#include <unistd.h>

#include "api/registration_read.h"
#include "base/clock.h"
#include "base/memory.h"
#include "import/file.h"
#include "import/json_split.h"
#include "import/portion.h"

#include "base/banned.h"

#define CHUNK_BYTES   ((size_t)256 << 10)
#define CHECKPOINT_US 100000 /* between two looks at the write-ahead log */

struct importing {
    const struct import_options *options;
    const struct import_format *format;
    struct import_file *file;
    struct json_reader *roots, *bodies;
    struct strbuf scratch, row_text;
    struct json_split *split; /* one of the two */
    struct csv_reader *rows;
    struct columns columns;
    bool has_headings;

    struct portion portions[2];
    size_t current;
    struct import_state stored; /* what the database says */
    int64_t skip;               /* records that a former run has read */
    int64_t records, line;      /* of the file; the line of the current record */
    int64_t checkpoint_us;
    int result; /* the first failure: what comes behind it is passed over */
    struct err err;
};

static struct portion *current(struct importing *importing) {
    return &importing->portions[importing->current];
}

static bool failed(const struct importing *importing) {
    return importing->result < 0;
}

static void fail(struct importing *importing, int result, const struct err *err) {
    if (failed(importing)) return;
    importing->result = result;
    importing->err = *err;
}

/* ---- storing ---- */

static void tell(struct importing *importing) {
    const struct import_options *options = importing->options;
    struct import_progress progress = {
        .format = importing->format,
        .totals = &importing->stored.totals,
        .resumed_at = importing->skip,
        .bytes = import_file_position(importing->file),
        .size = import_file_size(importing->file),
    };
    if (options->progress) options->progress(options->context, &progress);
    int64_t now = clock_monotonic_us();
    if (options->dry_run || now - importing->checkpoint_us < CHECKPOINT_US) return;
    store_checkpoint(options->store);
    importing->checkpoint_us = now;
}

/* Waits for the portion before, sends the current one, and begins the next. */
static void flush(struct importing *importing) {
    struct portion *portion = current(importing), *former = &importing->portions[1 - importing->current];
    struct err err = {0};
    int r = portion_wait(former, &err);
    if (r == 0 && former->options) importing->stored = former->after;
    portion_clear(former);
    former->after = importing->stored;
    if (r == 0) r = portion_submit(portion, &importing->stored, &err);
    importing->current = 1 - importing->current;
    if (r < 0) fail(importing, r, &err);
    tell(importing);
}

static void settle(struct importing *importing) {
    struct portion *former = &importing->portions[1 - importing->current];
    struct err err = {0};
    int r = portion_wait(former, &err);
    if (r < 0)
        fail(importing, r, &err);
    else if (!failed(importing))
        importing->stored = former->after;
}

/* ---- one record ---- */

static void refuse(struct importing *importing, enum import_total reason, const char *sentence) {
    portion_refuse(current(importing), importing->line, reason, sentence);
}

static void refuse_for(struct importing *importing, const struct err *err) {
    refuse(importing,
           err->code == ERR_TOO_LARGE ? IMPORT_REFUSED_TOO_LARGE
           : err->code == ERR_INVALID ? IMPORT_REFUSED_INVALID
                                      : IMPORT_REFUSED_UNREADABLE,
           err->text);
}

static bool is_too_old(const struct importing *importing, int64_t at) {
    return at < importing->options->now - importing->options->retention_days * DAY_MS;
}

static const char too_old[] = "it is older than the organization keeps events";

static void take_events(struct importing *importing, struct slice text) {
    struct portion *portion = current(importing);
    struct provider_endpoint settings = {.provider = importing->format->provider};
    struct delivery delivery = {.body = text, .header = import_header, .received_at = importing->options->now};
    struct parsed_delivery parsed = {0};
    struct err err = {0};
    int r = settings.provider->parse(&settings, &delivery, importing->bodies, portion->arena, &parsed, &err);
    if (r < 0) {
        refuse_for(importing, &err);
        return;
    }
    portion->totals.count[IMPORT_IGNORED] += (int64_t)parsed.ignored;
    for (size_t i = 0; i < parsed.event_count; i++) {
        if (is_too_old(importing, parsed.events[i].occurred_at)) {
            refuse(importing, IMPORT_REFUSED_OLD, too_old);
            continue;
        }
        portion_add_events(portion, &parsed.events[i], 1);
        portion->totals.count[IMPORT_EVENTS]++;
    }
}

static void take_email(struct importing *importing, struct slice text) {
    struct portion *portion = current(importing);
    struct registration *registration = &portion->registrations[portion->registration_count];
    struct api_call call = {.arena = portion->arena, .now = importing->options->now};
    struct json_value root;
    struct err err = {0};
    int r = json_parse(importing->bodies, text, &root, &err);
    if (r == 0) r = registration_read(&call, root, registration, &err);
    if (r < 0) {
        refuse_for(importing, &err);
    } else if (slice_empty(registration->message_id) && slice_empty(registration->rfc_message_id)) {
        refuse(importing, IMPORT_REFUSED_NAMELESS, "it has no message id: a second run could not know it again");
    } else if (json_get(root, SLICE("sent_at")).type != JSON_KIND_STRING &&
               json_get(root, SLICE("sent_at")).type != JSON_KIND_INTEGER) {
        refuse(importing, IMPORT_REFUSED_INVALID, "sent_at is missing: history was sent at some time");
    } else if (is_too_old(importing, registration->sent_at)) {
        refuse(importing, IMPORT_REFUSED_OLD, too_old);
    } else {
        portion->lines[portion->registration_count++] = importing->line;
        portion->totals.count[IMPORT_EMAILS]++;
    }
}

static void take_body(void *context, struct slice text) {
    struct importing *importing = context;
    if (importing->format->provider)
        take_events(importing, text);
    else
        take_email(importing, text);
}

static void unwrap(struct importing *importing, struct slice text) {
    const struct import_format *format = importing->format;
    struct json_value root = {0};
    struct err err = {0};
    int r = format->needs_root ? json_parse(importing->roots, text, &root, &err) : 0;
    if (r == 0 && format->needs_root && root.type != JSON_KIND_OBJECT)
        r = err_set(&err, ERR_UNREADABLE, "it is no JSON object");
    if (r == 0)
        r = format->unwrap(text, root, &importing->scratch, take_body, importing,
                           &current(importing)->totals.count[IMPORT_IGNORED], &err);
    if (r < 0) refuse_for(importing, &err);
}

/* True: the record is to be looked at. */
static bool begin_record(struct importing *importing, int64_t line) {
    if (failed(importing)) return false;
    importing->line = line;
    if (++importing->records <= importing->skip) return false;
    current(importing)->totals.count[IMPORT_RECORDS]++;
    return true;
}

static void take_record(struct importing *importing, struct slice text) {
    if (importing->format->unwrap)
        unwrap(importing, text);
    else
        take_body(importing, text);
}

static void end_record(struct importing *importing) {
    if (portion_is_full(current(importing))) flush(importing);
}

/* ---- beginning ---- */

static void resume(struct importing *importing) {
    const struct import_options *options = importing->options;
    struct arena *arena = arena_new();
    struct import_key key = {.organization_id = options->organization_id,
                             .file_size = import_file_size(importing->file),
                             .format = slice_cstr(importing->format->name)};
    struct import_row row;
    struct json_value totals;
    struct err err = {0};
    int r = 0;
    importing->stored.started_at = options->now;
    if (key.file_size == 0) goto out;
    r = import_file_hash(importing->file, store_hash_key(options->store), &key.file_hash, &err);
    if (r < 0 || options->dry_run) goto out;
    importing->portions[0].key = importing->portions[1].key = key;
    r = import_load(options->db, &key, arena, &row, &err);
    /* A file that was read to its end is read again: emails may be known now, or settings changed. */
    if (r <= 0 || row.finished_at != TIME_UNSET || options->restart) goto out;
    char *text = arena_bytes(arena, row.totals.len + JSON_PADDING);
    memcpy(text, row.totals.ptr, row.totals.len);
    r = json_parse(importing->bodies, slice_of(text, row.totals.len), &totals, &err);
    if (r < 0) goto out;
    import_totals_read(totals, &importing->stored.totals);
    importing->stored.refused_bytes = row.refused_bytes;
    importing->stored.started_at = row.started_at;
    importing->skip = row.records;
out:
    arena_free(arena);
    if (r < 0) fail(importing, r, &err);
    if (r >= 0 && options->refused_path && !options->dry_run &&
        truncate(options->refused_path, importing->stored.refused_bytes) != 0) {
        /* There is none: it is made with the first refusal. */
    }
    importing->portions[0].after = importing->portions[1].after = importing->stored;
}

static void use_format(struct importing *importing, const struct import_format *format, const char *what) {
    struct err err = {0};
    importing->format = format;
    if (format)
        resume(importing);
    else
        fail(importing,
             err_set(&err, ERR_INVALID, "the first %s is like no format that is known: name one with --format", what),
             &err);
}

static void on_piece(void *context, const struct json_piece *piece) {
    struct importing *importing = context;
    if (!importing->format && !failed(importing)) {
        struct json_value root = {0};
        if (piece->broken || json_parse(importing->roots, piece->text, &root, NULL) < 0) root = (struct json_value){0};
        use_format(importing, import_format_of_json(root), "object");
    }
    if (!begin_record(importing, piece->line)) return;
    if (piece->text.len > JSON_SPLIT_MAX_BYTES)
        refuse(importing, IMPORT_REFUSED_TOO_LARGE, "the object is too large");
    else if (piece->broken)
        refuse(importing, IMPORT_REFUSED_UNREADABLE, "it is no JSON object, or one without an end");
    else
        take_record(importing, piece->text);
    end_record(importing);
}

static void take_headings(struct importing *importing, const struct csv_row *row) {
    struct err err = {0};
    importing->has_headings = true;
    if (!importing->format) use_format(importing, import_format_of_row(row), "line");
    if (failed(importing)) return;
    int r = columns_read(importing->format, importing->options->columns, row, &importing->columns, &err);
    if (r < 0) fail(importing, r, &err);
}

static void on_row(void *context, const struct csv_row *row) {
    struct importing *importing = context;
    struct err err = {0};
    if (!importing->has_headings && !failed(importing)) {
        take_headings(importing, row);
        return;
    }
    if (!begin_record(importing, row->line)) return;
    strbuf_clear(&importing->row_text);
    int r = columns_write(&importing->columns, row, &importing->row_text, &err);
    size_t len = importing->row_text.len;
    if (r == 0 && !strbuf_reserve(&importing->row_text, JSON_PADDING))
        r = err_set(&err, ERR_TOO_LARGE, "the row is too large");
    if (r < 0)
        refuse_for(importing, &err);
    else
        take_record(importing, slice_of(importing->row_text.ptr, len));
    end_record(importing);
}

/* ---- reading ---- */

static bool is_json(const struct importing *importing, struct slice first) {
    if (importing->options->format) return !importing->options->format->columns;
    struct slice text = slice_trim(first);
    return !slice_empty(text) && (text.ptr[0] == '{' || text.ptr[0] == '[');
}

static void begin(struct importing *importing, struct slice first) {
    if (is_json(importing, first))
        importing->split = json_split_new(on_piece, importing);
    else
        importing->rows = csv_reader_new(on_row, importing);
    if (importing->options->format) use_format(importing, importing->options->format, "");
}

static void feed(struct importing *importing, struct slice bytes) {
    if (importing->split)
        json_split_feed(importing->split, bytes);
    else
        csv_reader_feed(importing->rows, bytes);
}

static int read_all(struct importing *importing, char *chunk) {
    struct err err = {0};
    size_t len = 0;
    int r;
    while ((r = import_file_read(importing->file, chunk, CHUNK_BYTES, &len, &err)) == 0 && len > 0) {
        struct slice bytes = slice_of(chunk, len);
        if (!importing->split && !importing->rows) {
            struct slice mark = SLICE("\xef\xbb\xbf"); /* a byte order mark */
            if (slice_starts_with(bytes, mark)) bytes = slice_from(bytes, mark.len);
            begin(importing, bytes);
        }
        feed(importing, bytes);
        if (failed(importing)) return importing->result;
        tell(importing);
    }
    if (r < 0) {
        if (importing->format) flush(importing); /* what came whole before the damage is good */
        fail(importing, r, &err);
        return r;
    }
    if (importing->split) json_split_finish(importing->split);
    if (importing->rows) csv_reader_finish(importing->rows);
    if (importing->format) current(importing)->is_last = true;
    return importing->result;
}

int import_run(const struct import_options *options, struct import_totals *ret, struct err *err) {
    struct importing *importing = memory_alloc(sizeof(*importing));
    char *chunk = memory_alloc(CHUNK_BYTES);
    importing->options = options;
    importing->roots = json_reader_new();
    importing->bodies = json_reader_new();
    strbuf_init(&importing->scratch, IMPORT_BODY_MAX);
    strbuf_init(&importing->row_text, IMPORT_BODY_MAX);
    for (size_t i = 0; i < 2; i++)
        portion_init(&importing->portions[i], options);
    int r = import_file_open(options->path, &importing->file, &importing->err);
    if (r < 0) importing->result = r;
    if (r == 0) r = read_all(importing, chunk);
    if (r == 0 && importing->format) flush(importing);
    settle(importing);
    if (importing->file) tell(importing);
    if (importing->result == 0)
        *ret = importing->stored.totals;
    else if (err)
        *err = importing->err;
    r = importing->result;
    for (size_t i = 0; i < 2; i++)
        portion_release(&importing->portions[i]);
    json_split_free(importing->split);
    csv_reader_free(importing->rows);
    import_file_close(importing->file);
    json_reader_free(importing->roots);
    json_reader_free(importing->bodies);
    strbuf_release(&importing->scratch);
    strbuf_release(&importing->row_text);
    free(chunk);
    free(importing);
    return r;
}
