/* err: how a function says what went wrong. Functions that can fail return 0 or a negative enum err_code and take a
 * `struct err *` as their last parameter, which gets the code and one finished sentence without a final stop
 * ("the certificate of the topic has expired"). `err` may be NULL. On success it is left alone. Callers ask for `!= 0`,
 * which tells compiler and analyzer that what follows has all its values; `< 0` only where a positive result means
 * something. */
#ifndef INKLING_BASE_ERR_H
#define INKLING_BASE_ERR_H

enum err_code {
    ERR_INVALID = 1, /* the caller's input is wrong */
    ERR_UNREADABLE,  /* bytes that cannot be parsed at all */
    ERR_SIGNATURE,   /* not signed, or not by whom it should be */
    ERR_DENIED,      /* known, but not allowed */
    ERR_NOT_FOUND,
    ERR_CONFLICT, /* exists already, or is in another state */
    ERR_TOO_LARGE,
    ERR_TOO_MANY,    /* rate limit */
    ERR_FULL,        /* a bounded queue is full: try again later */
    ERR_UNAVAILABLE, /* the database or another service cannot be reached or failed */
    ERR_INTERNAL,
};

struct err {
    enum err_code code;
    char text[300];
};

#define MUST_USE __attribute__((warn_unused_result))

/* Sets code and text, returns -code: `return err_set(err, ERR_INVALID, "…")`. A macro over err_fill(), so that every
 * caller's compiler sees that what comes back is negative and does not follow paths that cannot be. */
#define err_set(err, code, ...) (err_fill((err), (code), __VA_ARGS__), err_result(code))
static inline int err_result(enum err_code code) {
    int result = -(int)code;
    return result < 0 ? result : -ERR_INTERNAL; /* 0 would say success */
}
void err_fill(struct err *err, enum err_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Puts "<prefix>: " before the text that is there; returns -err->code (-ERR_INTERNAL when `err` is NULL). */
int err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "invalid", "not_found" …: for logs and metrics. */
const char *err_code_name(enum err_code code);

/* A broken promise inside the program: prints where and aborts. */
#define BUG(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)
void bug_at(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4), noreturn));

#endif
