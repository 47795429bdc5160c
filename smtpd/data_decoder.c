/*
 * The end of mail data, and what is counted on the way.
 *
 *	LINE_START --"."--> DOT --CR--> DOT_CR --LF--> end of mail data
 *	    |  ^             |             |
 *	    |  |CRLF         |other: the   |other: the CR was data, the dot was stuffing
 *	    v  |             v dot goes    v
 *	   TEXT  <-----------+------------ CR
 *	    |  ^                            ^
 *	    +--+--------------CR------------+   (CR: the last octet was one)
 *
 * Always true:
 * 1. What came out, with the dot put back, is what went in, however the octets were cut into reads.
 * 2. Nothing is held back but the dot of a line and a CR behind it; so nothing is stored in here.
 * 3. Slices are as long as they can be: cut only at a dot that is looked at, and at the end of the input.
 * 4. Counting sees the slices, not the input: DATA and BDAT are counted by the same code.
 *
 * For counting, a line ends with LF, bare or not: a header section of bare LFs must not hide its Received
 * fields. For the end of mail data only CRLF counts (RFC 5321 4.1.1.4, CVE-2023-51764).
 *
 * Pure; any thread.
 */
#include "smtpd/data_decoder.h"

enum { LINE_START, TEXT, CR, DOT, DOT_CR };

static const struct str received_name = STR_INIT("received:");

void data_decoder_init(struct data_decoder *decoder, bool find_bare)
{
	*decoder = (struct data_decoder){.state = LINE_START, .find_bare = find_bare};
}

static void count_header_octets(struct data_decoder *decoder, struct str piece)
{
	if (decoder->matched == received_name.len || decoder->line != decoder->matched)
		return;
	for (size_t i = 0; i < piece.len && decoder->matched < received_name.len; i++) {
		if (ascii_lower(piece.ptr[i]) != received_name.ptr[decoder->matched])
			return;
		decoder->matched++;
	}
	if (decoder->matched == received_name.len)
		decoder->received++;
}

/* The line as far as we know it; a CR at its end may be half of its CRLF. */
static uint64_t count_longest(struct data_decoder *decoder)
{
	uint64_t content = decoder->line - (decoder->last_cr ? 1 : 0);
	if (content > decoder->longest)
		decoder->longest = content;
	return content;
}

static void count_line_end(struct data_decoder *decoder)
{
	if (count_longest(decoder) == 0)
		decoder->in_body = true;
	decoder->line = 0;
	decoder->matched = 0;
	decoder->last_cr = false;
}

/* A CR is alone when no LF follows: also at the end of the line, when the next slice does not begin with one.
 */
static bool cr_alone(struct str line)
{
	return str_find(line, '\r') + 1 < line.len;
}

static void count(struct data_decoder *decoder, struct str slice)
{
	if (slice.len == 0)
		return;
	decoder->size += slice.len;
	if (decoder->find_bare &&
	    ((decoder->last_cr && slice.ptr[0] != '\n') || memchr(slice.ptr, '\0', slice.len)))
		decoder->bare = true;
	while (slice.len) {
		size_t at = str_find(slice, '\n');
		bool ended = at < slice.len;
		struct str piece = str_sub(slice, 0, at);
		if (!decoder->in_body)
			count_header_octets(decoder, piece);
		decoder->line += piece.len;
		if (piece.len)
			decoder->last_cr = piece.ptr[piece.len - 1] == '\r';
		if (decoder->find_bare && (cr_alone(piece) || (ended && !decoder->last_cr)))
			decoder->bare = true;
		if (ended)
			count_line_end(decoder);
		slice = str_sub(slice, ended ? at + 1 : at, slice.len);
	}
	count_longest(decoder);
}

static enum data_event emit(struct data_decoder *decoder, struct str *in, size_t len, int state,
			    struct str *ret_slice)
{
	decoder->state = state;
	*ret_slice = str_sub(*in, 0, len);
	*in = str_sub(*in, len, in->len);
	count(decoder, *ret_slice);
	return DATA_SLICE;
}

/* Everything up to a line that begins with a dot, or to the end of the input. */
static enum data_event text(struct data_decoder *decoder, struct str *in, struct str *ret_slice)
{
	const char *begin = in->ptr, *end = begin + in->len, *from = begin, *lf;
	while (from < end && (lf = memchr(from, '\n', (size_t)(end - from)))) {
		bool crlf = lf > begin ? lf[-1] == '\r' : decoder->state == CR;
		from = lf + 1;
		if (crlf && (from == end || *from == '.'))
			return emit(decoder, in, (size_t)(from - begin), LINE_START, ret_slice);
	}
	return emit(decoder, in, in->len, end[-1] == '\r' ? CR : TEXT, ret_slice);
}

enum data_event data_decoder_next(struct data_decoder *decoder, struct str *in, struct str *ret_slice)
{
	while (in->len) {
		char c = in->ptr[0];
		if (decoder->state == LINE_START && c == '.') {
			decoder->state = DOT;
		} else if (decoder->state == DOT && c == '\r') {
			decoder->state = DOT_CR;
		} else if (decoder->state == DOT_CR && c == '\n') {
			*in = str_sub(*in, 1, in->len);
			data_decoder_finish(decoder);
			return DATA_END;
		} else if (decoder->state == DOT_CR) {
			struct str held = STR("\r");
			return emit(decoder, &held, 1, CR, ret_slice);
		} else {
			return text(decoder, in, ret_slice);
		}
		*in = str_sub(*in, 1, in->len);
	}
	return DATA_MORE;
}

void data_decoder_chunk(struct data_decoder *decoder, struct str octets)
{
	count(decoder, octets);
}

void data_decoder_finish(struct data_decoder *decoder)
{
	if (decoder->find_bare && decoder->last_cr)
		decoder->bare = true;
	decoder->state = LINE_START;
}
