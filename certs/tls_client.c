/*
 * The client side's context: whom we trust, which versions we speak. One per relay configuration; sessions
 * keep OpenSSL's context alive by themselves, so a client may be closed (configuration reload) while they go
 * on. The host is verified by OpenSSL (RFC 6125): partial wildcards ("mx*.example") are not accepted, and an
 * address literal is looked for among the certificate's IP addresses, and never sent as SNI (RFC 6066
 * section 3). Loop thread.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/alloc.h"
#include "certs/certs_private.h"

struct tls_client {
	SSL_CTX *context;
	bool verify;
};

static bool load_trust(SSL_CTX *context, const char *ca_file)
{
	if (ca_file[0] == '\0')
		return SSL_CTX_set_default_verify_paths(context) == 1;
	return SSL_CTX_load_verify_locations(context, ca_file, NULL) == 1;
}

int tls_client_open(struct tls_client **ret, const struct tls_client_conf *conf, struct conf_error *reterr)
{
	ERR_clear_error();
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	if (context == NULL)
		return -ENOMEM;
	SSL_CTX_set_min_proto_version(context, conf->min_version == 1 ? TLS1_3_VERSION : TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	if (conf->verify) {
		const char *ca_file = conf->ca_file ? conf->ca_file : "";
		if (!load_trust(context, ca_file)) {
			tls_error_text(reterr, ca_file[0] ? ca_file : "the system's certificates");
			SSL_CTX_free(context);
			return -EINVAL;
		}
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	}
	struct tls_client *client = XNEW(struct tls_client);
	client->context = context;
	client->verify = conf->verify;
	*ret = client;
	return 0;
}

struct tls_client *tls_client_close(struct tls_client *client)
{
	if (client == NULL)
		return NULL;
	SSL_CTX_free(client->context);
	free(client);
	return NULL;
}

static bool is_address(const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];
	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static bool expect_host(const struct tls_client *client, SSL *ssl, const char *host)
{
	if (is_address(host))
		return !client->verify || X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	if (host[0] != '\0' && SSL_set_tlsext_host_name(ssl, host) != 1)
		return false;
	if (!client->verify)
		return true;
	/* OpenSSL takes an empty name for "any". */
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return host[0] != '\0' && SSL_set1_host(ssl, host) == 1;
}

struct ssl_st *tls_client_session(const struct tls_client *client, const char *host)
{
	SSL *ssl = SSL_new(client->context);
	if (ssl == NULL)
		return NULL;
	/* "mx.example.com." and "mx.example.com" are the same host; certificates know it without the dot. */
	size_t len = strlen(host);
	char *name = xstrndup((struct str){host, len > 1 && host[len - 1] == '.' ? len - 1 : len});
	bool ok = expect_host(client, ssl, name);
	free(name);
	if (ok)
		return ssl;
	SSL_free(ssl);
	return NULL;
}
