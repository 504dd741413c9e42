/* automatic: did a machine write this answer? Internal to mail/. */
#ifndef INKLING_MAIL_AUTOMATIC_H
#define INKLING_MAIL_AUTOMATIC_H

#include "mail/mail.h"

/* By what the mail is known as automatic ("auto-submitted", "x-autoreply" …), or empty: a person wrote it. `subject` is
 * decoded. */
struct slice automatic_sign(const struct received_mail *mail, struct slice subject);

#endif
