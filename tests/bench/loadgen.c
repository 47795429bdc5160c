/*
 * SMTP load, the same for every server, with the time of each final reply.
 *
 *	loadgen [options] HOST:PORT
 *		-F FILE		the mail; LF becomes CRLF, leading dots are stuffed
 *		-f ADDRESS	reverse-path
 *		-t ADDRESS	forward-path; with -N K it gets a number in front, 1 to K in turn, as smtp-source -N
 *		-s N		connections at once (1)
 *		-m N		mails in all (1)
 *		-d N		mails per connection (1; 0: no end)
 *		-r RATE		mails per second at most, evenly; 0: as fast as the server answers
 *		-T		STARTTLS, TLS 1.3; -u resumes sessions
 *		-H		handshakes instead of mails: hello, STARTTLS, hello, QUIT
 *		-i		idle connections: all opened and past EHLO; then "idle N", until standard input ends
 *
 * One thread, epoll, no pipelining: each command waits for its reply, as smtp-source does. Every mail gets a
 * Message-ID of its own in place of the one in the file, so each must become a ticket. Standard output is one
 * JSON object. The first reply that is not the expected one ends the program with status 1: a run in which mail
 * was refused measures nothing.
 *
 * A connection goes down the enum from CONNECTING; STARTTLS leads back to HELLO, a final reply to MAIL or QUIT.
 * A latency is the time from the moment the last octet of mail data was handed to the kernel to the final reply.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/base.h"

#define REPLY_SIZE  4096
#define TEXT_SIZE   512
#define RECORD_SIZE 16384
#define PIECES      3

enum state { FREE, CONNECTING, GREETING, HELLO, STARTTLS, HANDSHAKE, MAIL, RCPT, DATA, CONTENT, QUIT };

struct connection {
	enum state state;
	int fd;
	SSL *ssl;
	bool waits_to_write, idle;
	uint64_t number; /* of the mail under way */
	uint64_t mails;  /* taken on this connection */
	int64_t sent_us;
	size_t reply_len;
	struct str pieces[PIECES]; /* what is still to be written */
	char reply[REPLY_SIZE], text[TEXT_SIZE];
};

static struct {
	struct sockaddr_in address;
	const char *reverse_path, *forward_path;
	uint64_t numbers, connections, mails, per_connection;
	double rate;
	bool tls, resume, handshakes, idle;
} options = {.reverse_path = "jane@example.net",
	     .forward_path = "acme@serveloapp.com",
	     .connections = 1,
	     .mails = 1,
	     .per_connection = 1};

static int epoll_fd;
static SSL_CTX *tls_ctx;
static SSL_SESSION *tls_session;
static struct str head, tail; /* the mail before and behind its Message-ID */
static char run_id[32];
static uint64_t begun, finished, opened, idle_n, late;
static int64_t started_us;
static uint32_t *latencies_us;

static void open_connection(struct connection *c);
static void close_connection(struct connection *c);
static void on_reply(struct connection *c);
static void flush_output(struct connection *c);

static int64_t now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("loadgen: ", stderr);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

/* ---- the mail */

/* RFC 5321 4.5.2 and 2.3.8: what goes over the wire, with the end of mail data. */
static char *wire_form(const char *bytes, size_t n, size_t *ret_n)
{
	char *wire = xmalloc(2 * n + 8);
	size_t len = 0;
	for (size_t i = 0; i < n; i++) {
		bool line_start = i == 0 || bytes[i - 1] == '\n';
		if (line_start && bytes[i] == '.')
			wire[len++] = '.';
		if (bytes[i] == '\n' && (i == 0 || bytes[i - 1] != '\r'))
			wire[len++] = '\r';
		wire[len++] = bytes[i];
	}
	if (len < 2 || memcmp(wire + len - 2, "\r\n", 2) != 0) {
		memcpy(wire + len, "\r\n", 2);
		len += 2;
	}
	memcpy(wire + len, ".\r\n", 3);
	*ret_n = len + 3;
	return wire;
}

/* Splits the wire form around the Message-ID of its header section; without one it gets a field on top. */
static void split_at_message_id(char *wire, size_t n)
{
	static const char field[] = "\r\nMessage-ID: <";
	char *end = memmem(wire, n, "\r\n\r\n", 4);
	size_t header = end ? (size_t)(end - wire) : n;
	char *at = memmem(wire, header, field, sizeof(field) - 1);
	char *close = at ? memchr(at, '>', n - (size_t)(at - wire)) : NULL;
	if (close) {
		head = (struct str){wire, (size_t)(at - wire) + sizeof(field) - 1};
		tail = (struct str){close, n - (size_t)(close - wire)};
		return;
	}
	char *copy = xmalloc(n + 3);
	memcpy(copy, ">\r\n", 3);
	memcpy(copy + 3, wire, n);
	head = STR("Message-ID: <");
	tail = (struct str){copy, n + 3};
}

static void load_mail(const char *path)
{
	FILE *file = fopen(path, "rb");
	if (!file || fseek(file, 0, SEEK_END) < 0)
		die("%s: %s", path, strerror(errno));
	size_t size = (size_t)ftell(file), n;
	char *bytes = xmalloc(size + 1);
	rewind(file);
	if (fread(bytes, 1, size, file) != size)
		die("%s: can't be read", path);
	fclose(file);
	char *wire = wire_form(bytes, size, &n);
	free(bytes);
	split_at_message_id(wire, n);
}

/* ---- writing */

static ssize_t write_tls(struct connection *c)
{
	static char record[RECORD_SIZE];
	size_t n = 0;
	for (size_t i = 0; i < PIECES && n < sizeof(record); i++) {
		size_t part = c->pieces[i].len;
		if (part > sizeof(record) - n)
			part = sizeof(record) - n;
		if (part > 0)
			memcpy(record + n, c->pieces[i].ptr, part);
		n += part;
	}
	int r = SSL_write(c->ssl, record, (int)n);
	if (r > 0)
		return r;
	int error = SSL_get_error(c->ssl, r);
	if (error != SSL_ERROR_WANT_WRITE && error != SSL_ERROR_WANT_READ)
		die("TLS: can't write");
	errno = EAGAIN;
	return -1;
}

static ssize_t write_some(struct connection *c)
{
	struct iovec iov[PIECES];
	int n = 0;
	if (c->ssl)
		return write_tls(c);
	for (size_t i = 0; i < PIECES; i++)
		if (c->pieces[i].len > 0)
			iov[n++] = (struct iovec){(void *)(uintptr_t)c->pieces[i].ptr, c->pieces[i].len};
	return writev(c->fd, iov, n);
}

static size_t left_to_write(const struct connection *c)
{
	size_t left = 0;
	for (size_t i = 0; i < PIECES; i++)
		left += c->pieces[i].len;
	return left;
}

static void written(struct connection *c, size_t n)
{
	for (size_t i = 0; i < PIECES; i++) {
		size_t part = n < c->pieces[i].len ? n : c->pieces[i].len;
		c->pieces[i].ptr += part;
		c->pieces[i].len -= part;
		n -= part;
	}
}

static void want_write(struct connection *c, bool want)
{
	if (c->waits_to_write == want)
		return;
	c->waits_to_write = want;
	struct epoll_event event = {.events = EPOLLIN | (want ? EPOLLOUT : 0U), .data.ptr = c};
	epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static void flush_output(struct connection *c)
{
	while (left_to_write(c) > 0) {
		ssize_t n = write_some(c);
		if (n < 0 && errno == EAGAIN) {
			want_write(c, true);
			return;
		}
		if (n < 0)
			die("write: %s", strerror(errno));
		written(c, (size_t)n);
	}
	want_write(c, false);
	if (c->state == CONTENT)
		c->sent_us = now_us();
}

__attribute__((format(printf, 3, 4))) static void command(struct connection *c, enum state state,
							  const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(c->text, sizeof(c->text), format, args);
	va_end(args);
	c->state = state;
	c->pieces[0] = (struct str){c->text, (size_t)n};
	flush_output(c);
}

/* ---- the dialogue */

static void send_content(struct connection *c)
{
	int n = snprintf(c->text, sizeof(c->text), "%llu.%s@bench.example.net", (unsigned long long)c->number,
			 run_id);
	c->state = CONTENT;
	c->pieces[0] = head;
	c->pieces[1] = (struct str){c->text, (size_t)n};
	c->pieces[2] = tail;
	flush_output(c);
}

static bool due(void)
{
	if (begun >= options.mails)
		return false;
	return options.rate <= 0 || (double)(now_us() - started_us) >= (double)begun * 1e6 / options.rate;
}

/* The next mail on this connection, or its end, or it waits for its time. */
static void next_mail(struct connection *c)
{
	if (begun >= options.mails || (options.per_connection > 0 && c->mails >= options.per_connection)) {
		command(c, QUIT, "QUIT\r\n");
		return;
	}
	c->idle = !due();
	if (c->idle)
		return;
	c->number = ++begun;
	command(c, MAIL, "MAIL FROM:<%s>\r\n", options.reverse_path);
}

static void after_hello(struct connection *c)
{
	if (options.tls && !c->ssl) {
		command(c, STARTTLS, "STARTTLS\r\n");
	} else if (options.idle) {
		c->state = MAIL;
		idle_n++;
	} else if (options.handshakes) {
		command(c, QUIT, "QUIT\r\n");
	} else if (c->number > 0) { /* it was opened for this one */
		command(c, MAIL, "MAIL FROM:<%s>\r\n", options.reverse_path);
	} else {
		next_mail(c);
	}
}

static void handshake(struct connection *c)
{
	int r = SSL_do_handshake(c->ssl);
	if (r == 1) {
		want_write(c, false);
		command(c, HELLO, "EHLO client.example.net\r\n");
		return;
	}
	int error = SSL_get_error(c->ssl, r);
	if (error == SSL_ERROR_WANT_WRITE)
		want_write(c, true);
	else if (error != SSL_ERROR_WANT_READ)
		die("TLS handshake: %s", ERR_reason_error_string(ERR_peek_last_error()));
}

static void start_tls(struct connection *c)
{
	c->state = HANDSHAKE;
	c->ssl = SSL_new(tls_ctx);
	SSL_set_fd(c->ssl, c->fd);
	SSL_set_connect_state(c->ssl);
	if (options.resume && tls_session)
		SSL_set_session(c->ssl, tls_session);
	handshake(c);
}

static void send_rcpt(struct connection *c)
{
	if (options.numbers > 0)
		command(c, RCPT, "RCPT TO:<%llu%s>\r\n",
			(unsigned long long)((c->number - 1) % options.numbers + 1), options.forward_path);
	else
		command(c, RCPT, "RCPT TO:<%s>\r\n", options.forward_path);
}

static void on_final_reply(struct connection *c)
{
	int64_t us = now_us() - c->sent_us;
	latencies_us[finished++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
	c->mails++;
	c->number = 0;
	next_mail(c);
}

static void on_reply(struct connection *c)
{
	static const char *const wanted[] = {
		[GREETING] = "220", [HELLO] = "250", [STARTTLS] = "220", [MAIL] = "250",
		[RCPT] = "250",     [DATA] = "354",  [CONTENT] = "250",  [QUIT] = "221",
	};
	if (strncmp(c->reply, wanted[c->state], 3) != 0)
		die("in place of %s: %.200s", wanted[c->state], c->reply);
	switch (c->state) {
	case GREETING:
		command(c, HELLO, "EHLO client.example.net\r\n");
		break;
	case HELLO:
		after_hello(c);
		break;
	case STARTTLS:
		start_tls(c);
		break;
	case MAIL:
		send_rcpt(c);
		break;
	case RCPT:
		command(c, DATA, "DATA\r\n");
		break;
	case DATA:
		send_content(c);
		break;
	case CONTENT:
		on_final_reply(c);
		break;
	default:
		if (options.handshakes)
			finished++;
		close_connection(c);
	}
}

/* ---- reading */

/* The first complete reply (its last line has no hyphen behind the code) is left at the start of c->reply. */
static bool take_reply(struct connection *c, size_t *ret_len)
{
	char *line = c->reply, *end = c->reply + c->reply_len, *newline;
	while ((newline = memchr(line, '\n', (size_t)(end - line)))) {
		if (newline - line < 4 || line[3] != '-') {
			*ret_len = (size_t)(newline + 1 - c->reply);
			return true;
		}
		line = newline + 1;
	}
	if (c->reply_len == REPLY_SIZE)
		die("a reply without end");
	return false;
}

static ssize_t read_some(struct connection *c)
{
	char *to = c->reply + c->reply_len;
	size_t space = REPLY_SIZE - c->reply_len;
	if (!c->ssl)
		return recv(c->fd, to, space, 0);
	int r = SSL_read(c->ssl, to, (int)space);
	if (r > 0)
		return r;
	int error = SSL_get_error(c->ssl, r);
	errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
	return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

static void on_readable(struct connection *c)
{
	size_t len;
	do { /* a record that TLS has read already makes no second event */
		ssize_t n = read_some(c);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			die("the server closed the connection (state %d)", (int)c->state);
		c->reply_len += (size_t)n;
	} while (!take_reply(c, &len));
	if (len != c->reply_len)
		die("two replies to one command");
	c->reply[len - 1] = '\0';
	c->reply_len = 0;
	on_reply(c);
}

/* ---- connections */

static int connect_to_server(void)
{
	for (int tries = 0;; tries++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
		if (fd < 0)
			die("socket: %s", strerror(errno));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		/* On loopback a connect is done when it returns; a full listen queue makes it wait, as it should. */
		if (connect(fd, (struct sockaddr *)&options.address, sizeof(options.address)) == 0) {
			fcntl(fd, F_SETFL, O_NONBLOCK);
			return fd;
		}
		if (errno != EADDRNOTAVAIL || tries == 100)
			die("connect: %s", strerror(errno));
		close(fd);
		usleep(10000);
	}
}

static void open_connection(struct connection *c)
{
	*c = (struct connection){.fd = connect_to_server(), .state = GREETING};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0)
		die("epoll: %s", strerror(errno));
	opened++;
}

static void close_connection(struct connection *c)
{
	SSL_free(c->ssl);
	close(c->fd);
	c->ssl = NULL;
	c->state = FREE;
}

static void on_event(struct connection *c, uint32_t events)
{
	if (c->state == HANDSHAKE) {
		handshake(c);
		return;
	}
	if (c->waits_to_write && (events & EPOLLOUT))
		flush_output(c);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		on_readable(c);
}

/* Whoever has nothing to do gets the next mail, when its time has come. */
static void give_work(struct connection *connections)
{
	for (size_t i = 0; i < options.connections; i++) {
		struct connection *c = &connections[i];
		if (!due())
			return;
		if (c->state == FREE) {
			open_connection(c);
			c->number = ++begun;
		} else if (c->idle) {
			next_mail(c);
		}
	}
	late += options.rate > 0 && due();
}

/* Those that wait for their time while there is nothing left to send say good-bye. */
static void dismiss(struct connection *connections)
{
	for (size_t i = 0; i < options.connections; i++) {
		if (connections[i].state != FREE && connections[i].idle) {
			connections[i].idle = false;
			next_mail(&connections[i]);
		}
	}
}

static void wait_and_serve(void)
{
	struct epoll_event events[256];
	struct timespec timeout = {.tv_nsec = 200000};
	int n = epoll_pwait2(epoll_fd, events, 256, options.rate > 0 ? &timeout : NULL, NULL);
	for (int i = 0; i < n; i++)
		on_event(events[i].data.ptr, events[i].events);
}

static void run(struct connection *connections)
{
	while (finished < options.mails) {
		give_work(connections);
		wait_and_serve();
	}
}

/* The last QUITs: the server is done with each connection. */
static void finish(struct connection *connections)
{
	dismiss(connections);
	for (size_t i = 0; i < options.connections; i++)
		while (connections[i].state != FREE)
			wait_and_serve();
}

static void hold_idle(struct connection *connections)
{
	char c;
	for (size_t i = 0; i < options.connections; i++) {
		open_connection(&connections[i]);
		/* A few at a time, or the listen queue of a slow server overflows. */
		while (opened - idle_n > 64)
			wait_and_serve();
	}
	while (idle_n < options.connections)
		wait_and_serve();
	printf("idle %llu\n", (unsigned long long)idle_n);
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		continue;
}

/* ---- around it */

static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(tls_session);
	tls_session = session;
	return 1;
}

static void init_tls(void)
{
	tls_ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(tls_ctx, TLS1_3_VERSION);
	SSL_CTX_set_mode(tls_ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (options.resume) {
		SSL_CTX_set_session_cache_mode(tls_ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
		SSL_CTX_sess_set_new_cb(tls_ctx, on_new_session);
	}
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static double percentile_ms(double part)
{
	uint64_t at = (uint64_t)((double)finished * part);
	return (double)latencies_us[at < finished ? at : finished - 1] / 1000;
}

static void report(double seconds)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	qsort(latencies_us, finished, sizeof(*latencies_us), compare);
	printf("{\"mails\": %llu, \"connections\": %llu, \"seconds\": %.6f, \"rate\": %.1f, \"p50_ms\": "
	       "%.3f, "
	       "\"p90_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f, \"late\": %llu, \"cpu_us\": %.1f}\n",
	       (unsigned long long)finished, (unsigned long long)opened, seconds, (double)finished / seconds,
	       percentile_ms(0.5), percentile_ms(0.9), percentile_ms(0.99), percentile_ms(1),
	       (unsigned long long)late, cpu * 1e6 / (double)finished);
}

static void parse_address(char *text)
{
	char *colon = strrchr(text, ':');
	if (!colon)
		die("%s: no port", text);
	*colon = '\0';
	options.address.sin_family = AF_INET;
	options.address.sin_port = htons((uint16_t)atoi(colon + 1));
	if (inet_pton(AF_INET, text, &options.address.sin_addr) != 1)
		die("%s: not an IPv4 address", text);
}

static uint64_t number(const char *text)
{
	return strtoull(text, NULL, 10);
}

static void parse_options(int argc, char **argv)
{
	int option;
	const char *mail = NULL;
	while ((option = getopt(argc, argv, "F:f:t:N:s:m:d:r:TuHi")) != -1) {
		switch (option) {
		case 'F':
			mail = optarg;
			break;
		case 'f':
			options.reverse_path = optarg;
			break;
		case 't':
			options.forward_path = optarg;
			break;
		case 'N':
			options.numbers = number(optarg);
			break;
		case 's':
			options.connections = number(optarg);
			break;
		case 'm':
			options.mails = number(optarg);
			break;
		case 'd':
			options.per_connection = number(optarg);
			break;
		case 'r':
			options.rate = atof(optarg);
			break;
		case 'T':
			options.tls = true;
			break;
		case 'u':
			options.resume = true;
			break;
		case 'H':
			options.handshakes = options.tls = true;
			break;
		case 'i':
			options.idle = true;
			break;
		default:
			exit(64);
		}
	}
	if (optind != argc - 1 || (!mail && !options.handshakes && !options.idle) ||
	    options.connections < 1 || options.mails < 1)
		die("see the head of loadgen.c for what it wants");
	parse_address(argv[optind]);
	if (mail)
		load_mail(mail);
}

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	struct connection *connections = xcalloc(options.connections, sizeof(*connections));
	latencies_us = xcalloc(options.mails, sizeof(*latencies_us));
	snprintf(run_id, sizeof(run_id), "%llx.%d", (unsigned long long)now_us(), (int)getpid());
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (options.tls)
		init_tls();
	started_us = now_us();
	if (options.idle) {
		hold_idle(connections);
		return 0;
	}
	run(connections);
	double seconds = (double)(now_us() - started_us) / 1e6;
	finish(connections);
	report(seconds);
	free(connections);
	free(latencies_us);
	return 0;
}
