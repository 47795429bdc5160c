/*
 * What the files of one connection share: smtp_client.c (life, up to ready and after), smtp_transaction.c
 * (one mail), smtp_client_io.c (octets). Nobody else includes this.
 */
#ifndef SERVELO_OUTBOUND_SMTP_CLIENT_PRIVATE_H
#define SERVELO_OUTBOUND_SMTP_CLIENT_PRIVATE_H

#include "base/strbuf.h"
#include "outbound/data_encoder.h"
#include "outbound/reply_reader.h"
#include "outbound/smtp_auth.h"
#include "outbound/smtp_client.h"

#define CLIENT_READ_SIZE     8192
#define CLIENT_BLOCK_SIZE    ((size_t)16 * 1024) /* of mail data, in one write */
#define CLIENT_QUEUED_MAX    ((size_t)64 * 1024) /* written and not taken yet; then mail data waits */
#define CLIENT_WINDOW        100                 /* commands without a reply yet */
#define CLIENT_ADDRESSES_MAX 16

/* The state is the reply that is due next; see the drawing in smtp_client.c. */
enum client_state {
	CLIENT_CONNECTING,
	CLIENT_HANDSHAKE,
	CLIENT_GREETING,
	CLIENT_EHLO,
	CLIENT_HELO,
	CLIENT_STARTTLS,
	CLIENT_AUTH,
	CLIENT_READY, /* none is due */
	CLIENT_TRANSACTION,
	CLIENT_BODY, /* none is due: mail data is on its way */
	CLIENT_END,
	CLIENT_RSET,
	CLIENT_QUIT,
	CLIENT_CLOSED,
};

/* A socket, and what is under way on it. It outlives the client until libuv has closed it. */
struct client_conn {
	uv_tcp_t tcp;
	uv_connect_t connect;
	struct smtp_client *client; /* NULL when it has been let go */
	char read_buf[CLIENT_READ_SIZE];
};

struct smtp_client {
	struct smtp_client_conf conf;
	struct smtp_client_events events;
	void *ctx;
	uv_loop_t *loop;
	struct sockaddr_storage addresses[CLIENT_ADDRESSES_MAX];
	size_t addresses_n, address_next;
	char peer[64];

	enum client_state state;
	int64_t deadline_ms; /* of the state; INT64_MAX: none */
	unsigned turns;      /* we are inside so many: freeing waits for the last */
	bool kicked; /* something is to be done that must not be done inside the call that asked for it */
	bool was_ready, tell_ready, want_quit, closed_told;
	bool freed;             /* by its owner: no more callbacks, gone at the end of the turn */
	struct smtp_result why; /* valid in CLOSED */

	struct client_conn *conn;
	struct tls_channel *tls;
	bool tls_open;
	struct reply_reader reader;
	struct strbuf out; /* commands of this turn, in clear */
	size_t queued;     /* octets with libuv */

	struct smtp_caps caps;
	struct smtp_auth auth;

	struct smtp_mail *mail;      /* sent by the owner and not done */
	struct smtp_mail *done_mail; /* to be told at the end of the turn */
	struct smtp_result done_result;
	struct transaction {
		/* command 0 is MAIL, 1..live_n are RCPT, live_n + 1 is DATA */
		size_t *live;  /* indexes of the recipients that can be asked for */
		bool *decided; /* of all recipients: the result stands */
		size_t live_n, sent, got, accepted;
		bool mail_refused;
		bool go; /* 354 came: mail data follows at the end of the turn */
		struct strbuf mail_line;
		struct data_encoder encoder;
		struct str data; /* what read() gave and is not encoded yet */
		bool dot_queued; /* the final dot has been given to libuv */
	} tx;
};

/* ---- smtp_client.c */

void client_enter(struct smtp_client *client);
/* The end of a turn: what is due is written, callbacks are called, a freed client goes. */
void client_leave(struct smtp_client *client);
/* The reply of this state is due by then. */
void client_expect(struct smtp_client *client, enum client_state state, int64_t timeout_ms);
void client_input(struct smtp_client *client, struct str octets);
void client_connected(struct smtp_client *client);
void client_tls_opened(struct smtp_client *client);
/* On to the next address, or closed. */
void client_connect_failed(struct smtp_client *client, int error);
/* The connection is over: a mail under way is done, the socket closed. text NULL: the error's own. */
void client_lost(struct smtp_client *client, int error, const char *text);
/* The same because of a reply. */
void client_refused(struct smtp_client *client, const struct relay_reply *reply);
/* 530 to MAIL (RFC 4954 6): the relay takes no mail from us as we are, which is no fault of this one. */
void client_wants_login(struct smtp_client *client, const struct relay_reply *reply);
void client_now_ready(struct smtp_client *client);
void client_reset(struct smtp_client *client);
/* A command line, without its CRLF. */
void client_say(struct smtp_client *client, struct str line);

void result_of_reply(struct smtp_result *ret, enum smtp_stage stage, const struct relay_reply *reply);
/* Declined by ourselves, for good: "553 5.1.3 text". */
void result_of_ours(struct smtp_result *ret, enum smtp_stage stage, int code, int subject, int detail,
		    const char *text);

/* ---- smtp_transaction.c */

void transaction_begin(struct smtp_client *client);
/* What may go now of commands and mail data; at the end of each turn. */
void transaction_pump(struct smtp_client *client);
void transaction_reply(struct smtp_client *client, const struct relay_reply *reply);
/* The connection is lost: who has no result yet gets one. */
void transaction_lost(struct smtp_client *client, const struct smtp_result *why);

/* ---- smtp_client_io.c */

/* client_connected() or client_connect_failed() comes later, unless it fails at once. */
int client_io_connect(struct smtp_client *client, const struct sockaddr *address);
void client_io_close(struct smtp_client *client);
int client_io_start_tls(struct smtp_client *client);
/* In clear or through TLS, as things are. Errors come as client_lost(). */
void client_io_write(struct smtp_client *client, struct str octets);
/* Everything that was written has been taken by the system. */
bool client_io_all_out(const struct smtp_client *client);

#endif
