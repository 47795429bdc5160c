/*
 * The verbs of `servelo ticket` that live in files of their own, and what they share with ticket.c.
 */
#ifndef SERVELO_SMTPD_CLI_TICKET_H
#define SERVELO_SMTPD_CLI_TICKET_H

#include "base/strbuf.h"
#include "smtpd/cli/cli.h"

struct json_t;

/* The recipient as an address: where no field of the mail named one it is kept without the domain, which is ours. out
 * holds what is returned. */
struct str ticket_full_address(const struct cli *cli, struct str addressed_to, struct strbuf *out);
/* A new reference. */
struct json_t *ticket_json(const struct cli *cli, const struct ticket_view *view);

/* ticket_show.c */
extern const struct arg_option ticket_show_options[1];
int ticket_show(struct cli *cli);

/* ticket_talk.c: what a mail would do, by hand */
extern const struct arg_option ticket_comment_options[2], ticket_status_options[2], ticket_assign_options[1];
int ticket_comment(struct cli *cli);
int ticket_close(struct cli *cli);
int ticket_resolve(struct cli *cli);
int ticket_reopen(struct cli *cli);
int ticket_assign(struct cli *cli);

#endif
