/*
 * What the intake remembers of one delivery between end of mail data and its answer: the jobs that carry it
 * from loop to worker, parser, writer and back, and what each of them found. Owned by the delivery. For the
 * files of this folder.
 */
#ifndef SERVELO_INGEST_INGEST_TASK_H
#define SERVELO_INGEST_INGEST_TASK_H

#include "base/mac.h"
#include "base/workers.h"
#include "ingest/delivery.h"
#include "ingest/digest.h"
#include "ingest/parser.h"
#include "storage/store.h"
#include "tenant/notice.h"
#include "tenant/quota.h"

struct ingest;

struct ingest_task {
	struct ingest *ingest;
	struct delivery *delivery;
	struct work work;       /* sealing a file, on a worker */
	struct parse_job parse; /* in a parser child */
	struct store_job store; /* on the writer */
	struct mail_digests digests;
	struct key_ring *keys; /* as they were at the end of mail data; a reference */
	struct notice_maker maker;
	char domain[MAILADDR_DOMAIN_MAX + 1]; /* maker's: a reload may free the configuration's */
	struct quota_limits quota;
	bool parsed;          /* parse holds a result to be freed */
	bool jobs_due;        /* an outbox job was made */
	size_t forward_loops; /* recipients of ours whose forward would have run in a circle */
	int seal_status;
};

struct ingest_task *ingest_task_new(struct ingest *ingest, struct delivery *delivery);
/* NULL is fine; returns NULL. */
struct ingest_task *ingest_task_free(struct ingest_task *task);

#endif
