/*
 * Mail data as it is sent (RFC 5321 4.5.2) to mail data as it is stored, and what must be known about it: its
 * size, its longest line, the Received fields of its header section, whether a CR, LF or NUL stood alone. One
 * state machine for mail data that is kept, that will be refused, and that is thrown away. Pure.
 *
 *	struct str in = what_was_read;
 *	while ((event = data_decoder_next(&decoder, &in, &slice)) == DATA_SLICE)
 *		... store the slice, or don't ...
 *	if (event == DATA_END)
 *		... in is what follows the end of mail data indication ...
 *
 * Only CRLF "." CRLF ends it, where the beginning counts as behind a CRLF. A dot is taken off a line only
 * behind CRLF. Everything else, bare CR and LF and NUL included, is data and comes out as it went in.
 * Chunks of BDAT (RFC 3030) have no end and no dots of their own: data_decoder_chunk() only counts.
 */
#ifndef SERVELO_SMTPD_DATA_DECODER_H
#define SERVELO_SMTPD_DATA_DECODER_H

#include "base/base.h"

enum data_event { DATA_MORE, DATA_SLICE, DATA_END };

struct data_decoder {
	int state; /* of the end-of-data machine */
	/* what was counted */
	uint64_t size; /* octets that came out */
	uint64_t line,
		longest;   /* octets of the line now, of the longest one (a CR before LF is not counted) */
	unsigned received; /* Received fields of the header section */
	bool bare;         /* a CR, LF or NUL stood alone (when find_bare) */
	/* the counter's own */
	bool find_bare, in_body, last_cr;
	unsigned matched; /* octets of "received:" that this line began with */
};

/* find_bare: look for bare octets too; costs another pass. */
void data_decoder_init(struct data_decoder *decoder, bool find_bare);
/* *ret_slice is a view into *in, or of a constant. */
enum data_event data_decoder_next(struct data_decoder *decoder, struct str *in, struct str *ret_slice);
void data_decoder_chunk(struct data_decoder *decoder, struct str octets);
/* The data is whole (a chunk may have ended with a CR). */
void data_decoder_finish(struct data_decoder *decoder);

#endif
