/*
 * The readable text of a mail: which parts are its body (RFC 8621 4.1.4), decoded, in UTF-8, joined; the HTML
 * made readable. Pure.
 *
 * Of alternatives the plain part is taken, unless it is empty or only says that the reader's program can't
 * show HTML; where it is doubtful whether it says more, both are taken. Text parts one after the other are joined in order. A text that is an attachment by its
 * disposition, or has a name and is not the first of its multipart, is no body; nor is what isn't text, whatever its label. A multipart without any part is read as plain text when the mail has nothing else.
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
	struct strbuf content_ids; /* "cid:" references of the HTML, each ended by a line feed */
	struct str *shown;         /* the same, sorted */
	size_t shown_n;
};

void mail_content_init(struct mail_content *content, const struct mail_limits *limits);
void mail_content_done(struct mail_content *content);

/* Is the entity part of the body (else it is an attachment, or a multipart)? */
bool mail_content_is_body(struct arena *arena, const struct mime_tree *tree, size_t index);

/* Is it the body once more, for programs of another kind (AMP, watches)? */
bool mail_content_is_other_form(const struct mime_tree *tree, size_t index);

/* Read the bodies of a tree. charset_hint: for texts without a charset. arena: scratch. */
void mail_content_read(struct arena *arena, const struct mime_tree *tree, const struct mail_limits *limits,
		       struct mail_content *content);

/* Does the HTML show the part of that Content-ID? */
bool mail_content_shows(const struct mail_content *content, struct str content_id);

#endif
