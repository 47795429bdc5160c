/*
 * What is new in a reply: quoted text and the signature are set aside (SPEC section 5, "What is saved").
 *
 * Lines are told apart by tables, not by regular expressions: lines that begin with ">", separators ("On ...,
 * X wrote:", "-----Original Message-----", From/Sent/To/Subject blocks, in some forty languages), signature
 * delimiters, footers of phones and mail programs, corporate disclaimers. Where the text came from HTML, the
 * marks say what the markup calls a quote, and they are believed first.
 *
 *  - Text above the quote is the new part; if there is none, the text below the quote is.
 *  - Answers between quoted lines: everything is kept, the quotes they answer included. So is a quoted sentence that
 *    nothing announces, and that is answered below.
 *  - "See my answers below, in red", and little else: everything is kept, for the answers stand in the quote.
 *  - A postscript below the signature is kept, and so are whole sentences below "Kind regards, Bob".
 *  - In a mail that answers none (neither In-Reply-To, References nor "Re:"), what is quoted is part of what is said,
 *    unless it stands at the end and is surely delimited.
 *  - What a forward forwards is kept.
 *  - The result is never empty when the text holds anything but blanks.
 *
 * One pass over the lines with a bounded look-around; linear in the text's length. Pure; any thread.
 */
#ifndef SERVELO_INGEST_QUOTE_H
#define SERVELO_INGEST_QUOTE_H

#include "base/strbuf.h"

enum text_mark_kind {
	MARK_BLOCKQUOTE, /* <blockquote>: a quote, or only an indent; its lines also begin with "> " */
	MARK_REPLY,      /* markup that a mail program puts around what it quotes when it replies */
	MARK_REST,       /* the same, but all that follows in the mail is quoted or forwarded */
	MARK_FORWARD,    /* the same around what it forwards */
	MARK_SIGNATURE,  /* gmail_signature, moz-signature, ... */
	MARK_INDENT, /* a <blockquote> of a program that indents with it; a quote only below an attribution */
};

struct text_mark {
	size_t from, to; /* octets of the text; from is the start of a line */
	enum text_mark_kind kind;
};

#define TEXT_MARKS_MAX 64
struct text_marks {
	struct text_mark items[TEXT_MARKS_MAX]; /* in order of from; they may be nested */
	size_t n;
};

struct quote_facts {
	struct str text;    /* valid UTF-8, line ends LF or CRLF */
	struct str subject; /* decoded, prefixes not stripped; may be empty */
	bool answers_mail;  /* it has In-Reply-To or References; "Re:" in the subject counts too */
	const struct text_marks *marks; /* of text, when it came from HTML; may be NULL */
};

struct quote_verdict {        /* all views into facts->text */
	struct str signature; /* what was set aside as signature or footer; may be empty */
	bool quote_removed;
	bool answers_between; /* answers between the quoted lines: nothing was taken off but the signature */
	bool forward;
};

/* "Fwd: ...", "WG: ...", "转发：...": the prefix of a forward, in the languages that have one. */
bool quote_is_forward_subject(struct str subject);

/* Append the new part to out, lines ended by LF, trimmed. ret may be NULL. 0, or -ENOBUFS (out is full and
 * holds the beginning). */
int quote_new_part(const struct quote_facts *facts, struct strbuf *out, struct quote_verdict *ret);

#endif
