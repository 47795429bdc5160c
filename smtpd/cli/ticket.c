/*
 * servelo ticket: what customers wrote. Everything shown to people here was written by strangers: it goes through
 * display_text(). What can be looked at is in ticket_show.c too, what an agent says and does in ticket_talk.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>

#include "base/clock.h"
#include "smtpd/cli/attachment.h"
#include "smtpd/cli/change.h"
#include "smtpd/cli/listing.h"
#include "smtpd/cli/ticket.h"

static int run_list(struct cli *cli);
static int run_set(struct cli *cli);

static const struct arg_option list_options[] = {
	{"tenant", "SLUG", "of this tenant only"},
	{"status", "STATUS", "one of" TICKET_STATUS_WORDS},
	{"requester", "ADDRESS", "of this customer only"},
	{"since", "TIME", "made at or after: 2026-11-21, 2026-11-21T09:30:00Z, or 2h, 7d ago"},
	LISTING_PAGE_OPTIONS("id"),
};
static const struct arg_option set_options[] = {
	{"status", "STATUS", "one of" TICKET_STATUS_WORDS},
	{"subject", "TEXT", "one line"},
	{"tag", "TEXT", "\"\" for none"},
	{"assignee", "TEXT", "\"\" for nobody"},
};

static const struct cli_verb verbs[] = {
	{"list", NULL, 0, 0, "List tickets, newest first",
	 "  servelo ticket list --tenant acme --status open\n  servelo ticket list --json --limit 0\n",
	 list_options, ARRAY_SIZE(list_options), run_list},
	{"show", "REFERENCE", 1, 1, "Show a ticket: who is on it, what was said, and the mails about it",
	 "  servelo ticket show ACME-00042\n  servelo ticket show acme-00042 --full\n", ticket_show_options,
	 ARRAY_SIZE(ticket_show_options), ticket_show},
	{"comment", "REFERENCE TEXT|-", 2, 2,
	 "Answer the customer, or note something, as a mail of an agent would",
	 "The answer is mailed to the customer, and the ticket waits for him; one that was resolved or "
	 "closed is\n"
	 "reopened. \"-\" reads the text from standard input: UTF-8, 1 MiB at most.\n\n"
	 "  servelo ticket comment ACME-00042 \"The fridge is on its way.\" --as anna@acme.example\n"
	 "  servelo ticket comment ACME-00042 --internal \"waiting for the parts\"\n"
	 "  servelo ticket comment ACME-00042 - < answer.txt\n",
	 ticket_comment_options, ARRAY_SIZE(ticket_comment_options), ticket_comment},
	{"close", "REFERENCE", 1, 1, "Close a ticket; with --comment the customer is answered first",
	 "  servelo ticket close ACME-00042\n"
	 "  servelo ticket close ACME-00042 --comment \"No answer for a month; we close this.\"\n",
	 ticket_status_options, ARRAY_SIZE(ticket_status_options), ticket_close},
	{"resolve", "REFERENCE", 1, 1,
	 "Mark a ticket as resolved; with --comment the customer is answered first",
	 "  servelo ticket resolve ACME-00042 --comment \"It was the fuse.\" --as anna@acme.example\n",
	 ticket_status_options, ARRAY_SIZE(ticket_status_options), ticket_resolve},
	{"reopen", "REFERENCE", 1, 1, "Reopen a ticket that was resolved or closed",
	 "  servelo ticket reopen ACME-00042\n", ticket_status_options, ARRAY_SIZE(ticket_status_options),
	 ticket_reopen},
	{"assign", "REFERENCE AGENT|--nobody", 1, 2, "Give a ticket to an agent, who is told by mail",
	 "What the agent answers to that mail is his answer to the customer.\n\n"
	 "  servelo ticket assign ACME-00042 anna@acme.example\n  servelo ticket assign ACME-00042 "
	 "--nobody\n",
	 ticket_assign_options, ARRAY_SIZE(ticket_assign_options), ticket_assign},
	{"set", "REFERENCE", 1, 1, "Change a ticket; nobody is notified",
	 "  servelo ticket set ACME-00042 --status resolved --assignee anna\n", set_options,
	 ARRAY_SIZE(set_options), run_set},
	{"attachment", "list REFERENCE | save REFERENCE N", 2, 3,
	 "List a ticket's attachments, or save one of them: N of the list",
	 "  servelo ticket attachment list ACME-00042\n"
	 "  servelo ticket attachment save ACME-00042 1 -o invoice.pdf\n",
	 attachment_options, ARRAY_SIZE(attachment_options), ticket_attachment},
};
const struct cli_noun cli_ticket = {"ticket", "What customers wrote", verbs, ARRAY_SIZE(verbs)};

struct str ticket_full_address(const struct cli *cli, struct str addressed_to, struct strbuf *out)
{
	if (!addressed_to.len || str_find(addressed_to, '@') < addressed_to.len)
		return addressed_to;
	strbuf_printf(out, "%.*s@%s", STR_ARG(str_sub(addressed_to, 0, 1024)), cli->conf->mail->domain);
	return strbuf_str(out);
}

json_t *ticket_json(const struct cli *cli, const struct ticket_view *view)
{
	struct strbuf address;
	strbuf_init(&address, 4096);
	const struct ticket_row *row = &view->row;
	json_t *o = json_object();
	json_object_set_new(o, "id", json_integer(row->id.v));
	json_object_set_new(o, "reference", json_str(row->reference));
	json_object_set_new(o, "tenant", json_str(view->tenant_slug));
	json_object_set_new(o, "number", json_integer(row->number));
	json_object_set_new(o, "subject", json_str(row->subject));
	json_object_set_new(o, "status", json_string(ticket_status_name(row->status)));
	json_object_set_new(o, "requester", json_str(view->requester_address));
	json_object_set_new(o, "requester_name", json_str(view->requester_name));
	json_object_set_new(o, "tag", json_str(row->tag));
	json_object_set_new(o, "addressed_to",
			    json_str(ticket_full_address(cli, row->addressed_to, &address)));
	json_object_set_new(o, "automatic", json_boolean(row->automatic));
	json_object_set_new(o, "assignee", json_str(row->assignee));
	json_object_set_new(o, "comments", json_integer(view->comments));
	json_object_set_new(o, "created", json_time(row->created_ms));
	json_object_set_new(o, "updated", json_time(row->updated_ms));
	strbuf_done(&address);
	return o;
}

/* ---- list ---- */

static bool on_ticket(void *ctx, const struct ticket_view *view)
{
	struct listing *listing = ctx;
	char created[DISPLAY_TIME_MAX], comments[24];
	listing_wants(listing, view->row.id.v);
	if (listing->cli->json) {
		listing_json(listing, ticket_json(listing->cli, view));
		return true;
	}
	snprintf(comments, sizeof(comments), "%" PRId64, view->comments);
	const struct str cells[] = {view->row.reference,
				    str_from(ticket_status_name(view->row.status)),
				    view->requester_address,
				    str_from(comments),
				    str_from(display_time(view->row.created_ms, created)),
				    view->row.subject};
	listing_row(listing, cells);
	return true;
}

static int wrong_status(const char *text)
{
	const char *near = ticket_status_near(str_from(text));
	if (near)
		return cli_fail(EX_USAGE, "\"%.64s\" is not a status; did you mean \"%s\"?", text, near);
	return cli_fail(EX_USAGE, "\"%.64s\" is not a status, which is one of" TICKET_STATUS_WORDS, text);
}

static int run_list(struct cli *cli)
{
	static const struct table_column columns[] = {{"REFERENCE", 0, false},  {"STATUS", 0, false},
						      {"REQUESTER", 36, false}, {"COMMENTS", 0, true},
						      {"CREATED", 0, false},    {"SUBJECT", 72, false}};
	struct listing listing = {.cli = cli};
	struct conf_error error;
	struct ticket_filter filter = {.status = -1};
	enum ticket_status status;
	const char *text = args_value(&cli->args, "status");
	int r = listing_page(&listing, &filter.limit, &filter.before_id);
	if (r)
		return r;
	if (args_time(&cli->args, "since", clock_now_ms(), &filter.since_ms, &error) < 0)
		return cli_fail(EX_USAGE, "%s", error.text);
	if (text && ticket_status_parse(str_from(text), &status) < 0)
		return wrong_status(text);
	if (text)
		filter.status = (int)status;
	filter.tenant_slug = str_from(args_value(&cli->args, "tenant"));
	filter.requester = str_from(args_value(&cli->args, "requester"));
	r = listing_begin_of_tenant(&listing, columns, ARRAY_SIZE(columns));
	if (r)
		return r;
	r = reader_tickets(cli->reader, &filter, on_ticket, &listing);
	return listing_end(&listing, r, "reading tickets");
}

/* ---- set ---- */

static int run_set(struct cli *cli)
{
	json_t *result;
	json_t *request = json_pack("{s:s,s:o}", "op", "ticket.set", "reference",
				    json_str(str_from(cli->args.words[0])));
	for (size_t i = 0; i < ARRAY_SIZE(set_options); i++) {
		const char *value = args_value(&cli->args, set_options[i].name);
		if (value)
			json_object_set_new(request, set_options[i].name, json_str(str_from(value)));
	}
	if (json_object_size(request) == 2) {
		json_decref(request);
		return cli_fail(EX_USAGE, "nothing to set was given; see servelo ticket set --help");
	}
	int r = cli_change_told(cli, request, &result);
	if (!result)
		return r;
	printf("%s changed, %s\n", json_string_value(json_object_get(result, "reference")),
	       json_string_value(json_object_get(result, "status")));
	json_decref(result);
	return 0;
}
