/*
 * The MIME structure of a mail (RFC 2045, 2046): a flat list of entities in document order, each a view of
 * its octets. Nothing is copied or decoded.
 *
 *	struct mime_tree tree;
 *	mime_split(&arena, data, limits, &tree);
 *	for (size_t i = 0; i < tree.n; i++)
 *		... tree.entities[i].body ...
 *
 * One pass: every line is looked at once, and lines that begin with "--" are compared with the boundaries
 * that are open (at most depth_max). No recursion. Unclosed parts end with the one around them; a multipart
 * whose boundary is missing or never comes is read by the boundary that its body shows; a delimiter without a line end
 * before it counts where a part or nothing follows; what nests deeper
 * than depth_max is a leaf; behind parts_max entities nothing more is looked at. Pure.
 */
#ifndef SERVELO_INGEST_MIME_SPLIT_H
#define SERVELO_INGEST_MIME_SPLIT_H

#include "base/arena.h"
#include "ingest/mail.h"
#include "ingest/mail_decode.h"
#include "ingest/mail_header.h"

enum mime_disposition { DISPOSITION_NONE, DISPOSITION_INLINE, DISPOSITION_ATTACHMENT };

struct mime_entity {
	int parent;      /* index; -1: the mail itself */
	unsigned depth;  /* 0: the mail itself */
	unsigned number; /* among its parent's children, from 1 */
	unsigned children;
	struct str media_type;                        /* "text/plain" also when none is given; lower case */
	struct str content_type, content_disposition; /* field values, unfolded */
	struct str content_id;                        /* without brackets */
	struct str location, description;
	struct str
		start; /* of a multipart/related: Content-ID of its root, without brackets (RFC 2387 3.2) */
	enum mime_disposition disposition;
	enum mail_encoding encoding;
	bool typed;     /* a usable Content-Type was given */
	bool multipart; /* it was opened: its children follow */
	bool cut_short; /* a leaf that the end of the mail ended: its multiparts are not closed */
	bool not_text;  /* labelled as text, but its octets are none (set by mail_content_read) */
	struct str body;
};

struct mime_tree {
	struct mime_entity *entities;
	size_t n;
	struct mail_header header; /* of the mail itself */
	bool parts_limited, depth_limited, header_limited;
	bool missing_boundary; /* a boundary had to be guessed */
	bool unclosed;         /* a multipart did not end */
	bool unknown_encoding; /* a Content-Transfer-Encoding that says nothing to us */
};

/* Lists live in arena; views in data or arena. tree->n is 1 at least, but for -ENOBUFS. */
int mime_split(struct arena *arena, struct str data, const struct mail_limits *limits, struct mime_tree *ret);

/* "2.1": the section number (RFC 3501 6.4.5) of an entity; "1" for the body of a mail without parts. -ENOBUFS. */
int mime_section(struct arena *arena, const struct mime_tree *tree, size_t index, struct str *ret);

static inline bool mime_is(const struct mime_entity *entity, struct str prefix)
{
	return str_starts(entity->media_type, prefix);
}

#endif
