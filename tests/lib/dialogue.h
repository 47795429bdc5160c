/*
 * Dialogues as data, played against the engine in the same process. A file holds many:
 *
 *	= a name, says what must happen
 *	modes plain split tls		(optional; all three by default)
 *	set errors 3			(optional: limits, and bare_newline, stub.* of smtp_stub)
 *	C: EHLO client.example		sends the line with CRLF; lines in a row go out in one segment
 *	C> raw\r\n			sends just that
 *	S: 250 2.1.0			the next reply's last line begins like that
 *	S~ CHUNKING			... and one of its lines holds that
 *	S! STARTTLS			... and none of them holds that
 *	TLS				the handshake
 *	CLOSED				the server has closed, and said nothing more
 *	EOF				we shut our sending side down
 *	ABORT				we are gone
 *	HELD				the stub holds a delivery or a question by now
 *	RELEASE				the stub answers what it holds
 *	DRAIN n				the server drains, with n ms of grace
 *	MAILS n				so many mails came in this dialogue
 *	DATA text			the last one is that, behind our trace field
 *	FROM text, TO text, PROTOCOL w	and so was its envelope
 *	TRACE text			its trace field holds that
 *	REFUSED text			the application was told of a refused recipient: "recipient|reply"
 *
 * Escapes in texts: \r \n \t \0 \\ \xHH, and {{N text}} for N times the text. "#" begins a comment line.
 * Modes: plain; split: each octet is a segment of its own; tls: the same inside of TLS. The greeting is read
 * by the player, in tls also the EHLO and the handshake. Every line that the server says is checked for what
 * is true of all replies (RFC 5321 4.5.3.1.5, RFC 2034).
 */
#ifndef SERVELO_TESTS_LIB_DIALOGUE_H
#define SERVELO_TESTS_LIB_DIALOGUE_H

#include "tests/lib/smtp_stub.h"

/* Plays all dialogues of the file in all their modes; prints what went wrong. Returns the number of failures;
 * *ret_played counts. */
int dialogue_play_file(const char *path, unsigned *ret_played);
/* Sets a limit by its name in struct limits_conf, as "set" does. */
bool dialogue_set(struct smtp_stub *stub, struct str name, int64_t value);

#endif
