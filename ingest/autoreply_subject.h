/*
 * Does a subject say that a program answered: "Automatic reply: My order", "Abwesenheitsnotiz", "Out of office until
 * 3 May"? People write about such answers too ("Abwesenheitsnotiz lässt sich nicht einrichten"), so what follows the
 * phrase counts: what programs put there (nothing, a colon and the subject of the mail that is answered, a date, "to
 * your message") or the rest of a sentence. Pure; any thread.
 */
#ifndef SERVELO_INGEST_AUTOREPLY_SUBJECT_H
#define SERVELO_INGEST_AUTOREPLY_SUBJECT_H

#include "ingest/autoreply_tables.h"

enum subject_form {
	SUBJECT_OTHER,
	SUBJECT_OF_PROGRAM, /* in the words and the form of a program */
	SUBJECT_SENTENCE,   /* begins with such words and goes on as people do */
};

/* folded: a subject (text_fold.h). *ret_rule is the phrase's, NULL when there is none. */
enum subject_form autoreply_subject(struct str folded, const struct word_rule **ret_rule);

/* Does a folded subject ask for something, or complain? */
bool subject_asks(struct str folded);
/* Does a text (not folded) ask something before a quote begins? Its first TEXT_ASKS_MAX octets are looked at; a "?" in a
 * link is no question. */
#define TEXT_ASKS_MAX 1024
bool text_asks(struct str text);
/* Does it ask its reader to do something, other than to turn to somebody else or to be patient? */
bool text_requests(struct str text);
/* The lines of a text above the first that begins a quote, or shows another mail. */
struct str text_before_quote(struct str text);

#endif
