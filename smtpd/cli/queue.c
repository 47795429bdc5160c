/*
 * servelo queue: mail that is to leave. Jobs are made in the transaction of the mail or ticket they belong to; looking
 * goes to the database, changes to the running server.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>

#include "smtpd/cli/change.h"
#include "smtpd/cli/listing.h"
#include "smtpd/cli/outbox_text.h"

#define WORDS_MAX       4096
#define STATE_UNSETTLED (-1) /* reader.h */
#define STATE_ALL       (-2)

static int run_list(struct cli *cli);
static int run_show(struct cli *cli);
static int run_retry(struct cli *cli);
static int run_cancel(struct cli *cli);
static int run_pause(struct cli *cli);
static int run_resume(struct cli *cli);
static int run_stopped(struct cli *cli);
static int run_allow(struct cli *cli);

static const struct arg_option list_options[] = {
	{"state", "STATE",
	 "due, sending, failed, sent, bounced, cancelled or all (default: what has not left)"},
	{"tenant", "SLUG", "of this tenant only"},
	{"ticket", "REFERENCE", "about this ticket only"},
	LISTING_PAGE_OPTIONS("id"),
};
static const struct arg_option retry_options[] = {
	{"failed", NULL, "every job that failed, instead of one"},
};

static const struct cli_verb verbs[] = {
	{"list", NULL, 0, 0, "List mail that is to leave, newest first, and what it waits for",
	 "  servelo queue list\n  servelo queue list --state failed --tenant acme\n"
	 "  servelo queue list --json --limit 0 | jq length\n",
	 list_options, ARRAY_SIZE(list_options), run_list},
	{"show", "ID", 1, 1, "Show everything about one mail: tries, what was said, what happens next",
	 "  servelo queue show 17\n", NULL, 0, run_show},
	{"retry", "[ID]", 0, 1, "Send one mail now, or each that failed; its five days begin anew",
	 "  servelo queue retry 17\n  servelo queue retry --failed\n", retry_options,
	 ARRAY_SIZE(retry_options), run_retry},
	{"cancel", "ID", 1, 1,
	 "Never send a mail that is due or failed; it stays in the list of those cancelled",
	 "  servelo queue cancel 17\n", NULL, 0, run_cancel},
	{"pause", NULL, 0, 0, "Send nothing, until resumed; mail waits, over restarts too",
	 "  servelo queue pause\n", NULL, 0, run_pause},
	{"resume", NULL, 0, 0, "Send what is due again", "  servelo queue resume\n", NULL, 0, run_resume},
	{"stopped", NULL, 0, 0, "List addresses that get no more mail, because somebody there complained",
	 "  servelo queue stopped\n", NULL, 0, run_stopped},
	{"allow", "SLUG ADDRESS", 2, 2, "Let a tenant's mail to an address that was stopped leave again",
	 "What failed meanwhile is sent by `servelo queue retry`.\n\n"
	 "  servelo queue allow acme jane@example.net\n",
	 NULL, 0, run_allow},
};
const struct cli_noun cli_queue = {"queue", "Mail that is to leave", verbs, ARRAY_SIZE(verbs)};

/* ---- list ---- */

struct queue_listing {
	struct listing base;
	struct outbox_place place;
};

static bool on_job(void *ctx, const struct outbox_view *view)
{
	struct queue_listing *listing = ctx;
	const struct outbox_row *row = &view->row;
	char id[24], when[DISPLAY_TIME_MAX];
	struct strbuf waits;
	listing_wants(&listing->base, row->id.v);
	if (listing->base.cli->json) {
		listing_json(&listing->base, outbox_json(view, &listing->place));
		return true;
	}
	snprintf(id, sizeof(id), "%" PRId64, row->id.v);
	strbuf_init(&waits, WORDS_MAX);
	outbox_waits(row, &listing->place, &waits);
	const struct str cells[] = {str_from(id),
				    str_from(outbox_kind_name(row->kind)),
				    row->recipient,
				    view->ticket_reference.len ? view->ticket_reference : STR("-"),
				    str_from(outbox_state_name(row->state)),
				    str_from(outbox_when(row, &listing->place, when)),
				    strbuf_str(&waits)};
	listing_row(&listing->base, cells);
	strbuf_done(&waits);
	return true;
}

static int parse_state(const char *text, int *ret)
{
	enum outbox_state state;
	if (!text)
		return 0;
	if (strcmp(text, "all") == 0) {
		*ret = STATE_ALL;
		return 0;
	}
	if (outbox_state_parse(str_from(text), &state) < 0)
		return cli_fail(EX_USAGE,
				"\"%.64s\" is not a state, which is one of due sending failed sent bounced "
				"cancelled all",
				text);
	*ret = (int)state;
	return 0;
}

static bool on_ticket_id(void *ctx, const struct ticket_view *view)
{
	*(struct ticket_id *)ctx = view->row.id;
	return true;
}

static int find_ticket(struct cli *cli, const char *reference, struct ticket_id *ret)
{
	if (!reference)
		return 0;
	int r = reader_ticket(cli->reader, str_from(reference), on_ticket_id, ret);
	if (r == -ENOENT || r == -EINVAL)
		return cli_fail(EX_NOINPUT, "there is no ticket \"%.64s\"", reference);
	return r < 0 ? cli_fail(cli_exit_code(r), "reading: %s", strerror(-r)) : 0;
}

static int run_list(struct cli *cli)
{
	static const struct table_column columns[] = {
		{"ID", 0, true},     {"KIND", 0, false}, {"TO", 40, false},    {"TICKET", 0, false},
		{"STATE", 0, false}, {"DUE", 0, false},  {"WAITS", 100, false}};
	struct queue_listing listing = {.base.cli = cli};
	struct outbox_filter filter = {.state = STATE_UNSETTLED};
	int r = listing_page(&listing.base, &filter.limit, &filter.before_id);
	if (r == 0)
		r = parse_state(args_value(&cli->args, "state"), &filter.state);
	if (r == 0)
		r = cli_reader(cli);
	if (r == 0)
		r = cli_tenant_known(cli, args_value(&cli->args, "tenant"));
	if (r == 0)
		r = find_ticket(cli, args_value(&cli->args, "ticket"), &filter.ticket);
	if (r == 0)
		r = outbox_place_find(cli, &listing.place);
	if (r)
		return r;
	if (!cli->json)
		outbox_place_print(&listing.place, stdout);
	filter.tenant_slug = str_from(args_value(&cli->args, "tenant"));
	r = listing_begin(&listing.base, columns, ARRAY_SIZE(columns));
	if (r)
		return r;
	r = reader_outbox(cli->reader, &filter, on_job, &listing);
	return listing_end(&listing.base, r, "reading the outbox");
}

/* ---- show ---- */

struct shown_job {
	struct cli *cli;
	struct outbox_place place;
	int64_t id;
	bool found;
};

static void line(const char *key, struct str value)
{
	display_line(stdout, key, value);
}

static void words_line(const char *key, const struct shown_job *shown, const struct outbox_row *row,
		       void (*fn)(const struct outbox_row *, const struct outbox_place *, struct strbuf *))
{
	struct strbuf text;
	strbuf_init(&text, WORDS_MAX);
	fn(row, &shown->place, &text);
	line(key, strbuf_str(&text));
	strbuf_done(&text);
}

static void number_line(const char *key, int64_t n)
{
	char text[24];
	snprintf(text, sizeof(text), "%" PRId64, n);
	line(key, str_from(text));
}

static void job_to_people(const struct shown_job *shown, const struct outbox_view *view)
{
	const struct outbox_row *row = &view->row;
	char time[DISPLAY_TIME_MAX];
	number_line("Job", row->id.v);
	line("Kind", str_from(outbox_kind_name(row->kind)));
	line("State", str_from(outbox_state_name(row->state)));
	words_line("Why", shown, row, outbox_waits);
	words_line("Next", shown, row, outbox_next);
	line("To", row->recipient);
	line("Tenant", view->tenant_slug);
	line("Ticket", view->ticket_reference);
	if (row->participant)
		number_line("Participant", row->participant);
	line("Came to mailbox", row->mailbox);
	number_line("Tries", row->tries);
	line("Created", str_from(display_time(row->created_ms, time)));
	if (row->state <= OUTBOX_FAILED)
		line("Due", str_from(display_time(row->due_ms, time)));
	if (row->settled_ms)
		line(row->state == OUTBOX_CANCELLED ? "Cancelled"
		     : row->state == OUTBOX_BOUNCED ? "Came back"
						    : "Last tried",
		     str_from(display_time(row->settled_ms, time)));
	line("Last reply", row->why);
	line("Message-ID", row->header_message_id);
	line("Text", row->text);
}

static bool on_shown_job(void *ctx, const struct outbox_view *view)
{
	struct shown_job *shown = ctx;
	if (view->row.id.v != shown->id)
		return false;
	shown->found = true;
	if (shown->cli->json)
		json_out(outbox_json(view, &shown->place), stdout);
	else
		job_to_people(shown, view);
	return false;
}

/* The number of a job. 0, or an exit code. */
static int parse_job(const char *text, int64_t *ret)
{
	struct str digits = str_from(text);
	int64_t n = 0;
	bool good = digits.len > 0 && digits.len <= 18;
	for (size_t i = 0; good && i < digits.len; i++) {
		good = ascii_digit(digits.ptr[i]);
		n = n * 10 + (digits.ptr[i] - '0');
	}
	if (!good || n == 0)
		return cli_fail(EX_USAGE, "\"%.64s\" is not the number of a job; see servelo queue list",
				text);
	*ret = n;
	return 0;
}

static int run_show(struct cli *cli)
{
	struct shown_job shown = {.cli = cli};
	int r = parse_job(cli->args.words[0], &shown.id);
	if (r == 0)
		r = cli_reader(cli);
	if (r == 0)
		r = outbox_place_find(cli, &shown.place);
	if (r)
		return r;
	const struct outbox_filter filter = {.state = STATE_ALL, .before_id = shown.id + 1, .limit = 1};
	r = reader_outbox(cli->reader, &filter, on_shown_job, &shown);
	if (r < 0)
		return cli_fail(cli_exit_code(r), "reading the outbox: %s", strerror(-r));
	return shown.found ? 0 : cli_fail(EX_NOINPUT, "there is no job %" PRId64, shown.id);
}

/* ---- changes ---- */

static int change_job(struct cli *cli, const char *op, const char *done)
{
	json_t *result;
	int64_t id = 0;
	int r = parse_job(cli->args.words[0], &id);
	if (r)
		return r;
	r = cli_change_told(cli, json_pack("{s:s,s:I}", "op", op, "id", (json_int_t)id), &result);
	if (!result)
		return r;
	struct strbuf to;
	strbuf_init(&to, WORDS_MAX);
	display_text(&to, str_sub(str_from(json_string_value(json_object_get(result, "recipient"))), 0, 320),
		     true);
	printf("job %" PRId64 " to %s %s\n", id, to.ptr ? to.ptr : "", done);
	strbuf_done(&to);
	json_decref(result);
	return 0;
}

static int run_retry(struct cli *cli)
{
	json_t *result;
	bool failed = args_flag(&cli->args, "failed");
	if (failed == (cli->args.words_n > 0))
		return cli_fail(EX_USAGE,
				"say which: servelo queue retry ID, or servelo queue retry --failed");
	if (!failed)
		return change_job(cli, "queue.retry", "is due now");
	int r = cli_change_told(cli, json_pack("{s:s,s:s}", "op", "queue.retry", "id", "failed"), &result);
	if (!result)
		return r;
	json_int_t n = json_integer_value(json_object_get(result, "retried"));
	if (n)
		printf("due now: %" PRId64 " that failed\n", (int64_t)n);
	else
		printf("nothing has failed\n");
	json_decref(result);
	return 0;
}

static int run_cancel(struct cli *cli)
{
	return change_job(cli, "queue.cancel", "will not be sent");
}

static int change_all(struct cli *cli, const char *op, const char *done)
{
	json_t *result;
	int r = cli_change_told(cli, json_pack("{s:s}", "op", op), &result);
	if (result)
		printf("%s\n", done);
	json_decref(result);
	return r;
}

static int run_pause(struct cli *cli)
{
	return change_all(cli, "queue.pause",
			  "paused: what is being sent at this moment ends, nothing else begins");
}

static int run_resume(struct cli *cli)
{
	return change_all(cli, "queue.resume", "resumed: what is due is sent");
}

/* ---- addresses that complained ---- */

static bool on_stopped(void *ctx, struct str slug, struct str address, struct str why, int64_t since_ms)
{
	struct listing *listing = ctx;
	char since[DISPLAY_TIME_MAX];
	listing_wants(listing, 0);
	if (listing->cli->json) {
		listing_json(listing, json_pack("{s:o,s:o,s:o,s:o}", "tenant", json_str(slug), "address",
						json_str(address), "since", json_time(since_ms), "why",
						json_str(why)));
		return true;
	}
	const struct str cells[] = {slug, address, str_from(display_time(since_ms, since)), why};
	listing_row(listing, cells);
	return true;
}

static int run_stopped(struct cli *cli)
{
	static const struct table_column columns[] = {
		{"TENANT", 0, false}, {"ADDRESS", 0, false}, {"SINCE", 0, false}, {"WHY", 100, false}};
	struct listing listing = {.cli = cli};
	int r = listing_begin(&listing, columns, ARRAY_SIZE(columns));
	if (r)
		return r;
	r = reader_stopped(cli->reader, on_stopped, &listing);
	return listing_end(&listing, r, "reading the addresses that complained");
}

static int run_allow(struct cli *cli)
{
	return cli_change_said(cli,
			       json_pack("{s:s,s:o,s:o}", "op", "queue.allow", "slug",
					 json_str(str_from(cli->args.words[0])), "address",
					 json_str(str_from(cli->args.words[1]))),
			       "address", "may get mail again");
}
