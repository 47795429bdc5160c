/*
 * SMTP client's octets to command lines, and a line to verb, argument, path and parameters (RFC 5321 4.1.1,
 * 4.1.2). Pure: no sockets, no session.
 *
 *	struct str in = what_was_read;
 *	while ((result = command_reader_next(&reader, &in, &line)) != COMMAND_MORE)
 *		... line, or a reason to refuse one ...
 *
 * A line ends with CRLF and nothing else (RFC 5321 2.3.8). A line that ends with a LF alone, or that holds a
 * bare CR, a NUL or another control, is reported once as refused and never executed. A line that passes
 * line_max is reported as soon as that is known; the rest of it, up to its LF, is swallowed, so that no tail
 * of it can become a command. Memory: one line at most, and only while a line is incomplete.
 */
#ifndef SERVELO_SMTPD_COMMAND_READER_H
#define SERVELO_SMTPD_COMMAND_READER_H

#include "base/base.h"
#include "base/mailaddr.h"

enum command_result {
	COMMAND_MORE,     /* all was taken; the line is not complete */
	COMMAND_LINE,     /* *ret_line is a line without its CRLF, all printable, tabs or above 0x7f */
	COMMAND_BARE_LF,  /* a line ended without CR; *ret_line is what it said, not to be executed */
	COMMAND_CONTROL,  /* a line with controls in it; *ret_line likewise */
	COMMAND_TOO_LONG, /* over line_max, reported once; *ret_line is its beginning */
	COMMAND_ENDLESS,  /* still no LF after COMMAND_ENDLESS_MAX octets: hang up */
};

#define COMMAND_ENDLESS_MAX (64 * 1024)

struct command_reader {
	char *partial; /* NULL unless a line is incomplete */
	size_t partial_len, partial_size;
	bool handed_out;  /* partial is the line that the last call returned */
	size_t line_max;  /* octets without CRLF */
	size_t swallowed; /* octets of a line that was too long; 0: none */
};

void command_reader_init(struct command_reader *reader, size_t line_max);
void command_reader_done(struct command_reader *reader);
/* Forget an incomplete line (STARTTLS). */
void command_reader_clear(struct command_reader *reader);
/* Takes a line off the front of *in. *ret_line lives until *in's memory or the reader changes. */
enum command_result command_reader_next(struct command_reader *reader, struct str *in, struct str *ret_line);

struct command {
	struct str verb;     /* as written; empty for an empty line */
	struct str argument; /* trimmed; empty when there is none */
};
/* Splits at the first blank or tab. A line that begins with a blank has an empty verb. */
struct command command_parse(struct str line);

/*
 * "FROM:<path> parameters" of MAIL, "TO:<path> parameters" of RCPT. Blanks after the colon and missing angle
 * brackets are read as real senders mean them. *ret_rest is what follows the path, for command_parameter().
 * -ENOENT when the keyword is not there, else the errors of mailaddr_parse_path().
 */
int command_path(struct arena *arena, struct str argument, struct str keyword, unsigned mailaddr_flags,
		 struct mailaddr *ret, struct str *ret_rest);

struct command_param {
	struct str keyword;
	struct str value;
	bool has_value;
};
/* The next parameter off the front of *rest: 1, 0 at the end, -EINVAL when it is none (RFC 5321 4.1.2). */
int command_parameter(struct str *rest, struct command_param *ret);

/* 1 to 20 digits and nothing else. -EINVAL for other text; a number that passes 2^63-1 gives INT64_MAX. */
int command_number(struct str text, int64_t *ret);

#endif
