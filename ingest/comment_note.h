/*
 * What the reader of a ticket should know about how a comment came to be: whose words it is and why it is here, on a
 * line of its own; then that the mail could not be read in full, what was left out, and what its invitations and
 * contact cards say. The same words when a mail is taken and when it is reprocessed. Pure.
 */
#ifndef SERVELO_INGEST_COMMENT_NOTE_H
#define SERVELO_INGEST_COMMENT_NOTE_H

#include "ingest/attachments.h"

#define COMMENT_NOTE_MAX  4608
#define COMMENT_ABOUT_MAX 768

/* Into buf (COMMENT_NOTE_MAX octets); the result is a view of it, empty when there is nothing to say. */
struct str comment_note(const struct parsed_mail *mail, enum parse_status status,
			const struct attachment_policy *policy, char *buf);

/* What is known of a comment by how it came, not by what its mail says. */
enum comment_about {
	ABOUT_NOTHING,
	ABOUT_STRANGER,         /* who: the address in From */
	ABOUT_NO_AUTHOR,        /* who: the address that was found instead */
	ABOUT_SEVERAL_AUTHORS,  /* who: how many, and the first */
	ABOUT_AGENT_AS_CLIENT,  /* who: the same */
	ABOUT_AGENT_UNPROVEN,   /* who: the same */
	ABOUT_EVENT,            /* who: the same */
	ABOUT_FORWARDING_WORDS, /* who: the same */
	ABOUT_FORWARDED_BY,     /* who: the agent */
	ABOUT_TICKET_GONE,      /* who: the number that was answered */
	ABOUT_LINKED,           /* who: the other ticket's reference */
	ABOUT_STORM,            /* who: the author */
	ABOUT_NO_TEXT,          /* who: the agent */
};
/* The words for it before a note (may be empty), on a line of their own. Into buf (COMMENT_ABOUT_MAX + COMMENT_NOTE_MAX
 * octets); the result is a view of it. note may not be in buf. */
struct str comment_note_about(enum comment_about about, struct str who, struct str note, char *buf);
/* Does a stored note begin with these words? */
bool comment_note_says(struct str stored, enum comment_about about);
/* A stored note anew: the line that comment_note_about() put there, if there is one, before what the mail says today.
 * note may not be in buf, which is as big. */
struct str comment_note_renew(struct str stored, struct str note, char *buf);

#endif
