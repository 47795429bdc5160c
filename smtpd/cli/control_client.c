/*
 * Lines over a unix socket. The server answers each request once and in order, so what comes up to the next LF
 * is the answer; anything behind it would be a broken server, and is an error.
 */
#include "smtpd/cli/control_client.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "smtpd/control_path.h"

#define ANSWER_TIMEOUT_MS 120000
#define READ_SIZE         16384

struct control_client {
	int fd;
};

int control_client_open(struct control_client **ret, const char *path)
{
	return control_client_open_within(ret, path, ANSWER_TIMEOUT_MS);
}

int control_client_open_within(struct control_client **ret, const char *path, int64_t timeout_ms)
{
	const struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
	struct sockaddr_un address;
	int r = control_address(path, &address);
	if (r < 0)
		return r;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		r = errno == EAGAIN ? -ETIMEDOUT : -errno; /* so many wait that it takes no more */
		close(fd);
		return r;
	}
	struct control_client *client = XNEW(struct control_client);
	client->fd = fd;
	*ret = client;
	return 0;
}

static int send_all(int fd, struct str bytes)
{
	while (bytes.len) {
		ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : errno == EPIPE ? -ECONNRESET : -errno;
		bytes = str_sub(bytes, (size_t)n, bytes.len);
	}
	return 0;
}

int control_client_ask(struct control_client *client, struct str request, struct strbuf *answer)
{
	char *line = xasprintf("%.*s\n", STR_ARG(request));
	int r = send_all(client->fd, str_from(line));
	free(line);
	while (r == 0) {
		char *room = strbuf_reserve(answer, READ_SIZE);
		if (!room)
			return -EMSGSIZE;
		ssize_t n = recv(client->fd, room, READ_SIZE, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (n == 0)
			return -ECONNRESET;
		answer->len += (size_t)n;
		/* the only LF of an answer is its last octet */
		if (room[n - 1] == '\n') {
			answer->ptr[--answer->len] = 0;
			return memchr(answer->ptr, '\n', answer->len) ? -EBADMSG : 0;
		}
	}
	return r;
}

struct control_client *control_client_close(struct control_client *client)
{
	if (!client)
		return NULL;
	close(client->fd);
	free(client);
	return NULL;
}
