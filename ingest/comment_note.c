/* See comment_note.h. Sentences that stand for themselves, one after the other; together they fit the buffer. */
#include "ingest/comment_note.h"

#include <stdio.h>

#include "base/utf8.h"

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
	size_t n = utf8_cut(summary, size).len;
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

/* ---- how it came to be here */

/* Each begins with words that are its own, so that it is found again in a stored note. %.*s: who. */
static const struct {
	const char *before, *after;
} abouts[] = {
	[ABOUT_NOTHING] = {"", ""},
	[ABOUT_STRANGER] = {"Not on this ticket: this came from ",
			    ", an address that nobody here has. It is kept internal and was not answered."},
	[ABOUT_NO_AUTHOR] =
		{"Names no author: no address stands in From, so nobody on this ticket can be told by it. "
		 "What else is known of its sender: ",
		 ". It is kept internal and was not answered."},
	[ABOUT_SEVERAL_AUTHORS] =
		{"Names several authors: this came from ",
		 ". Which of them wrote it is open; it is kept internal and was not answered."},
	[ABOUT_AGENT_AS_CLIENT] = {"Sent to the customer's own reply address by ",
				   ", an address of the team. It counts as the customer's side."},
	[ABOUT_AGENT_UNPROVEN] = {"Not sent on to the customer: this says it is from ",
				  ", but did not come by the team's reply address, and a From field proves "
				  "nothing. Answer the notification instead."},
	[ABOUT_EVENT] = {"A program wrote this for ", ". Nobody was told, and the ticket's status stays."},
	[ABOUT_FORWARDED_BY] = {"Forwarded by ",
				". The customer is the author of the mail inside, as that mail says."},
	[ABOUT_FORWARDING_WORDS] = {"Written above the mail that was forwarded: this says it is from ",
				    ", and a From field proves nothing."},
	[ABOUT_TICKET_GONE] = {"An answer to ticket number ", ", which does not exist any more."},
	[ABOUT_LINKED] = {"This names ticket ",
			  ", but its author is not on that ticket, so it is a new one."},
	[ABOUT_STORM] = {"Nobody was told of this by mail: too much came within an hour. This is from ", "."},
	[ABOUT_NO_TEXT] = {"Not sent to the customer, because there is nothing in it: this came from ", "."},
};

/* One line, whatever an address holds. */
static size_t print_line(enum comment_about about, struct str who, char *buf)
{
	int n = snprintf(buf, COMMENT_ABOUT_MAX, "%s%.*s%s", abouts[about].before,
			 STR_ARG(utf8_cut(who, 330)), abouts[about].after);
	for (int i = 0; i < n; i++)
		if ((unsigned char)buf[i] < 0x20)
			buf[i] = ' ';
	return (size_t)n;
}

/* len octets of buf are a line already. */
static struct str add_note(char *buf, size_t len, struct str note)
{
	if (len && note.len)
		buf[len++] = '\n';
	if (note.len)
		memcpy(buf + len, note.ptr, note.len);
	return (struct str){buf, len + note.len};
}

struct str comment_note_about(enum comment_about about, struct str who, struct str note, char *buf)
{
	return add_note(buf, about == ABOUT_NOTHING ? 0 : print_line(about, who, buf), note);
}

bool comment_note_says(struct str stored, enum comment_about about)
{
	return about != ABOUT_NOTHING && str_starts(stored, str_from(abouts[about].before));
}

struct str comment_note_renew(struct str stored, struct str note, char *buf)
{
	struct str line = str_sub(stored, 0, str_find(stored, '\n'));
	bool kept = false;
	for (size_t i = ABOUT_NOTHING + 1; i < ARRAY_SIZE(abouts) && !kept; i++)
		kept = comment_note_says(line, (enum comment_about)i);
	if (!kept || line.len >= COMMENT_ABOUT_MAX)
		return add_note(buf, 0, note);
	memcpy(buf, line.ptr, line.len);
	return add_note(buf, line.len, note);
}
