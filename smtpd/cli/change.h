/*
 * A change: asked of the running server over its control socket, or, when no server runs, done alone while
 * holding the store's lock. Both do it by admin_ops.h, so the answer is the same.
 */
#ifndef SERVELO_SMTPD_CLI_CHANGE_H
#define SERVELO_SMTPD_CLI_CHANGE_H

#include "smtpd/cli/cli.h"
#include "storage/store.h"

struct json_t;
struct control_client;

/*
 * request: an object as admin_ops.h lists them; taken. 0 with *ret_result (a new reference; ret_result may be
 * NULL), or an exit code after saying what is wrong.
 */
int cli_change(struct cli *cli, struct json_t *request, struct json_t **ret_result);
/* The same, for what only people are told in words of the caller's: 0 and *ret_result NULL when the result was said as JSON;
 * else *ret_result, or an exit code and NULL. */
int cli_change_told(struct cli *cli, struct json_t *request, struct json_t **ret_result);
/* The same, and says it: the result as JSON, or "FIELD-OF-THE-RESULT done" to people. An exit code. */
int cli_change_said(struct cli *cli, struct json_t *request, const char *field, const char *done);

/* The running server, for several requests. *ret is NULL when no server runs. 0, or an exit code. */
int cli_connect(struct cli *cli, struct control_client **ret);
/* One request (taken), one result. 0, or an exit code after saying what is wrong. */
int cli_ask(struct control_client *client, struct json_t *request, struct json_t **ret_result);

/* The store, held alone (with the server's user, when that is another). 0, or an exit code. */
int cli_store_alone(struct cli *cli, struct store **ret);

#endif
