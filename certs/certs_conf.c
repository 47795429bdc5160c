/* Options of the section "tls". */
#include "base/mailaddr.h"
#include "certs/certs.h"

static const char *check_host(struct str text)
{
	struct str name = str_starts(text, STR("*.")) ? str_sub(text, 2, text.len) : text;
	return text.len == 0 || mailaddr_domain_valid(name, 0)
		       ? NULL
		       : "a host name is expected, like mx.example.com or *.example.com";
}

static const struct conf_option cert_options[] = {
	{"host", CONF_STRING, offsetof(struct cert_conf, host), .def = "", .check = check_host,
	 .help = "the name that a client asks for (SNI), also *.example.com; empty: for all others"},
	{"chain", CONF_PATH, offsetof(struct cert_conf, chain), .flags = CONF_REQUIRED,
	 .help = "PEM file of the certificate and those that lead to its root, the leaf first"},
	{"key", CONF_PATH, offsetof(struct cert_conf, key), .flags = CONF_REQUIRED,
	 .help = "PEM file of the private key; only its owner may read it"},
};
static const struct conf_table cert_table = {"tls.certificates", sizeof(struct cert_conf), cert_options,
					     ARRAY_SIZE(cert_options)};

static const char *const versions[] = {"1.2", "1.3", NULL};

static const struct conf_option certs_options[] = {
	{"certificates", CONF_LIST, offsetof(struct certs_conf, certificates), .sub = &cert_table,
	 .help = "certificates to offer; the first host is also for clients that name none or another; the "
		 "same"
		 " host may have an ECDSA and an RSA one"},
	{"starttls", CONF_BOOL, offsetof(struct certs_conf, starttls), .def = "true",
	 .help = "offer STARTTLS when there are certificates"},
	{"min_version", CONF_ENUM, offsetof(struct certs_conf, min_version), .def = "1.2",
	 .choices = versions, .help = "the oldest TLS version; 1.3 leaves some senders with plain text only"},
	{"ciphers", CONF_STRING, offsetof(struct certs_conf, ciphers), .def = "",
	 .help = "cipher list for TLS 1.2 in OpenSSL's notation; empty: ECDHE with AEAD, then what old "
		 "senders"
		 " need"},
	{"handshake_timeout", CONF_DURATION, offsetof(struct certs_conf, handshake_timeout_ms), .def = "30s",
	 .min = 100, .max = 600000, .help = "how long a TLS handshake may take"},
};
const struct conf_table certs_conf_table = {"tls", sizeof(struct certs_conf), certs_options,
					    ARRAY_SIZE(certs_options)};
