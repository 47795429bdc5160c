/*
 * TLS as bytes in, bytes out: no sockets, no loop. Serves both sides: tls_channel_accept() for the SMTP server,
 * tls_channel_connect() for the relay client.
 *
 *	enum tls_event ev = tls_channel_feed(tls, ciphertext_from_the_socket);
 *	while (tls_channel_output(tls, &out))
 *		... write out to the socket; it is valid until the next call ...
 *	while ((n = tls_channel_read(tls, buf, sizeof buf)) > 0)
 *		... plaintext ...
 *
 * feed() takes all it is given: the slice is the caller's again when it returns. Read until 0 before the next
 * feed: what is left unread is kept (1 MiB at most, then the channel fails). After TLS_CLOSED or TLS_FAILED
 * only output() (an alert or close_notify may be due) and free() are legal, and the connection must be closed:
 * never fall back to plaintext. A peer's close_notify is TLS_CLOSED, or -EPIPE from read() when plaintext came
 * before it in the same feed; the socket ending without one is the caller's to notice. What arrives in one
 * feed is bounded by the caller's read size; renegotiation is refused, a flood of key updates too. Idle
 * channels release their buffers (about 13 KiB remain). Loop thread.
 */
#ifndef SERVELO_CERTS_TLS_CHANNEL_H
#define SERVELO_CERTS_TLS_CHANNEL_H

#include <sys/types.h>

#include "base/base.h"
#include "certs/certs.h"

struct tls_channel;
struct tls_client; /* verification and identity of the client side */

enum tls_event {
	TLS_HANDSHAKING, /* more bytes are needed */
	TLS_OPEN,        /* handshake is done; plaintext may be there */
	TLS_CLOSED,      /* the peer said close_notify */
	TLS_FAILED,      /* protocol error, bad certificate, ...: tls_channel_error() */
};

/* Takes a reference to certs. NULL when certs holds no certificate. */
struct tls_channel *tls_channel_accept(struct certs *certs);

struct tls_client_conf {
	const char *ca_file; /* "" for the system's */
	bool verify;         /* chain and host name (RFC 6125) */
	int min_version;     /* as certs_conf */
};
int tls_client_open(struct tls_client **ret, const struct tls_client_conf *conf, struct conf_error *reterr);
struct tls_client *tls_client_close(struct tls_client *client);
/* host is sent as SNI and verified (an address is verified only). The ClientHello is ready in output() at
 * once. NULL when there is nothing to verify: an empty host with conf.verify. client may be closed before the
 * channel. */
struct tls_channel *tls_channel_connect(struct tls_client *client, const char *host);

enum tls_event tls_channel_feed(struct tls_channel *tls, struct str ciphertext);
/* Plaintext octets, as many as there are and fit; 0 when there are none now, -EPIPE when closed, -EPROTO when
 * failed: what came before that is read first. */
ssize_t tls_channel_read(struct tls_channel *tls, char *buf, size_t size);
/* Encrypt; all or -EPIPE (also before TLS_OPEN). */
int tls_channel_write(struct tls_channel *tls, struct str plaintext);
/* True and a view when ciphertext is due; the caller must take all of it. */
bool tls_channel_output(struct tls_channel *tls, struct str *ret);
/* Queue close_notify; nothing can be written after it. */
void tls_channel_shutdown(struct tls_channel *tls);
struct tls_channel *tls_channel_free(struct tls_channel *tls);

/* "TLSv1.3", "TLS_AES_256_GCM_SHA384", the host asked for (or ""); valid while the channel lives. */
const char *tls_channel_version(const struct tls_channel *tls);
const char *tls_channel_cipher(const struct tls_channel *tls);
const char *tls_channel_sni(const struct tls_channel *tls);
const char *tls_channel_error(const struct tls_channel *tls);

#endif
