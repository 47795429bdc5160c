/*
 * One line per event: time, level, the id, the event, then key=value; or the same as one JSON object.
 *
 *	LOG(LOG_LEVEL_INFO, "rcpt", lf_id("session", session->id), lf_str("to", path), lf_cstr("status",
 *"unknown")); 2026-11-21T09:30:00.123Z info session=7f3a rcpt to=<acme@x> status=unknown
 *
 * The first field is the id and comes before the event. Values that hold blanks, quotes, controls or octets
 *that are not UTF-8 are quoted and escaped, so that a client's bytes can neither end a line nor forge a
 *field; a value is cut at 512 octets ("..." marks the cut). Secrets and message texts are never logged.
 *
 * Libraries return errors; programs log. Who can act on an event logs it, once. Any thread; lines are written
 * whole. In buffered mode lines gather in memory until log_flush(), until 32 KiB are there, or until a line
 *of level warn or error comes; the loop calls log_flush() before it goes to sleep, but not more often than every few
 * milliseconds.
 */
#ifndef SERVELO_BASE_LOG_H
#define SERVELO_BASE_LOG_H

#include "base/base.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

enum log_field_type { LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_BOOL, LOG_FIELD_ERRNO };

struct log_field {
	const char *key;
	enum log_field_type type;
	struct str str;
	int64_t num;
};

static inline struct log_field lf_str(const char *key, struct str value)
{
	return (struct log_field){key, LOG_FIELD_STR, value, 0};
}
static inline struct log_field lf_cstr(const char *key, const char *value)
{
	return (struct log_field){key, LOG_FIELD_STR, str_from(value ? value : ""), 0};
}
#define lf_id lf_cstr
static inline struct log_field lf_int(const char *key, int64_t value)
{
	return (struct log_field){key, LOG_FIELD_INT, {NULL, 0}, value};
}
static inline struct log_field lf_bool(const char *key, bool value)
{
	return (struct log_field){key, LOG_FIELD_BOOL, {NULL, 0}, value};
}
/* err is a negative errno; printed as its text. */
static inline struct log_field lf_err(int err)
{
	return (struct log_field){"error", LOG_FIELD_ERRNO, {NULL, 0}, err};
}

#define LOG(level, event, ...)                                                \
	log_fields((level), (event), (const struct log_field[]){__VA_ARGS__}, \
		   sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

void log_fields(enum log_level level, const char *event, const struct log_field *fields, size_t n);

/* fd is not closed by us. Before the first call: text on standard error, level info. */
void log_setup(int fd, enum log_format format, enum log_level level, bool buffered);
bool log_wants(enum log_level level);
/* Are there lines that log_flush() would write? */
bool log_waits(void);
void log_flush(void);
/* Parse "error", "warn", "info", "debug" / "text", "json"; -EINVAL. */
int log_level_parse(struct str s, enum log_level *ret);
int log_format_parse(struct str s, enum log_format *ret);

#endif
