/* log: structured lines on standard error, text or JSON. The one mutable global of the program is its sink.
 * Who logs: cmd/, api/, ingest/ and the janitor. Layers below return errors and stay silent.
 * Never put an address, a token, a body, a subject or a name into a line: ids and codes only.
 *
 *     log_info("delivery accepted", LOG_TEXT("request", id), LOG_INT("events", n));
 */
#ifndef INKLING_BASE_LOG_H
#define INKLING_BASE_LOG_H

#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log_field {
    const char *name;
    struct slice text; /* used when is_text */
    int64_t number;
    bool is_text;
};

#define LOG_TEXT(name_, cstr_)   ((struct log_field){.name = (name_), .text = slice_cstr(cstr_), .is_text = true})
#define LOG_SLICE(name_, slice_) ((struct log_field){.name = (name_), .text = (slice_), .is_text = true})
#define LOG_INT(name_, value_)   ((struct log_field){.name = (name_), .number = (value_)})

void log_configure(enum log_level least, enum log_format format); /* thread-safe */
bool log_enabled(enum log_level level);
/* `message`: a constant sentence, lower case, no final stop. One write(2) a line; never blocks on a lock while writing.
 */
void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t field_count);

#define LOG_AT(level_, message_, ...)                                                                                  \
    do {                                                                                                               \
        if (log_enabled(level_)) {                                                                                     \
            const struct log_field log_fields_[] = {{0}, ##__VA_ARGS__};                                               \
            log_write((level_), (message_), log_fields_ + 1, sizeof(log_fields_) / sizeof(log_fields_[0]) - 1);        \
        }                                                                                                              \
    } while (0)
#define log_debug(...)   LOG_AT(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)    LOG_AT(LOG_INFO, __VA_ARGS__)
#define log_warning(...) LOG_AT(LOG_WARNING, __VA_ARGS__)
#define log_error(...)   LOG_AT(LOG_ERROR, __VA_ARGS__)

#endif
