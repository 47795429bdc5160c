/* The server around the sessions: listening, admission, clients that do not read, descriptors that run out. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "tests/lib/smtp_stub.h"

#define CLIENTS_MAX 64

struct fixture {
	uv_loop_t loop;
	uv_timer_t guard;
	bool late;
	struct smtp_stub stub;
};

static void on_guard(uv_timer_t *timer)
{
	CONTAINER_OF(timer, struct fixture, guard)->late = true;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	uv_loop_init(&f->loop);
	uv_timer_init(&f->loop, &f->guard);
	uv_timer_start(&f->guard, on_guard, 20000, 0);
	smtp_stub_init(&f->stub, &f->loop);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	uv_close((uv_handle_t *)&f->guard, NULL);
	smtp_stub_close(&f->stub);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	free(f);
	return 0;
}

static void turn(struct fixture *f)
{
	uv_run(&f->loop, UV_RUN_ONCE);
	assert_false(f->late);
}

static int dial(struct fixture *f)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)smtp_stub_port(&f->stub)),
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

/* What the server says next, up to a LF; "" when it has closed. */
static const char *hear(struct fixture *f, int fd, char *buf, size_t size)
{
	size_t len = 0;
	while (len + 1 < size) {
		ssize_t n = recv(fd, buf + len, 1, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN) {
			uv_run(&f->loop, UV_RUN_NOWAIT);
			assert_false(f->late);
			continue;
		}
		if (n <= 0 || buf[len++] == '\n')
			break;
	}
	buf[len] = '\0';
	return buf;
}

static void assert_hears(struct fixture *f, int fd, const char *wanted)
{
	char buf[600];
	hear(f, fd, buf, sizeof(buf));
	if (strncmp(buf, wanted, strlen(wanted)) != 0)
		fail_msg("wanted %s, got %s", wanted, buf);
}

static size_t connections(const struct fixture *f)
{
	return smtp_server_stats(f->stub.server).connections;
}

static void listens_on_several_addresses(void **state)
{
	struct fixture *f = *state;
	static const char *const addresses[] = {"127.0.0.1:0", "[::1]:0", "127.0.0.2:0"};
	struct conf_error err = {""};
	smtp_stub_open(&f->stub, NULL, false);
	assert_null(smtp_server_address(f->stub.server, 0));
	f->stub.smtp.listen = (struct conf_strings){addresses, 3};
	f->stub.smtp.reuse_port = true;
	assert_int_equal(smtp_server_listen(f->stub.server, &err), 0);
	assert_memory_equal(smtp_server_address(f->stub.server, 0), "127.0.0.1:", 10);
	assert_memory_equal(smtp_server_address(f->stub.server, 1), "[::1]:", 6);
	assert_memory_equal(smtp_server_address(f->stub.server, 2), "127.0.0.2:", 10);
	assert_null(smtp_server_address(f->stub.server, 3));
	assert_true(smtp_stub_port(&f->stub) > 0);
}

static void an_address_that_cannot_be_is_named(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = {"",
					  "127.0.0.1",
					  "localhost:25",
					  "[::1]",
					  "::1:25",
					  "[127.0.0.1]:25",
					  "127.0.0.1:65536",
					  "127.0.0.1:x",
					  "203.0.113.77:0"};
	smtp_stub_open(&f->stub, NULL, false);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct conf_error err = {""};
		f->stub.smtp.listen = (struct conf_strings){&bad[i], 1};
		assert_true(smtp_server_listen(f->stub.server, &err) < 0);
		assert_non_null(strstr(err.text, bad[i]));
	}
}

static void too_many_in_all(void **state)
{
	struct fixture *f = *state;
	f->stub.limits.connections = 2;
	smtp_stub_open(&f->stub, "127.0.0.1:0", false);
	int a = dial(f), b = dial(f);
	assert_hears(f, a, "220 ");
	assert_hears(f, b, "220 ");
	int c = dial(f);
	assert_hears(f, c, "421 4.3.2 ");
	assert_hears(f, c, "");
	close(b);
	while (connections(f) == 2)
		turn(f);
	int d = dial(f);
	assert_hears(f, d, "220 ");
	assert_int_equal(smtp_server_stats(f->stub.server).refused_overload, 1);
	assert_int_equal(smtp_server_stats(f->stub.server).accepted, 3);
	close(a);
	close(c);
	close(d);
}

static void too_many_from_one_client_unless_exempt(void **state)
{
	struct fixture *f = *state;
	static const char *const networks[] = {"192.0.2.0/24", "127.0.0.0/8"};
	f->stub.limits.connections_per_client = 1;
	smtp_stub_open(&f->stub, "127.0.0.1:0", false);
	int a = dial(f), b = dial(f);
	assert_hears(f, a, "220 ");
	assert_hears(f, b, "421 4.7.0 ");
	f->stub.limits.exempt = (struct conf_strings){networks, 2};
	smtp_stub_reconfigure(&f->stub);
	int c = dial(f);
	assert_hears(f, c, "220 ");
	close(a);
	close(b);
	close(c);
}

/* A client that asks and never listens: what we keep for it is bounded, and its time too. */
static void who_does_not_read_is_waited_for_and_then_dropped(void **state)
{
	struct fixture *f = *state;
	char help[6000];
	const int small = 4096;
	f->stub.limits.commands = 0;
	f->stub.limits.write_timeout_ms = 300;
	smtp_stub_open(&f->stub, "127.0.0.1:0", false);
	for (size_t i = 0; i < sizeof(help); i++)
		help[i] = "HELP\r\n"[i % 6];
	int fd = dial(f);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	assert_hears(f, fd, "220 ");
	int64_t asked = 0;
	while (connections(f)) {
		ssize_t n = send(fd, help, sizeof(help), MSG_DONTWAIT | MSG_NOSIGNAL);
		asked += n > 0 ? n : 0;
		turn(f);
	}
	/* it was stopped by our not reading, not by its own will */
	assert_true(smtp_server_stats(f->stub.server).bytes_in < 4 << 20);
	assert_true(asked > 0);
	close(fd);
}

/* The same, but in the end it listens: every answer is there, in order. */
static void who_reads_late_gets_all(void **state)
{
	struct fixture *f = *state;
	const int small = 4096;
	char line[600];
	f->stub.limits.commands = 0;
	f->stub.limits.errors = 0;
	smtp_stub_open(&f->stub, "127.0.0.1:0", false);
	int fd = dial(f);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	assert_hears(f, fd, "220 ");
	static char asked[1000 * 12];
	size_t sent = 0;
	for (size_t i = 0; i < sizeof(asked); i++)
		asked[i] = "HELP\r\nNOOP\r\n"[i % 12];
	/* as much as goes in before we listen to the first answer, then as it goes */
	for (unsigned heard = 0; heard < sizeof(asked) / 6; heard++) {
		ssize_t n = send(fd, asked + sent, sizeof(asked) - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		if (heard == 0)
			for (int i = 0; i < 100; i++)
				uv_run(&f->loop, UV_RUN_NOWAIT);
		hear(f, fd, line, sizeof(line));
		assert_memory_equal(line, heard % 2 ? "250 " : "214 ", 4);
	}
	close(fd);
}

static void without_descriptors_it_waits_and_goes_on(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, tight;
	smtp_stub_open(&f->stub, "127.0.0.1:0", false);
	int fd = dial(f);
	int spare = open("/dev/null", O_RDONLY);
	assert_true(spare >= 0);
	getrlimit(RLIMIT_NOFILE, &before);
	tight = before;
	tight.rlim_cur = (rlim_t)spare; /* nothing above what is open */
	close(spare);
	int taken[CLIENTS_MAX];
	size_t n = 0;
	setrlimit(RLIMIT_NOFILE, &tight);
	while (n < CLIENTS_MAX && (taken[n] = open("/dev/null", O_RDONLY)) >= 0)
		n++;
	uint64_t turns = 0, until = uv_now(&f->loop) + 500;
	while (uv_now(&f->loop) < until) {
		turn(f);
		turns++;
	}
	assert_int_equal(smtp_server_stats(f->stub.server).accepted, 0);
	assert_true(turns < 50); /* it does not spin */
	setrlimit(RLIMIT_NOFILE, &before);
	while (n)
		close(taken[--n]);
	assert_hears(f, fd, "220 ");
	close(fd);
}

static void a_delivery_of_nobody_is_taken_back(void **state)
{
	struct fixture *f = *state;
	const struct rcpt_answer answer = {""};
	smtp_stub_open(&f->stub, "127.0.0.1:0", false);
	struct delivery *delivery = delivery_new();
	delivery->session_id = 4711;
	smtp_server_delivered(f->stub.server, delivery);
	smtp_server_rcpt_answered(f->stub.server, 4711, RCPT_ACCEPTED, &answer);
	assert_int_equal(smtp_server_stats(f->stub.server).messages_accepted, 1);
}

static void bad_exempt_networks_are_refused(void **state)
{
	struct fixture *f = *state;
	static const char *const networks[] = {"127.0.0.0/33"};
	smtp_stub_open(&f->stub, NULL, false);
	f->stub.limits.exempt = (struct conf_strings){networks, 1};
	const struct smtp_settings settings = {&f->stub.smtp, &f->stub.limits, &f->stub.tls, "mx.example",
					       NULL,          f->stub.spool};
	struct smtp_server *server = NULL;
	static const struct smtp_handler handler;
	assert_int_equal(smtp_server_open(&server, &f->loop, &settings, &handler, NULL), -EINVAL);
	assert_null(server);
	assert_null(smtp_server_close(NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(listens_on_several_addresses),
		TEST(an_address_that_cannot_be_is_named),
		TEST(too_many_in_all),
		TEST(too_many_from_one_client_unless_exempt),
		TEST(who_does_not_read_is_waited_for_and_then_dropped),
		TEST(who_reads_late_gets_all),
		TEST(without_descriptors_it_waits_and_goes_on),
		TEST(a_delivery_of_nobody_is_taken_back),
		TEST(bad_exempt_networks_are_refused),
	};
	signal(SIGPIPE, SIG_IGN);
	log_setup(2, LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
