/*
 * The Received field that we put on top of each mail (RFC 5321 4.4, RFC 3848, RFC 6531). Pure.
 *
 *	Received: from mx.example.org ([192.0.2.1])
 *		by mx.serveloapp.com with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384)
 *		id 0akx2m9q1b7c3d5e8f for <acme@serveloapp.com>;
 *		Sat, 21 Nov 2026 09:30:00 +0000
 */
#ifndef SERVELO_SMTPD_TRACE_H
#define SERVELO_SMTPD_TRACE_H

#include "base/mailaddr.h"
#include "base/strbuf.h"

struct trace_facts {
	struct str helo;      /* as the client said it: any printable octets */
	struct str client_ip; /* "192.0.2.1", "2001:db8::1" */
	struct str hostname;  /* ours */
	struct str protocol;  /* trace_protocol() */
	struct str tls;       /* "TLSv1.3 TLS_AES_256_GCM_SHA384", or empty */
	struct str id;
	const struct mailaddr *only_rcpt; /* NULL when there are several: they must not learn of each other */
	int64_t now_ms;
};

#define TRACE_MAX 2048 /* octets; enough for the longest HELO and path */

/* The word after "with": "SMTP", "ESMTP", "ESMTPS", "UTF8SMTP", "UTF8SMTPS". */
struct str trace_protocol(bool ehlo, bool tls, bool smtputf8);
/* The whole field with its CRLFs. -ENOBUFS when out is too small. */
int trace_format(const struct trace_facts *facts, struct strbuf *out);

#endif
