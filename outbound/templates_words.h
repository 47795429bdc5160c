/*
 * Single words and sentences of our mails that no template holds, in the languages of templates.h: statuses, why an
 * attachment is not there, what is said about a text. Static text. Pure.
 */
#ifndef SERVELO_OUTBOUND_TEMPLATES_WORDS_H
#define SERVELO_OUTBOUND_TEMPLATES_WORDS_H

#include "storage/ticket.h"

enum template_word {
	WORD_TEXT_CUT,      /* the text of a mail was too long to be repeated as a whole */
	WORD_BLOCKED_TYPE,  /* why an attachment is left out: as attachment_row.left_out says it */
	WORD_TOO_BIG,       /* the same */
	WORD_TOO_MANY,      /* the same */
	WORD_MAIL_FULL,     /* there was no room left in our mail */
	WORD_NOT_AVAILABLE, /* it could not be read out of the original */
};
struct str template_word(struct str locale, enum template_word word);
struct str template_status(struct str locale, enum ticket_status status);
/* reason: attachment_row.left_out; one that is not known stands for itself. */
struct str template_left_out(struct str locale, struct str reason);

#endif
