/*
 * Octets of attachments, out of stored originals: the original is copied out of the store, and a parser child of its
 * own takes the part out of it (ingest/part_reader.h), because mail is hostile whenever it is read.
 *
 *	source = attachment_source_new(conf, "/proc/self/exe");
 *	attachment_source_read(source, &mail_id, part, &out);	an attachment_source_fn of outbound/compose.h
 *	attachment_source_use(source, new_conf->ingest);	after a reload
 *	source = attachment_source_free(source);
 *
 * _read() is for workers, several at once; it blocks for as long as the disk and the child take (ingest.parse_deadline).
 * Nothing is kept between two calls but the limits.
 */
#ifndef SERVELO_SMTPD_ATTACHMENT_SOURCE_H
#define SERVELO_SMTPD_ATTACHMENT_SOURCE_H

#include "base/strbuf.h"
#include "ingest/mail_extract.h"
#include "ingest/parser.h"
#include "smtpd/server_conf.h"
#include "storage/reader.h"

/* One part of one original, in pieces, to fn. -ENOENT: no such original or part; -ETIMEDOUT, -ECONNRESET, -EBADMSG: the
 * child failed at it; -errno, or what fn returned. Needs room for the original in $TMPDIR. Any thread. */
int attachment_extract(struct reader *reader, const struct parser_conf *parser, const struct mail_id *id,
		       struct str part, extract_fn *fn, void *ctx);

struct attachment_source;

/* Copies what it needs, but for argv0. */
struct attachment_source *attachment_source_new(const struct server_conf *conf, const char *argv0);
void attachment_source_use(struct attachment_source *source, const struct ingest_conf *conf);
/* NULL is fine; returns NULL. */
struct attachment_source *attachment_source_free(struct attachment_source *source);

/* ctx: the source. Appends to out; on failure out is as it was before (but may have grown). -EMSGSIZE: out is full. */
int attachment_source_read(void *ctx, const struct mail_id *id, struct str part, struct strbuf *out);

#endif
