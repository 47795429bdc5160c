/*
 * The readable text of a mail: the parts that are its body (mail_text_part.h), decoded, in UTF-8, joined in order; the HTML
 * made readable. Pure.
 *
 * Of alternatives the plain part is taken, unless it is empty or only says that the reader's program can't show HTML
 * (mail_stub.h); where it is doubtful whether it says more, both are taken. What isn't text, whatever its label, is no
 * body. A multipart without any part is read as plain text when the mail has nothing else.
 */
#ifndef SERVELO_INGEST_MAIL_CONTENT_H
#define SERVELO_INGEST_MAIL_CONTENT_H

#include "base/strbuf.h"
#include "ingest/mime_split.h"
#include "ingest/quote.h"

struct mail_content {
	struct strbuf text, html_text; /* html_text is empty when there is no HTML */
	struct text_marks marks;       /* of text, when it begins with HTML made readable */
	bool text_from_html, has_html, cut, bad_charset, contradicted;
	unsigned flaws;            /* enum mail_flaw, of the texts' transfer encodings */
	bool nul;                  /* a text held NULs, which are dropped */
	struct strbuf content_ids; /* "cid:" references of the HTML, each ended by a line feed */
	struct str *shown;         /* the same, sorted */
	size_t shown_n;
};

void mail_content_init(struct mail_content *content, const struct mail_limits *limits);
void mail_content_done(struct mail_content *content);

/* Read the bodies of a tree. charset_hint: for texts without a charset. arena: scratch. */
void mail_content_read(struct arena *arena, const struct mime_tree *tree, const struct mail_limits *limits,
		       struct mail_content *content);

/* Does the HTML show the part of that Content-ID? */
bool mail_content_shows(const struct mail_content *content, struct str content_id);

#endif
