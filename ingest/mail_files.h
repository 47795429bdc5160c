/*
 * What hangs on a mail: the list of its attachments (parts that are no text of it, files inside of winmail.dat, yEnc
 * blocks), and what invitations, contact cards and winmail.dat say in words. Pure.
 */
#ifndef SERVELO_INGEST_MAIL_FILES_H
#define SERVELO_INGEST_MAIL_FILES_H

#include "ingest/mail_content.h"

struct mail_files_source {
	struct arena *scratch;
	const struct mime_tree *tree;
	const struct mail_content *content; /* read already */
	const struct mail_limits *limits;
	struct str hint; /* charset of raw 8-bit header fields */
};

/* Fills mail->attachments, attachments_n and attachments_cut; all of it lives in arena. Returns what was wrong with their
 * transfer encodings (bits of enum mail_flaw). */
unsigned mail_files_list(struct arena *arena, const struct mail_files_source *source,
			 struct parsed_mail *mail);
/* Appends the text of the first winmail.dat that has one; false: none. */
bool mail_files_text(const struct mail_files_source *source, struct strbuf *out);
/* Appends a line for each of the first few invitations and contact cards, and one for a mail that is signed or
 * encrypted. *ret_answer: one of them is somebody's
 * answer to an invitation (it is set to true or left alone). */
void mail_files_summary(const struct mail_files_source *source, struct strbuf *out, bool *ret_answer);

#endif
