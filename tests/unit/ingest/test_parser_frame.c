/*
 * Frames: heads judged, descriptors that come with their frame, and the end of the other side.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/parser_frame.h"

static void heads_are_judged(void **state)
{
	(void)state;
	static const struct {
		struct frame frame;
		size_t have; /* octets there, header included */
		int r;
	} cases[] = {
		{{FRAME_MAGIC, FRAME_MAIL, 7, 10, 0}, 26, 1},
		{{FRAME_MAGIC, FRAME_ANSWER, 7, 0, 0}, 16, 1},
		{{FRAME_MAGIC, FRAME_MAIL, 7, 10, 0}, 60, 1},
		{{FRAME_MAGIC, FRAME_MAIL, 7, 10, 0}, 25, 0},
		{{FRAME_MAGIC, FRAME_MAIL, 7, 10, 0}, 15, 0},
		{{FRAME_MAGIC, FRAME_MAIL, 7, 10, 0}, 0, 0},
		{{FRAME_MAGIC, FRAME_MAIL, 7, 1000, 0}, 16, 0},
		{{FRAME_MAGIC, FRAME_MAIL, 7, 1001, 0}, 16, -EBADMSG},
		{{FRAME_MAGIC + 1, FRAME_MAIL, 7, 1, 0}, 17, -EBADMSG},
		{{FRAME_MAGIC, 0, 7, 1, 0}, 17, -EBADMSG},
		{{FRAME_MAGIC, FRAME_END + 1, 7, 1, 0}, 17, -EBADMSG},
		{{FRAME_MAGIC, FRAME_MAIL, 7, 1, 1}, 17, -EBADMSG},
		{{FRAME_MAGIC, FRAME_MAIL, 7, UINT32_MAX, 0}, 17, -EBADMSG},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char bytes[64] = {0};
		struct frame frame;
		size_t size;
		memcpy(bytes, &cases[i].frame, sizeof(frame));
		int r = frame_peek((struct str){bytes, cases[i].have}, 1000, &frame, &size);
		assert_int_equal(r, cases[i].r);
		if (r == 1) {
			assert_int_equal(size, sizeof(frame) + cases[i].frame.length);
			assert_int_equal(frame.id, 7);
		} else if (r == 0) {
			assert_true(size > cases[i].have);
		}
	}
}

static void descriptors_come_in_the_order_of_their_frames(void **state)
{
	(void)state;
	int ends[2], files[2][2], fd;
	char text[] = "plain", first[] = "first", second[] = "second", buf[100];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pipe(files[i]), 0);
	assert_int_equal(frame_send(ends[0], &(struct iovec){text, 5}, 1, -1), 5);
	assert_int_equal(frame_send(ends[0], &(struct iovec){first, 5}, 1, files[0][0]), 5);
	assert_int_equal(frame_send(ends[0], &(struct iovec){second, 6}, 1, files[1][0]), 6);
	close(ends[0]);
	/* One receive brings one descriptor at most, however much there is. */
	size_t octets = 0;
	int descriptors = 0;
	ssize_t n;
	while ((n = frame_receive(ends[1], buf, sizeof(buf), &fd)) > 0) {
		octets += (size_t)n;
		if (fd < 0)
			continue;
		struct stat mine, theirs;
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		assert_int_equal(fstat(fd, &theirs), 0);
		assert_int_equal(fstat(files[descriptors][0], &mine), 0);
		assert_int_equal(mine.st_ino, theirs.st_ino);
		descriptors++;
		close(fd);
	}
	assert_int_equal(n, 0);
	assert_int_equal(octets, 16);
	assert_int_equal(descriptors, 2);
	for (int i = 0; i < 2; i++) {
		close(files[i][0]);
		close(files[i][1]);
	}
	/* Nobody reads any more: an error, no signal. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	close(ends[1]);
	assert_int_equal(frame_send(ends[0], &(struct iovec){text, 5}, 1, -1), -EPIPE);
	close(ends[0]);
}

static void a_full_socket_does_not_block(void **state)
{
	(void)state;
	static char big[65536];
	int ends[2];
	ssize_t n = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	for (int i = 0; i < 1000 && n >= 0; i++)
		n = frame_send(ends[0], &(struct iovec){big, sizeof(big)}, 1, -1);
	assert_int_equal(n, -EAGAIN);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_are_judged),
		cmocka_unit_test(descriptors_come_in_the_order_of_their_frames),
		cmocka_unit_test(a_full_socket_does_not_block),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
