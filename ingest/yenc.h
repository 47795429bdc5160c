/*
 * yEnc blocks in texts: lines from "=ybegin line=128 size=... name=..." to "=yend", as news readers write them. Found
 * here; decoded by mail_decode.h; with other files in texts by file_blocks.h. Only whole blocks count. Linear. Pure.
 */
#ifndef SERVELO_INGEST_YENC_H
#define SERVELO_INGEST_YENC_H

#include "base/base.h"

struct yenc_block {
	size_t from, to; /* of the text; with the line end of "=yend" */
	struct str name; /* any octets */
};

/* The first block that begins at or behind `from`. */
bool yenc_find(struct str text, size_t from, struct yenc_block *ret);

#endif
