/*
 * A ticket, its tenant and the people on it, as far as a token names them.
 */
#ifndef SERVELO_SMTPD_CLI_FOUND_TICKET_H
#define SERVELO_SMTPD_CLI_FOUND_TICKET_H

#include "smtpd/cli/cli.h"

struct found_ticket {
	struct ticket_id id; /* 0: there is no such ticket */
	int64_t number;
	char *reference, *slug, *requester, *team; /* owned; may be NULL */
};

/* *ret is zeroed by the caller, and ended by done() in any case. Need cli->reader. -ENOENT, -EINVAL (no reference). */
int found_ticket_by_reference(struct cli *cli, const char *reference, struct found_ticket *ret);
/* By what a token says. A ticket that is not there (-ENOENT) still has its reference, if its tenant is there. */
int found_ticket_by_number(struct cli *cli, const char *slug, int64_t number, struct found_ticket *ret);
/* "the client jane@example.net", to be freed; *ret is NULL when the ticket has no such participant. */
int found_ticket_who(struct cli *cli, const struct found_ticket *found, int64_t participant, char **ret);
void found_ticket_done(struct found_ticket *found);

#endif
