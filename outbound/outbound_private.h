/*
 * What the files of the engine share. Nobody else includes this.
 *
 *	outbound.c          life, and the turn that asks the others what there is to do
 *	outbound_setup.c    one set of settings: relay, keys, templates
 *	outbound_claim.c    jobs out of the outbox            (a store_job)
 *	outbound_make.c     jobs become mails                  (a work)
 *	outbound_send.c     mails go to the relay, and come back with a result
 *	outbound_settle.c   results into the outbox            (a store_job)
 *	outbound_job.c      one job's memory, and its octets
 */
#ifndef SERVELO_OUTBOUND_OUTBOUND_PRIVATE_H
#define SERVELO_OUTBOUND_OUTBOUND_PRIVATE_H

#include "outbound/outbound.h"
#include "outbound/outcome.h"
#include "tenant/key_ring.h"

#define OUTBOUND_PREFETCH    32                         /* jobs claimed beyond what the relay holds */
#define OUTBOUND_HELD_MAX    ((size_t)64 * 1024 * 1024) /* octets of made mails; the last one may pass it */
#define OUTBOUND_PAUSE_MS    INT64_C(1000)              /* after a failure of the store */
#define OUTBOUND_BUSY_MS     INT64_C(50)                /* after -EAGAIN: its queue is full */
#define OUTBOUND_LOOK_MAX_MS (INT64_C(60) * 60 * 1000)  /* wall time may jump: look at it that often */

/* Settings in force, or of mails that are still under way. Counted by jobs and by what reads it on other threads. */
struct outbound_setup {
	struct list_node link;
	struct outbound *outbound;
	unsigned refs;
	struct relay *relay; /* NULL: none */
	bool drained;        /* its relay has no mail and no connection any more, and takes none */
	char *where;         /* "127.0.0.1:2525" */
	char *domain, *hostname;
	struct key_ring *keys;
	struct templates *templates;
	int64_t attachments_max;
	size_t claimed_max;       /* jobs in memory */
	unsigned failures_logged; /* of the relay, in a row */
};

/* A claimed job. It is in one list of struct outbound, or in the relay's hands. */
struct outbound_job {
	struct list_node link;
	struct outbound *outbound;
	struct outbound_setup *setup; /* counted; who made it, then whose relay has it */
	struct arena arena;           /* texts of the row, addresses */
	struct outbox_row row;
	/* made */
	struct composed composed;
	size_t held; /* octets */
	int error;   /* it could not be made, and */
	const char *error_text;
	struct smtp_mail mail;
	struct smtp_rcpt rcpt;
	unsigned piece; /* what read() gives next */
	/* settled */
	struct outbox_settlement settlement;
	bool moot; /* the row was not CLAIMED any more: it is left as it is, and nothing follows from it */
	char why[OUTCOME_WHY_SIZE];
};

struct outbound_claiming {
	struct store_job job;
	struct outbound *outbound;
	bool under_way, complained;
	int64_t not_before_ms; /* on clock_mono_ms() */
	/* asked */
	struct outbound_setup *setup;
	bool release; /* what an earlier run had claimed, first */
	size_t max;
	int64_t now_ms;
	/* answered */
	struct arena arena;
	struct outbox_claim *claims;
	size_t n, released_n;
	int64_t next_due_ms;
};

struct outbound_making {
	struct work work;
	struct outbound *outbound;
	bool under_way;
	int64_t not_before_ms;
	struct outbound_setup *setup;
	struct list todo, made;
	size_t held_max;       /* enough for this time */
	struct reader *reader; /* one at a time uses it */
	int64_t now_ms;
};

struct outbound_settling {
	struct store_job job;
	struct outbound *outbound;
	bool under_way;
	int64_t not_before_ms;
	struct outbound_setup *setup;
	bool singly, complained; /* one failed: the next go one by one, so that it stops no others */
	struct list jobs;
	int64_t now_ms;
};

struct outbound {
	struct outbound_deps deps;
	struct storage_conf storage;
	char *data_dir;
	uv_timer_t timer;
	bool timer_closed, closing, draining;
	bool paused; /* by a call; the outbox knows for itself, and better */
	void (*on_drained)(void *ctx);
	void *drained_ctx;

	struct outbound_setup *setup; /* in force */
	struct list setups;           /* this one too */

	bool released, look; /* look: there may be work that next_due_ms does not know of */
	int64_t next_due_ms;
	size_t claim_max; /* lowered when a claim did not fit its arena */
	struct outbound_claiming claiming;
	struct outbound_making making;
	struct outbound_settling settling;
	struct list claimed, ready, settled; /* waiting for the next step each */
	size_t jobs_n;                       /* in memory */
	size_t unsent_n;                     /* of these: not given to the relay yet */
	size_t held;                         /* octets of made mails */
	int64_t sent, deferred, failed;
};

/* ---- outbound.c: asks for a turn. Everything is done in one, nothing inside a callback. */
void outbound_kick(struct outbound *outbound);
/* No claim and nothing to the relay any more. */
static inline bool outbound_ending(const struct outbound *outbound)
{
	return outbound->draining || outbound->closing;
}
/* ... or not now. */
static inline bool outbound_holding(const struct outbound *outbound)
{
	return outbound_ending(outbound) || outbound->paused || !outbound->setup->relay;
}

/* ---- outbound_setup.c */
int outbound_setup_open(struct outbound_setup **ret, struct outbound *outbound,
			const struct outbound_settings *settings, struct conf_error *reterr);
struct outbound_setup *outbound_setup_ref(struct outbound_setup *setup);
struct outbound_setup *outbound_setup_unref(struct outbound_setup *setup); /* returns NULL; freed in a turn */
/* Its relay takes no more. */
void outbound_setup_drain(struct outbound_setup *setup);
/* Once per failure with another reason, and when it works again. */
void outbound_setup_log(struct outbound_setup *setup);
/* Those that nobody needs. */
void outbound_setups_sweep(struct outbound *outbound);
void outbound_setup_free(struct outbound_setup *setup);

/* ---- outbound_job.c */
struct outbound_job *outbound_job_new(struct outbound *outbound, struct outbound_setup *setup,
				      const struct outbox_row *row);
void outbound_job_free(struct outbound_job *job);
/* The mail is not needed any more: its memory is given back. */
void outbound_job_unmake(struct outbound_job *job);
void outbound_job_set_setup(struct outbound_job *job, struct outbound_setup *setup);
/* composed is filled: addresses, size and the like. -EINVAL with error_text. Worker. */
int outbound_job_mail(struct outbound_job *job);

/* ---- the steps; each does what can be done now, and is called in each turn */
void outbound_claim(struct outbound *outbound);
/* There may be a job that is due by the wall clock. */
bool outbound_claim_due(const struct outbound *outbound, int64_t now_ms);
size_t outbound_claim_room(const struct outbound *outbound);
void outbound_make(struct outbound *outbound);
void outbound_send(struct outbound *outbound);
void outbound_settle(struct outbound *outbound);
/* job is not in a list; its settlement is filled. */
void outbound_settle_later(struct outbound_job *job);
/* All that have not been given to the relay, but those that a worker has. */
void outbound_give_back(struct outbound *outbound, const char *why);
/* ... because the relay is left alone: mails made meanwhile. */
void outbound_give_back_while_resting(struct outbound *outbound);

#endif
