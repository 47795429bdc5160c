/* See comment_note.h. Sentences that stand for themselves, one after the other; together they fit the buffer. */
#include "ingest/comment_note.h"

#include <stdio.h>

static size_t count_left_out(const struct parsed_mail *mail, const struct attachment_policy *policy)
{
	size_t left_out = 0;
	int64_t offered = 0;
	for (size_t i = 0; i < mail->attachments_n; i++) {
		bool out = attachment_left_out(policy, &mail->attachments[i], offered).len > 0;
		left_out += out;
		offered += !out;
	}
	return left_out;
}

/* Lines become sentences of the note; cut at a character. */
static size_t add_summary(struct str summary, char *buf, size_t size)
{
	size_t n = summary.len < size ? summary.len : size;
	while (n < summary.len && n > 0 && ((unsigned char)summary.ptr[n] & 0xc0) == 0x80)
		n--;
	for (size_t i = 0; i < n; i++)
		buf[i] = summary.ptr[i] == '\n' ? ' ' : summary.ptr[i];
	return n;
}

struct str comment_note(const struct parsed_mail *mail, enum parse_status status,
			const struct attachment_policy *policy, char *buf)
{
	size_t len = 0;
	size_t left_out = count_left_out(mail, policy);
	buf[0] = 0;
	if (status != PARSE_OK)
		len += (size_t)snprintf(
			buf, COMMENT_NOTE_MAX,
			"This mail could not be read in full (%s); the original is attached. ",
			parse_status_name(status));
	if (left_out)
		len += (size_t)snprintf(buf + len, COMMENT_NOTE_MAX - len,
					"%zu attachment%s left out; the original holds %s. ", left_out,
					left_out == 1 ? " is" : "s are", left_out == 1 ? "it" : "them");
	if (mail->attachments_cut)
		len += (size_t)snprintf(buf + len, COMMENT_NOTE_MAX - len,
					"More attachments than are listed are in the original. ");
	if (mail->text_cut)
		len += (size_t)snprintf(buf + len, COMMENT_NOTE_MAX - len,
					"The text is cut; all of it is in the original. ");
	/* where there was no other text it is the text already */
	if (mail->summary.len && !str_eq(mail->summary, mail->text))
		len += add_summary(mail->summary, buf + len, COMMENT_NOTE_MAX - len);
	return str_trim((struct str){buf, len});
}
