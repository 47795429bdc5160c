/*
 * Replies: code, enhanced status code (RFC 2034, RFC 3463) and text. The only place where reply codes are
 * known.
 *
 *	reply_format(buf, REPLY_RCPT_UNKNOWN, hint);
 *
 * Each named reply has a standing text; `more` (may be empty) is added behind it. Whatever is in `more`,
 * the line is printable ASCII, at most 510 octets and ends with CRLF: other octets are shown as \xHH, what is
 * too long is cut. Pure; any thread.
 */
#ifndef SERVELO_SMTPD_REPLY_H
#define SERVELO_SMTPD_REPLY_H

#include "base/base.h"

enum reply_id {
	REPLY_NONE, /* nothing is said (yet) */
	/* 2xx, 3xx */
	REPLY_GREETING,
	REPLY_HELO,
	REPLY_OK,
	REPLY_HELP,
	REPLY_VRFY,
	REPLY_QUIT,
	REPLY_READY_TLS,
	REPLY_MAIL_OK,
	REPLY_RCPT_OK,
	REPLY_DATA_GO_AHEAD,
	REPLY_CHUNK_OK,
	REPLY_DELIVERED,
	/* 421: and then the connection is closed */
	REPLY_SHUTDOWN,
	REPLY_TOO_MANY_CONNECTIONS,
	REPLY_TOO_MANY_FROM_CLIENT,
	REPLY_TIMEOUT,
	REPLY_TOO_SLOW,
	REPLY_TOO_MANY_ERRORS,
	REPLY_TOO_MANY_COMMANDS,
	REPLY_TOO_MANY_UNKNOWN,
	REPLY_TOO_MANY_TRANSACTIONS,
	/* what a client may try again */
	REPLY_RCPT_SUSPENDED,
	REPLY_RCPT_TEMPFAIL,
	REPLY_RCPT_TOO_MANY,
	REPLY_TEMPFAIL,
	REPLY_BUSY,
	REPLY_NO_SPACE,
	/* syntax and sequence */
	REPLY_UNKNOWN_COMMAND,
	REPLY_NOT_IMPLEMENTED,
	REPLY_LINE_TOO_LONG,
	REPLY_BARE_LF,
	REPLY_CONTROL,
	REPLY_EMPTY_LINE,
	REPLY_ARG_REQUIRED,
	REPLY_NO_ARG,
	REPLY_BAD_HELO,
	REPLY_BAD_SEQUENCE,
	REPLY_NO_RCPT,
	REPLY_MAIL_SYNTAX,
	REPLY_RCPT_SYNTAX,
	REPLY_PATH_TOO_LONG,
	REPLY_NEEDS_SMTPUTF8,
	REPLY_BAD_PARAM,
	REPLY_UNKNOWN_PARAM,
	REPLY_BAD_CHUNK,
	REPLY_NOT_SMTP,
	REPLY_ENDLESS_LINE,
	REPLY_STARTTLS_ACTIVE,
	/* never */
	REPLY_RCPT_UNKNOWN,
	REPLY_RCPT_FOREIGN,
	REPLY_TOO_BIG,
	REPLY_BARE_NEWLINE,
	REPLY_DATA_LINE_TOO_LONG,
	REPLY_LOOP,
	REPLY_REFUSED,
	REPLY_COUNT
};

#define REPLY_LINE_MAX 510 /* octets without CRLF (RFC 5321 4.5.3.1.5) */
#define REPLY_SIZE     (REPLY_LINE_MAX + 3)

int reply_code(enum reply_id id);
/* Writes the line with CRLF and a NUL; returns its length without the NUL. */
size_t reply_format(char buf[REPLY_SIZE], enum reply_id id, struct str more);
/* A line of the answer to EHLO: "250-text", or "250 text" for the last one. */
size_t reply_format_ehlo(char buf[REPLY_SIZE], bool last, struct str text);

#endif
