/*
 * Frames: heads made and judged, and the two system calls that move them with a descriptor. See the header.
 *
 * The kernel never merges octets that came with a descriptor with octets sent before them, and stops reading
 * behind them: so one receive brings one descriptor at most, and descriptors come in the order of their frames.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ingest/parser_frame.h"

union descriptor_message {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

struct frame frame_make(enum frame_type type, uint32_t id, size_t length)
{
	return (struct frame){FRAME_MAGIC, (uint16_t)type, id, (uint32_t)length, 0};
}

int frame_peek(struct str bytes, size_t length_max, struct frame *ret, size_t *ret_size)
{
	struct frame frame;
	*ret_size = sizeof(frame);
	if (bytes.len < sizeof(frame))
		return 0;
	memcpy(&frame, bytes.ptr, sizeof(frame));
	if (frame.magic != FRAME_MAGIC || frame.zero != 0 || frame.type < FRAME_CONF ||
	    frame.type > FRAME_END || frame.length > length_max)
		return -EBADMSG;
	*ret_size = sizeof(frame) + frame.length;
	if (bytes.len < *ret_size)
		return 0;
	*ret = frame;
	return 1;
}

ssize_t frame_send(int fd, struct iovec *pieces, size_t n, int passed_fd)
{
	union descriptor_message control = {.bytes = {0}};
	struct msghdr message = {.msg_iov = pieces, .msg_iovlen = n};
	if (passed_fd >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &passed_fd, sizeof(int));
	}
	ssize_t sent;
	do
		sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

ssize_t frame_receive(int fd, char *buf, size_t size, int *ret_fd)
{
	union descriptor_message control;
	struct iovec piece = {buf, size};
	struct msghdr message = {.msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	ssize_t n;
	do
		n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	*ret_fd = -1;
	if (n < 0)
		return -errno;
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(head), sizeof(int));
	if (message.msg_flags & MSG_CTRUNC) {
		if (*ret_fd >= 0)
			close(*ret_fd);
		*ret_fd = -1;
		return -EPROTO;
	}
	return n;
}
