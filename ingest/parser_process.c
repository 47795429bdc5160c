/*
 * One parser child, seen from the server: its process, its socket, its deadline.
 *
 * A child's life:
 *
 *	STARTING --READY frame--> READY --(death, deadline, nonsense)--> ENDING --reaped--> PAUSED --> STARTING
 *	    \---------------(death, 30 s without READY)-------------------^                   \(pool closes)-> GONE
 *
 * Always true:
 *  1. slots[] is a ring in the order sent; the child answers in that order, so an answer is for the first slot,
 *     or it is nonsense and the child's end.
 *  2. The timer is what the state waits for: READY frame, answer of the oldest mail, reaping, end of the pause.
 *  3. A process is reaped by its own id before the next is started; its socket is closed before that.
 *
 * Loop thread.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "ingest/mail_wire.h"
#include "ingest/parser_private.h"
#include "ingest/parser_spawn.h"

#define KEPT_BUFFER_MAX  ((size_t)256 * 1024)
#define START_TIMEOUT_MS 30000
#define REAP_EVERY_MS    5
#define END_PATIENCE_MS  2000 /* for a child that was asked to end */
#define PAUSE_MIN_MS     10u
#define PAUSE_MAX_MS     1000u

enum child_fault { FAULT_DIED, FAULT_HUNG, FAULT_NONSENSE };

static int child_spawn(struct parser_process *child);
static void on_poll(uv_poll_t *poll, int status, int events);
static void child_read(struct parser_process *child);
static int child_frames(struct parser_process *child);
static int child_answer(struct parser_process *child, const struct frame *frame, struct str payload);
static void on_timer(uv_timer_t *timer);
static void child_fail(struct parser_process *child, enum child_fault fault);
static void on_poll_closed(uv_handle_t *handle);
static void child_reap(struct parser_process *child);
static void child_pause(struct parser_process *child);

/* A child begins */

void parser_process_start(struct parser_process *child)
{
	child->state = CHILD_STARTING;
	child->answered = false;
	child->ending_ms = 0;
	child->first = child->n = child->sent_n = 0;
	child->sent_octets = child->load = 0;
	child->waits_for_room = false;
	if (child_spawn(child) < 0) {
		child->barren_ends++;
		child->stillborn++;
		parser_pool_death(child->pool);
		child_pause(child);
		parser_pool_child_missing(child->pool);
		return;
	}
	uv_timer_start(&child->timer, on_timer, START_TIMEOUT_MS, 0);
}

static int child_spawn(struct parser_process *child)
{
	int r = parser_spawn(child->pool->argv0, &child->fd, &child->pid);
	if (r < 0)
		return r;
	/* uv_poll_init makes it non-blocking. A socketpair can be polled, so it fails for lack of memory only. */
	if (uv_poll_init(child->pool->loop, &child->poll, child->fd) < 0)
		abort();
	child->poll.data = child;
	uv_poll_start(&child->poll, UV_READABLE, on_poll);
	/* When this fails the child is dead already, and the next read will say so. */
	(void)parser_send_conf(child->fd, child->pool->conf.memory_max, &child->pool->conf.limits);
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

void parser_process_take(struct parser_process *child, struct parse_job *job)
{
	struct slot *slot = &child->slots[(child->first + child->n) % FRAMES_UNDER_WAY];
	size_t size = parser_job_size(job);
	uint32_t id = ++child->pool->last_id;
	*slot = (struct slot){.job = job, .fd = -1};
	if (spooled_mail_in_file(job->mail) || size > FRAME_MAIL_MAX) {
		slot->file = (struct frame_file){job->offset, size};
		slot->frame = frame_make(FRAME_FILE, id, sizeof(slot->file));
		slot->payload = (struct str){(const char *)&slot->file, sizeof(slot->file)};
		slot->fd = spooled_mail_in_file(job->mail) ? open_for_child(job->mail) : -1;
		if (slot->fd < 0) {
			parser_job_unparsed(child->pool, job, PARSE_FAILED);
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
static size_t gather(struct parser_process *child, struct iovec *pieces, int *ret_fd)
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

static void note_sent(struct parser_process *child, size_t octets)
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

static void want_room(struct parser_process *child, bool wants)
{
	if (child->waits_for_room == wants)
		return;
	child->waits_for_room = wants;
	uv_poll_start(&child->poll, wants ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_poll);
}

void parser_process_write(struct parser_process *child)
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
	struct parser_process *child = poll->data;
	if (status < 0) {
		child_fail(child, FAULT_DIED);
		return;
	}
	if (events & UV_READABLE)
		child_read(child);
	if ((events & UV_WRITABLE) && child->state == CHILD_READY)
		parser_process_write(child);
}

static void child_read(struct parser_process *child)
{
	char *room = strbuf_reserve(&child->in, PARSER_READ_SIZE);
	assert(room != NULL);
	ssize_t n = recv(child->fd, room, PARSER_READ_SIZE, MSG_DONTWAIT);
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
	parser_pool_wake(child->pool);
}

static int child_frames(struct parser_process *child)
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

static int child_answer(struct parser_process *child, const struct frame *frame, struct str payload)
{
	struct parser_pool *pool = child->pool;
	if (child->state == CHILD_STARTING && frame->type == FRAME_READY && payload.len == 0) {
		child->state = CHILD_READY;
		child->stillborn = 0;
		uv_timer_stop(&child->timer);
		return 0;
	}
	struct slot *slot = &child->slots[child->first];
	if (child->state != CHILD_READY || frame->type != FRAME_ANSWER || child->sent_n == 0 ||
	    slot->frame.id != frame->id)
		return -EBADMSG;
	struct parse_job *job = slot->job;
	enum parse_status status;
	int r = parser_job_read(pool, payload, job, &status);
	if (r < 0)
		return r;
	int64_t now_us = clock_mono_us();
	job->parse_us = now_us - child->oldest_since_us;
	child->oldest_since_us = now_us;
	child->answered = true;
	child->barren_ends = 0;
	child->load -= parser_job_size(job);
	child->first = (child->first + 1) % FRAMES_UNDER_WAY;
	child->n--;
	child->sent_n--;
	pool->under_way--;
	parser_pool_probed(pool, job, true);
	parser_job_finish(pool, job, status);
	return 0;
}

/* Deadlines and ends */

static void on_timer(uv_timer_t *timer)
{
	struct parser_process *child = timer->data;
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
		parser_process_start(child);
		return;
	case CHILD_GONE:
		return;
	}
}

/* Kill it, and decide what becomes of the mails it had. */
static void child_fail(struct parser_process *child, enum child_fault fault)
{
	struct parser_pool *pool = child->pool;
	bool starting = child->state == CHILD_STARTING;
	struct parse_job *guilty = NULL;
	int64_t us = clock_mono_us() - child->oldest_since_us;
	pool->stats.died++;
	parser_pool_death(pool);
	child->stillborn += starting;
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
	parser_process_end(child);
	if (guilty) {
		guilty->parse_us = us;
		if (guilty->digest)
			crashed_mails_add(pool->crashed, guilty->digest);
		parser_job_unparsed(pool, guilty, fault == FAULT_HUNG ? PARSE_DEADLINE : PARSE_CRASHED);
	}
	if (starting)
		parser_pool_child_missing(pool);
	parser_pool_wake(pool);
}

/* Its socket is closed, which asks a living one to end; then it is reaped. */
void parser_process_end(struct parser_process *child)
{
	child->state = CHILD_ENDING;
	uv_timer_stop(&child->timer);
	uv_close((uv_handle_t *)&child->poll, on_poll_closed);
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct parser_process *child = handle->data;
	close(child->fd);
	child->fd = -1;
	strbuf_clear(&child->in);
	child_reap(child);
}

/* By its own id only: other children of this process are not ours. */
static void child_reap(struct parser_process *child)
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
		parser_process_gone(child);
	else
		child_pause(child);
}

/* One that ends again and again without an answer waits longer each time. */
static void child_pause(struct parser_process *child)
{
	unsigned doublings = child->barren_ends < 8 ? child->barren_ends : 8;
	unsigned pause_ms = doublings ? PAUSE_MIN_MS << (doublings - 1) : 0;
	child->state = CHILD_PAUSED;
	uv_timer_start(&child->timer, on_timer, pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS, 0);
}

void parser_process_gone(struct parser_process *child)
{
	child->state = CHILD_GONE;
	uv_close((uv_handle_t *)&child->timer, parser_pool_handle_closed);
}
