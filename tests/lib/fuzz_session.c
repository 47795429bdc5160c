/*
 * The client's end of the socket pair. Deadlines never pass by themselves here: those of erring clients are made to pass at
 * once, so that no input costs time, the others when the play says so.
 */
#include "tests/lib/fuzz_session.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/log.h"
#include "smtpd/session_private.h"
#include "tests/lib/session_witness.h"
#include "tests/unit/certs/fixture.h"

#define SAID_MAX ((size_t)1 << 22)

struct player {
	int fd;
	struct tls_channel *tls; /* NULL: in clear */
	struct strbuf said;
};

static uv_loop_t loop;
static struct smtp_stub stub;
static struct tls_client *client;

/* ---- once ---- */

/* Instead of libc's: no mail here has to survive anything, and a disk would be waited for each time. */
int fsync(int fd UNUSED)
{
	return 0;
}

int fdatasync(int fd UNUSED)
{
	return 0;
}

static void close_all(void)
{
	client = tls_client_close(client);
	smtp_stub_close(&stub);
	uv_loop_close(&loop);
}

static void open_all(void)
{
	struct conf_error error;
	signal(SIGPIPE, SIG_IGN);
	log_setup(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG, false);
	uv_loop_init(&loop);
	smtp_stub_init(&stub, &loop);
	stub.limits.message_size = 4096;
	stub.limits.data_line_length = 1024;
	stub.limits.received_fields = 3;
	stub.limits.recipients = 5;
	stub.limits.errors_delay_after = 3;
	stub.limits.error_delay_ms = 1000;
	stub.smtp.bare_newline = 1;
	stub.spool_files = 1024;
	stub.later_ms = 1;
	smtp_stub_open(&stub, NULL, true);
	MUST(tls_client_open(&client, &(struct tls_client_conf){"", false, 0}, &error) == 0);
	atexit(close_all);
}

/* ---- octets ---- */

static void hear(struct player *player, struct str octets)
{
	char buf[16384];
	ssize_t n;
	if (!player->tls) {
		strbuf_add(&player->said, octets);
		return;
	}
	if (tls_channel_feed(player->tls, octets) == TLS_FAILED)
		return;
	while ((n = tls_channel_read(player->tls, buf, sizeof(buf))) > 0)
		strbuf_add(&player->said, (struct str){buf, (size_t)n});
}

static void hear_all(struct player *player)
{
	char buf[65536];
	ssize_t n;
	while ((n = recv(player->fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		hear(player, (struct str){buf, (size_t)n});
}

/* False when the server has hung up. */
static bool put(struct player *player, struct str octets)
{
	while (octets.len) {
		ssize_t n = send(player->fd, octets.ptr, octets.len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return false;
		octets = str_sub(octets, n > 0 ? (size_t)n : 0, octets.len);
		uv_run(&loop, UV_RUN_NOWAIT);
		hear_all(player);
		if (n < 0 && smtp_server_stats(stub.server).connections == 0)
			return false;
	}
	return true;
}

static bool put_tls_output(struct player *player)
{
	struct str out;
	while (tls_channel_output(player->tls, &out))
		if (!put(player, out))
			return false;
	return true;
}

static bool say(struct player *player, struct str octets)
{
	if (!player->tls)
		return put(player, octets);
	return tls_channel_write(player->tls, octets) == 0 && put_tls_output(player);
}

/* ---- deadlines ---- */

static void pass_deadlines(enum timer_class timer_class)
{
	struct list *list = &stub.server->timers[timer_class];
	while (!list_empty(list)) {
		struct smtp_session *session = CONTAINER_OF(list->head.next, struct smtp_session, timer_link);
		list_remove(&session->timer_link);
		server_enter(stub.server);
		session_timed_out(session, timer_class);
		server_leave(stub.server);
	}
}

static void step(struct player *player, uv_run_mode mode)
{
	pass_deadlines(TIMER_DELAY);
	uv_run(&loop, mode);
	pass_deadlines(TIMER_DELAY);
	hear_all(player);
}

/* ---- the play ---- */

static bool open_session(int fd)
{
	const struct policy_address address = {{0}};
	server_enter(stub.server);
	int r = session_open(stub.server, fd, &address, false);
	server_leave(stub.server);
	return r == 0;
}

static void shake_hands(struct player *player)
{
	MUST(put(player, STR("STARTTLS\r\n")));
	step(player, UV_RUN_NOWAIT);
	MUST(memmem(player->said.ptr, player->said.len, "\r\n220 2.0.0", 11));
	player->tls = tls_channel_connect(client, "mx.serveloapp.com");
	MUST(player->tls);
	for (int i = 0; i < 100 && tls_channel_write(player->tls, STR("NOOP\r\n")) < 0; i++) {
		MUST(put_tls_output(player));
		step(player, UV_RUN_NOWAIT);
	}
	strbuf_clear(&player->said);
	MUST(put_tls_output(player));
	step(player, UV_RUN_NOWAIT);
	MUST(str_eq(strbuf_str(&player->said), STR("250 2.0.0 Ok\r\n")));
	strbuf_clear(&player->said);
}

static void shut_down(struct player *player, enum fuzz_end end)
{
	if (end == FUZZ_END_LATE || end == FUZZ_END_DRAIN)
		step(player, UV_RUN_NOWAIT);
	if (end == FUZZ_END_LATE)
		for (size_t i = TIMER_NONE + 1; i < TIMER_CLASSES; i++)
			pass_deadlines((enum timer_class)i);
	if (end == FUZZ_END_DRAIN && !list_empty(&stub.server->sessions)) {
		struct smtp_session *session =
			CONTAINER_OF(stub.server->sessions.head.next, struct smtp_session, link);
		server_enter(stub.server);
		session_shutdown(session, session->state != SESSION_COMMIT && !session->waits);
		session_turn_end(session, false);
		server_leave(stub.server);
	}
	if (end == FUZZ_END_GONE)
		shutdown(player->fd, SHUT_RDWR);
	else
		shutdown(player->fd, SHUT_WR);
}

static void play_all(struct player *player, const struct fuzz_play *play)
{
	size_t n = play->step ? play->step : play->octets.len;
	if (play->tls)
		shake_hands(player);
	for (size_t at = 0; at < play->octets.len; at += n) {
		if (!say(player, str_sub(play->octets, at, at + n)))
			break;
		step(player, UV_RUN_NOWAIT);
	}
	shut_down(player, play->end);
	while (smtp_server_stats(stub.server).connections) {
		smtp_stub_release(&stub);
		step(player,
		     UV_RUN_NOWAIT); /* a deadline that passed may have come upon the next thing to release */
	}
	while (stub.under_way)
		uv_run(&loop, UV_RUN_ONCE);
	smtp_stub_release(&stub);
	hear_all(player);
}

void fuzz_session(const struct fuzz_play *play)
{
	struct player player = {.fd = -1};
	int fds[2];
	if (!stub.server)
		open_all();
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	player.fd = fds[1];
	strbuf_init(&player.said, SAID_MAX);
	MUST(open_session(fds[0]));
	play_all(&player, play);
	const struct witnessed seen = {.sent = play->octets,
				       .said = strbuf_str(&player.said),
				       .greeting = !play->tls,
				       .tls = play->tls,
				       .cut = play->end != FUZZ_END_HALF,
				       .late = play->end >= FUZZ_END_LATE};
	session_witness(&stub, &seen);
	MUST(spool_stats(stub.spool).mails == 0);
	smtp_stub_forget(&stub);
	tls_channel_free(player.tls);
	strbuf_done(&player.said);
	close(fds[1]);
}
