/*
 * Which automatic mail is it? mail->class and its rule say how sure we are and why; this says, for people, what came: one
 * word, made of them, the subject and the text. Nothing is decided by it. Linear in the subject and the text's beginning.
 * Pure.
 */
#ifndef SERVELO_INGEST_MAIL_KIND_H
#define SERVELO_INGEST_MAIL_KIND_H

#include "ingest/mail.h"

/*
 * Of automatic mail: "vacation", "confirmation" (of receipt), "receipt" (it was read), "calendar", "reaction",
 * "forwarding" (a forwarding is to be confirmed), "report" (about TLS), "reply" (it answers, nothing more is known) or
 * "notification". Of normal mail: "list", "bulk", "calendar" (a person answered by way of a calendar), else "". Of the
 * others "bounce" and "feedback". Static.
 */
const char *mail_kind_name(const struct parsed_mail *mail);

#endif
