/*
 * servelo audit: the account of everything that came. `balance` is for monitoring too: its exit code is 1 when
 * something that was acknowledged cannot be found.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "smtpd/cli/listing.h"
#include "storage/audit.h"

#define EXIT_UNACCOUNTED 1

static int run_list(struct cli *cli);
static int run_show(struct cli *cli);
static int run_balance(struct cli *cli);

static const struct arg_option list_options[] = {
	{"outcome", "NAME",
	 "created, commented, forwarded, event, duplicate, bounce_report, quarantined, refused, failed"},
	{"tenant", "SLUG", "of this tenant only"},
	{"from", "TEXT", "whose reverse-path or From holds this"},
	{"to", "TEXT", "whose recipient holds this"},
	{"message-id", "TEXT", "whose Message-ID holds this"},
	{"since", "TIME", "received at or after: 2026-11-21, 2026-11-21T09:30:00Z, or 2h, 7d ago"},
	{"until", "TIME", "received before"},
	LISTING_PAGE_OPTIONS("number"),
};
static const struct arg_option balance_options[] = {
	{"deep", NULL, "read every original and compare its digest"},
};

static const struct cli_verb verbs[] = {
	{"list", NULL, 0, 0, "List what came, one line per recipient, newest first",
	 "  servelo audit list --outcome refused --since 24h\n"
	 "  servelo audit list --from jane@ --to acme --since 2026-11-20 --until 2026-11-21\n",
	 list_options, ARRAY_SIZE(list_options), run_list},
	{"show", "ID", 1, 1, "Show everything about one transaction, by the id of its reply and of the log",
	 "  servelo audit show 1h2f4k9qz7c0m3x8va\n", NULL, 0, run_show},
	{"balance", NULL, 0, 0,
	 "Reconcile what was acknowledged with what exists; exit code 1 when something is missing",
	 "  servelo audit balance\n  servelo audit balance --deep --json\n", balance_options,
	 ARRAY_SIZE(balance_options), run_balance},
};
const struct cli_noun cli_audit = {"audit", "The account of everything that came", verbs, ARRAY_SIZE(verbs)};

static json_t *audit_json(const struct audit_view *view)
{
	const struct audit_row *row = &view->row;
	json_t *o = json_object();
	json_object_set_new(o, "number", json_integer(row->id));
	json_object_set_new(o, "id", json_string(row->mail_id.text));
	json_object_set_new(o, "received", json_time(row->received_ms));
	json_object_set_new(o, "committed", json_time(row->committed_ms));
	json_object_set_new(o, "outcome", json_string(audit_outcome_name(row->outcome)));
	json_object_set_new(o, "tenant", json_str(view->tenant_slug));
	json_object_set_new(o, "ticket", json_str(view->ticket_reference));
	json_object_set_new(o, "comment", row->comment.v ? json_integer(row->comment.v) : json_null());
	json_object_set_new(o, "reverse_path", json_str(row->reverse_path));
	json_object_set_new(o, "recipient", json_str(row->recipient));
	json_object_set_new(o, "client_ip", json_str(row->client_ip));
	json_object_set_new(o, "helo", json_str(row->helo));
	json_object_set_new(o, "protocol", json_str(row->protocol));
	json_object_set_new(o, "tls", json_str(row->tls));
	json_object_set_new(o, "size", json_integer(row->size));
	json_object_set_new(o, "from", json_str(row->header_from));
	json_object_set_new(o, "subject", json_str(row->header_subject));
	json_object_set_new(o, "message_id", json_str(row->header_message_id));
	json_object_set_new(o, "verdict", json_str(row->verdict));
	json_object_set_new(o, "reply", json_str(row->reply));
	json_object_set_new(o, "error", json_str(row->error));
	json_object_set_new(o, "parse_us", json_integer(row->parse_us));
	return o;
}

/* ---- list ---- */

static bool on_row(void *ctx, const struct audit_view *view)
{
	struct listing *listing = ctx;
	const struct audit_row *row = &view->row;
	char time[DISPLAY_TIME_MAX];
	listing_wants(listing, row->id);
	if (listing->cli->json) {
		listing_json(listing, audit_json(view));
		return true;
	}
	const struct str cells[] = {str_from(row->mail_id.text),
				    str_from(display_time(row->received_ms, time)),
				    str_from(audit_outcome_name(row->outcome)),
				    row->recipient,
				    row->reverse_path.len ? row->reverse_path : STR("<>"),
				    view->ticket_reference.len ? view->ticket_reference
				    : row->error.len           ? row->error
							       : row->reply};
	listing_row(listing, cells);
	return true;
}

static int run_list(struct cli *cli)
{
	static const struct table_column columns[] = {
		{"ID", 0, false},         {"RECEIVED", 0, false},      {"OUTCOME", 0, false},
		{"RECIPIENT", 40, false}, {"REVERSE-PATH", 40, false}, {"TICKET OR REASON", 60, false}};
	struct listing listing = {.cli = cli};
	struct conf_error error;
	struct audit_filter filter = {.outcome = -1};
	enum audit_outcome outcome;
	const char *name = args_value(&cli->args, "outcome");
	int r = listing_page(&listing, &filter.limit, &filter.before_id);
	if (r)
		return r;
	if (args_time(&cli->args, "since", clock_now_ms(), &filter.since_ms, &error) < 0 ||
	    args_time(&cli->args, "until", clock_now_ms(), &filter.until_ms, &error) < 0)
		return cli_fail(EX_USAGE, "%s", error.text);
	if (name && audit_outcome_parse(str_from(name), &outcome) < 0)
		return cli_fail(EX_USAGE, "\"%s\" is not an outcome; see servelo audit list --help", name);
	if (name)
		filter.outcome = (int)outcome;
	filter.tenant_slug = str_from(args_value(&cli->args, "tenant"));
	filter.from = str_from(args_value(&cli->args, "from"));
	filter.to = str_from(args_value(&cli->args, "to"));
	filter.header_message_id = str_from(args_value(&cli->args, "message-id"));
	r = listing_begin_of_tenant(&listing, columns, ARRAY_SIZE(columns));
	if (r)
		return r;
	r = reader_audit(cli->reader, &filter, on_row, &listing);
	return listing_end(&listing, r, "reading the audit");
}

/* ---- show ---- */

static void line(const char *key, struct str value)
{
	display_line(stdout, key, value);
}

static bool on_shown(void *ctx, const struct audit_view *view)
{
	struct listing *listing = ctx;
	const struct audit_row *row = &view->row;
	char time[DISPLAY_TIME_MAX], size[DISPLAY_SIZE_MAX], parse[32];
	listing->n++;
	if (listing->cli->json) {
		json_list_add(&listing->json, audit_json(view));
		return true;
	}
	if (listing->n > 1)
		putchar('\n');
	line("Id", str_from(row->mail_id.text));
	line("Recipient", row->recipient);
	line("Outcome", str_from(audit_outcome_name(row->outcome)));
	line("Ticket", view->ticket_reference);
	line("Tenant", view->tenant_slug);
	line("Reply", row->reply);
	line("Error", row->error);
	line("Verdict", row->verdict);
	line("Reverse-path", row->reverse_path.len ? row->reverse_path : STR("<> (null)"));
	line("From", row->header_from);
	line("Subject", row->header_subject);
	line("Message-ID", row->header_message_id);
	line("Client", row->client_ip);
	line("HELO", row->helo);
	line("Protocol", row->protocol);
	line("TLS", row->tls.len ? row->tls : STR("none"));
	line("Size", str_from(display_size(row->size, size)));
	line("Received", str_from(display_time(row->received_ms, time)));
	line("Committed", str_from(display_time(row->committed_ms, time)));
	snprintf(parse, sizeof(parse), "%" PRId64 " us", row->parse_us);
	line("Parsed in", str_from(parse));
	return true;
}

static int run_show(struct cli *cli)
{
	struct listing listing = {.cli = cli};
	struct str id = str_from(cli->args.words[0]);
	if (!mail_id_valid(id))
		return cli_fail(EX_USAGE,
				"\"%.64s\" is not an id (18 letters and digits, as in the 250 reply)",
				id.ptr);
	const struct audit_filter filter = {.mail_id = id, .outcome = -1, .limit = INT64_MAX};
	int r = cli_reader(cli);
	if (r)
		return r;
	if (cli->json)
		json_list_begin(&listing.json, stdout);
	r = reader_audit(cli->reader, &filter, on_shown, &listing);
	if (cli->json)
		json_list_end(&listing.json);
	if (r < 0)
		return cli_fail(cli_exit_code(r), "reading the audit: %s", strerror(-r));
	return listing.n ? 0 : cli_fail(EX_NOINPUT, "nothing is known of %s", id.ptr);
}

/* ---- balance ---- */

struct problems {
	struct cli *cli;
	json_t *list;
};

static void on_problem(void *ctx, const char *kind, struct str what)
{
	struct problems *problems = ctx;
	if (problems->list)
		json_array_append_new(problems->list,
				      json_pack("{s:s,s:o}", "kind", kind, "what", json_str(what)));
	else
		line(kind, what);
}

static int run_balance(struct cli *cli)
{
	struct audit_balance balance = {0};
	struct problems problems = {.cli = cli};
	int r = cli_reader(cli);
	if (r)
		return r;
	if (cli->json)
		problems.list = json_array();
	r = reader_balance(cli->reader, args_flag(&cli->args, "deep"), &balance, on_problem, &problems);
	if (r < 0)
		return cli_fail(cli_exit_code(r), "reading the audit: %s", strerror(-r));
	const struct {
		const char *key;
		int64_t value;
	} counts[] = {
		{"messages", balance.messages},
		{"tickets", balance.tickets},
		{"comments", balance.comments},
		{"files", balance.files},
		{"missing_tickets", balance.missing_tickets},
		{"missing_originals", balance.missing_originals},
		{"missing_jobs", balance.missing_jobs},
		{"orphan_messages", balance.orphan_messages},
		{"orphan_tickets", balance.orphan_tickets},
		{"damaged", balance.damaged},
		{"unaccounted", balance.unaccounted},
	};
	json_t *outcomes = json_object();
	json_t *o = json_object();
	for (int i = 0; i <= AUDIT_FAILED; i++) {
		const char *name = audit_outcome_name((enum audit_outcome)i);
		json_object_set_new(outcomes, name, json_integer(balance.by_outcome[i]));
		if (!cli->json)
			printf("%s: %" PRId64 "\n", name, balance.by_outcome[i]);
	}
	json_object_set_new(o, "by_outcome", outcomes);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		json_object_set_new(o, counts[i].key, json_integer(counts[i].value));
		if (!cli->json)
			printf("%s: %" PRId64 "\n", counts[i].key, counts[i].value);
	}
	if (cli->json) {
		json_object_set_new(o, "problems", problems.list);
		json_out(o, stdout);
	} else {
		json_decref(o);
	}
	return balance.unaccounted > 0 ? EXIT_UNACCOUNTED : 0;
}
