/* folded(): a text with the case of its letters taken off, for searching. SQLite's lower() knows ASCII's letters alone.
 * Every connection has it, that of a migration too. Schemas do not use it: nothing but this program has it. */
#include "store/sqlite.h"

#include <glib.h>

#include "base/banned.h"

static bool is_ascii(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] >= 0x80) return false;
    return true;
}

static void folded(sqlite3_context *context, int count, sqlite3_value **values) {
    if (count != 1 || sqlite3_value_type(values[0]) == SQLITE_NULL) return; /* NULL */
    const char *text = (const char *)sqlite3_value_text(values[0]);
    if (!text) {
        sqlite3_result_error_nomem(context);
        return;
    }
    size_t len = (size_t)sqlite3_value_bytes(values[0]);
    /* The database may hold bytes that are no UTF-8. */
    bool letters = !is_ascii(text, len) && g_utf8_validate(text, (gssize)len, NULL);
    char *result = letters ? g_utf8_casefold(text, (gssize)len) : g_ascii_strdown(text, (gssize)len);
    sqlite3_result_text(context, result, -1, g_free);
}

int sqlite_casefold_register(struct sqlite_db *db, struct err *err) {
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
    if (sqlite3_create_function_v2(db->handle, "folded", 1, flags, NULL, folded, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    return sqlite_fail(db, "folded", err);
}
