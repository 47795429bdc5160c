/*
 * struct smtp_server and struct smtp_session, for the files of the engine: smtp_server.c (table,
 * admission, drain), handshake_line.c, session_timers.c (deadlines), session.c (life, states, transaction), session_io.c
 * (sockets, TLS, back-pressure), commands.c (table and dispatcher), cmd_*.c (the verbs). Loop thread, all of it.
 *
 * A *turn* is what the engine does for one event: server_enter(), work on one session, session_turn_end(),
 * server_leave(). Replies of a turn gather in one buffer that all sessions share and go out in one write at
 * its end. What the application brings back during a turn waits for its end, so turns do not nest.
 */
#ifndef SERVELO_SMTPD_SESSION_PRIVATE_H
#define SERVELO_SMTPD_SESSION_PRIVATE_H

#include "base/list.h"
#include "base/log.h"
#include "certs/tls_channel.h"
#include "smtpd/command_reader.h"
#include "smtpd/data_decoder.h"
#include "smtpd/handshake_line.h"
#include "smtpd/policy.h"
#include "smtpd/reply.h"
#include "smtpd/smtp_listener.h"
#include "smtpd/smtp_server.h"

/* Bits, so that a command can name the states it is allowed in. The drawing is in session.c. */
enum session_state {
	SESSION_HANDSHAKE = 1, /* TLS; nothing is read as SMTP */
	SESSION_READY = 2,     /* no transaction */
	SESSION_MAIL = 4,      /* a transaction without recipients */
	SESSION_RCPT = 8,      /* ... with recipients */
	SESSION_DATA = 16,     /* input is mail data, up to CRLF.CRLF */
	SESSION_CHUNKS = 32,   /* between two BDAT chunks */
	SESSION_CHUNK = 64,    /* input is mail data, chunk_left octets */
	SESSION_COMMIT = 128,  /* the delivery is away; one answer is owed */
	SESSION_CLOSING = 256, /* output is flushed, then the socket is closed */
};

/* What a session waits for before it looks at more input. Bits. */
enum session_wait {
	WAIT_RCPT = 1,      /* the application's answer about a recipient */
	WAIT_DELAY = 2,     /* an erring client is slowed down */
	WAIT_WRITE = 4,     /* the client does not read our replies */
	WAIT_HANDSHAKE = 8, /* it stands in line (handshake_line.h) */
};

/* Sessions wait for their deadlines in one list per class. Within a class all wait equally long, so each list
 * is in order by itself and only heads need to be looked at. */
enum timer_class {
	TIMER_NONE,
	TIMER_GREETING,  /* until a good EHLO */
	TIMER_COMMAND,   /* until a whole command */
	TIMER_DATA,      /* until more mail data */
	TIMER_HANDSHAKE, /* until TLS is open */
	TIMER_WRITE,     /* until the client reads */
	TIMER_DELAY,
	TIMER_LINGER, /* until the client has read our last words */
	TIMER_CLASSES
};

#define READ_SIZE         (64 * 1024) /* in mail data */
#define READ_SIZE_COMMAND 4096        /* elsewhere: what a waiting session may have to keep */
#define PLAIN_SIZE        (16 * 1024) /* a TLS record */
#define OUT_FLUSH         (16 * 1024) /* replies that are written before the end of a turn */
#define OUT_MAX           (64 * 1024)
#define WRITE_QUEUE_MAX   (64 * 1024) /* then the session waits */
#define LINE_PENDING_MAX  (16 * 1024) /* of a handshake, while it stands in line: then we stop reading */
#define LINGER_MS         2000

struct smtp_session {
	uv_tcp_t tcp;
	struct smtp_server *server;
	struct list_node link;       /* server->sessions */
	struct list_node timer_link; /* server->timers[timer_class] */
	struct smtp_session *hash_next;
	uint64_t id;
	int64_t timer_since_ms;
	unsigned timer_class; /* enum timer_class */
	unsigned state;       /* enum session_state */
	unsigned waits;       /* enum session_wait */
	struct policy_address address;
	struct policy_budget budget;
	/* input */
	struct command_reader reader;
	struct strbuf pending; /* input that came while the session waits */
	struct str *input;     /* what is being looked at, during session_consume() */
	bool reading, eof;
	bool body_expected; /* DATA or BDAT said how the octets behind it are to be read */
	/* output */
	size_t write_queued;
	struct tls_channel *tls;
	bool tls_open;              /* the handshake is done */
	struct list_node line_link; /* server->line, while WAIT_HANDSHAKE */
	bool in_debt;               /* its handshake was counted, and no mail came yet */
	bool linger;   /* octets are under way that must not make the kernel drop our last reply */
	bool finished; /* the last words were given to the socket */
	bool quit;     /* the client asked for the end, and sends no more */
	bool closed;   /* uv_close was called */
	bool gone;     /* the handle is closed */
	int error;     /* of the socket, for the log */
	bool counted;  /* in server->clients */
	/* the client */
	char *helo; /* NULL until HELO or EHLO */
	bool ehlo;
	int64_t messages; /* accepted */
	/* the transaction */
	struct delivery *delivery;   /* NULL outside of one, and while it is away */
	unsigned rcpt_n, rcpt_tried; /* accepted; named */
	char *rcpt_waiting;          /* WAIT_RCPT: whom for */
	/* its mail data */
	struct data_decoder decoder;
	enum reply_id verdict; /* REPLY_NONE, or why the mail data will be refused: nothing is stored then */
	int64_t chunk_left;    /* SESSION_CHUNK: octets still to come */
	int64_t swallow_left;  /* octets of a refused chunk still to come, in any state */
	bool chunk_last;
	uint64_t data_octets; /* as they came */
	int64_t data_began_ms;
	int64_t rate_since_ms;
	uint64_t rate_octets;
};

struct smtp_server {
	uv_loop_t *loop;
	struct smtp_settings settings;
	const struct smtp_handler *handler;
	void *ctx;
	struct smtp_listeners *listeners;
	struct list sessions;
	struct smtp_session **hash; /* by id */
	size_t hash_n;              /* a power of two */
	uint64_t last_id;
	struct policy_clients *clients;
	struct handshake_line line;
	struct policy_network *exempt;
	size_t exempt_n;
	struct smtp_stats stats;
	/* deadlines */
	uv_timer_t timer;
	int64_t timer_at_ms; /* INT64_MAX: not armed */
	struct list timers[TIMER_CLASSES];
	/* drain */
	uv_timer_t drain_timer;
	bool draining, closing;
	void (*on_drained)(void *ctx);
	void *drained_ctx;
	/* the turn */
	unsigned busy;
	struct smtp_session *out_owner;
	struct strbuf out;
	struct list returned; /* deliveries that came back during a turn */
	struct list answers;  /* struct late_answer, likewise */
	size_t handles;       /* uv handles that still need the server's memory */
	int64_t refusals_logged_ms, refusals_unlogged;
	char read_buf[READ_SIZE];
	char plain_buf[PLAIN_SIZE];
};

/* smtp_server.c */
void server_enter(struct smtp_server *server);
void server_leave(struct smtp_server *server);
bool server_stressed(const struct smtp_server *server);
bool server_offers_starttls(const struct smtp_server *server);
/* A session's handle has closed. May end the drain, or free the server: the last thing that is done. */
void server_session_gone(struct smtp_server *server);
void server_handle_gone(struct smtp_server *server);
void server_add_session(struct smtp_server *server, struct smtp_session *session);
void server_remove_session(struct smtp_server *server, struct smtp_session *session);

/* session_timers.c */
void session_timers_init(struct smtp_server *server);
/* The timer fires at at_ms (of uv_now) at the latest. */
void server_timer_rearm(struct smtp_server *server, int64_t at_ms);
int64_t server_timeout_ms(const struct smtp_server *server, enum timer_class timer_class);

/* session.c */
int session_open(struct smtp_server *server, int fd, const struct policy_address *address, bool counted);
/* Frees it; the handle has closed. */
void session_free(struct smtp_session *session);
void session_set_state(struct smtp_session *session, enum session_state state);
const char *session_id_text(const struct smtp_session *session, char buf[20]);
void session_reply(struct smtp_session *session, enum reply_id id, struct str more);
/* The same, and counts an error: may end the session with 421 instead, or slow it down. */
void session_reply_error(struct smtp_session *session, enum reply_id id, struct str more);
/* A last reply, then the connection is closed. linger: the client may be sending. REPLY_NONE: no words. */
void session_end(struct smtp_session *session, enum reply_id id, bool linger, const char *why);
/* Forget the transaction: no replies, the delivery is freed. */
void session_drop_transaction(struct smtp_session *session);
/* The client does not read, errs, or has gone on to something else. */
void session_wait(struct smtp_session *session, enum session_wait wait);
void session_timed_out(struct smtp_session *session, enum timer_class timer_class);
void session_timer(struct smtp_session *session, bool progress);
void session_delivered(struct smtp_session *session, enum reply_id id, struct str more);
void session_rcpt_answered(struct smtp_session *session, enum rcpt_status status,
			   const struct rcpt_answer *answer);
void session_shutdown(struct smtp_session *session, bool now);

/* session_io.c */
int session_io_open(struct smtp_session *session, int fd);
/* Flush what was replied, set the deadline, read on or not. The session may be closed afterwards, not freed.
 */
void session_turn_end(struct smtp_session *session, bool progress);
/* A wait is over: what came meanwhile is looked at. */
void session_resume(struct smtp_session *session, enum session_wait wait);
void session_flush(struct smtp_session *session);
void session_abort(struct smtp_session *session, const char *why, int error);
void session_start_tls(struct smtp_session *session);
/* Its turn in the line has come. */
void session_shake_hands(struct smtp_session *session);
/* Has the client sent more than we have looked at? */
bool session_input_follows(struct smtp_session *session);

/* commands.c */
/* Looks at one command; false when there is none yet. */
bool session_command(struct smtp_session *session, struct str *in);
struct str commands_help(void);

/* cmd_*.c */
void cmd_helo(struct smtp_session *session, struct str argument);
void cmd_ehlo(struct smtp_session *session, struct str argument);
void cmd_mail(struct smtp_session *session, struct str argument);
void cmd_rcpt(struct smtp_session *session, struct str argument);
void cmd_data(struct smtp_session *session, struct str argument);
void cmd_bdat(struct smtp_session *session, struct str argument);
void cmd_starttls(struct smtp_session *session, struct str argument);
void cmd_rset(struct smtp_session *session, struct str argument);
void cmd_noop(struct smtp_session *session, struct str argument);
void cmd_help(struct smtp_session *session, struct str argument);
void cmd_vrfy(struct smtp_session *session, struct str argument);
void cmd_quit(struct smtp_session *session, struct str argument);
void cmd_not_implemented(struct smtp_session *session, struct str argument);
void cmd_not_smtp(struct smtp_session *session, struct str argument);

/* cmd_mail.c: what to say to a path that command_path() could not read; syntax: when it is no path at all. */
enum reply_id cmd_path_refusal(int r, enum reply_id syntax);

/* cmd_data.c: mail data, one step. Takes from *in. */
void session_data(struct smtp_session *session, struct str *in);
void session_chunk(struct smtp_session *session, struct str *in);
void session_swallow(struct smtp_session *session, struct str *in);

#endif
