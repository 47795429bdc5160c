/*
 * TLS as bytes in, bytes out: an SSL object between two byte streams that the caller moves.
 *
 *	        feed()                    read()
 *	socket -------> [in] -> SSL ---------------> plaintext
 *	socket <------- [out] <- SSL <-------------- write()
 *	       output()
 *
 * The SSL reads and writes through one BIO of our own. Its input is the very slice that feed() was given: the
 * record layer takes the first record out of it at once, and only what lies behind that is copied (to
 *`left`), because the caller's buffer is the caller's again when feed() returns. A feed of one record, which
 *is what commands are, copies nothing. Output gathers in a buffer that grows as needed and is given back when
 *empty.
 *
 * Always true:
 *  1. `in` is empty, or a view into `left`, outside of feed().
 *  2. State only moves forward: HANDSHAKING -> OPEN -> CLOSED, and from the first two to FAILED.
 *  3. In CLOSED and FAILED `in` is empty: what comes after a close_notify or a failure is never looked at.
 *  4. OpenSSL's error queue, which is the thread's, is empty before each call into it.
 *
 * Loop thread.
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/alloc.h"
#include "certs/certs_private.h"

/* A caller that does not read what it fed, or does not write out what is due, has a bug or a peer that asks
 * for it; either way it ends here and not in swap. */
#define LEFT_MAX ((size_t)1024 * 1024)
#define OUT_MAX  ((size_t)16 * 1024 * 1024)
/* Each KeyUpdate (RFC 8446 4.6.3) costs us a key schedule for 27 octets of the peer's. An honest peer sends
 * one in 2^24 records. */
#define KEY_UPDATES_MAX 64

struct tls_channel {
	SSL *ssl;
	struct certs *certs; /* a reference; NULL on the client side */
	enum tls_event state;
	unsigned key_updates;
	struct str in; /* ciphertext that SSL has not taken yet */
	char *left;    /* our copy of what a feed left over */
	char *out;     /* ciphertext that is due */
	size_t out_len, out_size;
	bool out_lent; /* output() has shown it: it is gone at the next call */
	char *error;
};

static struct tls_channel *channel_new(SSL *ssl, struct certs *certs);
static void channel_advance(struct tls_channel *tls);
static void channel_result(struct tls_channel *tls, int r);
static void channel_fail(struct tls_channel *tls, const char *why);
static void channel_close(struct tls_channel *tls);
static void drop_input(struct tls_channel *tls);
static bool keep_input(struct tls_channel *tls);
static void drop_lent_output(struct tls_channel *tls);
static BIO *channel_bio_new(struct tls_channel *tls);
static void count_key_updates(int write_p, int version, int content_type, const void *buf, size_t len,
			      SSL *ssl, void *arg);

/* The one BIO */

static int channel_bio_read(BIO *bio, char *buf, int size)
{
	struct tls_channel *tls = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (tls->key_updates > KEY_UPDATES_MAX || size <= 0)
		return -1;
	if (tls->in.len == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	size_t n = (size_t)size < tls->in.len ? (size_t)size : tls->in.len;
	memcpy(buf, tls->in.ptr, n);
	tls->in.ptr += n;
	tls->in.len -= n;
	return (int)n;
}

static int channel_bio_write(BIO *bio, const char *buf, int size)
{
	struct tls_channel *tls = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (size <= 0)
		return -1;
	drop_lent_output(tls);
	size_t need = tls->out_len + (size_t)size;
	if (need > OUT_MAX)
		return -1;
	if (need > tls->out_size) {
		size_t grown = tls->out_size * 2 > need ? tls->out_size * 2 : need;
		tls->out = xrealloc(tls->out, grown);
		tls->out_size = grown;
	}
	memcpy(tls->out + tls->out_len, buf, (size_t)size);
	tls->out_len = need;
	return size;
}

static long channel_bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)num;
	(void)ptr;
	struct tls_channel *tls = BIO_get_data(bio);
	switch (cmd) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_PENDING:
		return (long)tls->in.len;
	default:
		return 0;
	}
}

static pthread_once_t bio_method_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *bio_method;

static void bio_method_make(void)
{
	bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "servelo tls channel");
	if (bio_method == NULL)
		abort();
	BIO_meth_set_read(bio_method, channel_bio_read);
	BIO_meth_set_write(bio_method, channel_bio_write);
	BIO_meth_set_ctrl(bio_method, channel_bio_ctrl);
}

static BIO *channel_bio_new(struct tls_channel *tls)
{
	pthread_once(&bio_method_once, bio_method_make);
	BIO *bio = BIO_new(bio_method);
	if (bio == NULL)
		abort();
	BIO_set_data(bio, tls);
	BIO_set_init(bio, 1);
	return bio;
}

/* Life */

struct tls_channel *tls_channel_accept(struct certs *certs)
{
	SSL_CTX *context = certs_default_context(certs);
	SSL *ssl = context ? SSL_new(context) : NULL;
	if (ssl == NULL)
		return NULL;
	SSL_set_accept_state(ssl);
	return channel_new(ssl, certs_ref(certs));
}

struct tls_channel *tls_channel_connect(struct tls_client *client, const char *host)
{
	ERR_clear_error();
	SSL *ssl = tls_client_session(client, host);
	if (ssl == NULL)
		return NULL;
	SSL_set_connect_state(ssl);
	struct tls_channel *tls = channel_new(ssl, NULL);
	channel_advance(tls);
	return tls;
}

static struct tls_channel *channel_new(SSL *ssl, struct certs *certs)
{
	struct tls_channel *tls = XNEW(struct tls_channel);
	tls->ssl = ssl;
	tls->certs = certs;
	tls->state = TLS_HANDSHAKING;
	BIO *bio = channel_bio_new(tls);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_msg_callback(ssl, count_key_updates);
	SSL_set_msg_callback_arg(ssl, tls);
	return tls;
}

struct tls_channel *tls_channel_free(struct tls_channel *tls)
{
	if (tls == NULL)
		return NULL;
	SSL_free(tls->ssl);
	certs_unref(tls->certs);
	free(tls->left);
	free(tls->out);
	free(tls->error);
	free(tls);
	return NULL;
}

/* In */

enum tls_event tls_channel_feed(struct tls_channel *tls, struct str ciphertext)
{
	if (tls->state == TLS_CLOSED || tls->state == TLS_FAILED)
		return tls->state;
	if (tls->in.len > 0) {
		/* The caller left something unread: the new bytes queue up behind it. */
		size_t len = tls->in.len;
		if (ciphertext.len > LEFT_MAX - len) {
			channel_fail(tls, "too much left unread");
			return tls->state;
		}
		memmove(tls->left, tls->in.ptr, len);
		tls->left = xrealloc(tls->left, len + ciphertext.len);
		if (ciphertext.len > 0)
			memcpy(tls->left + len, ciphertext.ptr, ciphertext.len);
		tls->in = (struct str){tls->left, len + ciphertext.len};
		channel_advance(tls);
		return tls->state;
	}
	tls->in = ciphertext;
	channel_advance(tls);
	if (!keep_input(tls))
		channel_fail(tls, "too much at once");
	return tls->state;
}

/* Copy what SSL did not take of the slice that is being fed. */
static bool keep_input(struct tls_channel *tls)
{
	if (tls->in.len > LEFT_MAX)
		return false;
	char *copy = NULL;
	if (tls->in.len > 0) {
		copy = xmalloc(tls->in.len);
		memcpy(copy, tls->in.ptr, tls->in.len);
	}
	free(tls->left);
	tls->left = copy;
	tls->in.ptr = copy;
	return true;
}

static void drop_input(struct tls_channel *tls)
{
	free(tls->left);
	tls->left = NULL;
	tls->in = (struct str){NULL, 0};
}

/* One step: the handshake, or the first record of application data into the record layer. */
static void channel_advance(struct tls_channel *tls)
{
	if (tls->state == TLS_HANDSHAKING) {
		ERR_clear_error();
		int r = SSL_do_handshake(tls->ssl);
		if (r != 1) {
			channel_result(tls, r);
			return;
		}
		tls->state = TLS_OPEN;
	}
	char first;
	ERR_clear_error();
	int r = SSL_peek(tls->ssl, &first, 1);
	if (r <= 0)
		channel_result(tls, r);
}

/* Nothing more can come out without another feed. */
static bool channel_dry(const struct tls_channel *tls)
{
	return tls->in.len == 0 && !SSL_has_pending(tls->ssl);
}

/* Many small records fill one buffer: a peer that sends single octets costs the caller no call each. */
ssize_t tls_channel_read(struct tls_channel *tls, char *buf, size_t size)
{
	size_t total = 0;
	while (tls->state == TLS_OPEN && total < size && !channel_dry(tls)) {
		size_t n = 0;
		ERR_clear_error();
		int r = SSL_read_ex(tls->ssl, buf + total, size - total, &n);
		total += n;
		if (r == 1)
			continue;
		channel_result(tls, r);
		break;
	}
	if (tls->in.len == 0 && tls->left != NULL)
		drop_input(tls);
	if (total > 0)
		return (ssize_t)total;
	return tls->state == TLS_FAILED ? -EPROTO : tls->state == TLS_CLOSED ? -EPIPE : 0;
}

static void channel_result(struct tls_channel *tls, int r)
{
	switch (SSL_get_error(tls->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		return;
	case SSL_ERROR_ZERO_RETURN:
		channel_close(tls);
		return;
	default:
		channel_fail(tls, NULL);
	}
}

/* RFC 5246 7.2.1: a close_notify is answered with one. */
static void channel_close(struct tls_channel *tls)
{
	tls_channel_shutdown(tls);
	tls->state = TLS_CLOSED;
	drop_input(tls);
}

/* why NULL: OpenSSL knows. */
static void channel_fail(struct tls_channel *tls, const char *why)
{
	unsigned long code = ERR_peek_error();
	if (tls->key_updates > KEY_UPDATES_MAX)
		why = "too many key updates";
	else if (why == NULL && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		why = X509_verify_cert_error_string(SSL_get_verify_result(tls->ssl));
	else if (why == NULL)
		why = ERR_reason_error_string(code);
	free(tls->error);
	tls->error = xstrdup(why ? why : "TLS protocol error");
	ERR_clear_error();
	tls->state = TLS_FAILED;
	drop_input(tls);
}

static void count_key_updates(int write_p, int version, int content_type, const void *buf, size_t len,
			      SSL *ssl, void *arg)
{
	(void)version;
	(void)ssl;
	struct tls_channel *tls = arg;
	if (write_p == 0 && content_type == SSL3_RT_HANDSHAKE && len > 0 &&
	    *(const unsigned char *)buf == SSL3_MT_KEY_UPDATE)
		tls->key_updates++;
}

/* Out */

int tls_channel_write(struct tls_channel *tls, struct str plaintext)
{
	if (tls->state != TLS_OPEN)
		return -EPIPE;
	if (plaintext.len == 0)
		return 0;
	size_t n = 0;
	ERR_clear_error();
	if (SSL_write_ex(tls->ssl, plaintext.ptr, plaintext.len, &n) != 1) {
		channel_fail(tls, NULL);
		return -EPIPE;
	}
	assert(n == plaintext.len);
	return 0;
}

bool tls_channel_output(struct tls_channel *tls, struct str *ret)
{
	drop_lent_output(tls);
	if (tls->out_len == 0)
		return false;
	*ret = (struct str){tls->out, tls->out_len};
	tls->out_lent = true;
	return true;
}

static void drop_lent_output(struct tls_channel *tls)
{
	if (!tls->out_lent)
		return;
	free(tls->out);
	tls->out = NULL;
	tls->out_len = tls->out_size = 0;
	tls->out_lent = false;
}

void tls_channel_shutdown(struct tls_channel *tls)
{
	if (tls->state != TLS_OPEN)
		return;
	ERR_clear_error();
	SSL_shutdown(tls->ssl);
	ERR_clear_error();
}

/* What it is */

const char *tls_channel_version(const struct tls_channel *tls)
{
	return SSL_get_version(tls->ssl);
}

const char *tls_channel_cipher(const struct tls_channel *tls)
{
	return SSL_get_cipher_name(tls->ssl);
}

const char *tls_channel_sni(const struct tls_channel *tls)
{
	const char *name = SSL_get_servername(tls->ssl, TLSEXT_NAMETYPE_host_name);
	return name ? name : "";
}

const char *tls_channel_error(const struct tls_channel *tls)
{
	return tls->error ? tls->error : "";
}
