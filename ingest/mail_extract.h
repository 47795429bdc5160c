/*
 * One part of a mail, decoded: what `servelo ticket attachment save` writes. Streaming: beside what the structure
 * needs, some KiB (and the octets of a winmail.dat, when the file is in it). Pure.
 */
#ifndef SERVELO_INGEST_MAIL_EXTRACT_H
#define SERVELO_INGEST_MAIL_EXTRACT_H

#include "ingest/mail.h"

#define EXTRACT_PIECE_SIZE ((size_t)64 * 1024) /* longest piece */
#define PART_PATH_MAX      400

typedef int extract_fn(void *ctx, struct str piece); /* a negative errno stops, and is the result */

/* part: "2.1", "2/1": as struct mail_attachment has it. -ENOENT: the mail has no such part, or it is a multipart. */
int mail_extract(struct str mail_data, const struct mail_limits *limits, struct str part, extract_fn *fn,
		 void *ctx);

#endif
