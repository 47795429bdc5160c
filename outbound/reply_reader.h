/*
 * Replies of an SMTP server as its client reads them (RFC 5321 4.2): octets in, one reply at a time out.
 *
 *	reply_reader_init(&reader);
 *	while ((status = reply_reader_next(&reader, &in, &reply)) == READER_REPLY)
 *		... reply.text lives until the next call ...
 *	if (status == READER_BROKEN)
 *		... what came is no reply: close, nothing after it can be trusted ...
 *
 * Takes what it needs from `in` and leaves the rest there, so octets behind a reply (a 220 to STARTTLS, say)
 * are the caller's to judge. Bounded whatever comes: 64 KiB and 256 lines for one reply, of whose text the
 * first 8 KiB are kept. A line may be longer than RFC 5321's 512 octets and may end with LF alone; all lines
 * of a reply must show the same code. The text is made fit to be stored and logged: controls, and octets that
 * are not UTF-8, become "?". Pure; one thread.
 */
#ifndef SERVELO_OUTBOUND_REPLY_READER_H
#define SERVELO_OUTBOUND_REPLY_READER_H

#include "base/base.h"

#define RELAY_REPLY_SIZE_MAX  65536 /* octets of one reply */
#define RELAY_REPLY_LINES_MAX 256
#define RELAY_REPLY_TEXT_MAX  8192 /* octets of it that are kept */

struct relay_reply {
	int code;                   /* 200..599 */
	int klass, subject, detail; /* enhanced status code (RFC 3463); all 0 when there is none that fits */
	struct str text;            /* lines without their codes, joined by "\n"; valid UTF-8 */
	bool cut;                   /* there was more */
};

enum reader_status { READER_MORE, READER_REPLY, READER_BROKEN };

struct reply_reader {
	bool broken, ready; /* ready: the last call gave a reply, which the next one forgets */
	bool last_line, cr;
	int code, line_code;
	size_t size, lines, at; /* at: octets of this line so far */
	size_t text_len;
	bool cut;
	char text[RELAY_REPLY_TEXT_MAX];
};

void reply_reader_init(struct reply_reader *reader);
/* Forget what came of a reply that is not complete. */
void reply_reader_clear(struct reply_reader *reader);
enum reader_status reply_reader_next(struct reply_reader *reader, struct str *in, struct relay_reply *ret);
/* Part of a reply has come. */
bool reply_reader_inside(const struct reply_reader *reader);

#endif
