/* servelo message parse: a mail from a file or standard input, parsed in a parser child. */
#ifndef SERVELO_SMTPD_CLI_MESSAGE_PARSE_H
#define SERVELO_SMTPD_CLI_MESSAGE_PARSE_H

#include "smtpd/cli/cli.h"

int message_parse(struct cli *cli);

#endif
