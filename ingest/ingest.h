/*
 * The intake: every door (SMTP now; webhooks and IMAP later) brings a delivery here. Loop thread.
 *
 *	delivery = ingest_begin(ingest);
 *	ingest_check_rcpt(ingest, delivery, &forward_path, &answer)*
 *	... mail data into delivery->mail (made in the spool of the store) ...
 *	ingest_submit(ingest, delivery);	-> done(ctx, delivery), exactly once, on the loop
 */
#ifndef SERVELO_INGEST_INGEST_H
#define SERVELO_INGEST_INGEST_H

#include <uv.h>

#include "base/conf.h"
#include "base/workers.h"
#include "ingest/delivery.h"
#include "storage/spool.h"
#include "storage/store.h"
#include "tenant/directory.h"
#include "tenant/key_ring.h"

struct ingest;

/* Section "ingest". */
struct ingest_conf {
	int64_t parsers;           /* parser children; 0: one per core, 2 at least */
	int64_t parse_deadline_ms; /* for one mail */
	int64_t parse_queue_max;   /* deliveries waiting for a parser */
	int64_t parser_memory;     /* address space of a child, octets */
	int64_t text_max;          /* octets of readable text kept per comment */
	int64_t mime_parts_max, mime_depth_max, header_fields_max, header_field_max, header_max;
	int64_t repeat_window_ms; /* how long a repeated mail is recognised */
	/* confirmations (tenant/quota.h) */
	int64_t confirm_window_ms, confirm_per_client, confirm_per_subject, confirm_per_tenant;
};
extern const struct conf_table ingest_conf_table;

enum rcpt_status {
	RCPT_ACCEPTED,
	RCPT_UNKNOWN,   /* 550 5.1.1 */
	RCPT_FOREIGN,   /* 550 5.7.1 */
	RCPT_SUSPENDED, /* 450 4.2.1 */
	RCPT_TEMPFAIL,  /* 451 4.3.0 */
	RCPT_TOO_MANY,  /* 452 4.5.3 */
	RCPT_LATER,     /* the answer comes by the door's own answered function */
};
struct rcpt_answer {
	char hint[96]; /* "did you mean <acme@serveloapp.com>?"; empty: none; printable ASCII */
};

struct ingest_deps {
	uv_loop_t *loop;
	const struct storage_conf *storage; /* for a reader of its own */
	struct store *store;
	struct workers *workers;
	const char *parser_argv0; /* program to run as the parser child: "/proc/self/exe" */
};

struct ingest_handlers {
	void (*done)(void *ctx, struct delivery *delivery); /* takes the delivery */
	void (*outbox)(void *ctx);                          /* jobs may be due; may be NULL */
	/* what RCPT_LATER promised: the door's own answered function */
	void (*rcpt_answered)(void *ctx, uint64_t session_id, enum rcpt_status status,
			      const struct rcpt_answer *answer);
};

int ingest_open(struct ingest **ret, const struct ingest_conf *conf, const struct mail_conf *mail,
		const struct forwards_conf *forwards, struct tenants *tenants, struct key_ring *keys,
		const struct ingest_deps *deps, const struct ingest_handlers *handlers, void *ctx);
/* New configuration or tenants; deliveries under way keep what they began with. conf structs must live until
 * the next call + drain. */
void ingest_reconfigure(struct ingest *ingest, const struct ingest_conf *conf, const struct mail_conf *mail,
			const struct forwards_conf *forwards, struct tenants *tenants, struct key_ring *keys);

struct delivery *ingest_begin(struct ingest *ingest);
enum rcpt_status ingest_check_rcpt(struct ingest *ingest, struct delivery *delivery,
				   const struct mailaddr *forward_path, struct rcpt_answer *ret);
/* A refused recipient is accounted for (audit row "refused"), without anybody waiting for it. reply: what the
 * client was told. */
void ingest_refused(struct ingest *ingest, const struct delivery *delivery, struct str recipient,
		    struct str reply);
void ingest_submit(struct ingest *ingest, struct delivery *delivery);

struct ingest_stats {
	size_t under_way;                /* deliveries submitted and not yet answered */
	size_t parsing, waiting;         /* of those, with a child; for a child */
	int64_t parsed, unparsable;      /* since start */
	int64_t children, children_died; /* now; since start */
	int64_t parse_us_max;
	int64_t over_deadline;
	int64_t remembered;            /* of unparsable: the same mail killed a child before, and got none */
	int64_t untried;               /* of unparsable: came while mails waited for no child */
	int64_t breaker_opened;        /* times that so many children died that mails wait for none ... */
	bool breaker_open;             /* ... and whether that is so now */
	int64_t refusals_not_recorded; /* refused recipients that came faster than they could be written */
};
struct ingest_stats ingest_stats(const struct ingest *ingest);
/* Outside of the loop's callbacks: runs the loop until every delivery under way was brought back and the
 * children have ended. NULL is fine; returns NULL. */
struct ingest *ingest_close(struct ingest *ingest);

#endif
