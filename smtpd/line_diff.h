/*
 * A line diff for people: "-" before lines that went, "+" before lines that came, " " around them for context.
 * Both texts are hostile: the work is bounded, and what would cost too much is shown as all gone and all come.
 * Pure.
 */
#ifndef SERVELO_SMTPD_LINE_DIFF_H
#define SERVELO_SMTPD_LINE_DIFF_H

#include "base/strbuf.h"

/* Adds to out; nothing when the texts are equal. What does not fit is cut (out->overflow). */
void line_diff(struct str before, struct str after, struct strbuf *out);

#endif
