/*
 * The pool of parser children, seen from the server.
 *
 *	submit -> queue --(least loaded child)--> slots[] --(socket)--> child
 *	             retry --(a child of its own)-^            done <-- answer, in order
 *
 * A child's life:
 *
 *	STARTING --READY frame--> READY --(death, deadline, nonsense)--> ENDING --reaped--> PAUSED --> STARTING
 *	    \---------------(death, 30 s without READY)-------------------^                   \(pool closes)-> GONE
 *
 * Always true:
 *  1. A job is in exactly one place: queue, retry, or one child's slots; done() is called once, never from
 *     submit.
 *  2. slots[] is a ring in the order sent; the child answers in that order, so an answer is for the first slot
 *     or it is nonsense.
 *  3. Mails go to READY children only: one that dies while it starts is no mail's fault.
 *  4. What a dead child had not answered is retried alone: a job with `alone` set has its child for itself, so
 *     if that dies too, we know who did it. A child that hangs with one mail needs no second proof.
 *  5. Nothing that a child says is believed before mail_wire_decode() agreed.
 *
 * Submitting only wakes an idle handle: all mails of one turn of the loop are sent together at its end.
 * Loop thread.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/strbuf.h"
#include "ingest/mail_fallback.h"
#include "ingest/mail_wire.h"
#include "ingest/parser.h"
#include "ingest/parser_frame.h"
#include "ingest/parser_sandbox.h"

#define LOAD_MAX         ((size_t)512 * 1024) /* octets under way per child; one mail may pass it */
#define READ_SIZE        ((size_t)64 * 1024)
#define KEPT_BUFFER_MAX  ((size_t)256 * 1024)
#define START_TIMEOUT_MS 30000
#define REAP_EVERY_MS    5
#define END_PATIENCE_MS  2000 /* for a child that was asked to end */
#define PAUSE_MIN_MS     10u
#define PAUSE_MAX_MS     1000u

enum child_state { CHILD_STARTING, CHILD_READY, CHILD_ENDING, CHILD_PAUSED, CHILD_GONE };
enum child_fault { FAULT_DIED, FAULT_HUNG, FAULT_NONSENSE };

struct slot {
	struct parse_job *job;
	struct frame frame;
	struct frame_file file;
	struct str payload; /* the mail data, or file */
	int fd;             /* to be passed with the first octet; -1: none, or gone already */
};

struct child {
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
	bool closing, retiring;
	void (*on_closed)(void *ctx);
	void *closed_ctx;
	unsigned handles;
	unsigned children_n;
	struct child children[];
};

/* What parsed lives in: the octets of the answer, and the arena of its lists. */
struct parse_block {
	struct arena arena;
	char bytes[];
};

static void pool_wake(struct parser_pool *pool);
static void on_idle(uv_idle_t *idle);
static void pool_distribute(struct parser_pool *pool);
static void pool_check_done(struct parser_pool *pool);
static void pool_fail_waiting(struct parser_pool *pool);
static void child_start(struct child *child);
static int child_spawn(struct child *child);
static void child_take(struct child *child, struct parse_job *job);
static void child_write(struct child *child);
static void on_poll(uv_poll_t *poll, int status, int events);
static void child_read(struct child *child);
static int child_frames(struct child *child);
static int child_answer(struct child *child, const struct frame *frame, struct str payload);
static void on_timer(uv_timer_t *timer);
static void child_fail(struct child *child, enum child_fault fault);
static void child_end(struct child *child);
static void on_poll_closed(uv_handle_t *handle);
static void child_reap(struct child *child);
static void child_pause(struct child *child);
static void child_gone(struct child *child);
static void on_handle_closed(uv_handle_t *handle);

/* Jobs */

static void job_done(struct parser_pool *pool, struct parse_job *job, enum parse_status status)
{
	job->status = status;
	if (status == PARSE_OK)
		pool->stats.parsed++;
	else
		pool->stats.unparsable++;
	if (status == PARSE_DEADLINE)
		pool->stats.over_deadline++;
	if (job->parse_us > pool->stats.us_max)
		pool->stats.us_max = job->parse_us;
	job->done(job);
}

/* The mail was too much for its parser: what the header section says must do. */
static void job_done_unparsed(struct parser_pool *pool, struct parse_job *job, enum parse_status status)
{
	struct parse_block *block = xmalloc(sizeof(*block));
	arena_init(&block->arena, MAIL_FALLBACK_SIZE);
	struct str view = STR("");
	int viewed = spooled_mail_view(job->mail, &view);
	struct str mail_data = viewed == 0 ? str_sub(view, job->offset, view.len) : STR("");
	int r = mail_fallback(&block->arena, mail_data, &pool->conf.limits, &job->parsed);
	assert(r == 0);
	(void)r;
	if (viewed == 0)
		spooled_mail_view_end(job->mail, view);
	job->block = block;
	job_done(pool, job, status);
}

void parse_job_done(struct parse_job *job)
{
	struct parse_block *block = job->block;
	if (block == NULL)
		return;
	arena_done(&block->arena);
	free(block);
	job->block = NULL;
	job->parsed = NULL;
}

static size_t lists_size_max(const struct mail_limits *limits)
{
	return 4096 + 5 * limits->addresses_max * sizeof(struct mail_mailbox) +
	       limits->references_max * sizeof(struct str) +
	       limits->attachments_max * sizeof(struct mail_attachment);
}

static int block_new(struct parser_pool *pool, struct str payload, struct parse_job *job,
		     enum parse_status *ret_status)
{
	struct parse_block *block = xmalloc(sizeof(*block) + payload.len);
	arena_init(&block->arena, lists_size_max(&pool->conf.limits));
	if (payload.len)
		memcpy(block->bytes, payload.ptr, payload.len);
	int r = mail_wire_decode(&block->arena, (struct str){block->bytes, payload.len}, &pool->conf.limits,
				 &job->parsed, ret_status);
	if (r < 0) {
		arena_done(&block->arena);
		free(block);
		return r;
	}
	job->block = block;
	return 0;
}

/* The pool */

int parser_pool_open(struct parser_pool **ret, uv_loop_t *loop, const struct parser_conf *conf)
{
	assert(conf->children > 0);
	if (access(conf->argv0, X_OK) < 0)
		return -errno;
	struct parser_pool *pool = xcalloc(1, sizeof(*pool) + conf->children * sizeof(struct child));
	pool->loop = loop;
	pool->conf = *conf;
	pool->argv0 = xstrdup(conf->argv0);
	pool->children_n = conf->children;
	list_init(&pool->queue);
	list_init(&pool->retry);
	uv_idle_init(loop, &pool->idle);
	pool->idle.data = pool;
	pool->handles = 1;
	for (unsigned i = 0; i < pool->children_n; i++) {
		struct child *child = &pool->children[i];
		child->pool = pool;
		child->fd = -1;
		strbuf_init(&child->in, sizeof(struct frame) + mail_wire_size_max(&conf->limits) + READ_SIZE);
		uv_timer_init(loop, &child->timer);
		child->timer.data = child;
		pool->handles++;
		child_start(child);
	}
	*ret = pool;
	return 0;
}

int parser_pool_submit(struct parser_pool *pool, struct parse_job *job)
{
	assert(!pool->closing);
	if (pool->queue_n >= pool->conf.queue_max)
		return -EAGAIN;
	job->alone = false;
	job->parsed = NULL;
	job->block = NULL;
	job->parse_us = 0;
	list_push_back(&pool->queue, &job->link);
	pool->queue_n++;
	pool_wake(pool);
	return 0;
}

struct parser_stats parser_pool_stats(const struct parser_pool *pool)
{
	struct parser_stats stats = pool->stats;
	stats.waiting = pool->queue_n + pool->retry_n;
	stats.under_way = pool->under_way;
	stats.children = 0;
	for (unsigned i = 0; i < pool->children_n; i++)
		stats.children += pool->children[i].state == CHILD_READY;
	return stats;
}

struct parser_pool *parser_pool_close(struct parser_pool *pool, void (*on_closed)(void *ctx), void *ctx)
{
	if (pool == NULL)
		return NULL;
	pool->closing = true;
	pool->on_closed = on_closed;
	pool->closed_ctx = ctx;
	pool_wake(pool);
	return NULL;
}

static void pool_wake(struct parser_pool *pool)
{
	if (!pool->retiring)
		uv_idle_start(&pool->idle, on_idle);
}

static void on_idle(uv_idle_t *idle)
{
	struct parser_pool *pool = idle->data;
	uv_idle_stop(idle);
	pool_distribute(pool);
	for (unsigned i = 0; i < pool->children_n; i++) {
		struct child *child = &pool->children[i];
		if (child->state == CHILD_READY && child->sent_n < child->n && !child->waits_for_room)
			child_write(child);
	}
	pool_check_done(pool);
}

static bool child_has_room(const struct child *child, size_t size)
{
	if (child->state != CHILD_READY || child->n == FRAMES_UNDER_WAY)
		return false;
	if (child->n > 0 && child->slots[child->first].job->alone)
		return false;
	return child->n == 0 || child->load + size <= LOAD_MAX;
}

static struct child *least_loaded(struct parser_pool *pool, const struct child *not_this)
{
	struct child *best = NULL;
	for (unsigned i = 0; i < pool->children_n; i++) {
		struct child *child = &pool->children[i];
		if (child == not_this || child->state != CHILD_READY)
			continue;
		if (best == NULL || child->load < best->load ||
		    (child->load == best->load && child->n < best->n))
			best = child;
	}
	return best;
}

static size_t job_size(const struct parse_job *job)
{
	size_t size = spooled_mail_size(job->mail);
	return size > job->offset ? size - job->offset : 0;
}

/* Retries first: each needs an empty child, so while some wait, the emptiest child gets nothing else. */
static void pool_distribute(struct parser_pool *pool)
{
	const struct child *reserved = NULL;
	while (!list_empty(&pool->retry)) {
		struct child *child = least_loaded(pool, NULL);
		reserved = child;
		if (child == NULL || child->n > 0)
			break;
		struct list_node *node = list_pop_front(&pool->retry);
		pool->retry_n--;
		child_take(child, CONTAINER_OF(node, struct parse_job, link));
		reserved = NULL;
	}
	while (!list_empty(&pool->queue)) {
		struct parse_job *job = CONTAINER_OF(pool->queue.head.next, struct parse_job, link);
		struct child *child = least_loaded(pool, reserved);
		if (child == NULL || !child_has_room(child, job_size(job)))
			break;
		list_remove(&job->link);
		pool->queue_n--;
		child_take(child, job);
	}
}

static void pool_check_done(struct parser_pool *pool)
{
	if (!pool->closing || pool->retiring || pool->queue_n + pool->retry_n + pool->under_way > 0)
		return;
	pool->retiring = true;
	uv_close((uv_handle_t *)&pool->idle, on_handle_closed);
	for (unsigned i = 0; i < pool->children_n; i++) {
		struct child *child = &pool->children[i];
		if (child->state == CHILD_STARTING || child->state == CHILD_READY)
			child_end(child);
		else if (child->state == CHILD_PAUSED)
			child_gone(child);
	}
}

/* The pool is closing and a child does not come up any more: when it was the last, nobody will parse these. */
static void pool_fail_waiting(struct parser_pool *pool)
{
	if (parser_pool_stats(pool).children > 0)
		return;
	struct list waiting;
	list_init(&waiting);
	list_splice_back(&waiting, &pool->retry);
	list_splice_back(&waiting, &pool->queue);
	pool->retry_n = pool->queue_n = 0;
	struct list_node *node;
	while ((node = list_pop_front(&waiting)) != NULL)
		job_done_unparsed(pool, CONTAINER_OF(node, struct parse_job, link), PARSE_FAILED);
	pool_wake(pool);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct parser_pool *pool =
		handle->type == UV_IDLE ? handle->data : ((struct child *)handle->data)->pool;
	if (--pool->handles > 0)
		return;
	void (*on_closed)(void *ctx) = pool->on_closed;
	void *ctx = pool->closed_ctx;
	for (unsigned i = 0; i < pool->children_n; i++)
		strbuf_done(&pool->children[i].in);
	free(pool->argv0);
	free(pool);
	if (on_closed)
		on_closed(ctx);
}

/* A child begins */

static void child_start(struct child *child)
{
	child->state = CHILD_STARTING;
	child->answered = false;
	child->ending_ms = 0;
	child->first = child->n = child->sent_n = 0;
	child->sent_octets = child->load = 0;
	child->waits_for_room = false;
	if (child_spawn(child) < 0) {
		child->barren_ends++;
		child_pause(child);
		if (child->pool->closing)
			pool_fail_waiting(child->pool);
		return;
	}
	uv_timer_start(&child->timer, on_timer, START_TIMEOUT_MS, 0);
}

static int spawn_program(const char *argv0, int child_fd, pid_t *ret_pid)
{
	static char name[] = "parser";
	char *argv[] = {(char *)(uintptr_t)argv0, name, NULL};
	/* Slices would keep what a big mail needed, arenas of threads are for threads. */
	static char *const environment[] = {"LC_ALL=C", "G_SLICE=always-malloc", "MALLOC_ARENA_MAX=1", NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t all, none;
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_adddup2(&actions, child_fd, PARSER_CHILD_FD);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	/* Who reads mail may not write our log. Sanitizers need to say what they found. */
	if (parser_sandbox_filters())
		posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&actions, PARSER_CHILD_FD + 1);
	int r = posix_spawn(ret_pid, argv0, &actions, &attributes, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return -r;
}

/* A fresh socket has room for this little. */
static int send_conf(struct child *child)
{
	struct frame_conf conf;
	memset(&conf, 0, sizeof(conf));
	conf.memory_max = child->pool->conf.memory_max;
	conf.limits = child->pool->conf.limits;
	struct frame frame = frame_make(FRAME_CONF, 0, sizeof(conf));
	struct iovec pieces[] = {{&frame, sizeof(frame)}, {&conf, sizeof(conf)}};
	ssize_t n = frame_send(child->fd, pieces, 2, -1);
	return n == (ssize_t)(sizeof(frame) + sizeof(conf)) ? 0 : n < 0 ? (int)n : -EIO;
}

static int child_spawn(struct child *child)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	int r = spawn_program(child->pool->argv0, ends[1], &child->pid);
	close(ends[1]);
	if (r < 0) {
		close(ends[0]);
		return r;
	}
	child->fd = ends[0];
	/* uv_poll_init makes it non-blocking. A socketpair can be polled, so it fails for lack of memory only. */
	if (uv_poll_init(child->pool->loop, &child->poll, child->fd) < 0)
		abort();
	child->poll.data = child;
	uv_poll_start(&child->poll, UV_READABLE, on_poll);
	/* When this fails the child is dead already, and the next read will say so. */
	(void)send_conf(child);
	return 0;
}

/* Mails go out */

/* The child gets a descriptor that can only read, whatever ours can. */
static int open_for_child(struct spooled_mail *mail)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", spooled_mail_fd(mail));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? fd : fcntl(spooled_mail_fd(mail), F_DUPFD_CLOEXEC, 0);
}

static void child_take(struct child *child, struct parse_job *job)
{
	struct slot *slot = &child->slots[(child->first + child->n) % FRAMES_UNDER_WAY];
	size_t size = job_size(job);
	uint32_t id = ++child->pool->last_id;
	*slot = (struct slot){.job = job, .fd = -1};
	if (spooled_mail_in_file(job->mail) || size > FRAME_MAIL_MAX) {
		slot->file = (struct frame_file){job->offset, size};
		slot->frame = frame_make(FRAME_FILE, id, sizeof(slot->file));
		slot->payload = (struct str){(const char *)&slot->file, sizeof(slot->file)};
		slot->fd = spooled_mail_in_file(job->mail) ? open_for_child(job->mail) : -1;
		if (slot->fd < 0) {
			job_done_unparsed(child->pool, job, PARSE_FAILED);
			return;
		}
	} else {
		struct str bytes = spooled_mail_bytes(job->mail);
		slot->frame = frame_make(FRAME_MAIL, id, size);
		slot->payload = str_sub(bytes, job->offset, bytes.len);
	}
	if (child->n == 0) {
		child->oldest_since_us = clock_mono_us();
		uv_timer_start(&child->timer, on_timer, (uint64_t)child->pool->conf.deadline_ms, 0);
	}
	child->n++;
	child->load += size;
	child->pool->under_way++;
}

/* What is to be sent, from where we are up to the next mail with a descriptor of its own. */
static size_t gather(struct child *child, struct iovec *pieces, int *ret_fd)
{
	size_t n = 0, skip = child->sent_octets;
	*ret_fd = -1;
	for (unsigned i = child->sent_n; i < child->n; i++) {
		struct slot *slot = &child->slots[(child->first + i) % FRAMES_UNDER_WAY];
		if (slot->fd >= 0 && n > 0)
			break;
		if (slot->fd >= 0)
			*ret_fd = slot->fd;
		if (skip < sizeof(slot->frame))
			pieces[n++] = (struct iovec){(char *)&slot->frame + skip, sizeof(slot->frame) - skip};
		size_t from = skip > sizeof(slot->frame) ? skip - sizeof(slot->frame) : 0;
		if (from < slot->payload.len)
			pieces[n++] = (struct iovec){(char *)(uintptr_t)slot->payload.ptr + from,
						     slot->payload.len - from};
		skip = 0;
	}
	return n;
}

static void note_sent(struct child *child, size_t octets)
{
	child->sent_octets += octets;
	while (child->sent_n < child->n) {
		struct slot *slot = &child->slots[(child->first + child->sent_n) % FRAMES_UNDER_WAY];
		size_t size = sizeof(slot->frame) + slot->payload.len;
		if (child->sent_octets > 0 && slot->fd >= 0) {
			close(slot->fd);
			slot->fd = -1;
		}
		if (child->sent_octets < size)
			return;
		child->sent_octets -= size;
		child->sent_n++;
	}
}

static void want_room(struct child *child, bool wants)
{
	if (child->waits_for_room == wants)
		return;
	child->waits_for_room = wants;
	uv_poll_start(&child->poll, wants ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_poll);
}

static void child_write(struct child *child)
{
	struct iovec pieces[2 * FRAMES_UNDER_WAY];
	while (child->sent_n < child->n) {
		int fd;
		size_t n = gather(child, pieces, &fd);
		ssize_t sent = frame_send(child->fd, pieces, n, fd);
		if (sent == -EAGAIN) {
			want_room(child, true);
			return;
		}
		if (sent < 0) {
			/* It is gone. What it answered before may still be there to read; then comes the end. */
			want_room(child, false);
			return;
		}
		note_sent(child, (size_t)sent);
	}
	want_room(child, false);
}

/* Answers come in */

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct child *child = poll->data;
	if (status < 0) {
		child_fail(child, FAULT_DIED);
		return;
	}
	if (events & UV_READABLE)
		child_read(child);
	if ((events & UV_WRITABLE) && child->state == CHILD_READY)
		child_write(child);
}

static void child_read(struct child *child)
{
	char *room = strbuf_reserve(&child->in, READ_SIZE);
	assert(room != NULL);
	ssize_t n = recv(child->fd, room, READ_SIZE, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		child_fail(child, FAULT_DIED);
		return;
	}
	child->in.len += (size_t)n;
	if (child_frames(child) < 0) {
		child_fail(child, FAULT_NONSENSE);
		return;
	}
	if (child->in.len == 0 && child->in.allocated > KEPT_BUFFER_MAX) {
		size_t len_max = child->in.len_max;
		strbuf_done(&child->in);
		strbuf_init(&child->in, len_max);
	}
	pool_wake(child->pool);
}

static int child_frames(struct child *child)
{
	size_t length_max = mail_wire_size_max(&child->pool->conf.limits), used = 0;
	int r;
	for (;;) {
		struct str rest = str_sub(strbuf_str(&child->in), used, child->in.len);
		struct frame frame;
		size_t size;
		r = frame_peek(rest, length_max, &frame, &size);
		if (r <= 0)
			break;
		r = child_answer(child, &frame, str_sub(rest, sizeof(frame), size));
		if (r < 0)
			break;
		used += size;
	}
	strbuf_consume(&child->in, used);
	return r;
}

static int child_answer(struct child *child, const struct frame *frame, struct str payload)
{
	struct parser_pool *pool = child->pool;
	if (child->state == CHILD_STARTING && frame->type == FRAME_READY && payload.len == 0) {
		child->state = CHILD_READY;
		uv_timer_stop(&child->timer);
		return 0;
	}
	struct slot *slot = &child->slots[child->first];
	if (child->state != CHILD_READY || frame->type != FRAME_ANSWER || child->sent_n == 0 ||
	    slot->frame.id != frame->id)
		return -EBADMSG;
	struct parse_job *job = slot->job;
	enum parse_status status;
	int r = block_new(pool, payload, job, &status);
	if (r < 0)
		return r;
	int64_t now_us = clock_mono_us();
	job->parse_us = now_us - child->oldest_since_us;
	child->oldest_since_us = now_us;
	child->answered = true;
	child->barren_ends = 0;
	child->load -= job_size(job);
	child->first = (child->first + 1) % FRAMES_UNDER_WAY;
	child->n--;
	child->sent_n--;
	pool->under_way--;
	job_done(pool, job, status);
	return 0;
}

/* Deadlines and ends */

static void on_timer(uv_timer_t *timer)
{
	struct child *child = timer->data;
	switch (child->state) {
	case CHILD_STARTING:
		child_fail(child, FAULT_HUNG);
		return;
	case CHILD_READY: {
		/* The timer was set for a mail that may be answered by now. */
		int64_t deadline_us = child->pool->conf.deadline_ms * 1000;
		int64_t left_us = child->oldest_since_us + deadline_us - clock_mono_us();
		if (child->n == 0)
			return;
		if (left_us <= 0)
			child_fail(child, FAULT_HUNG);
		else
			uv_timer_start(timer, on_timer, (uint64_t)(left_us + 999) / 1000, 0);
		return;
	}
	case CHILD_ENDING:
		child_reap(child);
		return;
	case CHILD_PAUSED:
		child_start(child);
		return;
	case CHILD_GONE:
		return;
	}
}

/* Kill it, and decide what becomes of the mails it had. */
static void child_fail(struct child *child, enum child_fault fault)
{
	struct parser_pool *pool = child->pool;
	bool starting = child->state == CHILD_STARTING;
	struct parse_job *guilty = NULL;
	int64_t us = clock_mono_us() - child->oldest_since_us;
	pool->stats.died++;
	if (!child->answered)
		child->barren_ends++;
	kill(child->pid, SIGKILL);
	for (unsigned i = 0; i < child->n; i++) {
		struct slot *slot = &child->slots[(child->first + i) % FRAMES_UNDER_WAY];
		if (slot->fd >= 0)
			close(slot->fd);
		if (child->n == 1 && (fault == FAULT_HUNG || slot->job->alone)) {
			guilty = slot->job;
			break;
		}
		slot->job->alone = true;
		list_push_back(&pool->retry, &slot->job->link);
		pool->retry_n++;
	}
	pool->under_way -= child->n;
	child->n = child->sent_n = 0;
	child_end(child);
	if (guilty) {
		guilty->parse_us = us;
		job_done_unparsed(pool, guilty, fault == FAULT_HUNG ? PARSE_DEADLINE : PARSE_CRASHED);
	}
	if (starting && pool->closing)
		pool_fail_waiting(pool);
	pool_wake(pool);
}

/* Its socket is closed, which asks a living one to end; then it is reaped. */
static void child_end(struct child *child)
{
	child->state = CHILD_ENDING;
	uv_timer_stop(&child->timer);
	uv_close((uv_handle_t *)&child->poll, on_poll_closed);
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct child *child = handle->data;
	close(child->fd);
	child->fd = -1;
	strbuf_clear(&child->in);
	child_reap(child);
}

/* By its own id only: other children of this process are not ours. */
static void child_reap(struct child *child)
{
	pid_t r = waitpid(child->pid, NULL, WNOHANG);
	if (r == 0 || (r < 0 && errno == EINTR)) {
		child->ending_ms += REAP_EVERY_MS;
		if (child->ending_ms == END_PATIENCE_MS)
			kill(child->pid, SIGKILL);
		uv_timer_start(&child->timer, on_timer, REAP_EVERY_MS, 0);
		return;
	}
	if (child->pool->retiring)
		child_gone(child);
	else
		child_pause(child);
}

/* One that ends again and again without an answer waits longer each time. */
static void child_pause(struct child *child)
{
	unsigned doublings = child->barren_ends < 8 ? child->barren_ends : 8;
	unsigned pause_ms = doublings ? PAUSE_MIN_MS << (doublings - 1) : 0;
	child->state = CHILD_PAUSED;
	uv_timer_start(&child->timer, on_timer, pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS, 0);
}

static void child_gone(struct child *child)
{
	child->state = CHILD_GONE;
	uv_close((uv_handle_t *)&child->timer, on_handle_closed);
}
