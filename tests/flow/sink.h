/*
 * A relay that knows SMTP and does what a policy says, on the test's own loop: where fake_relay.h plays a script per
 * connection, this one takes whatever comes, for as long as it comes, and remembers each mail.
 *
 *	sink = sink_open(loop, policy, ctx);
 *	... sink_port(sink) ...
 *	sink_mail(sink, i)          what came, in order; sink_accepted(sink, message_id)
 *	sink_stop(sink); ... sink_start(sink);      connection refused; the same port again
 *	sink_close(sink);           freed once the loop has run
 */
#ifndef SERVELO_TESTS_FLOW_SINK_H
#define SERVELO_TESTS_FLOW_SINK_H

#include <uv.h>

#include "base/base.h"

enum sink_at { SINK_CONNECT, SINK_EHLO, SINK_MAIL, SINK_RCPT, SINK_DATA, SINK_END, SINK_RSET, SINK_QUIT };

struct sink_event {
	enum sink_at at;
	unsigned conn;  /* counts connections, from 1 */
	unsigned mails; /* MAILs so far, this one too; of all connections */
};
/* The reply, without CR LF. NULL: the good one. "X": close. "H": say nothing, ever. "P": nothing, and read no more. */
typedef const char *sink_policy(void *ctx, const struct sink_event *event);

struct sink_mail {
	char message_id[256]; /* without angle brackets */
	char recipient[256];  /* of RCPT */
	char reverse_path[256];
	char *data; /* as it came, with its dots */
	size_t len;
	bool accepted; /* 2yz was said */
};

struct sink *sink_open(uv_loop_t *loop, sink_policy *policy, void *ctx);
void sink_close(struct sink *sink);
uint16_t sink_port(const struct sink *sink);
void sink_stop(struct sink *sink);  /* connections too */
void sink_start(struct sink *sink); /* once the loop has run */
void sink_drop(struct sink *sink);  /* connections only */

/* Whole mails, up to their final dot. */
size_t sink_mails(const struct sink *sink);
const struct sink_mail *sink_mail(const struct sink *sink, size_t i);
/* How often this one came whole, and how often it was accepted. */
size_t sink_came(const struct sink *sink, const char *message_id);
size_t sink_accepted(const struct sink *sink, const char *message_id);
unsigned sink_conns(const struct sink *sink); /* ever */
unsigned sink_open_now(const struct sink *sink);
/* Goes up with everything that happens here. */
unsigned sink_moves(const struct sink *sink);

#endif
