/*
 * What an SMTP server said it can do: its reply to EHLO (RFC 5321 4.1.1.1) as a struct. Unknown keywords are
 * passed over, parameters that make no sense too. Pure.
 */
#ifndef SERVELO_OUTBOUND_SMTP_CAPS_H
#define SERVELO_OUTBOUND_SMTP_CAPS_H

#include "base/base.h"

enum smtp_auth_mechanism { AUTH_PLAIN = 1, AUTH_LOGIN = 2, AUTH_XOAUTH2 = 4 };

struct smtp_caps {
	bool starttls, pipelining, eight_bit, utf8;
	bool size;        /* SIZE is understood */
	int64_t size_max; /* octets; 0: no limit was named */
	unsigned auth;    /* enum smtp_auth_mechanism */
};

/* text: the lines of the 250, joined by "\n"; the first is the server's name. */
struct smtp_caps smtp_caps_parse(struct str text);

#endif
