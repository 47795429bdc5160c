/*
 * What the files of the templates share: templates.c (files, languages), templates_parse.c (a text becomes steps),
 * templates_render.c (steps become text), templates_escape.c (a value for where it stands). Nobody else includes this.
 */
#ifndef SERVELO_OUTBOUND_TEMPLATES_PRIVATE_H
#define SERVELO_OUTBOUND_TEMPLATES_PRIVATE_H

#include "outbound/templates.h"

#define TEMPLATE_FILE_MAX  ((size_t)256 * 1024) /* octets */
#define TEMPLATE_DEPTH_MAX 8                    /* sections in sections */

/* Where a value stands, and so how it is written. */
enum template_place {
	PLACE_LINE, /* a subject: one line */
	PLACE_TEXT, /* plain text */
	PLACE_HTML, /* between tags: escaped; what has lines gets paragraphs, and its web addresses become links */
	PLACE_ATTRIBUTE, /* inside quotes */
	PLACE_URL,       /* inside quotes, behind "mailto:" and the like: percent-encoded */
	PLACE_RAW,       /* of the layout's: HTML that was rendered already */
};

enum template_name_kind {
	NAME_LINE,  /* one line of text */
	NAME_LINES, /* text with lines and paragraphs */
	NAME_URL,   /* may be all of an href or src */
	NAME_FLAG,  /* can be asked for only */
	NAME_LIST,  /* its items have names of their own */
	NAME_HTML,  /* the layout's: HTML of ours */
};

struct template_name {
	const char *name;
	enum template_name_kind kind;
	size_t offset;    /* in struct template_scope, of a struct str or a bool */
	bool layout_only; /* is there in layout.html only */
	bool item_only;   /* is there inside of the list only */
};
extern const struct template_name template_names[];
extern const size_t template_names_n;

/* What a name can stand for while something is rendered. */
struct template_scope {
	struct template_values values;
	struct template_attachment item;
	bool with_attachments, with_left_out;          /* there is one, there is one that is left out */
	struct str locale, preheader, content, footer; /* the layout's */
};

enum template_op { STEP_LITERAL, STEP_VALUE, STEP_IF, STEP_UNLESS, STEP_EACH, STEP_END };
struct template_step {
	enum template_op op;
	enum template_place place;        /* VALUE */
	const struct template_name *name; /* all but LITERAL */
	struct str literal;
	size_t end; /* IF, UNLESS, EACH: the step behind the END */
};
struct template_part {
	struct template_step *steps;
	size_t n;
};

/* Where a text stands in a file, for messages. */
struct template_source {
	const char *file; /* "de/confirm.mail" */
	unsigned line;    /* of the text's first line */
	struct str text;
	enum template_place place; /* LINE, TEXT or HTML */
	bool layout;
};
/* ret is owned by the caller (template_part_done) and has views into the text. -EINVAL with reterr. */
int template_parse(const struct template_source *source, struct template_part *ret,
		   struct conf_error *reterr);
void template_part_done(struct template_part *part);

int template_render(const struct template_part *part, const struct template_scope *scope, struct strbuf *out);

/* A value, as its place wants it. */
void template_escape(struct strbuf *out, struct str value, enum template_place place,
		     enum template_name_kind kind);

/* Is there nothing in the operator's folder that would never be read? -EINVAL or -errno with reterr. */
int templates_check_folder(const char *folder, const char *const *locales, size_t n,
			   struct conf_error *reterr);

/* The built-in files, made by outbound/templates/embed.cmake. */
struct template_file {
	const char *name; /* "de/confirm.mail", "layout.html" */
	const unsigned char *bytes;
	size_t len;
};
extern const struct template_file template_files[];
extern const size_t template_files_n;

#endif
