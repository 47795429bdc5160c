/*
 * A whole session over a socket pair: commands, mail data, whatever the input says; the stub answers at once
 * or later. The first octet chooses how it is cut into segments. Afterwards nothing may be left: no session,
 * no spooled mail.
 */
#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "smtpd/session_private.h"
#include "tests/lib/smtp_stub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 65536

static uv_loop_t loop;
static struct smtp_stub stub;

static void close_stub(void)
{
	smtp_stub_close(&stub);
	uv_loop_close(&loop);
}

static void open_stub(void)
{
	signal(SIGPIPE, SIG_IGN);
	log_setup(open("/dev/null", O_WRONLY), LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG, false);
	uv_loop_init(&loop);
	smtp_stub_init(&stub, &loop);
	stub.limits.message_size = 4096;
	stub.limits.data_line_length = 1024;
	stub.limits.received_fields = 3;
	stub.limits.recipients = 5;
	stub.smtp.bare_newline = 1;
	stub.spool_files = 1024;
	stub.forget = true;
	smtp_stub_open(&stub, NULL, true);
	atexit(close_stub);
}

/* The client reads what it is told. */
static void drain(int fd)
{
	char buf[65536];
	ssize_t n;
	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct policy_address address = {{0}};
	int fds[2];
	if (!stub.server)
		open_stub();
	if (size < 1 || size > INPUT_MAX)
		return 0;
	size_t step = data[0] ? data[0] * 16u : size;
	int r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);
	assert(r == 0);
	server_enter(stub.server);
	r = session_open(stub.server, fds[0], &address, false);
	assert(r == 0);
	server_leave(stub.server);
	for (size_t at = 1; at < size; at += step) {
		size_t len = size - at < step ? size - at : step;
		if (send(fds[1], data + at, len, MSG_NOSIGNAL) < (ssize_t)len)
			break;
		uv_run(&loop, UV_RUN_NOWAIT);
		drain(fds[1]);
	}
	close(fds[1]);
	while (smtp_server_stats(stub.server).connections) {
		smtp_stub_release(&stub);
		uv_run(&loop, UV_RUN_ONCE);
	}
	while (stub.under_way)
		uv_run(&loop, UV_RUN_ONCE);
	smtp_stub_release(&stub);
	assert(spool_stats(stub.spool).mails == 0);
	return 0;
}
