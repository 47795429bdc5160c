/*
 * The SMTP engine: RFC 5321 and its extensions over libuv, knowing no tickets. What it asks of its
 * application is struct smtp_handler: main.c binds it to ingest, tests and fuzzers bind a stub. Loop thread,
 * all of it.
 *
 * Contract: begin() at MAIL gives an empty delivery; rcpt() judges each forward-path (and may answer later,
 * by smtp_server_rcpt_answered, while the replies of a pipelined group keep their order); refused() tells the
 * application of a recipient that was refused with the very reply; deliver() takes the delivery with its mail
 * data whole. The application answers each deliver() exactly once with smtp_server_delivered(), which takes
 * the delivery back, sends the reply if the session still lives, and frees it.
 */
#ifndef SERVELO_SMTPD_SMTP_SERVER_H
#define SERVELO_SMTPD_SMTP_SERVER_H

#include <uv.h>

#include "base/conf.h"
#include "certs/certs.h"
#include "ingest/delivery.h"
#include "ingest/ingest.h"
#include "storage/spool.h"

struct smtp_server;

/* Section "smtp". */
struct smtp_conf {
	struct conf_strings listen; /* "127.0.0.1:2525", "[::1]:2525", "0.0.0.0:25" */
	int64_t backlog;
	int bare_newline; /* enum: 0 accept, 1 reject */
	const char *banner;
	bool reuse_port;
};
extern const struct conf_table smtp_conf_table;

/* Section "limits". Times in milliseconds. */
struct limits_conf {
	int64_t message_size;
	int64_t connections;
	int64_t connections_per_client, connections_per_network, connections_per_block;
	int64_t recipients;
	int64_t commands;                   /* in one session, of those that do not deliver */
	int64_t errors, unknown_recipients; /* then 421 and close */
	int64_t errors_delay_after, error_delay_ms;
	int64_t transactions;                  /* in one session */
	int64_t line_length, data_line_length; /* of a command with its CRLF; of mail data without */
	int64_t received_fields;
	int64_t greeting_timeout_ms, command_timeout_ms, data_timeout_ms, data_total_timeout_ms,
		write_timeout_ms;
	int64_t stress_timeout_ms; /* instead of command_timeout when over stress_percent of connections are
				      in use */
	int64_t stress_percent;
	int64_t data_rate_min;      /* octets per second, over a minute */
	struct conf_strings exempt; /* addresses and networks that connections_per_* do not count */
};
extern const struct conf_table limits_conf_table;

struct smtp_handler {
	struct delivery *(*begin)(void *ctx);
	enum rcpt_status (*rcpt)(void *ctx, struct delivery *delivery, const struct mailaddr *forward_path,
				 struct rcpt_answer *ret);
	void (*refused)(void *ctx, const struct delivery *delivery, struct str recipient,
			struct str reply); /* may be NULL */
	void (*deliver)(void *ctx, struct delivery *delivery);
};

struct smtp_settings {
	const struct smtp_conf *smtp;
	const struct limits_conf *limits;
	const struct certs_conf *tls;
	const char *hostname;
	struct certs *certs; /* may be NULL: no STARTTLS */
	struct spool *spool;
};

/* Opens, does not listen. -EINVAL when limits.exempt can't be read. The process ignores SIGPIPE. */
int smtp_server_open(struct smtp_server **ret, uv_loop_t *loop, const struct smtp_settings *settings,
		     const struct smtp_handler *handler, void *ctx);
/* Binds and listens on every address of settings->smtp->listen; reterr names the one that failed. Port 0 gets
 * a free one. */
int smtp_server_listen(struct smtp_server *server, struct conf_error *reterr);
/* Takes a socket that listens already, instead of or besides those. On failure it is still the caller's. -errno. */
int smtp_server_adopt(struct smtp_server *server, int fd);
/* Address n as "127.0.0.1:2525" with the real port; NULL past the end. Valid while the server lives. */
const char *smtp_server_address(const struct smtp_server *server, size_t n);
/* New settings for new sessions and, where that is safe (limits, timeouts), for those that live. Listen
 * addresses stay. The structs must live until the next call. */
void smtp_server_reconfigure(struct smtp_server *server, const struct smtp_settings *settings);

void smtp_server_delivered(struct smtp_server *server, struct delivery *delivery);
void smtp_server_rcpt_answered(struct smtp_server *server, uint64_t session_id, enum rcpt_status status,
			       const struct rcpt_answer *answer);

struct smtp_stats {
	size_t connections, in_tls, in_data, in_commit;
	int64_t accepted, refused_overload, messages_accepted, messages_refused, recipients_refused, bytes_in,
		handshakes, handshakes_later;
};
struct smtp_stats smtp_server_stats(const struct smtp_server *server);

/* No new connections; idle sessions get 421, those in a transaction may finish within grace_ms, then 421.
 * on_drained when the last has gone. */
void smtp_server_drain(struct smtp_server *server, int64_t grace_ms, void (*on_drained)(void *ctx),
		       void *ctx);
/* After draining. NULL is fine; returns NULL. */
struct smtp_server *smtp_server_close(struct smtp_server *server);

#endif
