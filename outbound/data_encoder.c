/*
 * See data_encoder.h. One octet in is at most two out: a lone CR or LF becomes two, so does a dot at the
 * beginning of a line; the LF behind a CR is left out, for its line end went out with the CR. Pure.
 */
#include "outbound/data_encoder.h"

void data_encoder_init(struct data_encoder *encoder)
{
	*encoder = (struct data_encoder){false, false};
}

static size_t put_line_end(char *ret)
{
	ret[0] = '\r';
	ret[1] = '\n';
	return 2;
}

/* Octets of in before the next CR or LF, n at most. */
static size_t run_of(struct str in, size_t n)
{
	size_t i = 0;
	while (i < n && i < in.len && in.ptr[i] != '\r' && in.ptr[i] != '\n')
		i++;
	return i;
}

size_t data_encoder_encode(struct data_encoder *encoder, struct str *in, char *ret, size_t ret_max)
{
	size_t n = 0;
	while (in->len && ret_max - n >= 2) {
		char c = in->ptr[0];
		if (c == '\r' || c == '\n') {
			if (c == '\r' || !encoder->after_cr)
				n += put_line_end(ret + n);
			encoder->after_cr = c == '\r';
			encoder->in_line = false;
			*in = str_sub(*in, 1, in->len);
			continue;
		}
		if (!encoder->in_line && c == '.')
			ret[n++] = '.';
		size_t run = run_of(*in, ret_max - n);
		memcpy(ret + n, in->ptr, run);
		n += run;
		*in = str_sub(*in, run, in->len);
		encoder->in_line = true;
		encoder->after_cr = false;
	}
	return n;
}

size_t data_encoder_finish(struct data_encoder *encoder, char *ret)
{
	size_t n = encoder->in_line ? put_line_end(ret) : 0;
	ret[n++] = '.';
	return n + put_line_end(ret + n);
}
