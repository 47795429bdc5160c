/*
 * The one object that travels: envelope, mail data, and what we learn about them.
 *
 * Born at MAIL (ingest_begin), filled by the session, given away at the end of mail data (ingest_submit),
 * brought back once by done() on the loop with a status and the text of the reply; freed by whoever holds it
 * then. Exactly one holder at a time: loop -> worker -> loop -> writer -> loop. It keeps the session's id,
 * never a pointer to the session.
 *
 * Everything in it lives in its arena (64 KiB at most) but the mail data (a spool) and the parsed mail (a
 * block of its own, see mail.h).
 */
#ifndef SERVELO_INGEST_DELIVERY_H
#define SERVELO_INGEST_DELIVERY_H

#include "base/arena.h"
#include "base/list.h"
#include "base/mac.h"
#include "base/mailaddr.h"
#include "storage/ids.h"
#include "storage/spool.h"

struct tenants;
struct ingest_task;
struct token_lookup;

enum body_type { BODY_7BIT, BODY_8BITMIME, BODY_BINARYMIME };

struct envelope {
	struct mailaddr reverse_path; /* null: both parts empty */
	struct str
		reverse_path_text; /* printed, without angle brackets; empty: null (filled by the intake) */
	struct list recipients;    /* struct recipient, in the order they came; duplicates dropped */
	size_t recipients_n;
	int64_t size_declared; /* SIZE=, or -1 */
	enum body_type body;
	bool smtputf8;
	/* facts about the client, filled at MAIL */
	struct str client_ip; /* "192.0.2.1", "2001:db8::1" */
	struct str helo;      /* as given; escaped where shown */
	struct str protocol;  /* "SMTP", "ESMTP", "ESMTPS", "UTF8SMTPS" (RFC 3848, RFC 6531) */
	struct str tls;       /* "TLSv1.3 TLS_AES_256_GCM_SHA384"; empty: plain */
	int64_t received_ms;
};

/* What a recipient is to us is ingest's business; the engine sees an address. ingest embeds this struct in
 * its own. */
struct recipient {
	struct list_node link;
	struct mailaddr forward_path;
};

enum delivery_status {
	DELIVERY_ACCEPTED, /* stored: 250 2.0.0 + text */
	DELIVERY_TEMPFAIL, /* 451 4.3.0: our trouble */
	DELIVERY_BUSY,     /* 451 4.3.2: too much at once */
	DELIVERY_NO_SPACE, /* 452 4.3.1 */
	DELIVERY_REFUSED,  /* 554 5.6.0 + text: this content, never */
};

struct delivery {
	struct list_node link; /* the holder's queue */
	struct arena arena;
	struct mail_id id;
	uint64_t session_id;
	struct envelope envelope;
	struct spooled_mail *mail;
	size_t trace_size; /* octets of our Received field at the start of mail */
	/* how it ended */
	enum delivery_status status;
	struct str reply_text;    /* "created ticket=ACME-00042"; one line, printable ASCII */
	struct tenants *tenants;  /* the view it began with; a reference */
	struct ingest_task *task; /* ingest's own; NULL outside */
	/* of the recipient whose answer is due (RCPT_LATER); cancelled when the delivery goes */
	struct token_lookup *lookup;
};

#define DELIVERY_ARENA_MAX (64 * 1024)

/* A new one with an id and an empty envelope. */
struct delivery *delivery_new(void);
/* Frees it, with its spool (unless kept), parsed mail and reference. NULL is fine; returns NULL. */
struct delivery *delivery_free(struct delivery *delivery);

#endif
