/*
 * Everything that a mail of ours goes through, for one test: a store in a folder of its own with its writer thread,
 * workers, the outbox engine, a relay (sink.h), a tenant with tickets, and a clock that only moves when it is told to.
 *
 *	world_open(&world, policy, ctx);  change world.relay, world.storage
 *	world_jobs(&world, 3);            three tickets' confirmations, say
 *	world_start(&world);
 *	world_settle(&world);             until nothing moves
 *	world_run_to(&world, HOURS(72));  through all deadlines on the way
 *	world_close(&world);
 */
#ifndef SERVELO_TESTS_FLOW_WORLD_H
#define SERVELO_TESTS_FLOW_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outbound/outbound.h"
#include "storage/reader.h"
#include "tenant/key_ring.h"
#include "tests/flow/sink.h"

#define SECONDS(n) (INT64_C(1000) * (n))
#define MINUTES(n) (60 * SECONDS(n))
#define HOURS(n)   (60 * MINUTES(n))
#define DAYS(n)    (24 * HOURS(n))

#define FLOW_DOMAIN "serveloapp.com"
#define JOBS_MAX    6000

struct world_job {
	struct outbox_id id;
	struct ticket_id ticket;
	char message_id[256];
};

struct world {
	char dir[64], data_dir[80];
	uv_loop_t loop;
	struct storage_conf storage;
	struct store *store;
	struct workers *workers;
	struct key_ring *keys;
	struct sink *sink;
	struct relay_conf relay;
	struct outbound_conf conf;
	struct outbound *outbound;
	struct tenant_id tenant;
	enum outbox_kind kind; /* of world_jobs() */
	struct str text;       /* what their tickets say */
	struct world_job *jobs;
	size_t jobs_n;
	size_t claimed_most; /* seen in any turn */
};

/* The clock of both kinds. */
int64_t world_now_ms(void);
void world_set_now(int64_t now_ms);
/* The wall clock alone is put on or back by so much, until world_open(). */
void world_put_wall_clock(int64_t by_ms);

void world_open(struct world *world, sink_policy *policy, void *ctx);
void world_open_store(struct world *world);
void world_start(struct world *world);
void world_close(struct world *world);
/* The outbox engine, the workers and the store only. */
void world_stop(struct world *world);
struct outbound_settings world_settings(const struct world *world);

/* A transaction on the writer's thread; runs the loop until it is done. */
typedef int world_fn(void *ctx, struct store_txn *txn);
int world_do(struct world *world, world_fn *fn, void *ctx);
/* n tickets of customers of their own, and a job for each: its confirmation, if world.kind is not changed. */
void world_jobs(struct world *world, size_t n);
/* Most tests begin so: the store, n jobs in it, and the outbox sets off. */
void world_begin(struct world *world, size_t n);

/* Turns of the loop until nothing moves: no octet, no thread of ours, no step that could be done now. */
void world_settle(struct world *world);
/* To the next deadline, if that is not after until_ms; else the clock stands at until_ms. False then. */
bool world_jump(struct world *world, int64_t until_ms);
/* Settles at every deadline until for_ms are over. */
void world_run_for(struct world *world, int64_t for_ms);
/* ... until so many jobs have left (or parked), or fails the test after for_ms. */
void world_run_until_sent(struct world *world, size_t n, int64_t for_ms);

struct outbound_stats world_stats(const struct world *world);

/* ---- what the database says */

struct world_row {
	enum outbox_state state;
	int64_t due_ms, tries;
	char why[OUTBOX_WHY_MAX + 1], message_id[256], recipient[256];
	enum outbox_kind kind;
};
struct world_row world_row(const struct world *world, struct outbox_id id);
size_t world_count(const struct world *world, enum outbox_state state);
size_t world_count_kind(const struct world *world, enum outbox_kind kind);
/* Comments of the system on a ticket. */
size_t world_notes(const struct world *world, struct ticket_id ticket);

/* Every job: SENT, and accepted so often. */
void assert_each_accepted(const struct world *world, size_t least, size_t most);
#define assert_why(world, job, part) assert_why_at(world, job, part, __FILE__, __LINE__)
void assert_why_at(const struct world *world, struct outbox_id job, const char *part, const char *file,
		   int line);

#endif
