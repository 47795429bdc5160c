/*
 * The client's half of AUTH (RFC 4954): PLAIN (RFC 4616), LOGIN, XOAUTH2. Lines in, lines out.
 *
 *	smtp_auth_begin(&auth, AUTH_PLAIN, user, password, &line);      "AUTH PLAIN AGEAYg==" CR LF
 *	... 235: done; 334: smtp_auth_next(&auth, &line) ...
 *
 * For XOAUTH2 the password is the access token. The lines hold secrets: whoever gets one wipes it. Pure.
 */
#ifndef SERVELO_OUTBOUND_SMTP_AUTH_H
#define SERVELO_OUTBOUND_SMTP_AUTH_H

#include "base/strbuf.h"
#include "outbound/smtp_caps.h"

#define AUTH_SECRET_MAX 8192 /* octets of a user name, and of a password or token */
#define AUTH_LINE_MAX   ((size_t)3 * AUTH_SECRET_MAX)

struct smtp_auth {
	enum smtp_auth_mechanism mechanism;
	const char *user, *password; /* the caller's, as long as auth is used */
	unsigned answers;            /* 334s answered */
	bool response_sent;          /* with the command */
};

/* The mechanism to use, of those that are offered and wanted: the first of PLAIN, LOGIN, XOAUTH2. 0: none. */
unsigned smtp_auth_choose(unsigned offered, unsigned wanted);
/* The first line, appended to out. -EMSGSIZE when user or password is longer than AUTH_SECRET_MAX. */
int smtp_auth_begin(struct smtp_auth *auth, enum smtp_auth_mechanism mechanism, const char *user,
		    const char *password, struct strbuf *out);
/* The line after a 334; -EPROTO when the server asks for more than the mechanism has. */
int smtp_auth_next(struct smtp_auth *auth, struct strbuf *out);

#endif
