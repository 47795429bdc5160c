/*
 * Files that stand in a text: uuencoded ("begin 644 cat.gif" to "end"; with "begin-base64", to "====") and yEnc
 * ("=ybegin ... name=" to "=yend"), as programs without MIME and news readers write them.
 *
 *	struct file_blocks blocks;
 *	struct file_block block;
 *	file_blocks_init(&blocks, text);
 *	while (file_blocks_next(&blocks, &block))
 *		... mail_decode(block.encoding, block.raw, &out) ...
 *
 * Only what is framed and filled as such a file is one; a sentence that starts with "begin" stays text, and so does a
 * block whose lines are no data. A uuencoded file that the mail's end cut off counts when a full line of it is there.
 * Every octet is looked at a constant number of times. Views of the text. Pure.
 */
#ifndef SERVELO_INGEST_FILE_BLOCKS_H
#define SERVELO_INGEST_FILE_BLOCKS_H

#include "base/strbuf.h"
#include "ingest/mail_decode.h"

struct file_block {
	size_t from, to; /* of the text; with the line end of the last line */
	struct str name; /* any octets; may be empty */
	enum mail_encoding encoding;
	struct str raw; /* what that encoding decodes */
};

struct file_blocks {
	struct str text;
	size_t at;
	struct file_block next[2]; /* by kind; from is text.len: there is none any more */
};

void file_blocks_init(struct file_blocks *blocks, struct str text);
/* In the order of the text; false: there is none any more. They do not overlap. */
bool file_blocks_next(struct file_blocks *blocks, struct file_block *ret);

/* Could there be one at all? One search for each kind of first line. */
bool file_blocks_maybe(struct str text);
/* Appends the text without its blocks, or as much of it as fits; false when it was cut. */
bool file_blocks_remove(struct str text, struct strbuf *out);

#endif
