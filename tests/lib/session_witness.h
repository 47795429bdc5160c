/*
 * A second opinion on one SMTP session, for fuzz targets: reads, slowly and simply, what the client sent beside what the
 * server said, with the server's replies as the only truth about what was accepted, and ends the process where the two
 * don't fit together:
 *
 * - each line of a reply is printable, at most 512 octets with its CRLF, and those of one reply have one code;
 * - each command gets one reply, and each mail one more, in their order: an octet is either command or data, never both
 *   and never neither, whoever lies about sizes and ends;
 * - 250 to the end of mail data means one mail, equal to what was sent, octet for octet, within the limits, and no
 *   mail came without it.
 *
 * The connection may end early where the server says so (421, 221, 554 to a stranger), and, without a word, behind a DATA
 * or BDAT that it refused.
 */
#ifndef SERVELO_TESTS_LIB_SESSION_WITNESS_H
#define SERVELO_TESTS_LIB_SESSION_WITNESS_H

#include "tests/lib/smtp_stub.h"

struct witnessed {
	struct str sent; /* by the client, whole */
	struct str said; /* by the server, from its first reply to sent or, greeting, from its greeting */
	bool greeting;
	bool tls;  /* sent and said were in TLS: STARTTLS is refused */
	bool cut;  /* the client left before it had read all: replies may be missing at the end */
	bool late; /* a deadline passed or the server drained: one more 421 may stand at the end */
};

/* stub: with the limits that held, and the mails of this session only. */
void session_witness(const struct smtp_stub *stub, const struct witnessed *seen);

#endif
