/*
 * The control socket from within: control.c has the socket and the connections, control_request.c the requests that are
 * answered at once, control_change.c those that a store job answers, control_reprocess.c the one that reads an original
 * anew. Loop thread, but for what runs on a worker.
 *
 * A request outlives its connection: it carries the connection's id, and its answer looks that up and may find nobody.
 * For each that is under way control_hold() is called, and control_forget() when it came back.
 */
#ifndef SERVELO_SMTPD_CONTROL_PRIVATE_H
#define SERVELO_SMTPD_CONTROL_PRIVATE_H

#include <jansson.h>

#include "base/list.h"
#include "base/strbuf.h"
#include "smtpd/admin_ops.h"
#include "smtpd/control.h"
#include "smtpd/reprocess.h"

struct control {
	struct control_deps deps;
	void *ctx;
	char *path;
	uv_pipe_t listener;
	struct list connections;
	size_t connections_n;
	uint64_t last_id;
	size_t pending; /* handles not yet closed and requests not yet back */
	bool closing;
	void (*on_closed)(void *ctx);
	void *closed_ctx;
	struct reprocess *reprocess;
	uint64_t reprocess_owner; /* connection */
	bool reprocess_busy;
};

struct control_connection {
	struct list_node link;
	struct control *control;
	uint64_t id;
	uv_pipe_t pipe;
	uv_timer_t idle;
	uv_write_t write;
	struct strbuf in, out;
	size_t searched;  /* so much of in holds no LF */
	unsigned handles; /* open ones of the two */
	bool busy, closing;
};

/* ---- control.c */

/* The connection with this id, unless it is gone. */
struct control_connection *control_find(struct control *control, uint64_t id);
/* Sends what is in connection->out, and reads on when that is written. The connection may be closed afterwards. */
void control_answer(struct control_connection *connection);
static inline void control_hold(struct control *control)
{
	control->pending++;
}
/* The last one frees a control that is closing. */
void control_forget(struct control *control);

/* ---- what a line asks for; each answers, at once or later */

void control_request(struct control_connection *connection, struct str line);
void control_change(struct control_connection *connection, struct str line);
void control_reprocess(struct control_connection *connection, const json_t *object);
/* The connection that asked for the parser child is gone, or all are: the child ends, on a worker. */
void control_release_reprocess(struct control *control, uint64_t connection_id);

#endif
