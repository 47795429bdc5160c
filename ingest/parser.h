/*
 * The server's side of the parser children: hands mails over, keeps deadlines, replaces the dead. Loop
 * thread.
 *
 * Each child is the same binary run as `servelo parser` (parser_child.h) with a socketpair on descriptor 3.
 * The loop writes all mails that are waiting in as few system calls as the socket takes, the child answers in
 * order. While one child keeps up the others sleep. Small mails travel as bytes, mails in a spool file as a descriptor (SCM_RIGHTS). The deadline runs
 * for the oldest unanswered mail of a child, from when it became the oldest. A child that dies, hangs, or
 * answers nonsense is killed and replaced; what it had not answered is tried again, one mail at a time, on
 * another child: the mail that kills that one too is PARSE_CRASHED (or PARSE_DEADLINE at once), the others
 * lose nothing.
 *
 * Such a mail is remembered by its digest (crashed_mails.h): when it comes again it has that status at once, without a
 * child. And when many children die in a short time (parser_breaker.h), mails wait for none: they are PARSE_FAILED at
 * once, all but a probe now and then, until one of those was answered.
 */
#ifndef SERVELO_INGEST_PARSER_H
#define SERVELO_INGEST_PARSER_H

#include <uv.h>

#include "base/list.h"
#include "ingest/mail.h"
#include "storage/spool.h"

struct parser_pool;

struct parser_conf {
	const char *argv0; /* program to run; argv: argv0, "parser" */
	unsigned children;
	size_t queue_max;
	int64_t deadline_ms;
	int64_t memory_max; /* RLIMIT_AS of a child; 0: none (sanitizers) */
	struct mail_limits limits;
	unsigned breaker_deaths;   /* so many children dead ... */
	int64_t breaker_window_ms; /* ... within so long: mails wait for none; deaths 0: never */
};

struct parse_job {
	struct list_node link;
	struct spooled_mail *mail; /* sealed; not owned */
	size_t offset;             /* octets of our own trace field to skip */
	/* SHA-256 of the mail data behind offset, by which a mail that kills a child is remembered; NULL: it is not, and
	 * gets its child. Not owned; it may be filled in after submit, until the caller is back in the loop. */
	const uint8_t *digest;
	/* set when done: */
	enum parse_status status;
	struct parsed_mail *parsed; /* never NULL; lives until parse_job_done */
	void *block;                /* what parsed lives in */
	int64_t parse_us;           /* from becoming the oldest to the answer */
	void (*done)(struct parse_job *job);
	bool alone; /* the pool's own, as is the next */
	bool probe;
};

/* Starts the children. Negative errno. */
int parser_pool_open(struct parser_pool **ret, uv_loop_t *loop, const struct parser_conf *conf);
/* Moves the job; done comes on the loop, exactly once, never from inside this call. -EAGAIN: queue full,
 * nothing moved. */
int parser_pool_submit(struct parser_pool *pool, struct parse_job *job) MUST_CHECK;
/* Frees what parsed lives in. */
void parse_job_done(struct parse_job *job);

struct parser_stats {
	size_t waiting, under_way;
	int64_t parsed, unparsable, over_deadline, died, us_max;
	int64_t remembered, untried; /* of unparsable: known to kill a child; while the breaker was open */
	int64_t breaker_opened;      /* times */
	bool breaker_open;
	unsigned children;
};
struct parser_stats parser_pool_stats(const struct parser_pool *pool);
/* Finishes what was submitted, then ends the children; returns NULL. on_closed may be NULL; the loop must run
 * on until it was called. */
struct parser_pool *parser_pool_close(struct parser_pool *pool, void (*on_closed)(void *ctx), void *ctx);

#endif
