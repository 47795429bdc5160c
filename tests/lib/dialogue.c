/*
 * The player: client and server share one loop and one thread, so nothing is ever waited for by the clock: the
 * loop runs until what is expected is there, and a guard of 5 seconds turns "never" into a failure.
 */
#include "tests/lib/dialogue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "certs/tls_channel.h"
#include "tests/unit/certs/fixture.h"

#define GUARD_MS 5000

enum mode { PLAIN, SPLIT, TLS, MODES };
static const char *const mode_names[MODES] = {"plain", "split", "tls"};

struct step {
	struct str word, text;
	unsigned line;
};

struct dialogue {
	struct str name;
	struct step steps[200];
	size_t n;
	bool modes[MODES];
};

struct player {
	uv_loop_t loop;
	uv_poll_t poll;
	uv_timer_t guard;
	struct smtp_stub stub;
	enum mode mode;
	int fd;
	bool eof, late, drained, ehlo, tls_open;
	struct strbuf in;    /* what the server said and we have not looked at */
	struct strbuf out;   /* what we will send with the next step that is no C */
	struct strbuf reply; /* the last one */
	struct tls_client *tls_client;
	struct tls_channel *tls;
	char failure[600];
};

#define OPTION(name)                                      \
	{                                                 \
#name, offsetof(struct limits_conf, name) \
	}
static const struct {
	const char *name;
	size_t offset;
} options[] = {
	OPTION(message_size),
	OPTION(connections),
	OPTION(connections_per_client),
	OPTION(connections_per_network),
	OPTION(connections_per_block),
	OPTION(recipients),
	OPTION(commands),
	OPTION(errors),
	OPTION(unknown_recipients),
	OPTION(errors_delay_after),
	OPTION(error_delay_ms),
	OPTION(transactions),
	OPTION(line_length),
	OPTION(data_line_length),
	OPTION(received_fields),
	OPTION(greeting_timeout_ms),
	OPTION(command_timeout_ms),
	OPTION(data_timeout_ms),
	OPTION(data_total_timeout_ms),
	OPTION(write_timeout_ms),
	OPTION(stress_timeout_ms),
	OPTION(stress_percent),
	OPTION(data_rate_min),
};

bool dialogue_set(struct smtp_stub *stub, struct str name, int64_t value)
{
	if (str_eq(name, STR("bare_newline"))) {
		stub->smtp.bare_newline = (int)value;
		return true;
	}
	if (str_eq(name, STR("handshake_timeout_ms"))) {
		stub->tls.handshake_timeout_ms = value;
		return true;
	}
	if (str_eq(name, STR("spool_files"))) {
		stub->spool_files = (int)value;
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (!str_eq(name, str_from(options[i].name)))
			continue;
		memcpy((char *)&stub->limits + options[i].offset, &value, sizeof(value));
		return true;
	}
	return false;
}

/* ---- reading the file */

static unsigned hex_digit(char c)
{
	return ascii_digit(c) ? (unsigned)(c - '0') : (unsigned)(ascii_lower(c) - 'a' + 10);
}

static size_t unescape_one(struct str text, struct strbuf *out)
{
	static const char codes[][2] = {{'r', '\r'}, {'n', '\n'}, {'t', '\t'}, {'0', '\0'}, {'\\', '\\'}};
	if (text.len >= 4 && text.ptr[1] == 'x') {
		strbuf_addc(out, (char)(hex_digit(text.ptr[2]) << 4 | hex_digit(text.ptr[3])));
		return 4;
	}
	for (size_t i = 0; text.len >= 2 && i < ARRAY_SIZE(codes); i++) {
		if (codes[i][0] == text.ptr[1]) {
			strbuf_addc(out, codes[i][1]);
			return 2;
		}
	}
	strbuf_addc(out, text.ptr[0]);
	return 1;
}

static void unescape(struct str text, struct strbuf *out)
{
	for (size_t i = 0; i < text.len;) {
		struct str rest = str_sub(text, i, text.len);
		if (rest.ptr[0] == '\\') {
			i += unescape_one(rest, out);
		} else if (str_starts(rest, STR("{{"))) {
			const char *end = memmem(rest.ptr, rest.len, "}}", 2);
			char *number_end;
			MUST(end);
			long n = strtol(rest.ptr + 2, &number_end, 10);
			struct str inner = {number_end + 1, (size_t)(end - number_end - 1)};
			for (long k = 0; k < n; k++)
				unescape(inner, out);
			i += (size_t)(end + 2 - rest.ptr);
		} else {
			strbuf_addc(out, text.ptr[i++]);
		}
	}
}

/* "C: text", "MAILS 3", "TLS" */
static struct step parse_step(struct str line, unsigned number)
{
	size_t at = str_find(line, ' ');
	return (struct step){str_sub(line, 0, at), str_sub(line, at + 1, line.len), number};
}

static void read_modes(struct dialogue *dialogue, struct str text)
{
	for (size_t i = 0; i < MODES; i++)
		dialogue->modes[i] = memmem(text.ptr, text.len, mode_names[i], strlen(mode_names[i])) != NULL;
}

/* The next dialogue off the front of *in; false at the end. */
static bool read_dialogue(struct str *in, unsigned *number, struct dialogue *ret)
{
	bool begun = false;
	memset(ret, 0, sizeof(*ret));
	ret->modes[PLAIN] = ret->modes[SPLIT] = ret->modes[TLS] = true;
	while (in->len) {
		size_t at = str_find(*in, '\n');
		struct str line = str_sub(*in, 0, at);
		bool name = str_starts(line, STR("= "));
		if (name && begun)
			return true;
		*in = str_sub(*in, at + 1, in->len);
		++*number;
		if (name)
			ret->name = str_sub(line, 2, line.len);
		else if (str_starts(line, STR("modes ")))
			read_modes(ret, line);
		else if (line.len && line.ptr[0] != '#') {
			MUST(begun && ret->n < ARRAY_SIZE(ret->steps));
			ret->steps[ret->n++] = parse_step(line, *number);
		}
		begun = begun || name;
	}
	return begun;
}

/* ---- the client's side */

static void fail(struct player *player, const char *what, struct str wanted, struct str got)
{
	if (!player->failure[0])
		snprintf(player->failure, sizeof(player->failure), "%s: wanted \"%.*s\", got \"%.*s\"", what,
			 wanted.len > 200 ? 200 : (int)wanted.len, wanted.ptr,
			 got.len > 200 ? 200 : (int)got.len, got.ptr);
}

static void take_plaintext(struct player *player)
{
	char buf[4096];
	ssize_t n;
	while ((n = tls_channel_read(player->tls, buf, sizeof(buf))) > 0)
		strbuf_add(&player->in, (struct str){buf, (size_t)n});
}

static void flush_tls(struct player *player)
{
	struct str out;
	while (tls_channel_output(player->tls, &out))
		if (send(player->fd, out.ptr, out.len, MSG_NOSIGNAL) != (ssize_t)out.len)
			player->eof = true;
}

static void on_readable(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct player *player = CONTAINER_OF(poll, struct player, poll);
	char buf[4096];
	ssize_t n = recv(player->fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		player->eof = true;
		uv_poll_stop(poll);
		return;
	}
	if (!player->tls) {
		strbuf_add(&player->in, (struct str){buf, (size_t)n});
		return;
	}
	enum tls_event event = tls_channel_feed(player->tls, (struct str){buf, (size_t)n});
	player->tls_open = event == TLS_OPEN;
	if (event == TLS_OPEN)
		take_plaintext(player);
	if (event == TLS_FAILED || event == TLS_CLOSED) {
		player->eof = true;
		uv_poll_stop(poll);
		return;
	}
	flush_tls(player);
}

static void on_guard(uv_timer_t *timer)
{
	CONTAINER_OF(timer, struct player, guard)->late = true;
}

static void send_all(struct player *player, struct str octets)
{
	if (player->tls) {
		if (tls_channel_write(player->tls, octets) == 0)
			flush_tls(player);
		return;
	}
	while (octets.len && !player->eof) {
		size_t len = player->mode == SPLIT ? 1 : octets.len;
		ssize_t n = send(player->fd, octets.ptr, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			return; /* closed: the next S will say so */
		octets = str_sub(octets, n > 0 ? (size_t)n : 0, octets.len);
		uv_run(&player->loop, UV_RUN_NOWAIT);
	}
}

static void flush(struct player *player)
{
	struct strbuf out = player->out;
	strbuf_init(&player->out, out.len_max);
	if (out.len)
		send_all(player, strbuf_str(&out));
	strbuf_done(&out);
}

/* What is true of every line that we say. */
static bool line_is_good(const struct player *player, struct str line, bool first)
{
	bool ok = line.len >= 4 && line.len <= 510 && (line.ptr[3] == ' ' || line.ptr[3] == '-');
	for (size_t i = 0; i < line.len; i++)
		ok = ok && line.ptr[i] >= 0x20 && line.ptr[i] < 0x7f;
	bool enhanced = line.len > 9 && line.ptr[4] == line.ptr[0] && line.ptr[5] == '.';
	return ok && (enhanced || player->ehlo || str_starts(line, STR("354")) ||
		      (first && str_starts(line, STR("220"))));
}

/* Moves one reply from in to reply; false when it is not whole. */
static bool take_reply(struct player *player)
{
	struct str in = strbuf_str(&player->in);
	size_t used = 0;
	for (;;) {
		struct str rest = str_sub(in, used, in.len);
		const char *end = memmem(rest.ptr, rest.len, "\r\n", 2);
		if (!end)
			return false;
		struct str line = {rest.ptr, (size_t)(end - rest.ptr)};
		used += line.len + 2;
		if (!line_is_good(player, line, player->reply.len_max == 0))
			fail(player, "malformed", STR("a reply"), line);
		if (line.len < 4 || line.ptr[3] != '-')
			break;
	}
	strbuf_done(&player->reply);
	strbuf_init(&player->reply, 1 << 20);
	strbuf_add(&player->reply, str_sub(in, 0, used));
	strbuf_consume(&player->in, used);
	return true;
}

static void run_until(struct player *player, bool (*there)(struct player *player))
{
	player->late = false;
	uv_timer_start(&player->guard, on_guard, GUARD_MS, 0);
	while (!there(player) && !player->late)
		uv_run(&player->loop, UV_RUN_ONCE);
	uv_timer_stop(&player->guard);
}

static bool reply_or_end(struct player *player)
{
	return player->eof || memmem(player->in.ptr ? player->in.ptr : "", player->in.len, "\n", 1) != NULL;
}

static bool has_ended(struct player *player)
{
	return player->eof;
}

static bool tls_is_open(struct player *player)
{
	return player->eof || player->tls_open;
}

static bool has_drained(struct player *player)
{
	return player->drained;
}

static bool read_reply(struct player *player)
{
	struct strbuf *in = &player->in;
	while (!take_reply(player)) {
		size_t before = in->len;
		run_until(player, reply_or_end);
		if (player->late || (player->eof && in->len == before && !take_reply(player))) {
			fail(player, player->late ? "no reply" : "closed", STR("a reply"), strbuf_str(in));
			return false;
		}
		if (player->eof && in->len == 0)
			return true;
	}
	return true;
}

/* The beginning of the last line of the last reply. */
static struct str last_line(const struct player *player)
{
	struct str reply = strbuf_str(&player->reply);
	size_t begin = reply.len > 2 ? reply.len - 2 : 0;
	while (begin > 0 && reply.ptr[begin - 1] != '\n')
		begin--;
	return str_sub(reply, begin, reply.len - 2);
}

static bool holds(struct str hay, struct str needle)
{
	return needle.len == 0 || memmem(hay.ptr, hay.len, needle.ptr, needle.len) != NULL;
}

/* ---- the steps */

static void step_expect(struct player *player, struct str text)
{
	if (read_reply(player) && !str_starts(last_line(player), text))
		fail(player, "reply", text, last_line(player));
	player->ehlo = false;
}

static void step_holds(struct player *player, struct str text)
{
	if (!holds(strbuf_str(&player->reply), text))
		fail(player, "reply holds", text, strbuf_str(&player->reply));
}

static void step_holds_not(struct player *player, struct str text)
{
	if (holds(strbuf_str(&player->reply), text))
		fail(player, "reply holds not", text, strbuf_str(&player->reply));
}

static void step_tls(struct player *player, struct str text UNUSED)
{
	player->tls = tls_channel_connect(player->tls_client, "mx.serveloapp.com");
	flush_tls(player);
	run_until(player, tls_is_open);
	if (player->eof || player->late)
		fail(player, "TLS", STR("open"), str_from(tls_channel_error(player->tls)));
}

static void step_closed(struct player *player, struct str text UNUSED)
{
	run_until(player, has_ended);
	if (!player->eof || player->in.len)
		fail(player, "closed", STR("nothing more"), strbuf_str(&player->in));
}

static void step_eof(struct player *player, struct str text UNUSED)
{
	shutdown(player->fd, SHUT_WR);
}

static void hang_up(struct player *player)
{
	uv_poll_stop(&player->poll);
	if (player->fd >= 0)
		close(player->fd);
	player->fd = -1;
	player->eof = true;
}

static bool alone(struct player *player)
{
	return smtp_server_stats(player->stub.server).connections == 0;
}

/* With a reset: the server notices at once, also where it would wait for what we have to say. */
static void step_abort(struct player *player, struct str text UNUSED)
{
	const struct linger reset = {1, 0};
	setsockopt(player->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	hang_up(player);
	run_until(player, alone);
	if (player->late)
		fail(player, "abort", STR("no session"), STR("a session"));
	strbuf_clear(&player->in);
}

static bool something_held(struct player *player)
{
	return player->stub.held_session || player->stub.kept;
}

static void step_held(struct player *player, struct str text UNUSED)
{
	run_until(player, something_held);
	if (!something_held(player))
		fail(player, "held", STR("something"), STR("nothing"));
}

static void step_release(struct player *player, struct str text UNUSED)
{
	run_until(player, something_held);
	if (!smtp_stub_release(&player->stub))
		fail(player, "release", STR("something held"), STR("nothing"));
}

static void on_drained(void *ctx)
{
	((struct player *)ctx)->drained = true;
}

static void step_drain(struct player *player, struct str text)
{
	smtp_server_drain(player->stub.server, atoi(text.ptr), on_drained, player);
}

static void step_drained(struct player *player, struct str text UNUSED)
{
	run_until(player, has_drained);
	if (!player->drained)
		fail(player, "drained", STR("yes"), STR("no"));
}

static const struct stub_mail *last_mail(struct player *player)
{
	static const struct stub_mail none = {"", "", "", "", 0, "", BODY_7BIT};
	return player->stub.mails_n ? &player->stub.mails[player->stub.mails_n - 1] : &none;
}

static void compare(struct player *player, const char *what, struct str wanted, struct str got)
{
	if (!str_eq(wanted, got))
		fail(player, what, wanted, got);
}

static void step_mails(struct player *player, struct str text)
{
	char n[24];
	snprintf(n, sizeof(n), "%zu", player->stub.mails_n);
	compare(player, "mails", text, str_from(n));
}

static void step_data(struct player *player, struct str text)
{
	compare(player, "data", text, (struct str){last_mail(player)->data, last_mail(player)->size});
}

static void step_from(struct player *player, struct str text)
{
	compare(player, "from", text, str_from(last_mail(player)->from));
}

static void step_to(struct player *player, struct str text)
{
	compare(player, "to", text, str_from(last_mail(player)->to));
}

static void step_protocol(struct player *player, struct str text)
{
	compare(player, "protocol", text, str_from(last_mail(player)->protocol));
}

static void step_trace(struct player *player, struct str text)
{
	if (!holds(str_from(last_mail(player)->trace), text))
		fail(player, "trace", text, str_from(last_mail(player)->trace));
}

static void step_refused(struct player *player, struct str text)
{
	compare(player, "refused", text, str_from(player->stub.refused));
}

static void step_set(struct player *player, struct str text)
{
	struct step option = parse_step(text, 0);
	char value[32];
	snprintf(value, sizeof(value), "%.*s", STR_ARG(option.text));
	MUST(dialogue_set(&player->stub, option.word, atoll(value)));
	smtp_stub_reconfigure(&player->stub);
}

static const struct {
	struct str word;
	void (*run)(struct player *player, struct str text);
} words[] = {
	{STR_INIT("S:"), step_expect},         {STR_INIT("S~"), step_holds},
	{STR_INIT("S!"), step_holds_not},      {STR_INIT("TLS"), step_tls},
	{STR_INIT("CLOSED"), step_closed},     {STR_INIT("EOF"), step_eof},
	{STR_INIT("ABORT"), step_abort},       {STR_INIT("RELEASE"), step_release},
	{STR_INIT("DRAIN"), step_drain},       {STR_INIT("DRAINED"), step_drained},
	{STR_INIT("MAILS"), step_mails},       {STR_INIT("DATA"), step_data},
	{STR_INIT("FROM"), step_from},         {STR_INIT("TO"), step_to},
	{STR_INIT("PROTOCOL"), step_protocol}, {STR_INIT("TRACE"), step_trace},
	{STR_INIT("REFUSED"), step_refused},   {STR_INIT("set"), step_set},
	{STR_INIT("HELD"), step_held},
};

static void run_step(struct player *player, const struct step *step)
{
	struct strbuf text;
	bool line = str_eq(step->word, STR("C:"));
	if (line || str_eq(step->word, STR("C>"))) {
		unescape(step->text, &player->out);
		player->ehlo = player->ehlo || (line && str_istarts(step->text, STR("EHLO"))) ||
			       (line && str_istarts(step->text, STR("HELO")));
		if (line)
			strbuf_adds(&player->out, "\r\n");
		return;
	}
	flush(player);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!str_eq(words[i].word, step->word))
			continue;
		strbuf_init(&text, 64 << 20);
		unescape(step->text, &text);
		words[i].run(player, strbuf_str(&text));
		strbuf_done(&text);
		return;
	}
	fail(player, "step", STR("a known word"), step->word);
}

/* ---- one dialogue */

static void connect_to(struct player *player)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)smtp_stub_port(&player->stub)),
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};
	const int on = 1;
	player->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(player->fd >= 0 && connect(player->fd, (struct sockaddr *)&sa, sizeof(sa)) == 0);
	setsockopt(player->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	uv_poll_init(&player->loop, &player->poll, player->fd);
	uv_poll_start(&player->poll, UV_READABLE, on_readable);
}

static void prologue(struct player *player)
{
	static const struct step in_tls[] = {
		{STR_INIT("C:"), STR_INIT("EHLO first.example"), 0},
		{STR_INIT("S:"), STR_INIT("250"), 0},
		{STR_INIT("C:"), STR_INIT("STARTTLS"), 0},
		{STR_INIT("S:"), STR_INIT("220 2.0.0"), 0},
		{STR_INIT("TLS"), STR_INIT(""), 0},
	};
	connect_to(player);
	step_expect(player, STR("220 mx.serveloapp.com"));
	for (size_t i = 0; player->mode == TLS && i < ARRAY_SIZE(in_tls); i++)
		run_step(player, &in_tls[i]);
}

static void play(const char *path, const struct dialogue *dialogue, enum mode mode, int *failures)
{
	struct player player = {.mode = mode};
	const struct tls_client_conf tls_conf = {"", false, 0};
	struct conf_error err = {""};
	size_t i = 0;
	uv_loop_init(&player.loop);
	uv_timer_init(&player.loop, &player.guard);
	strbuf_init(&player.in, 1 << 20);
	strbuf_init(&player.out, 64 << 20);
	MUST(tls_client_open(&player.tls_client, &tls_conf, &err) == 0);
	smtp_stub_init(&player.stub, &player.loop);
	/* settings in front of the first step are there when the client comes */
	smtp_stub_open(&player.stub, "127.0.0.1:0", true);
	for (; i < dialogue->n && str_eq(dialogue->steps[i].word, STR("set")); i++)
		run_step(&player, &dialogue->steps[i]);
	prologue(&player);
	for (; i < dialogue->n && !player.failure[0]; i++)
		run_step(&player, &dialogue->steps[i]);
	flush(&player);
	if (player.in.len)
		fail(&player, "at the end", STR("nothing more"), strbuf_str(&player.in));
	if (player.failure[0]) {
		fprintf(stderr, "%s:%u: [%s] %.*s: %s\n", path, i ? dialogue->steps[i - 1].line : 0,
			mode_names[mode], STR_ARG(dialogue->name), player.failure);
		++*failures;
	}
	hang_up(&player);
	uv_close((uv_handle_t *)&player.poll, NULL);
	uv_close((uv_handle_t *)&player.guard, NULL);
	smtp_stub_close(&player.stub);
	tls_channel_free(player.tls);
	tls_client_close(player.tls_client);
	strbuf_done(&player.in);
	strbuf_done(&player.out);
	strbuf_done(&player.reply);
	MUST(uv_loop_close(&player.loop) == 0);
}

int dialogue_play_file(const char *path, unsigned *ret_played)
{
	struct strbuf text;
	struct dialogue *dialogue = XNEW(struct dialogue);
	int failures = 0;
	unsigned line = 0;
	FILE *file = fopen(path, "r");
	MUST(file);
	strbuf_init(&text, 1 << 20);
	char *room = strbuf_reserve(&text, 1 << 19);
	text.len += fread(room, 1, 1 << 19, file);
	fclose(file);
	struct str in = strbuf_str(&text);
	while (read_dialogue(&in, &line, dialogue)) {
		for (int mode = 0; mode < MODES; mode++) {
			if (!dialogue->modes[mode])
				continue;
			play(path, dialogue, (enum mode)mode, &failures);
			++*ret_played;
		}
	}
	free(dialogue);
	strbuf_done(&text);
	return failures;
}
