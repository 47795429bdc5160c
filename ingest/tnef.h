/*
 * winmail.dat: Microsoft's TNEF (application/ms-tnef), in which Exchange and Outlook hide a mail's text and files
 * from everybody else ([MS-OXTNEF]).
 *
 *	struct tnef tnef;
 *	if (tnef_read(&arena, octets, &tnef) == 0)
 *		for (size_t i = 0; i < tnef.n; i++)
 *			... tnef.files[i].octets ...
 *	tnef_text(&tnef, &text);
 *
 * A stream of attributes, some of which hold MAPI properties. One pass, no recursion: a mail inside is a file.
 * Every length is held against what is left, once, where it is read; nothing is copied but names. Octets of files are
 * views into octets. Pure.
 */
#ifndef SERVELO_INGEST_TNEF_H
#define SERVELO_INGEST_TNEF_H

#include "base/arena.h"
#include "base/strbuf.h"

#define TNEF_FILES_MAX 100

struct tnef_file {
	struct str name;       /* UTF-8, not yet safe; may be empty */
	struct str media_type; /* lower case; may be empty */
	struct str content_id; /* UTF-8; may be empty */
	struct str octets;
};

struct tnef {
	struct tnef_file *files;
	size_t n;
	bool cut;                   /* there were more than TNEF_FILES_MAX, or the stream ends early */
	unsigned codepage;          /* of its 8-bit texts; 0: not told */
	struct str body, body_wide; /* 8-bit and UTF-16 */
	struct str html;            /* octets of PR_BODY_HTML */
	struct str rtf;             /* compressed */
};

/* -EBADMSG: this is no TNEF. A stream that ends early gives what came before. */
int tnef_read(struct arena *arena, struct str octets, struct tnef *ret);
/* Appends the readable text: the plain body, or that of the HTML or of the RTF; valid UTF-8. False: there is none. */
bool tnef_text(const struct tnef *tnef, struct strbuf *out);

#endif
