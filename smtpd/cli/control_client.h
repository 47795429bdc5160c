/*
 * The other end of the control socket (control.h): one request, one answer, blocking, with a time limit.
 */
#ifndef SERVELO_SMTPD_CLI_CONTROL_CLIENT_H
#define SERVELO_SMTPD_CLI_CONTROL_CLIENT_H

#include "base/strbuf.h"

struct control_client;

/* -ENOENT or -ECONNREFUSED: no server runs. -EACCES: not ours to talk to. */
int control_client_open(struct control_client **ret, const char *path);
/* The same for who can't wait for two minutes: each step (connecting, sending, the next octets of an answer) takes so
 * long at most, and is -ETIMEDOUT then. */
int control_client_open_within(struct control_client **ret, const char *path, int64_t timeout_ms);
/* request: one line without its LF. *answer (initialised, empty) gets one line without its LF. -ETIMEDOUT,
 * -ECONNRESET (the server ended, or refused us), -EMSGSIZE. */
int control_client_ask(struct control_client *client, struct str request, struct strbuf *answer);
struct control_client *control_client_close(struct control_client *client);

#endif
