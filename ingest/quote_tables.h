/*
 * What mail programs write around quotes, in the languages of the world. All entries are folded (text_fold.h):
 * lower case, single blanks, plain colon and apostrophe. Compare folded text with them. Pure.
 */
#ifndef SERVELO_INGEST_QUOTE_TABLES_H
#define SERVELO_INGEST_QUOTE_TABLES_H

#include "base/base.h"

/* "On Mon, ...", "Am 3. Mai ...": how a line that says who wrote when begins; ends in a blank where words do. */
bool quote_starts_attribution(struct str folded);
/* "See my answers below", "meine Antworten in rot" */
bool quote_says_answers_below(struct str folded);
/* "quoting ", "zitat von ": an attribution without a date; an address must follow. */
bool quote_starts_quoting(struct str folded);
/* "... wrote", "... schrieb", "...写道": is one of them in it, as a word? */
bool quote_has_wrote(struct str folded);
/* ... and is it the last word, or the last before a colon? */
bool quote_ends_in_wrote(struct str folded);

enum quote_phrase { PHRASE_NONE, PHRASE_ORIGINAL, PHRASE_FORWARD, PHRASE_REPLY_ABOVE };
/* The words between the dashes of "-----Original Message-----". */
enum quote_phrase quote_phrase_of(struct str folded);

enum quote_header {
	HEADER_NONE,
	HEADER_FROM,
	HEADER_DATE,
	HEADER_TO,
	HEADER_CC,
	HEADER_SUBJECT,
	HEADER_OTHER
};
/* The name before the colon of "From:", "Gesendet:", "À :"; without colon and blanks. */
enum quote_header quote_header_of(struct str folded);

/* Footers of phones and mail programs ("sent from my iphone"), whole lines without what follows in <> or (). */
bool quote_is_footer(struct str folded);
/* "Kind regards," and the like, alone on a line. */
bool quote_is_closing(struct str folded);
/* The beginning of a disclaimer's or list footer's paragraph. Vague ones ("this message") are some only if the
 * paragraph speaks of secrets, law, unsubscribing and the like. */
enum quote_disclaimer { DISCLAIMER_NONE, DISCLAIMER_VAGUE, DISCLAIMER_SURE };
enum quote_disclaimer quote_starts_disclaimer(struct str folded);
bool quote_speaks_of_secrets(struct str folded);
/* "ps", "p.s", "pd", "з.ы", "追伸"; ret_rest: what stands behind. */
bool quote_starts_postscript(struct str folded, struct str *ret_rest);

/* The tables are indexed when they are first used, or now: before a sandbox, and before time is measured. */
void quote_tables_init(void);

#endif
