/* See smtp_mail.h: names of outcomes and stages, for logs and for the database. Pure. */
#include "outbound/smtp_mail.h"

const char *smtp_outcome_name(enum smtp_outcome outcome)
{
	static const char *const names[] = {"delivered", "deferred", "failed", "unknown"};
	return names[outcome];
}

const char *smtp_stage_name(enum smtp_stage stage)
{
	static const char *const names[] = {"connect", "tls",  "greeting", "ehlo", "starttls",
					    "auth",    "idle", "mail",     "rcpt", "data",
					    "body",    "end",  "rset",     "quit"};
	return names[stage];
}
