/*
 * Mail data on its way out: every line ends with CR LF, a dot at the beginning of one is doubled (RFC 5321
 * 4.5.2), and nothing but data_encoder_finish() can end it.
 *
 *	data_encoder_init(&encoder);
 *	while (in.len)
 *		n = data_encoder_encode(&encoder, &in, out, sizeof out);   ... write n octets ...
 *	n = data_encoder_finish(&encoder, out);
 *
 * A CR or LF that stands alone becomes CR LF: what leaves has no bare ones, so no server behind us can take
 * one for the end of a line that we did not mean (SMTP smuggling). All else passes as it is. Pure.
 */
#ifndef SERVELO_OUTBOUND_DATA_ENCODER_H
#define SERVELO_OUTBOUND_DATA_ENCODER_H

#include "base/base.h"

#define DATA_FINISH_MAX 5 /* octets */

struct data_encoder {
	bool in_line;  /* the last octet out was not the end of a line */
	bool after_cr; /* the last octet in was a CR, whose line end is out */
};

void data_encoder_init(struct data_encoder *encoder);
/* Takes from in what fits, returns the octets written. Goes on as long as ret_max is 2 or more. */
size_t data_encoder_encode(struct data_encoder *encoder, struct str *in, char *ret, size_t ret_max);
/* The end of the last line if it has none, and the end of mail data; ret holds DATA_FINISH_MAX. */
size_t data_encoder_finish(struct data_encoder *encoder, char *ret);

#endif
