/*
 * Who we are on the wire: certificate sets, chosen by host name (SNI, RFC 6066 section 3).
 *
 * A set is one host-name pattern with up to one ECDSA and one RSA certificate side by side; OpenSSL picks by
 * what the client offers. The first set is the default, used when the client names no host or an unknown one.
 * TLS 1.2 and 1.3, no renegotiation, no compression, session tickets with keys that live in memory only.
 *
 * certs_load() reads everything into a new object before it says yes. Sessions hold a reference to the one
 * they began with, so a reload replaces it without dropping a session. Loop thread; reference count is
 * atomic.
 */
#ifndef SERVELO_CERTS_CERTS_H
#define SERVELO_CERTS_CERTS_H

#include "base/conf.h"

struct certs;

/* One element of `tls.certificates`. */
struct cert_conf {
	const char *host;  /* "mx.example.com" or "*.example.com"; "" for the default set */
	const char *chain; /* PEM, leaf first */
	const char *key;   /* PEM; mode must give nothing to group and others */
};

struct certs_conf {
	struct conf_list certificates; /* struct cert_conf; the same host may come twice (ECDSA and RSA) */
	bool starttls;                 /* offer STARTTLS; needs at least one certificate */
	int min_version;               /* enum: 0 "1.2", 1 "1.3" */
	const char *ciphers;           /* TLS 1.2 cipher list; "" for ours */
	int64_t handshake_timeout_ms;
};
extern const struct conf_table certs_conf_table; /* section "tls" */

/*
 * 0, or with reterr naming the file and why: -EACCES when others can get at a key;
 * -EINVAL for what is no regular file, bad PEM, a key that does not fit or asks for a passphrase, two certificates of a kind for one host,
 * bad ciphers, or starttls without any certificate; -errno of a file that cannot be read. An expired certificate
 * is no error: certs_describe() tells. conf may be freed afterwards.
 */
int certs_load(struct certs **ret, const struct certs_conf *conf, struct conf_error *reterr);
struct certs *certs_ref(struct certs *certs);
struct certs *certs_unref(struct certs *certs);

/* For `servelo check` and the log: one line per certificate: host, kind, names, not-after (milliseconds since
 * 1970). */
struct cert_info {
	const char *host, *chain_file, *key_kind, *names;
	int64_t not_after_ms;
	bool key_matches_host;
};
typedef void certs_info_fn(void *ctx, const struct cert_info *info);
void certs_describe(const struct certs *certs, certs_info_fn *fn, void *ctx);

#endif
