/*
 * Content transfer encodings over raw octets (RFC 2045 6, uuencode, yEnc), tolerant: base64 with garbage, inner
 * padding, missing padding; quoted-printable with lower case, stray "=", soft breaks with trailing blanks;
 * uuencode with missing ends;
 * yEnc without looking at its checksum. Streaming into a buffer of the caller's, so that an attachment of any size can
 * be counted or written out with a few KiB.
 *
 *	struct mail_decoder decoder;
 *	mail_decoder_init(&decoder, MAIL_ENCODING_BASE64, raw);
 *	while ((n = mail_decoder_next(&decoder, buf, sizeof(buf))) > 0)
 *		...
 */
#ifndef SERVELO_INGEST_MAIL_DECODE_H
#define SERVELO_INGEST_MAIL_DECODE_H

#include "base/strbuf.h"

enum mail_encoding {
	MAIL_ENCODING_IDENTITY, /* 7bit, 8bit, binary, none, unknown */
	MAIL_ENCODING_BASE64,
	MAIL_ENCODING_QP,
	MAIL_ENCODING_UU,
	MAIL_ENCODING_YENC,
};
/* Of a Content-Transfer-Encoding value. */
enum mail_encoding mail_encoding_of(struct str value);

struct mail_decoder {
	enum mail_encoding encoding;
	struct str raw; /* what is left */
	unsigned bits;  /* base64: collected sextets */
	unsigned n;     /* how many */
	bool padded;    /* base64: "=" was seen, what follows must look like base64 to be taken */
	size_t sound;   /* base64: octets of raw that were found to look like it */
	bool begun;     /* uuencode: behind "begin"; yEnc: behind "=ybegin" */
	bool in_line;   /* yEnc: not at the start of a line */
};

#define MAIL_DECODER_MIN 128 /* smallest buffer */

void mail_decoder_init(struct mail_decoder *decoder, enum mail_encoding encoding, struct str raw);
/* Up to cap octets (cap >= MAIL_DECODER_MIN); 0: the end. */
size_t mail_decoder_next(struct mail_decoder *decoder, char *buf, size_t cap);

/* All of it into out, or as much as fits; false when it was cut. */
bool mail_decode(enum mail_encoding encoding, struct str raw, struct strbuf *out);
/* Decoded octets. */
uint64_t mail_decode_size(enum mail_encoding encoding, struct str raw);

#endif
