/*
 * A parsed mail as flat bytes, from the parser child to the server. The reader trusts nothing: the child may
 * have been taken over by the mail it parsed. Every length, count, enum and string is checked again (UTF-8
 * too, the cheap way: ASCII runs first). Pure.
 */
#ifndef SERVELO_INGEST_MAIL_WIRE_H
#define SERVELO_INGEST_MAIL_WIRE_H

#include "base/strbuf.h"
#include "ingest/mail.h"

/* No encoded mail within the limits is longer; the reader's and the writer's bound. */
size_t mail_wire_size_max(const struct mail_limits *limits);

/* -ENOBUFS when out is too small for it. */
int mail_wire_encode(const struct parsed_mail *mail, enum parse_status status, struct strbuf *out);
/* Views in *ret point into bytes and into arena (lists). -EBADMSG when the bytes are no parsed mail, or one
 * that passes the limits (or the arena's). *ret_status is PARSE_OK, PARSE_LIMIT or PARSE_FAILED. */
int mail_wire_decode(struct arena *arena, struct str bytes, const struct mail_limits *limits,
		     struct parsed_mail **ret, enum parse_status *ret_status);

#endif
