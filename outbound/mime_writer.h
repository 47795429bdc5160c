/*
 * Header fields and MIME entities of the mails that we make: RFC 5322, 2045 to 2047, 2231, 2183. All that is written
 * is 7-bit with CR LF line ends; the one exception is an internationalised address (RFC 6532), which stands as it is.
 *
 * Values may be anything: what would end a field or add one is neutralised here, by clean_text.h and by encoding.
 * Lines are folded below 78 characters where there is a place for it, and are below 998 always. All append to a
 * strbuf, whose overflow flag tells at the end if something did not fit. Pure; any thread.
 *
 *	mime_field(out, "MIME-Version", STR("1.0"));
 *	mime_multipart(out, "mixed", boundary);            the last field of a header section
 *	mime_boundary(out, boundary);  mime_text(out, "plain", text);
 *	mime_boundary(out, boundary);  mime_file(out, type, filename, octets);
 *	mime_multipart_end(out, boundary);
 *
 * A boundary begins with "=_": quoted-printable has no '=' before '_', and base64 has no '_', so it cannot occur in
 * what stands between (RFC 2045 6.7).
 */
#ifndef SERVELO_OUTBOUND_MIME_WRITER_H
#define SERVELO_OUTBOUND_MIME_WRITER_H

#include "base/strbuf.h"

#define MIME_LINE_MAX     76
#define MIME_TEXT_MAX     1024 /* octets of a field's unstructured text, before encoding; more is cut */
#define MIME_NAME_MAX     256  /* of a display name */
#define MIME_FILENAME_MAX 200  /* of a file name; its ending is kept */
#define MIME_BOUNDARY_MAX 64
#define MIME_ID_MAX       250 /* of a Message-ID, without angle brackets */

/* A field of ours: printable ASCII, folded at blanks. Other octets become '?'. */
void mime_field(struct strbuf *out, const char *name, struct str value);
/* Unstructured text (RFC 5322 3.6.5), as encoded words where it has to be. Words before the first that needs it stay
 * readable. */
void mime_field_text(struct strbuf *out, const char *name, struct str text);
/* "display" <address>. address has been through mailaddr_parse_mailbox(). display may be empty. */
void mime_field_mailbox(struct strbuf *out, const char *name, struct str display, struct str address);
/* <id> <id> ...; ids have been looked at by mime_id_valid(). Nothing when there are none. */
void mime_field_ids(struct strbuf *out, const char *name, const struct str *ids, size_t n);

/* RFC 5322 3.6.4 and what senders really write: two sides with one '@' between them, printable ASCII without what
 * could be mistaken for the syntax around it, at most MIME_ID_MAX octets. */
bool mime_id_valid(struct str id);

/* "=_" tag "_" number: a tag is a few letters. */
void mime_boundary_make(char ret[MIME_BOUNDARY_MAX], const char *tag, int64_t number);
/* Content-Type: multipart/..., and the end of the header section. */
void mime_multipart(struct strbuf *out, const char *subtype, const char *boundary);
void mime_boundary(struct strbuf *out, const char *boundary);
void mime_multipart_end(struct strbuf *out, const char *boundary);
/* A text entity, fields and body: UTF-8 with LF line ends; quoted-printable or base64, whichever is shorter. */
void mime_text(struct strbuf *out, const char *subtype, struct str text);
/* A file: base64. type as somebody claims it; one that is no media type, and one that must not be encoded (message/...,
 * multipart/...), is application/octet-stream. */
void mime_file(struct strbuf *out, struct str type, struct str filename, struct str octets);

/* RFC 2045 6.7 of text with LF line ends (which become CR LF), and 6.8. Both end with CR LF unless empty. */
void mime_quoted_printable(struct strbuf *out, struct str text);
void mime_base64(struct strbuf *out, struct str octets);

#endif
