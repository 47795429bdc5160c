/*
 * See part_reader.h. One child per part: spawned, asked, read to its end, killed, reaped. Between frames the deadline
 * is waited for with poll(2); a child that sends octets is alive.
 */
#include "ingest/part_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "ingest/parser_spawn.h"

#define START_TIMEOUT_MS 30000
#define PART_ID          1

struct part_reader {
	int fd;
	struct strbuf in;
	size_t used;   /* octets of in that are the frame given out last */
	uint64_t left; /* octets that may still come */
};

/* A descriptor that can only read, whatever ours can. */
static int open_read_only(int fd)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int copy = open(path, O_RDONLY | O_CLOEXEC);
	return copy < 0 ? -errno : copy;
}

static int ask(struct part_reader *reader, const struct part_request *request)
{
	struct frame_file file = {request->offset, request->size};
	struct frame frame = frame_make(FRAME_PART, PART_ID, sizeof(file) + request->part.len);
	struct iovec pieces[] = {{&frame, sizeof(frame)},
				 {&file, sizeof(file)},
				 {(char *)(uintptr_t)request->part.ptr, request->part.len}};
	int fd = open_read_only(request->fd);
	if (fd < 0)
		return fd;
	/* it fits a fresh socket */
	ssize_t n = frame_send(reader->fd, pieces, ARRAY_SIZE(pieces), fd);
	close(fd);
	if (n < 0)
		return (int)n;
	return (size_t)n == sizeof(frame) + sizeof(file) + request->part.len ? 0 : -EIO;
}

static int fill(struct part_reader *reader, int64_t deadline_ms)
{
	struct pollfd poll_fd = {.fd = reader->fd, .events = POLLIN};
	int r;
	do
		r = poll(&poll_fd, 1, (int)deadline_ms);
	while (r < 0 && errno == EINTR);
	if (r <= 0)
		return r < 0 ? -errno : -ETIMEDOUT;
	char *room = strbuf_reserve(&reader->in, EXTRACT_PIECE_SIZE);
	if (!room)
		return -EBADMSG;
	ssize_t n = recv(reader->fd, room, EXTRACT_PIECE_SIZE, MSG_DONTWAIT);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)
		return -ECONNRESET;
	reader->in.len += (size_t)n;
	return 0;
}

/* The next whole frame; its payload lives until the next call. */
static int next_frame(struct part_reader *reader, int64_t deadline_ms, struct frame *ret,
		      struct str *ret_payload)
{
	strbuf_consume(&reader->in, reader->used);
	reader->used = 0;
	for (;;) {
		size_t size;
		int r = frame_peek(strbuf_str(&reader->in), EXTRACT_PIECE_SIZE, ret, &size);
		if (r < 0)
			return r;
		if (r == 1) {
			*ret_payload = str_sub(strbuf_str(&reader->in), sizeof(*ret), size);
			reader->used = size;
			return 0;
		}
		r = fill(reader, deadline_ms);
		if (r < 0)
			return r;
	}
}

/* 1: the end came, *ret_result is how it went. */
static int on_frame(struct part_reader *reader, const struct frame *frame, struct str payload, extract_fn *fn,
		    void *ctx, int *ret_result)
{
	int32_t result;
	if (frame->id != PART_ID)
		return -EBADMSG;
	if (frame->type == FRAME_PIECE && payload.len > 0 && payload.len <= reader->left) {
		reader->left -= payload.len;
		return fn(ctx, payload);
	}
	if (frame->type != FRAME_END || payload.len != sizeof(result))
		return -EBADMSG;
	memcpy(&result, payload.ptr, sizeof(result));
	if (result > 0 || result < -4095)
		return -EBADMSG;
	*ret_result = result;
	return 1;
}

static int converse(struct part_reader *reader, const struct part_request *request, extract_fn *fn, void *ctx)
{
	struct frame frame;
	struct str payload;
	int result = 0;
	int r = parser_send_conf(reader->fd, request->memory_max, &request->limits);
	if (r == 0)
		r = ask(reader, request);
	if (r == 0)
		r = next_frame(reader, START_TIMEOUT_MS, &frame, &payload);
	if (r == 0 && frame.type != FRAME_READY)
		r = -EBADMSG;
	while (r == 0) {
		r = next_frame(reader, request->deadline_ms, &frame, &payload);
		if (r == 0)
			r = on_frame(reader, &frame, payload, fn, ctx, &result);
	}
	return r == 1 ? result : r;
}

int part_read(const struct part_request *request, extract_fn *fn, void *ctx)
{
	struct part_reader reader = {.left = request->size};
	pid_t pid;
	if (request->part.len > PART_PATH_MAX)
		return -ENOENT;
	int r = parser_spawn(request->argv0, &reader.fd, &pid);
	if (r < 0)
		return r;
	strbuf_init(&reader.in, 4 * EXTRACT_PIECE_SIZE);
	r = converse(&reader, request, fn, ctx);
	strbuf_done(&reader.in);
	close(reader.fd);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}
