/*
 * servelo status: is the server up, and is it well? For people a page, for monitors an exit code: 0 well, 1 something
 * needs a look, 2 down. Nothing is opened to the network for it: the counters come over the control socket, the
 * account from the database. A server that is stopped or hangs counts as down, and is not waited for as other verbs do.
 *
 * What "needs a look" is stands in one table of tests (signs); each names itself in words.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "smtpd/cli/change.h"
#include "smtpd/cli/control_client.h"
#include "smtpd/cli/display.h"
#include "smtpd/cli/json_out.h"

#define EXIT_DEGRADED    1
#define EXIT_DOWN        2
#define DISK_PERCENT_MIN 5
#define BUSY_PERCENT     90
#define START_MS         30000 /* children need a moment */
#define LATE_MS          (15 * 60 * 1000)
#define WRITER_MS        5000
#define TIMEOUT_S        5
#define TIMEOUT_MAX_S    600

static int run_status(struct cli *cli);

static const struct arg_option options[] = {
	{"quick", NULL,
	 "leave out the account of all mails (servelo audit balance), which reads the database"},
	{"timeout", "SECONDS", "how long a server may take to answer before it counts as down (5)"},
};

static const struct cli_verb verbs[] = {
	{"status", NULL, 0, 0, "Say whether the server runs and is well; for monitors too",
	 "Exit code 0: well; 1: it runs, but something needs a look; 2: it is down, or does not answer.\n"
	 "77: neither root nor the server's own user asks; 78: the configuration can't be read.\n\n"
	 "  servelo status\n  servelo status --json --quick\n",
	 options, ARRAY_SIZE(options), run_status},
};
const struct cli_noun cli_status = {NULL, NULL, verbs, ARRAY_SIZE(verbs)};

struct status {
	json_t *stats; /* NULL: down */
	bool silent;   /* down, but somebody holds the socket: it hangs, or is just stopping */
	int64_t timeout_s;
	struct outbox_counts outbox; /* only of a server that is up */
	int64_t unaccounted;         /* -1: not asked for */
};

static int64_t stat_of(const struct status *status, const char *key)
{
	return json_integer_value(json_object_get(status->stats, key));
}

/* ---- signs */

static bool store_locked(const struct status *status)
{
	return stat_of(status, "store.locked") > 0;
}

static bool store_sick(const struct status *status)
{
	return !store_locked(status) &&
	       (stat_of(status, "store.healthy") == 0 || stat_of(status, "store.failing_since_ms") > 0);
}

static bool store_waits(const struct status *status)
{
	return stat_of(status, "store.at_work_ms") > WRITER_MS;
}

static bool mail_missing(const struct status *status)
{
	return status->unaccounted > 0;
}

static bool disk_full(const struct status *status)
{
	int64_t percent = stat_of(status, "disk.free_percent");
	return percent >= 0 && percent < DISK_PERCENT_MIN;
}

static bool crowded(const struct status *status)
{
	return stat_of(status, "smtp.connections") * 100 >=
	       stat_of(status, "smtp.connections_max") * BUSY_PERCENT;
}

static bool turned_away(const struct status *status)
{
	return stat_of(status, "minute.refused_overload") > 0;
}

static bool no_children(const struct status *status)
{
	return stat_of(status, "ingest.children") == 0 && stat_of(status, "server.up_ms") > START_MS;
}

static bool children_rest(const struct status *status)
{
	return stat_of(status, "ingest.breaker_open") > 0;
}

static bool relay_dead(const struct status *status)
{
	return stat_of(status, "relay.failures") > 0;
}

static bool mail_late(const struct status *status)
{
	return stat_of(status, "outbound.configured") && !status->outbox.paused &&
	       status->outbox.oldest_due_ms > 0 && clock_now_ms() - status->outbox.oldest_due_ms > LATE_MS;
}

static const struct {
	bool (*shows)(const struct status *status);
	const char *text;
} signs[] = {
	{store_locked, "another program has locked the database: senders are told to try again later "
		       "(who: fuser -v servelo.db)"},
	{store_waits, "the writer has been waiting for the disk for more than 5 seconds"},
	{store_sick, "the database takes no writes: senders are told to try again later"},
	{mail_missing, "mails that were acknowledged cannot be found: servelo audit balance"},
	{disk_full, "the disk is nearly full"},
	{crowded, "nearly all connections are in use"},
	{turned_away, "connections were refused during the last minute"},
	{no_children, "no parser child is alive"},
	{children_rest, "parser children died by the dozen: mails become tickets with their original only"},
	{relay_dead, "the relay can't be used, and mail waits"},
	{mail_late, "mail has been due for more than 15 minutes: servelo queue list"},
};

/* ---- asking */

/* A server that can't be asked within the time is down to who asks, and that is no mistake of his. */
static int ask_stats(struct cli *cli, struct status *status)
{
	struct control_client *client = NULL;
	int r = cli_places(cli);
	if (r)
		return r;
	const char *path = cli->conf->control_path;
	r = control_client_open_within(&client, path, status->timeout_s * 1000);
	if (r == -ENOENT || r == -ECONNREFUSED)
		return 0;
	if (r == -EACCES || r == -EPERM)
		return cli_fail(EX_NOPERM, "%s: only root and the server's own user may ask how it is", path);
	if (r < 0 && r != -ETIMEDOUT)
		return cli_fail(EX_UNAVAILABLE, "%s: %s", path, strerror(-r));
	if (r == 0)
		r = cli_ask(client, json_pack("{s:s}", "op", "stats"), &status->stats);
	control_client_close(client);
	status->silent = r == -ETIMEDOUT || r == EX_UNAVAILABLE;
	return status->silent ? 0 : r;
}

static int ask_outbox(struct cli *cli, struct status *status)
{
	int r = cli_reader(cli);
	if (r)
		return r;
	r = reader_outbox_counts(cli->reader, &status->outbox);
	return r < 0 ? cli_fail(cli_exit_code(r), "reading the outbox: %s", strerror(-r)) : 0;
}

static int ask_balance(struct cli *cli, struct status *status)
{
	struct audit_balance balance = {0};
	int r = reader_balance(cli->reader, false, &balance, NULL, NULL);
	if (r < 0)
		return cli_fail(cli_exit_code(r), "reading the audit: %s", strerror(-r));
	status->unaccounted = balance.unaccounted;
	return 0;
}

/* ---- saying */

static void line(const char *key, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void line(const char *key, const char *fmt, ...)
{
	char text[200];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	display_line(stdout, key, str_from(text));
}

static void duration_text(int64_t ms, char *buf, size_t size)
{
	int64_t minutes = ms / 60000;
	if (minutes < 60)
		snprintf(buf, size, "%" PRId64 " min %" PRId64 " s", minutes, ms / 1000 % 60);
	else if (minutes < 48 * 60)
		snprintf(buf, size, "%" PRId64 " h %" PRId64 " min", minutes / 60, minutes % 60);
	else
		snprintf(buf, size, "%" PRId64 " d %" PRId64 " h", minutes / (24 * 60), minutes / 60 % 24);
}

static void print_relay(const struct status *status)
{
	char time[DISPLAY_TIME_MAX];
	const char *why = json_string_value(json_object_get(status->stats, "relay.failure"));
	if (!stat_of(status, "outbound.configured"))
		line("Relay", "none (relay.host is empty): mail waits");
	else if (stat_of(status, "relay.failures") > 0)
		line("Relay", "not usable since %s: %s",
		     display_time(stat_of(status, "relay.failing_since_ms"), time), why ? why : "unknown");
	else
		line("Relay", "%" PRId64 " connections, %" PRId64 " of them busy",
		     stat_of(status, "relay.connections"), stat_of(status, "relay.busy"));
	line("Mail sent", "%" PRId64 ", %" PRId64 " put off, %" PRId64 " failed since start",
	     stat_of(status, "outbound.sent"), stat_of(status, "outbound.deferred"),
	     stat_of(status, "outbound.failed"));
	line("Outbox", "%" PRId64 " due or waiting, %" PRId64 " being sent, %" PRId64 " failed%s",
	     status->outbox.due, status->outbox.claimed, status->outbox.failed,
	     status->outbox.paused ? "; PAUSED" : "");
	if (status->outbox.oldest_due_ms > 0)
		line("Oldest due", "%s", display_time(status->outbox.oldest_due_ms, time));
}

static void print_stats(const struct status *status)
{
	char time[DISPLAY_TIME_MAX], size[DISPLAY_SIZE_MAX], since[48];
	duration_text(stat_of(status, "server.up_ms"), since, sizeof(since));
	line("Up since", "%s (%s), pid %" PRId64, display_time(stat_of(status, "server.started_ms"), time),
	     since, stat_of(status, "server.pid"));
	line("Connections", "%" PRId64 " of %" PRId64 ", %" PRId64 " with TLS, %" PRId64 " in mail data",
	     stat_of(status, "smtp.connections"), stat_of(status, "smtp.connections_max"),
	     stat_of(status, "smtp.in_tls"), stat_of(status, "smtp.in_data"));
	line("Last minute",
	     "%" PRId64 " mails accepted, %" PRId64 " refused; %" PRId64 " connections, %" PRId64 " refused",
	     stat_of(status, "minute.messages_accepted"), stat_of(status, "minute.messages_refused"),
	     stat_of(status, "minute.connections"), stat_of(status, "minute.refused_overload"));
	line("Since start",
	     "%" PRId64 " mails accepted, %" PRId64 " refused; %" PRId64 " connections, %" PRId64 " refused",
	     stat_of(status, "smtp.messages_accepted"), stat_of(status, "smtp.messages_refused"),
	     stat_of(status, "smtp.accepted"), stat_of(status, "smtp.refused_overload"));
	line("Under way",
	     "%" PRId64 " mails, %" PRId64 " of them wait for a parser; %" PRId64 " wait for the writer",
	     stat_of(status, "ingest.under_way"), stat_of(status, "ingest.waiting"),
	     stat_of(status, "store.queued"));
	line("Parser children", "%" PRId64 ", %" PRId64 " died; %" PRId64 " mails unparsable%s",
	     stat_of(status, "ingest.children"), stat_of(status, "ingest.children_died"),
	     stat_of(status, "ingest.unparsable"),
	     stat_of(status, "ingest.breaker_open") ? "; RESTING, mails wait for none" : "");
	print_relay(status);
	line("Last commit", "%s, %" PRId64 " us; %" PRId64 " failed",
	     display_time(stat_of(status, "store.last_commit_ms"), time),
	     stat_of(status, "store.last_commit_us"), stat_of(status, "store.failures"));
	if (stat_of(status, "store.failing_since_ms") > 0)
		line("None since", "%s", display_time(stat_of(status, "store.failing_since_ms"), time));
	if (stat_of(status, "disk.free") >= 0)
		line("Disk left", "%s (%" PRId64 " %%)", display_size(stat_of(status, "disk.free"), size),
		     stat_of(status, "disk.free_percent"));
}

static json_t *outbox_json(const struct status *status)
{
	if (!status->stats)
		return json_null();
	return json_pack("{s:I,s:I,s:I,s:o,s:b}", "due", (json_int_t)status->outbox.due, "sending",
			 (json_int_t)status->outbox.claimed, "failed", (json_int_t)status->outbox.failed,
			 "oldest_due",
			 status->outbox.oldest_due_ms ? json_time(status->outbox.oldest_due_ms) : json_null(),
			 "paused", status->outbox.paused);
}

static int say(const struct cli *cli, const struct status *status)
{
	size_t n = 0;
	json_t *problems = json_array();
	char silent[80];
	snprintf(silent, sizeof(silent), "a server is there, but does not answer within %" PRId64 " s",
		 status->timeout_s);
	if (status->silent)
		json_array_append_new(problems, json_string(silent));
	if (!cli->json)
		line("Health", "%s%s", status->stats ? "up" : "DOWN: ",
		     status->stats    ? ""
		     : status->silent ? silent
				      : "no server answers");
	for (size_t i = 0; status->stats && i < ARRAY_SIZE(signs); i++) {
		if (!signs[i].shows(status))
			continue;
		n++;
		json_array_append_new(problems, json_string(signs[i].text));
		if (!cli->json)
			line("Needs a look", "%s", signs[i].text);
	}
	int code = !status->stats ? EXIT_DOWN : n ? EXIT_DEGRADED : 0;
	if (cli->json) {
		static const char *const words[] = {"ok", "degraded", "down"};
		json_t *unaccounted =
			status->unaccounted < 0 ? json_null() : json_integer(status->unaccounted);
		json_out(json_pack("{s:s,s:O,s:o,s:o,s:O?}", "health", words[code], "problems", problems,
				   "unaccounted", unaccounted, "outbox", outbox_json(status), "stats",
				   status->stats),
			 stdout);
	} else {
		if (status->stats)
			print_stats(status);
		if (status->unaccounted >= 0)
			line("Unaccounted", "%" PRId64, status->unaccounted);
	}
	json_decref(problems);
	return code;
}

static int run_status(struct cli *cli)
{
	struct status status = {.unaccounted = -1, .timeout_s = TIMEOUT_S};
	struct conf_error error;
	if (args_int(&cli->args, "timeout", 1, TIMEOUT_MAX_S, &status.timeout_s, &error) < 0)
		return cli_fail(EX_USAGE, "%s", error.text);
	int r = ask_stats(cli, &status);
	if (r == 0 && status.stats)
		r = ask_outbox(cli, &status);
	if (r == 0 && status.stats && !args_flag(&cli->args, "quick"))
		r = ask_balance(cli, &status);
	if (r == 0)
		r = say(cli, &status);
	json_decref(status.stats);
	return r;
}
