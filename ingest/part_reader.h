/*
 * One part of a mail, decoded by a parser child of its own, for who may wait: the command line. The mail is hostile,
 * so it is taken apart in a sandbox also when an administrator saves an attachment.
 *
 *	part_read(&request, on_piece, ctx);	blocks; on_piece gets the octets in pieces as they come
 *
 * Memory is bounded by a piece. The child is given a descriptor that can only read; what it sends is octets to be
 * written somewhere, of which there are never more than the mail has. Any thread.
 */
#ifndef SERVELO_INGEST_PART_READER_H
#define SERVELO_INGEST_PART_READER_H

#include "ingest/mail_extract.h"

struct part_request {
	const char *argv0; /* program to run; argv: argv0, "parser" */
	int64_t memory_max;
	int64_t deadline_ms; /* for one piece after the other */
	struct mail_limits limits;
	int fd; /* a file that holds the mail; stays the caller's */
	uint64_t offset, size;
	struct str part;
};

/* 0; -ENOENT: no such part; -ETIMEDOUT, -ECONNRESET: the child hung or died of it; -EBADMSG: it sent nonsense; or what
 * fn returned. */
int part_read(const struct part_request *request, extract_fn *fn, void *ctx);

#endif
