/*
 * The client side of RFC 5321: one connection to the relay, many mails on it, one after the other.
 *
 *	smtp_client_open(&client, loop, &conf, &events, ctx);
 *	on_ready:   smtp_client_send(client, mail);    mail->done() comes, then on_ready again, or on_closed
 *	            smtp_client_quit(client);          when there is none
 *	on_closed:  smtp_client_free(client);
 *
 * Opening connects to the addresses in turn, then greeting, EHLO (HELO), TLS as demanded, AUTH as configured.
 * Then on_ready; it is called again whenever the connection can take a mail. on_closed is called exactly
 * once, unless smtp_client_free() came first: it says why, and nothing but smtp_client_free() is legal
 * afterwards. Every mail that was sent is done exactly once (or taken back: on_untouched), before on_closed
 * and also by smtp_client_free(). All calls are legal in callbacks. No callback comes from within
 * smtp_client_open(), _send(), _quit() or _data_ready(): what they ask for happens in a turn of the loop, or
 * in the next smtp_client_tick(), for which smtp_client_deadline() then is 0.
 *
 * Promises:
 *  1. Without TLS (SMTP_TLS_NONE) only loopback addresses are connected to, and AUTH is said to no others.
 *     With SMTP_TLS_STARTTLS nothing is said in clear but EHLO and STARTTLS: a relay that doesn't offer it,
 *     refuses it or fails at it is closed.
 *  2. What the relay said in clear after its 220 to STARTTLS is dropped, and what it could do is asked anew.
 *  3. An address with CR, LF, NUL, another control, or an angle bracket never leaves: its recipient fails
 *     here.
 *  4. A reply counts only for a command that was sent before the reply was read. What comes early ends the
 *     connection; a 250 before the final dot delivers nothing.
 *  5. Memory is bounded whatever the relay sends, and whatever it doesn't read: 64 KiB of mail data are under
 *     way.
 *  6. Each reply has a deadline of its own that octets don't move (RFC 5321 4.5.3.2).
 *
 * Time: the client has no timer. Its owner calls smtp_client_tick() at smtp_client_deadline(). Loop thread.
 */
#ifndef SERVELO_OUTBOUND_SMTP_CLIENT_H
#define SERVELO_OUTBOUND_SMTP_CLIENT_H

#include <sys/socket.h>
#include <uv.h>

#include "certs/tls_channel.h"
#include "outbound/smtp_caps.h"
#include "outbound/smtp_mail.h"

struct smtp_client;

enum smtp_tls { SMTP_TLS_STARTTLS, SMTP_TLS_IMPLICIT, SMTP_TLS_NONE };

struct smtp_timeouts {    /* milliseconds */
	int64_t connect;  /* for each address */
	int64_t tls;      /* a handshake */
	int64_t greeting; /* and these are RFC 5321 4.5.3.2's: 5 minutes */
	int64_t command;  /* EHLO, STARTTLS, AUTH, MAIL, RCPT, RSET: 5 minutes */
	int64_t data;     /* 354: 2 minutes */
	int64_t block;    /* for 16 KiB of mail data to be taken: 3 minutes */
	int64_t end;      /* the reply to the final dot: 10 minutes */
	int64_t quit;
};

/* Strings and tls_client are the caller's, for as long as the client lives. */
struct smtp_client_conf {
	const char *host; /* what the certificate must be for */
	enum smtp_tls tls;
	struct tls_client *tls_client; /* not needed with SMTP_TLS_NONE */
	const char *ehlo_name;
	const char *user, *password; /* user "": no AUTH */
	unsigned auth;               /* wanted, of enum smtp_auth_mechanism */
	struct smtp_timeouts timeouts;
};

struct smtp_client_events {
	void (*on_ready)(struct smtp_client *client, void *ctx);
	void (*on_closed)(struct smtp_client *client, const struct smtp_result *why, void *ctx);
	/* May be NULL. The relay ended the connection before it answered MAIL (or said 421 to it): nothing of
	 * the mail has been looked at. True takes it back instead of done(). */
	bool (*on_untouched)(struct smtp_client *client, struct smtp_mail *mail, void *ctx);
};

/* addresses are copied, with their ports; conf too (not what it points to). -EPERM when none of the addresses
 * may be connected to (promise 1), -EINVAL without addresses or with an ehlo_name that is no domain or
 * literal. */
int smtp_client_open(struct smtp_client **ret, uv_loop_t *loop, const struct smtp_client_conf *conf,
		     const struct sockaddr_storage *addresses, size_t addresses_n,
		     const struct smtp_client_events *events, void *ctx);

bool smtp_client_ready(const struct smtp_client *client);
/* Has it ever been ready? A connection that never was says something about the relay, not about a mail. */
bool smtp_client_was_ready(const struct smtp_client *client);
/* Only when ready. */
void smtp_client_send(struct smtp_client *client, struct smtp_mail *mail);
/* mail->read() said -EAGAIN, and has more now. */
void smtp_client_data_ready(struct smtp_client *client);
/* No more mails: QUIT once the one under way is done; a connection that is not ready yet is closed. on_closed
 * comes when it is over, with SMTP_STAGE_QUIT and no error. */
void smtp_client_quit(struct smtp_client *client);
/* Closes at once if need be; returns NULL, NULL is fine. */
struct smtp_client *smtp_client_free(struct smtp_client *client);

/* When smtp_client_tick() is due, on clock_mono_ms(); INT64_MAX: not at all (it is ready, or closed). */
int64_t smtp_client_deadline(const struct smtp_client *client);
void smtp_client_tick(struct smtp_client *client);

/* For logs: "192.0.2.1:587", "TLSv1.3" or "". */
const char *smtp_client_peer(const struct smtp_client *client);
const char *smtp_client_tls_version(const struct smtp_client *client);

#endif
