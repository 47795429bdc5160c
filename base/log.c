/*
 * The log: one line per event, text or JSON, written whole.
 *
 * Lines are made in one buffer under one lock, straight in their final place; then either they are written at
 * once or they wait there (buffered mode). Writing happens under the lock too, so lines of several threads
 * never mix, whatever the descriptor is.
 *
 * Escaping: what is printable UTF-8 stands as it is. Controls (C0, DEL, C1), the separators and direction
 * marks that can make a terminal show another text, and octets that are not UTF-8 become \n, \xNN and the
 * like, inside double quotes. In JSON the same things become \u00NN, or "\\xNN" for octets that are no text.
 * Any thread.
 */
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/mailaddr.h"
#include "base/strbuf.h"

#define VALUE_MAX     512         /* octets of one value that are shown */
#define FLUSH_AT      (32 * 1024) /* octets gathered in buffered mode */
#define BUFFER_MAX    (1024 * 1024)
#define WRITE_WAIT_MS 100 /* for a full pipe; then the rest is dropped: a log must not stop the mail */

static struct {
	pthread_mutex_t lock;
	struct strbuf buf;
	int fd;
	enum log_format format;
	bool buffered;
} logger = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.buf = {.len_max = BUFFER_MAX},
	.fd = STDERR_FILENO,
};
static atomic_int logger_level = LOG_LEVEL_INFO;

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const format_names[] = {"text", "json"};

static void flush_locked(void);
static void add_text_line(struct strbuf *out, enum log_level level, const char *event,
			  const struct log_field *fields, size_t n);
static void add_json_line(struct strbuf *out, enum log_level level, const char *event,
			  const struct log_field *fields, size_t n);

void log_setup(int fd, enum log_format format, enum log_level level, bool buffered)
{
	pthread_mutex_lock(&logger.lock);
	flush_locked();
	logger.fd = fd;
	logger.format = format;
	logger.buffered = buffered;
	atomic_store_explicit(&logger_level, (int)level, memory_order_relaxed);
	pthread_mutex_unlock(&logger.lock);
}

bool log_wants(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&logger_level, memory_order_relaxed);
}

bool log_waits(void)
{
	pthread_mutex_lock(&logger.lock);
	bool waits = logger.buf.len > 0;
	pthread_mutex_unlock(&logger.lock);
	return waits;
}

void log_flush(void)
{
	pthread_mutex_lock(&logger.lock);
	flush_locked();
	pthread_mutex_unlock(&logger.lock);
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
	if (!log_wants(level))
		return;
	pthread_mutex_lock(&logger.lock);
	if (logger.format == LOG_FORMAT_JSON)
		add_json_line(&logger.buf, level, event, fields, n);
	else
		add_text_line(&logger.buf, level, event, fields, n);
	if (!logger.buffered || level <= LOG_LEVEL_WARN || logger.buf.len >= FLUSH_AT)
		flush_locked();
	pthread_mutex_unlock(&logger.lock);
}

static bool wait_writable(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
	return poll(&pollfd, 1, WRITE_WAIT_MS) > 0;
}

static void flush_locked(void)
{
	struct str rest = strbuf_str(&logger.buf);
	while (rest.len > 0) {
		ssize_t n = write(logger.fd, rest.ptr, rest.len);
		if (n >= 0)
			rest = str_sub(rest, (size_t)n, rest.len);
		else if (errno != EINTR && !(errno == EAGAIN && wait_writable(logger.fd)))
			break; /* nobody can be told that the log can't be written */
	}
	strbuf_clear(&logger.buf);
}

/* Length of the character at s.ptr when it can be shown as it is, else 0. */
static size_t shown_as_is(struct str s)
{
	uint8_t c = (uint8_t)s.ptr[0];
	if (c < 0x80)
		return c >= 0x20 && c != 0x7f;
	size_t len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	if (c < 0xc2 || s.len < len || !utf8_valid(str_sub(s, 0, len)))
		return 0;
	uint8_t second = (uint8_t)s.ptr[1], third = len > 2 ? (uint8_t)s.ptr[2] : 0;
	if (c == 0xc2 && second < 0xa0)
		return 0; /* C1 */
	if (c == 0xe2 && second == 0x80 &&
	    (third == 0x8e || third == 0x8f || (third >= 0xa8 && third <= 0xae)))
		return 0; /* U+200E, U+200F, U+2028..U+202E */
	if (c == 0xe2 && second == 0x81 && third >= 0xa6 && third <= 0xa9)
		return 0; /* U+2066..U+2069 */
	return len;
}

/* Can value stand without quotes? */
static bool plain(struct str value)
{
	for (size_t i = 0, len; i < value.len; i += len) {
		char c = value.ptr[i];
		len = shown_as_is(str_sub(value, i, value.len));
		if (len == 0 || c == ' ' || c == '"')
			return false;
	}
	return value.len > 0;
}

/* The name of a control in both notations: \n, \r, \t; or 0. */
static char control_letter(char c)
{
	return c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : 0;
}

static void add_escaped(struct strbuf *out, struct str value, bool json)
{
	for (size_t i = 0, len; i < value.len; i += len) {
		char c = value.ptr[i];
		len = shown_as_is(str_sub(value, i, value.len));
		if (len > 0 && c != '"' && c != '\\') {
			strbuf_add(out, str_sub(value, i, i + len));
		} else if (len > 0) {
			strbuf_addc(out, '\\');
			strbuf_addc(out, c);
		} else if (control_letter(c)) {
			strbuf_addc(out, '\\');
			strbuf_addc(out, control_letter(c));
			len = 1;
		} else if (json && (uint8_t)c < 0x80) {
			strbuf_printf(out, "\\u%04x", (unsigned)(uint8_t)c);
			len = 1;
		} else {
			strbuf_printf(out, json ? "\\\\x%02x" : "\\x%02x", (unsigned)(uint8_t)c);
			len = 1;
		}
	}
}

/* At most VALUE_MAX octets of value, not in the middle of a character. */
static struct str shorten(struct str value)
{
	if (value.len <= VALUE_MAX)
		return value;
	size_t end = VALUE_MAX;
	while (end > VALUE_MAX - 3 && ((uint8_t)value.ptr[end] & 0xc0) == 0x80)
		end--;
	return str_sub(value, 0, end);
}

static void add_quoted(struct strbuf *out, struct str value, bool json)
{
	struct str part = shorten(value);
	strbuf_addc(out, '"');
	add_escaped(out, part, json);
	strbuf_adds(out, part.len < value.len ? "...\"" : "\"");
}

static void add_value(struct strbuf *out, const struct log_field *field, bool json)
{
	char text[128];
	struct str value = field->str;
	switch (field->type) {
	case LOG_FIELD_INT:
		strbuf_printf(out, "%lld", (long long)field->num);
		return;
	case LOG_FIELD_BOOL:
		strbuf_adds(out, field->num ? "true" : "false");
		return;
	case LOG_FIELD_ERRNO:
		value = str_from(uv_strerror_r((int)field->num, text, sizeof(text)));
		break;
	case LOG_FIELD_STR:
		break;
	}
	if (json || value.len > VALUE_MAX || !plain(value))
		add_quoted(out, value, json);
	else
		strbuf_add(out, value);
}

static void add_text_field(struct strbuf *out, const struct log_field *field)
{
	strbuf_addc(out, ' ');
	strbuf_adds(out, field->key);
	strbuf_addc(out, '=');
	add_value(out, field, false);
}

static void add_text_line(struct strbuf *out, enum log_level level, const char *event,
			  const struct log_field *fields, size_t n)
{
	char time[CLOCK_ISO_SIZE];
	strbuf_printf(out, "%s %s", clock_format_iso(clock_now_ms(), time), level_names[level]);
	if (n > 0)
		add_text_field(out, &fields[0]);
	strbuf_addc(out, ' ');
	strbuf_adds(out, event);
	for (size_t i = 1; i < n; i++)
		add_text_field(out, &fields[i]);
	strbuf_addc(out, '\n');
}

static void add_json_line(struct strbuf *out, enum log_level level, const char *event,
			  const struct log_field *fields, size_t n)
{
	char time[CLOCK_ISO_SIZE];
	strbuf_printf(out,
		      "{\"time\":\"%s\",\"level\":\"%s\",\"event\":", clock_format_iso(clock_now_ms(), time),
		      level_names[level]);
	add_quoted(out, str_from(event), true);
	for (size_t i = 0; i < n; i++) {
		strbuf_addc(out, ',');
		add_quoted(out, str_from(fields[i].key), true);
		strbuf_addc(out, ':');
		add_value(out, &fields[i], true);
	}
	strbuf_adds(out, "}\n");
}

static int find_name(struct str s, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq(s, str_from(names[i])))
			return (int)i;
	}
	return -EINVAL;
}

int log_level_parse(struct str s, enum log_level *ret)
{
	int r = find_name(s, level_names, ARRAY_SIZE(level_names));
	if (r < 0)
		return r;
	*ret = (enum log_level)r;
	return 0;
}

int log_format_parse(struct str s, enum log_format *ret)
{
	int r = find_name(s, format_names, ARRAY_SIZE(format_names));
	if (r < 0)
		return r;
	*ret = (enum log_format)r;
	return 0;
}
