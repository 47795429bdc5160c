/*
 * A parsed mail for programs (one JSON object, the keys of the test collections) and for people. Pure.
 */
#ifndef SERVELO_SMTPD_CLI_MAIL_JSON_H
#define SERVELO_SMTPD_CLI_MAIL_JSON_H

#include <stdio.h>

#include "ingest/mail.h"

struct json_t;

/* A new reference. */
struct json_t *mail_json(const struct parsed_mail *mail, enum parse_status status);
void mail_print(const struct parsed_mail *mail, enum parse_status status, FILE *file);

#endif
