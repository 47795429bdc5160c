/*
 * What the files behind parser.h share: the pool, its children, and the jobs between them. Nobody else
 * includes it.
 *
 *	parser.c		the pool: queue, distribution, close
 *	parser_process.c	one child: process, socket, deadline
 *	parser_job.c		what becomes of a job: answered, or done without a parser
 */
#ifndef SERVELO_INGEST_PARSER_PRIVATE_H
#define SERVELO_INGEST_PARSER_PRIVATE_H

#include "base/strbuf.h"
#include "ingest/crashed_mails.h"
#include "ingest/parser.h"
#include "ingest/parser_breaker.h"
#include "ingest/parser_frame.h"

#define PARSER_LOAD_MAX  ((size_t)512 * 1024) /* octets under way per child; one mail may pass it */
#define PARSER_READ_SIZE ((size_t)64 * 1024)

enum child_state { CHILD_STARTING, CHILD_READY, CHILD_ENDING, CHILD_PAUSED, CHILD_GONE };

struct slot {
	struct parse_job *job;
	struct frame frame;
	struct frame_file file;
	struct str payload; /* the mail data, or file */
	int fd;             /* to be passed with the first octet; -1: none, or gone already */
};

struct parser_process {
	struct parser_pool *pool;
	enum child_state state;
	pid_t pid;
	int fd;
	uv_poll_t poll;
	uv_timer_t timer; /* start, deadline, reaping or pause, by state */
	bool waits_for_room;
	/* mails under way */
	struct slot slots[FRAMES_UNDER_WAY];
	unsigned first, n;
	unsigned sent_n;    /* slots sent whole, from first on */
	size_t sent_octets; /* of the next one */
	size_t load;        /* octets of all of them */
	int64_t oldest_since_us;
	/* answers */
	struct strbuf in;
	/* how it does */
	bool answered;        /* at least one mail since it started */
	unsigned barren_ends; /* times in a row that it ended without an answer */
	unsigned stillborn;   /* times in a row that it ended before it was READY */
	int ending_ms;
};

struct parser_pool {
	uv_loop_t *loop;
	struct parser_conf conf;
	char *argv0;
	uv_idle_t idle;
	struct list queue; /* struct parse_job */
	struct list retry; /* struct parse_job, alone */
	size_t queue_n, retry_n, under_way;
	uint32_t last_id;
	struct parser_stats stats;
	struct parser_breaker breaker;
	struct crashed_mails *crashed;
	bool closing, retiring;
	void (*on_closed)(void *ctx);
	void *closed_ctx;
	unsigned handles;
	unsigned children_n;
	struct parser_process children[];
};

/* parser_process.c */

/* Start the program; the child becomes READY by its own word. Legal in CHILD_PAUSED, and once at birth. */
void parser_process_start(struct parser_process *child);
/* Take a job into the slots of a READY child that has one free. */
void parser_process_take(struct parser_process *child, struct parse_job *job);
/* Send what the socket takes. */
void parser_process_write(struct parser_process *child);
/* Ask a STARTING or READY child to end. Its jobs must be elsewhere. */
void parser_process_end(struct parser_process *child);
/* No process is left and none will come. */
void parser_process_gone(struct parser_process *child);

/* parser.c */

/* There is something to distribute or to send, or the pool may be done: look at the end of this turn. */
void parser_pool_wake(struct parser_pool *pool);
/* A child did not come up. When none will (the pool closes, or all were stillborn again and again), what waits is
 * done without a parser: a ticket with its original attached now, and `message reprocess` when parsers are back. */
void parser_pool_child_missing(struct parser_pool *pool);
void parser_pool_handle_closed(uv_handle_t *handle);
/* A child is dead, or could not be started. */
void parser_pool_death(struct parser_pool *pool);
/* A job comes back, answered by a child or not: if it was the probe, the breaker hears of it. */
void parser_pool_probed(struct parser_pool *pool, struct parse_job *job, bool answered);

/* parser_job.c */

/* Octets that the parser is to see. */
size_t parser_job_size(const struct parse_job *job);
/* Fill job->parsed from an answer. -EBADMSG: it is none. */
int parser_job_read(struct parser_pool *pool, struct str payload, struct parse_job *job,
		    enum parse_status *ret_status);
/* Count it and bring it back. */
void parser_job_finish(struct parser_pool *pool, struct parse_job *job, enum parse_status status);
/* The mail was too much for its parser, or none is to be had: what the header section says must do. Brings it back. */
void parser_job_unparsed(struct parser_pool *pool, struct parse_job *job, enum parse_status status);

#endif
