/*
 * The table of replies and its printer.
 *
 * Always true, and checked by the test over the whole table: the class of an enhanced status code is the
 * first digit of its code; every reply but the greeting, HELO and 354 has one (RFC 2034 section 4); all codes
 * are of RFC 5321 4.2.3, all enhanced codes of the IANA registry; a line fits in 510 octets.
 *
 * Pure; any thread.
 */
#include "smtpd/reply.h"

#include <assert.h>

struct reply_row {
	int code;
	const char *enhanced; /* NULL: none */
	const char *text;
};

static const struct reply_row replies[REPLY_COUNT] = {
	[REPLY_GREETING] = {220, NULL, ""},
	[REPLY_HELO] = {250, NULL, ""},
	[REPLY_OK] = {250, "2.0.0", "Ok"},
	[REPLY_HELP] = {214, "2.0.0", "Commands:"},
	[REPLY_VRFY] = {252, "2.0.0", "Cannot verify; send mail and see"},
	[REPLY_QUIT] = {221, "2.0.0", "Bye"},
	[REPLY_READY_TLS] = {220, "2.0.0", "Ready to start TLS"},
	[REPLY_MAIL_OK] = {250, "2.1.0", "Reverse-path ok"},
	[REPLY_RCPT_OK] = {250, "2.1.5", "Recipient ok"},
	[REPLY_DATA_GO_AHEAD] = {354, NULL, "End data with <CR><LF>.<CR><LF>"},
	[REPLY_CHUNK_OK] = {250, "2.0.0", "Chunk ok"},
	[REPLY_DELIVERED] = {250, "2.0.0", ""},

	[REPLY_SHUTDOWN] = {421, "4.3.2", "Server is shutting down, try again soon"},
	[REPLY_TOO_MANY_CONNECTIONS] = {421, "4.3.2", "Too many connections, try again later"},
	[REPLY_TOO_MANY_FROM_CLIENT] = {421, "4.7.0", "Too many connections from your address"},
	[REPLY_TIMEOUT] = {421, "4.4.2", "Timeout, closing connection"},
	[REPLY_TOO_SLOW] = {421, "4.4.2", "Mail data comes too slowly, closing connection"},
	[REPLY_TOO_MANY_ERRORS] = {421, "4.7.0", "Too many errors, closing connection"},
	[REPLY_TOO_MANY_COMMANDS] = {421, "4.7.0", "Too many commands, closing connection"},
	[REPLY_TOO_MANY_UNKNOWN] = {421, "4.7.0", "Too many unknown recipients, closing connection"},
	[REPLY_TOO_MANY_TRANSACTIONS] = {421, "4.7.0", "Enough mail for one session, please connect again"},

	[REPLY_RCPT_SUSPENDED] = {450, "4.2.1", "Mailbox takes no mail at the moment, try again later"},
	[REPLY_RCPT_TEMPFAIL] = {451, "4.3.0", "Recipient cannot be checked now, try again later"},
	[REPLY_RCPT_TOO_MANY] = {452, "4.5.3", "Too many recipients"},
	[REPLY_TEMPFAIL] = {451, "4.3.0", "Temporary failure, try again later"},
	[REPLY_BUSY] = {451, "4.3.2", "Busy, try again later"},
	[REPLY_NO_SPACE] = {452, "4.3.1", "Not enough storage, try again later"},

	[REPLY_UNKNOWN_COMMAND] = {500, "5.5.1", "Command not recognized"},
	[REPLY_NOT_IMPLEMENTED] = {502, "5.5.1", "Command not implemented"},
	[REPLY_LINE_TOO_LONG] = {500, "5.5.2", "Line too long"},
	[REPLY_BARE_LF] = {500, "5.5.2", "Lines end with CR and LF"},
	[REPLY_CONTROL] = {500, "5.5.2", "Control characters in command"},
	[REPLY_EMPTY_LINE] = {500, "5.5.2", "Line has no command"},
	[REPLY_ARG_REQUIRED] = {501, "5.5.4", "Command needs an argument"},
	[REPLY_NO_ARG] = {501, "5.5.4", "Command takes no argument"},
	[REPLY_BAD_HELO] = {501, "5.5.4", "Domain or address literal expected"},
	[REPLY_BAD_SEQUENCE] = {503, "5.5.1", "Bad sequence of commands:"},
	[REPLY_NO_RCPT] = {554, "5.5.1", "No valid recipients"},
	[REPLY_MAIL_SYNTAX] = {501, "5.1.7", "Syntax: MAIL FROM:<address>"},
	[REPLY_RCPT_SYNTAX] = {501, "5.1.3", "Syntax: RCPT TO:<address>"},
	[REPLY_PATH_TOO_LONG] = {501, "5.1.3", "Address is too long"},
	[REPLY_NEEDS_SMTPUTF8] = {553, "5.6.7", "Address needs SMTPUTF8 and valid UTF-8"},
	[REPLY_BAD_PARAM] = {501, "5.5.4", "Bad parameter:"},
	[REPLY_UNKNOWN_PARAM] = {555, "5.5.4", "Parameter not recognized:"},
	[REPLY_BAD_CHUNK] = {501, "5.5.4", "Syntax: BDAT size [LAST]"},
	[REPLY_NOT_SMTP] = {554, "5.5.1", "This is an SMTP server"},
	[REPLY_ENDLESS_LINE] = {421, "4.5.2", "Line has no end, closing connection"},
	[REPLY_STARTTLS_ACTIVE] = {503, "5.5.1", "TLS is active already"},

	[REPLY_RCPT_UNKNOWN] = {550, "5.1.1", "No such mailbox here"},
	[REPLY_RCPT_FOREIGN] = {550, "5.7.1", "Not a domain of ours, relaying denied"},
	[REPLY_TOO_BIG] = {552, "5.3.4", "Message is too big; octets accepted:"},
	[REPLY_BARE_NEWLINE] = {550, "5.6.0", "Message holds a bare CR, LF or NUL"},
	[REPLY_DATA_LINE_TOO_LONG] = {554, "5.6.0", "Message holds a line that is too long"},
	[REPLY_LOOP] = {554, "5.4.6", "Too many Received fields, mail is looping"},
	[REPLY_REFUSED] = {554, "5.6.0", "Message refused"},
};

/* Appends printable ASCII as it is, other octets as \xHH; stops at the limit. */
static size_t add_escaped(char *buf, size_t len, struct str s)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		bool plain = c >= 0x20 && c < 0x7f;
		if (len + (plain ? 1 : 4) > REPLY_LINE_MAX)
			break;
		if (plain) {
			buf[len++] = (char)c;
			continue;
		}
		buf[len++] = '\\';
		buf[len++] = 'x';
		buf[len++] = digits[c >> 4];
		buf[len++] = digits[c & 15];
	}
	return len;
}

static size_t add_code(char *buf, int code, char separator)
{
	buf[0] = (char)('0' + code / 100);
	buf[1] = (char)('0' + code / 10 % 10);
	buf[2] = (char)('0' + code % 10);
	buf[3] = separator;
	return 4;
}

static size_t add_end(char *buf, size_t len)
{
	memcpy(buf + len, "\r\n", 3);
	return len + 2;
}

int reply_code(enum reply_id id)
{
	assert(id > REPLY_NONE && id < REPLY_COUNT);
	return replies[id].code;
}

size_t reply_format(char buf[REPLY_SIZE], enum reply_id id, struct str more)
{
	const struct reply_row *row = &replies[id];
	size_t len = add_code(buf, reply_code(id), ' ');
	if (row->enhanced) {
		len = add_escaped(buf, len, str_from(row->enhanced));
		buf[len++] = ' ';
	}
	len = add_escaped(buf, len, str_from(row->text));
	if (more.len && row->text[0])
		buf[len++] = ' ';
	len = add_escaped(buf, len, more);
	return add_end(buf, len);
}

size_t reply_format_ehlo(char buf[REPLY_SIZE], bool last, struct str text)
{
	size_t len = add_code(buf, 250, last ? ' ' : '-');
	len = add_escaped(buf, len, text);
	return add_end(buf, len);
}
