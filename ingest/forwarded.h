/*
 * Whose mail was forwarded by hand: an agent got a customer's mail in a mailbox of his own and sends it on to us. Found
 *
 *  - in a forwarded block of the text: "---------- Forwarded message ---------", "Begin forwarded message:",
 *    "-------- Weitergeleitete Nachricht --------" with From, Subject, ... below it, in the languages of
 *    quote_tables.h; where the subject says that it is a forward, also in a block of such lines alone (Outlook), or in
 *    "On ..., X <y@z> wrote:";
 *  - in a message/rfc822 part, when the mail's own text is short, and the subject says that it is a forward or nothing
 *    else is attached.
 *
 * A reply that quotes is no forward: a block below another quote counts for nothing, nor does one in a mail without such
 * a subject and separator. Of mails forwarded several times the outermost block is told. Names are what the text says:
 * nobody vouches for them.
 *
 * Reads the first FORWARDED_TEXT_MAX octets of the text; linear. Pure but for the parser's charset converters.
 */
#ifndef SERVELO_INGEST_FORWARDED_H
#define SERVELO_INGEST_FORWARDED_H

#include "base/arena.h"
#include "ingest/mail.h"

#define FORWARDED_TEXT_MAX    ((size_t)128 * 1024)
#define FORWARDED_NAME_MAX    200 /* octets */
#define FORWARDED_SUBJECT_MAX 998

struct forwarded_facts {    /* any view may be empty */
	struct str subject; /* decoded, prefixes not stripped */
	struct str text;    /* the mail's own readable text (not that of a mail in it), valid UTF-8 */
	bool block; /* quote.h calls it a forward; a text without such a block or subject isn't read again */
	struct str attached;  /* octets of the first message/rfc822 part */
	bool attached_is_all; /* it is the only attachment */
};

struct forwarded {
	struct mail_mailbox author; /* address with an "@", domain in lower case; empty: it is no forward */
	struct str subject;         /* one line; may be empty */
	bool attached;              /* it is the attached mail */
	/* The mail's own text parted: what the author of the forwarded mail wrote (empty when it is the attached one, or
	 * nothing stands below the block) and, above that, what who forwarded it wrote, without a signature alone. Views of
	 * facts->text, or in the arena */
	struct str text, words;
};

/* Copies into arena. 0, or -ENOBUFS: it is full, and *ret says that it is no forward. */
int forwarded_read(struct arena *arena, const struct forwarded_facts *facts, const struct mail_limits *limits,
		   struct forwarded *ret);

#endif
