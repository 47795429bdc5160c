/*
 * The parser child's loop: one mail in, one parsed mail out, in order.
 *
 *	init -> FRAME_CONF read -> sandbox -> FRAME_READY written -> (mail -> answer)* -> end of the socket
 *
 *  1. Before the sandbox no octet of any mail has been looked at.
 *  2. Mail data is parsed where it lies: in the input buffer, or in a read-only mapping of the spool file that
 *     ends with its parse and never has much of a big one in memory.
 *  3. Answers gather while more whole mails are at hand, but not longer than a moment: a mail that is slow must
 *     not hold back the answers before it.
 *  4. One mail's memory is gone before the next begins; after a big one it is given back to the system.
 *
 * Whatever is wrong with the socket or the server ends the child. One thread.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/strbuf.h"
#include "ingest/mail_extract.h"
#include "ingest/mail_fallback.h"
#include "ingest/mail_wire.h"
#include "ingest/parser_child.h"
#include "ingest/parser_frame.h"
#include "ingest/parser_sandbox.h"

#define READ_SIZE       ((size_t)64 * 1024)
#define GATHER_MAX      ((size_t)64 * 1024)
#define GATHER_MAX_US   2000
#define BIG_MAIL        ((size_t)1024 * 1024)
#define KEPT_BUFFER_MAX ((size_t)1024 * 1024)
#define WINDOW_US       150 /* of reading a big file: a few hundred kilobytes */

struct parser_child {
	int socket;
	struct mail_limits limits;
	/* requests: bytes[start..end) are not looked at yet */
	char *bytes;
	size_t start, end, size;
	int fds[FRAMES_UNDER_WAY]; /* came, and wait for their frames; oldest first */
	size_t fds_n;
	/* answers */
	struct strbuf out;
	int64_t gathering_since_us;
};

static int child_set_up(struct parser_child *child);
static int child_loop(struct parser_child *child);
static int child_next(struct parser_child *child, struct frame *ret, struct str *ret_payload);
static int child_fill(struct parser_child *child, size_t need);
static int child_mail(struct parser_child *child, const struct frame *frame, struct str payload);
static int child_file(struct parser_child *child, const struct frame *frame, struct str payload);
static int child_part(struct parser_child *child, const struct frame *frame, struct str payload);
static int child_parse(struct parser_child *child, uint32_t id, struct str mail_data);
static int child_flush(struct parser_child *child);

int parser_child_main(int socket_fd)
{
	/* When the server dies its children have nobody to answer. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	struct parser_child child = {.socket = socket_fd};
	mail_parse_init();
	int r = child_set_up(&child);
	if (r == 0)
		r = child_loop(&child);
	for (size_t i = 0; i < child.fds_n; i++)
		close(child.fds[i]);
	strbuf_done(&child.out);
	free(child.bytes);
	return r == -EPIPE ? EX_OK : EX_PROTOCOL;
}

static int child_set_up(struct parser_child *child)
{
	struct frame frame;
	struct str payload;
	struct frame_conf conf;
	strbuf_init(&child->out, GATHER_MAX);
	int r = child_next(child, &frame, &payload);
	if (r < 0)
		return r;
	if (frame.type != FRAME_CONF || payload.len != sizeof(conf))
		return -EPROTO;
	memcpy(&conf, payload.ptr, sizeof(conf));
	child->limits = conf.limits;
	strbuf_init(&child->out, GATHER_MAX + sizeof(frame) + mail_wire_size_max(&conf.limits));
	r = parser_sandbox_enter(conf.memory_max);
	if (r < 0)
		return r;
	frame = frame_make(FRAME_READY, 0, 0);
	strbuf_add(&child->out, (struct str){(const char *)&frame, sizeof(frame)});
	return child_flush(child);
}

static int child_loop(struct parser_child *child)
{
	for (;;) {
		struct frame frame;
		struct str payload;
		int r = child_next(child, &frame, &payload);
		if (r < 0)
			return r;
		if (frame.type == FRAME_MAIL)
			r = child_mail(child, &frame, payload);
		else if (frame.type == FRAME_FILE)
			r = child_file(child, &frame, payload);
		else if (frame.type == FRAME_PART)
			r = child_part(child, &frame, payload);
		else
			r = -EPROTO;
		if (r < 0)
			return r;
	}
}

/* The next whole frame; before it blocks, what was gathered is sent. The payload lives until the next call. */
static int child_next(struct parser_child *child, struct frame *ret, struct str *ret_payload)
{
	for (;;) {
		struct str rest = str_sub((struct str){child->bytes, child->end}, child->start, child->end);
		size_t size;
		int r = frame_peek(rest, FRAME_MAIL_MAX, ret, &size);
		if (r < 0)
			return r;
		if (r == 1) {
			*ret_payload = str_sub(rest, sizeof(*ret), size);
			child->start += size;
			return 0;
		}
		r = child_flush(child);
		if (r == 0)
			r = child_fill(child, size);
		if (r < 0)
			return r;
	}
}

/* Read once, with room for need octets from start on. -EPIPE: the server closed the socket. */
static int child_fill(struct parser_child *child, size_t need)
{
	size_t have = child->end - child->start;
	if (have == 0 && child->size > KEPT_BUFFER_MAX) {
		free(child->bytes);
		child->bytes = NULL;
		child->size = 0;
	}
	if (child->start > 0) {
		memmove(child->bytes, child->bytes + child->start, have);
		child->start = 0;
		child->end = have;
	}
	size_t size = need + READ_SIZE;
	if (child->size < size) {
		child->bytes = xrealloc(child->bytes, size);
		child->size = size;
	}
	int fd;
	ssize_t n = frame_receive(child->socket, child->bytes + child->end, child->size - child->end, &fd);
	if (n <= 0)
		return n == 0 || n == -ECONNRESET ? -EPIPE : (int)n;
	child->end += (size_t)n;
	if (fd < 0)
		return 0;
	if (child->fds_n == FRAMES_UNDER_WAY) {
		close(fd);
		return -EPROTO;
	}
	child->fds[child->fds_n++] = fd;
	return 0;
}

static int child_mail(struct parser_child *child, const struct frame *frame, struct str payload)
{
	return child_parse(child, frame->id, payload);
}

static int child_take_fd(struct parser_child *child)
{
	if (child->fds_n == 0)
		return -EPROTO;
	int fd = child->fds[0];
	child->fds_n--;
	memmove(&child->fds[0], &child->fds[1], child->fds_n * sizeof(child->fds[0]));
	return fd;
}

/* What a file's reader has behind it (or will read again) need not stay mapped: the pages are the kernel's, and come back
 * without a disk. So a big file is taken out of our memory every few hundred kilobytes. One file at a time. */
static struct {
	void *map;
	size_t size;
} window;

static void on_window_timer(int number UNUSED)
{
	int error = errno;
	madvise(window.map, window.size, MADV_DONTNEED);
	errno = error;
}

static void window_open(void *map, size_t size)
{
	const struct timeval every = {.tv_usec = WINDOW_US};
	const struct sigaction action = {.sa_handler = on_window_timer, .sa_flags = SA_RESTART};
	if (size <= BIG_MAIL)
		return;
	window.map = map;
	window.size = size;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &(struct itimerval){every, every}, NULL);
}

/* A signal that was under way has come when this returns: there is one thread. */
static void window_close(size_t size)
{
	if (size > BIG_MAIL)
		setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0}}, NULL);
}

/* The file that came with a frame, in memory. */
struct child_map {
	void *map;
	size_t size;
	struct str mail_data;
};

static int child_map(struct parser_child *child, struct str payload, struct child_map *ret)
{
	struct frame_file file;
	struct child_map map = {.map = NULL};
	struct stat st;
	int fd = child_take_fd(child);
	if (fd < 0)
		return fd;
	int r = payload.len >= sizeof(file) && fstat(fd, &st) == 0 ? 0 : -EPROTO;
	if (r < 0)
		goto out;
	memcpy(&file, payload.ptr, sizeof(file));
	uint64_t size = (uint64_t)st.st_size;
	if (file.offset > size || file.size > size - file.offset || size > SIZE_MAX / 2) {
		r = -EPROTO;
		goto out;
	}
	map.size = (size_t)size;
	map.map = size ? mmap(NULL, map.size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
	if (map.map == MAP_FAILED) {
		r = -errno;
		goto out;
	}
	window_open(map.map, map.size);
	map.mail_data = (struct str){size ? (const char *)map.map + file.offset : "", (size_t)file.size};
	*ret = map;
out:
	close(fd);
	return r;
}

static void child_unmap(const struct child_map *map)
{
	window_close(map->size);
	if (map->size)
		munmap(map->map, map->size);
}

static int child_file(struct parser_child *child, const struct frame *frame, struct str payload)
{
	struct child_map map;
	int r = payload.len == sizeof(struct frame_file) ? child_map(child, payload, &map) : -EPROTO;
	if (r < 0)
		return r;
	r = child_parse(child, frame->id, map.mail_data);
	child_unmap(&map);
	return r;
}

/* ---- one part, decoded ---- */

struct part_answer {
	struct parser_child *child;
	uint32_t id;
	int broken; /* the socket's error */
};

/* The socket is blocking: who reads slowly makes us wait, and nothing gathers. */
static int part_send(struct part_answer *answer, enum frame_type type, struct str octets)
{
	struct frame frame = frame_make(type, answer->id, octets.len);
	strbuf_add(&answer->child->out, (struct str){(const char *)&frame, sizeof(frame)});
	strbuf_add(&answer->child->out, octets);
	answer->broken = child_flush(answer->child);
	return answer->broken;
}

static int on_piece(void *ctx, struct str piece)
{
	return part_send(ctx, FRAME_PIECE, piece);
}

static int child_part(struct parser_child *child, const struct frame *frame, struct str payload)
{
	struct part_answer answer = {.child = child, .id = frame->id};
	struct child_map map;
	int r = child_map(child, payload, &map);
	if (r == 0)
		r = child_flush(child);
	if (r < 0)
		return r;
	struct str part = str_sub(payload, sizeof(struct frame_file), payload.len);
	int32_t result = mail_extract(map.mail_data, &child->limits, part, on_piece, &answer);
	child_unmap(&map);
	if (answer.broken == 0)
		part_send(&answer, FRAME_END, (struct str){(const char *)&result, sizeof(result)});
	return answer.broken;
}

/* Text in several forms, and lists: enough for any mail within the limits; the address space is the real
 * limit. */
static size_t arena_size_max(const struct mail_limits *limits)
{
	return 4 * mail_wire_size_max(limits) + 16 * limits->text_max + MAIL_FALLBACK_SIZE;
}

static int answer_add(struct parser_child *child, uint32_t id, const struct parsed_mail *mail,
		      enum parse_status status)
{
	struct strbuf *out = &child->out;
	size_t start = out->len;
	struct frame frame = frame_make(FRAME_ANSWER, id, 0);
	strbuf_add(out, (struct str){(const char *)&frame, sizeof(frame)});
	int r = mail_wire_encode(mail, status, out);
	size_t length = out->len - start - sizeof(frame);
	if (r < 0 || length > mail_wire_size_max(&child->limits)) {
		out->len = start;
		out->overflow = false;
		return -ENOBUFS;
	}
	frame = frame_make(FRAME_ANSWER, id, length);
	memcpy(out->ptr + start, &frame, sizeof(frame));
	return 0;
}

static int child_parse(struct parser_child *child, uint32_t id, struct str mail_data)
{
	struct arena arena;
	struct parsed_mail *mail;
	arena_init(&arena, arena_size_max(&child->limits));
	if (child->out.len == 0)
		child->gathering_since_us = clock_mono_us();
	enum parse_status status = mail_parse(&arena, mail_data, &child->limits, &mail);
	int r = answer_add(child, id, mail, status);
	if (r < 0) {
		/* It understood more than an answer may hold: the header section must do. */
		arena_clear(&arena);
		r = mail_fallback(&arena, mail_data, &child->limits, &mail);
		if (r == 0)
			r = answer_add(child, id, mail, PARSE_LIMIT);
	}
	bool big = mail_data.len > BIG_MAIL || arena.used > BIG_MAIL;
	arena_done(&arena);
	if (big)
		malloc_trim(0);
	if (r == 0 &&
	    (child->out.len >= GATHER_MAX || clock_mono_us() - child->gathering_since_us > GATHER_MAX_US))
		r = child_flush(child);
	return r;
}

static int child_flush(struct parser_child *child)
{
	struct strbuf *out = &child->out;
	for (size_t sent = 0; sent < out->len;) {
		ssize_t n = write(child->socket, out->ptr + sent, out->len - sent);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EPIPE || errno == ECONNRESET ? -EPIPE : -errno;
		sent += (size_t)n;
	}
	if (out->allocated > KEPT_BUFFER_MAX) {
		size_t len_max = out->len_max;
		strbuf_done(out);
		strbuf_init(out, len_max);
	}
	strbuf_clear(out);
	return 0;
}
