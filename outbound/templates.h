/*
 * What our mails say: a template for each kind and language, and the layout around them.
 *
 * Built in are those of outbound/templates/<locale>/<kind>.mail; a folder of the operator's (outbound.templates) is
 * looked at first, file by file, so he replaces one without copying all. A file has parts, each begun by its own line:
 * "subject:" (one line), "text:", "html:" (goes into the {{content}} of layout.html; made of the text when it is missing),
 * "preheader:" (what a list of mails shows beside the subject) and "footer:", both of the HTML and both optional. Lines
 * before "subject:" that begin with '#' are comments.
 *
 *	{{name}}                 the value, escaped for where it stands: HTML text or attribute in html, none in text,
 *	                         one line without controls in subject
 *	{{#name}} ... {{/name}}  only if there is a value; for a list once for each item
 *	{{^name}} ... {{/name}}  only if there is none
 *
 * {{#with_attachments}} and {{#with_left_out}} say that the list {{#attachments}} has an item, or one that is left out; its
 * items are {{filename}}, {{size}}, {{left_out}}. layout.html has {{locale}}, {{preheader}}, {{content}}, {{footer}} too.
 *
 * There is no way to write a value unescaped. In HTML a value stands between tags or inside the quotes of an attribute; an
 * href or src begins with no value but {{logo_url}}. An unknown name is an error when the file is loaded, with file and line;
 * a server does not start, and does not reload, with one. Immutable once opened, counted, any thread.
 */
#ifndef SERVELO_OUTBOUND_TEMPLATES_H
#define SERVELO_OUTBOUND_TEMPLATES_H

#include "base/conf.h"
#include "base/strbuf.h"
#include "storage/outbox.h"

struct templates;

/* Every name that a template can use. A list's items have names of their own. */
struct template_attachment {
	struct str filename, size,
		left_out; /* "248 KiB"; why it is not there, in the reader's language; empty: it is */
};
struct template_values {
	struct str tenant_name, tenant_address; /* {slug}@domain */
	struct str signature, logo_url;         /* may be empty; logo_url is https: or it is left out */
	struct str reference, subject;          /* "ACME-00042"; the ticket's subject */
	struct str customer_name, customer_address, addressed_to;
	struct str author_name, author_address; /* of the comment */
	struct str text;                        /* the comment's new part; paragraphs and lines are kept */
	struct str note;                        /* what we say about the comment, one line; may be empty */
	struct str status;                      /* in the reader's language */
	struct str recipient, why;              /* of a failure: whose mail it was, and what was said */
	struct str provider;                    /* of a forwarding confirmation: "Google" */
	bool internal, automatic, first;        /* {{#internal}} ... */
	const struct template_attachment *attachments;
	size_t attachments_n;
};

/* folder "": the built-in ones only. -EINVAL with reterr: "de/confirm.mail:7: ...", or a file of it that would never be
 * read; -errno of the folder. Main or loop thread. */
int templates_open(struct templates **ret, const char *folder, struct conf_error *reterr);
struct templates *templates_ref(struct templates *templates);
struct templates *templates_unref(struct templates *templates); /* returns NULL; NULL is fine */

/* locale: "de", "de-AT", "zh_CN": by its first part, else English. Appended to the buffers, which may be NULL. -ENOENT:
 * there is no template for this kind (a forward has none); -ENOBUFS. */
int templates_render(const struct templates *templates, struct str locale, enum outbox_kind kind,
		     const struct template_values *values, struct strbuf *subject, struct strbuf *text,
		     struct strbuf *html);
/* Is it a language that we speak? For `tenant set locale`. */
bool templates_has_locale(struct str locale);

#endif
