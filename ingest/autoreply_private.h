/*
 * What the files of the classifier share: the case file, filled once per mail, and questions about it. autoreply.c opens
 * the case and asks the rules in their order; autoreply_bounce.c, autoreply_calendar.c and autoreply_confirmation.c hold a
 * rule each that adds up evidence. Nobody else includes this. Pure.
 */
#ifndef SERVELO_INGEST_AUTOREPLY_PRIVATE_H
#define SERVELO_INGEST_AUTOREPLY_PRIVATE_H

#include "ingest/autoreply.h"
#include "ingest/autoreply_tables.h"

#define CASE_SUBJECT_MAX 512
#define CASE_ADDRESS_MAX 256

struct case_author {
	struct str local, domain, name; /* folded */
	char local_buf[CASE_ADDRESS_MAX], domain_buf[CASE_ADDRESS_MAX], name_buf[CASE_ADDRESS_MAX];
	bool empty; /* "From: <>", or a daemon's name without an address */
};

struct case_file {
	const struct mail_facts *facts;
	struct case_author author;
	struct str subject, text; /* folded; the text only when somebody asks for it: case_text() */
	bool text_read;
	char subject_buf[CASE_SUBJECT_MAX], text_buf[AUTOREPLY_TEXT_MAX];
	bool null_reverse_path;
	bool replied_subject; /* "Re: ...", "Fwd: ...": a person's, about a notice */
	const struct field_rule *field_rules[FIELD_MEANINGS]; /* the first that fits; NULL: none */
};

/* Of the first field of that name, trimmed; ptr is NULL: there is none. */
struct str case_first_value(const struct mail_facts *facts, struct str name);
bool case_has_field(const struct mail_facts *facts, struct str name);
/* Among the parts before the first attached mail: what belongs to an attached mail says nothing about this one. */
bool case_has_part(const struct mail_facts *facts, struct str type);
/* The folded text. Most mails are told by their header section; their text is never folded. */
struct str case_text(struct case_file *file);
/* Is domain parent, or below it? False for an empty parent. */
bool case_domain_within(struct str domain, struct str parent);

/* Rules: do they fit? Then *ret's class and rule are set. */
bool autoreply_by_confirmation(struct case_file *file, struct mail_verdict *ret);
bool autoreply_by_bounce(struct case_file *file, struct mail_verdict *ret);
/* Of a calendar answer: did a person write into it? */
bool autoreply_calendar_has_words(const struct case_file *file);

#endif
