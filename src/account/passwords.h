/* passwords: which ones are refused although they are long enough. There are no rules of composition and no expiry
 * (compliance C-116, ASVS 6.2.5 and 6.2.10); but what is guessed first is no password. Pure. */
#ifndef INKLING_ACCOUNT_PASSWORDS_H
#define INKLING_ACCOUNT_PASSWORDS_H

#include "base/slice.h"

/* Is it one of those that are guessed first: of very few characters, a walk along the alphabet or the keyboard, or a
 * common word with digits and signs around it? Case does not count. */
bool password_is_common(struct slice password);

#endif
