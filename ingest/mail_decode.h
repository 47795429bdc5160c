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
bool mail_encoding_known(struct str value);
/* Is a text that says it is base64 none? Some label a plain text so; its first line shows it. What follows may be a
 * footer, and a line of words may stand before data. */
bool mail_base64_is_plain(struct str raw);

/* What was wrong with the octets, though something was made of them. */
enum mail_flaw {
	MAIL_FLAW_FOREIGN = 1,  /* octets that the encoding does not have, or not there */
	MAIL_FLAW_TRAILING = 2, /* a text behind base64: it is left out */
	MAIL_FLAW_CUT = 4,      /* the end is missing */
};

struct mail_decoder {
	enum mail_encoding encoding;
	struct str raw;  /* what is left */
	unsigned bits;   /* base64: collected sextets */
	unsigned n;      /* how many */
	bool padded;     /* base64: "=" was seen, what follows must look like base64 to be taken */
	size_t sound;    /* base64: octets of raw that were found to look like it */
	bool begun;      /* uuencode: behind "begin"; yEnc: behind "=ybegin" */
	bool in_line;    /* yEnc: not at the start of a line */
	size_t line_len; /* base64: of the line before */
	unsigned flaws;  /* enum mail_flaw, of what was read so far */
};

#define MAIL_DECODER_MIN 128 /* smallest buffer */

void mail_decoder_init(struct mail_decoder *decoder, enum mail_encoding encoding, struct str raw);
/* Up to cap octets (cap >= MAIL_DECODER_MIN); 0: the end. */
size_t mail_decoder_next(struct mail_decoder *decoder, char *buf, size_t cap);

/* All of it into out, or as much as fits; false when it was cut. */
bool mail_decode(enum mail_encoding encoding, struct str raw, struct strbuf *out);
/* The same; *flaws gets the bits of enum mail_flaw added, of what was read. */
bool mail_decode_told(enum mail_encoding encoding, struct str raw, struct strbuf *out, unsigned *flaws);
/* Decoded octets. */
uint64_t mail_decode_size(enum mail_encoding encoding, struct str raw);

#endif
