/*
 * What the reader of a ticket should know about how a comment came to be: that the mail could not be read in full,
 * what was left out; what its invitations and contact cards say. The same words when a mail is taken and when it is reprocessed. Pure.
 */
#ifndef SERVELO_INGEST_COMMENT_NOTE_H
#define SERVELO_INGEST_COMMENT_NOTE_H

#include "ingest/attachments.h"

#define COMMENT_NOTE_MAX 4608

/* Into buf (COMMENT_NOTE_MAX octets); the result is a view of it, empty when there is nothing to say. */
struct str comment_note(const struct parsed_mail *mail, enum parse_status status,
			const struct attachment_policy *policy, char *buf);

#endif
