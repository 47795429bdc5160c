/*
 * Rich Text as it comes in TNEF: unpacked ([MS-OXRTFCP], "LZFu"), and made readable. HTML that Outlook wrapped into
 * RTF (\fromhtml) is read by the text that stands beside its tags. Linear, bounded by out, no recursion. Pure.
 */
#ifndef SERVELO_INGEST_RTF_TEXT_H
#define SERVELO_INGEST_RTF_TEXT_H

#include "base/strbuf.h"

/* Appends the unpacked RTF, as much of it as out takes. -EBADMSG: these are no packed octets. */
int rtf_unpack(struct str packed, struct strbuf *out);
/* Appends the text of a document as UTF-8, or as much as fits. -EBADMSG: it is no RTF. */
int rtf_to_text(struct str rtf, struct strbuf *out);

#endif
