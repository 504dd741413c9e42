/* undo: takes migrations back, so that a test can carry a database of before forward. What it holds is lost where a
 * migration made its place. A new migration gets its line in undo.c. */
#ifndef INKLING_TESTS_STORE_UNDO_H
#define INKLING_TESTS_STORE_UNDO_H

#include "store/db.h"

/* All from `number`, 6 at the least, the newest first. Ends the test when one has no line or cannot be undone. */
void undo_migrations(struct db *db, int number);

#endif
