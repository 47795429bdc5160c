/*
 * A parsed mail as flat bytes, from the parser child to the server. The reader trusts nothing: the child may
 * have been taken over by the mail it parsed. Every length, count, enum and string is checked again (UTF-8
 * too, the cheap way: ASCII runs first). Pure.
 */
#ifndef SERVELO_INGEST_MAIL_WIRE_H
#define SERVELO_INGEST_MAIL_WIRE_H

#include "base/strbuf.h"
#include "ingest/mail.h"

/* -ENOBUFS when out is too small for it. */
int mail_wire_encode(const struct parsed_mail *mail, enum parse_status status, struct strbuf *out);
/* Views in *ret point into bytes and into arena (lists). -EBADMSG when the bytes are no parsed mail. */
int mail_wire_decode(struct arena *arena, struct str bytes, const struct mail_limits *limits,
		     struct parsed_mail **ret, enum parse_status *ret_status);

#endif
