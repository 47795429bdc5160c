/*
 * Certificate sets by host name.
 *
 * A set is one SSL_CTX; OpenSSL keeps one certificate of each kind of key in it and picks by the client's
 * signature algorithms. A session begins in the default set's context and the SNI callback moves it to the
 * right one. SSL_set_SSL_CTX() moves certificates only: options, versions, ciphers and the session id context
 * stay those of the context the session began with. Hence:
 *
 *  1. All contexts of one `certs` are made by context_new() and differ in nothing but their certificates.
 *  2. All contexts of the process have one session id context and share the ticket keys, so that a session
 *     resumes whichever context, before or after a reload, made its ticket.
 *  3. `certs` never changes after certs_load(); it ends with its last reference.
 *  4. sets[] is sorted by host (compared without case); the default is one of them.
 *
 * Loop thread; references may be dropped anywhere.
 */
#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/alloc.h"
#include "base/strbuf.h"
#include "certs/cert_files.h"
#include "certs/certs_private.h"
#include "certs/ticket_keys.h"

/* TLS 1.2, best first. The CBC suites are for MTAs of ten years ago, which would speak in clear otherwise;
 * all have forward secrecy. TLS 1.3 has its own list, OpenSSL's. */
#define CIPHERS                                                                                          \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"       \
	"ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"         \
	"ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:" \
	"ECDHE-RSA-AES256-SHA"
#define GROUPS    "X25519:P-256:P-384"
#define NAMES_MAX 1024

struct cert_set {
	char *host; /* as configured */
	SSL_CTX *context;
};

/* One certificate, for certs_describe(). */
struct cert_entry {
	char *host, *chain_file, *key_kind, *names;
	int64_t not_after_ms;
	bool key_matches_host;
};

struct certs {
	atomic_uint references;
	struct cert_set *sets;
	size_t sets_n;
	const struct cert_set *default_set; /* NULL: there are none */
	struct cert_entry *entries;
	size_t entries_n;
};

static int certs_add(struct certs *certs, const struct certs_conf *conf, const struct cert_conf *cert,
		     struct conf_error *reterr);
static SSL_CTX *context_new(const struct certs_conf *conf, struct certs *certs, struct conf_error *reterr);
static int on_server_name(SSL *ssl, int *alert, void *ctx);
static void certs_destroy(struct certs *certs);

/* Sets */

static int compare_sets(const void *a, const void *b)
{
	return strcasecmp(((const struct cert_set *)a)->host, ((const struct cert_set *)b)->host);
}

static struct cert_set *find_set(const struct certs *certs, const char *host)
{
	struct cert_set key = {.host = (char *)(uintptr_t)host};
	if (certs->sets_n == 0)
		return NULL;
	return bsearch(&key, certs->sets, certs->sets_n, sizeof(key), compare_sets);
}

/* RFC 6125 6.4.3: the wildcard stands for exactly one label, the leftmost. */
static struct cert_set *find_wildcard(const struct certs *certs, const char *name)
{
	const char *dot = strchr(name, '.');
	char pattern[TLSEXT_MAXLEN_host_name + 2];
	if (dot == NULL || dot == name || strlen(dot) + 2 > sizeof(pattern))
		return NULL;
	snprintf(pattern, sizeof(pattern), "*%s", dot);
	return find_set(certs, pattern);
}

static int on_server_name(SSL *ssl, int *alert, void *ctx)
{
	(void)alert;
	const struct certs *certs = ctx;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	if (name == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	const struct cert_set *set = find_set(certs, name);
	if (set == NULL)
		set = find_wildcard(certs, name);
	/* RFC 6066 section 3: an unknown name is no reason to refuse an MTA; it gets the default. */
	if (set == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	return SSL_set_SSL_CTX(ssl, set->context) ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

struct ssl_ctx_st *certs_default_context(const struct certs *certs)
{
	return certs->default_set ? certs->default_set->context : NULL;
}

/* Loading */

int certs_load(struct certs **ret, const struct certs_conf *conf, struct conf_error *reterr)
{
	const struct cert_conf *list = conf->certificates.items;
	size_t n = conf->certificates.n;
	if (conf->starttls && n == 0) {
		snprintf(reterr->text, sizeof(reterr->text),
			 "tls.starttls needs at least one of tls.certificates");
		return -EINVAL;
	}
	struct certs *certs = XNEW(struct certs);
	atomic_init(&certs->references, 1);
	certs->sets = xcalloc(n + 1, sizeof(*certs->sets));
	certs->entries = xcalloc(n + 1, sizeof(*certs->entries));
	for (size_t i = 0; i < n; i++) {
		int r = certs_add(certs, conf, &list[i], reterr);
		if (r < 0) {
			certs_unref(certs);
			return r;
		}
	}
	if (n > 0) {
		certs->default_set = find_set(certs, "");
		if (certs->default_set == NULL)
			certs->default_set = find_set(certs, list[0].host);
	}
	*ret = certs;
	return 0;
}

static const char *key_kind(const EVP_PKEY *key)
{
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_EC:
		return "ECDSA";
	case EVP_PKEY_RSA:
		return "RSA";
	case EVP_PKEY_ED25519:
		return "Ed25519";
	default:
		return "other";
	}
}

/* The DNS names of the leaf, blank-separated. */
static char *leaf_names(X509 *leaf)
{
	struct strbuf buf;
	strbuf_init(&buf, NAMES_MAX);
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_DNS)
			continue;
		const ASN1_IA5STRING *dns = name->d.dNSName;
		struct str text = {(const char *)ASN1_STRING_get0_data(dns), (size_t)ASN1_STRING_length(dns)};
		strbuf_printf(&buf, "%s%.*s", buf.len ? " " : "", STR_ARG(text));
	}
	GENERAL_NAMES_free(names);
	return strbuf_detach(&buf);
}

static bool leaf_matches(X509 *leaf, const char *host)
{
	if (host[0] == '\0')
		return true;
	/* A wildcard host is asked for with a name that it stands for. */
	char *name = host[0] == '*' ? xasprintf("any%s", host + 1) : xstrdup(host);
	bool matches = X509_check_host(leaf, name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
	free(name);
	return matches;
}

static int64_t leaf_not_after_ms(X509 *leaf)
{
	struct tm tm;
	if (ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &tm) != 1)
		return 0;
	return (int64_t)timegm(&tm) * 1000;
}

static void note_entry(struct certs *certs, const struct cert_conf *cert, const struct cert_files *files)
{
	certs->entries[certs->entries_n++] = (struct cert_entry){
		.host = xstrdup(cert->host),
		.chain_file = xstrdup(cert->chain),
		.key_kind = xstrdup(key_kind(files->key)),
		.names = leaf_names(files->leaf),
		.not_after_ms = leaf_not_after_ms(files->leaf),
		.key_matches_host = leaf_matches(files->leaf, cert->host),
	};
}

static int set_for(struct certs *certs, const struct certs_conf *conf, const char *host,
		   struct cert_set **ret, struct conf_error *reterr)
{
	*ret = find_set(certs, host);
	if (*ret != NULL)
		return 0;
	SSL_CTX *context = context_new(conf, certs, reterr);
	if (context == NULL)
		return -EINVAL;
	certs->sets[certs->sets_n++] = (struct cert_set){xstrdup(host), context};
	qsort(certs->sets, certs->sets_n, sizeof(*certs->sets), compare_sets);
	*ret = find_set(certs, host);
	return 0;
}

static int certs_add(struct certs *certs, const struct certs_conf *conf, const struct cert_conf *cert,
		     struct conf_error *reterr)
{
	struct cert_files files;
	int r = cert_files_load(&files, cert->chain, cert->key, reterr);
	if (r < 0)
		return r;
	struct cert_set *set;
	r = set_for(certs, conf, cert->host, &set, reterr);
	if (r < 0)
		goto out;
	ERR_clear_error();
	/* The last argument: do not replace. Two certificates of a kind for one host would hide one of them.
	 */
	if (SSL_CTX_use_cert_and_key(set->context, files.leaf, files.key, files.intermediates, 0) != 1) {
		tls_error_text(reterr, cert->chain);
		r = -EINVAL;
		goto out;
	}
	note_entry(certs, cert, &files);
out:
	cert_files_done(&files);
	return r;
}

static SSL_CTX *context_new(const struct certs_conf *conf, struct certs *certs, struct conf_error *reterr)
{
	static const unsigned char session_id_context[] = "servelo";
	const char *ciphers = conf->ciphers && conf->ciphers[0] ? conf->ciphers : CIPHERS;
	ERR_clear_error();
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	if (context == NULL || SSL_CTX_set_cipher_list(context, ciphers) != 1 ||
	    SSL_CTX_set1_groups_list(context, GROUPS) != 1 ||
	    SSL_CTX_set_session_id_context(context, session_id_context, sizeof(session_id_context) - 1) !=
		    1) {
		tls_error_text(reterr, "tls.ciphers");
		SSL_CTX_free(context);
		return NULL;
	}
	SSL_CTX_set_min_proto_version(context, conf->min_version == 1 ? TLS1_3_VERSION : TLS1_2_VERSION);
	SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	/* State lives in the client's ticket, none of it here; one ticket is what MTAs use. */
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(context, 1);
	SSL_CTX_set_max_early_data(context, 0);
	ticket_keys_use(context);
	SSL_CTX_set_tlsext_servername_callback(context, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(context, certs);
	return context;
}

void tls_error_text(struct conf_error *reterr, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());
	snprintf(reterr->text, sizeof(reterr->text), "%s: %s", what, reason ? reason : "not usable");
	ERR_clear_error();
}

/* Life */

struct certs *certs_ref(struct certs *certs)
{
	atomic_fetch_add_explicit(&certs->references, 1, memory_order_relaxed);
	return certs;
}

struct certs *certs_unref(struct certs *certs)
{
	if (certs != NULL && atomic_fetch_sub_explicit(&certs->references, 1, memory_order_acq_rel) == 1)
		certs_destroy(certs);
	return NULL;
}

static void certs_destroy(struct certs *certs)
{
	for (size_t i = 0; i < certs->sets_n; i++) {
		SSL_CTX_free(certs->sets[i].context);
		free(certs->sets[i].host);
	}
	for (size_t i = 0; i < certs->entries_n; i++) {
		struct cert_entry *entry = &certs->entries[i];
		free(entry->host);
		free(entry->chain_file);
		free(entry->key_kind);
		free(entry->names);
	}
	free(certs->sets);
	free(certs->entries);
	free(certs);
}

void certs_describe(const struct certs *certs, certs_info_fn *fn, void *ctx)
{
	for (size_t i = 0; i < certs->entries_n; i++) {
		const struct cert_entry *entry = &certs->entries[i];
		fn(ctx, &(struct cert_info){entry->host, entry->chain_file, entry->key_kind, entry->names,
					    entry->not_after_ms, entry->key_matches_host});
	}
}
