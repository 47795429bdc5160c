/*
 * servelo ticket attachment list|save, servelo message attachment: what hangs on mails, listed, and taken out of the
 * original. The mail is taken apart in a parser child and streamed; a file is made with mode 0600, under a safe
 * name, and replaces another only by --force.
 */
#ifndef SERVELO_SMTPD_CLI_ATTACHMENT_H
#define SERVELO_SMTPD_CLI_ATTACHMENT_H

#include "smtpd/cli/cli.h"

extern const struct arg_option attachment_options[2]; /* output, force: of both verbs */

int ticket_attachment(struct cli *cli);
int message_attachment(struct cli *cli);

#endif
