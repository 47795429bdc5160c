/*
 * servelo ticket: what customers wrote. Everything shown to people here was written by strangers: it goes through
 * display_text().
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>

#include "base/clock.h"
#include "smtpd/cli/attachment.h"
#include "smtpd/cli/change.h"
#include "smtpd/cli/listing.h"
#include "storage/ticket.h"

#define TEXT_MAX (64 * 1024 * 1024)

static int run_list(struct cli *cli);
static int run_show(struct cli *cli);
static int run_set(struct cli *cli);

static const struct arg_option list_options[] = {
	{"tenant", "SLUG", "of this tenant only"},
	{"status", "STATUS", "one of" TICKET_STATUS_WORDS},
	{"requester", "ADDRESS", "of this customer only"},
	{"since", "TIME", "made at or after: 2026-11-21, 2026-11-21T09:30:00Z, or 2h, 7d ago"},
	LISTING_PAGE_OPTIONS("id"),
};
static const struct arg_option show_options[] = {
	{"full", NULL, "the whole text of each comment, not only what is new in it"},
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
	{"show", "REFERENCE", 1, 1, "Show a ticket: its comments, attachments and notes",
	 "  servelo ticket show ACME-00042\n  servelo ticket show acme-00042 --full\n", show_options,
	 ARRAY_SIZE(show_options), run_show},
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

/* The recipient as an address: where no field of the mail named one it is kept without the domain, which is ours. out
 * holds what is returned. */
static struct str full_address(const struct cli *cli, struct str addressed_to, struct strbuf *out)
{
	if (!addressed_to.len || str_find(addressed_to, '@') < addressed_to.len)
		return addressed_to;
	strbuf_printf(out, "%.*s@%s", STR_ARG(str_sub(addressed_to, 0, 1024)), cli->conf->mail->domain);
	return strbuf_str(out);
}

static json_t *ticket_json(const struct cli *cli, const struct ticket_view *view)
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
	json_object_set_new(o, "addressed_to", json_str(full_address(cli, row->addressed_to, &address)));
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
	r = cli_reader(cli);
	if (r == 0)
		r = cli_tenant_known(cli, args_value(&cli->args, "tenant"));
	if (r == 0)
		r = listing_begin(&listing, columns, ARRAY_SIZE(columns));
	if (r)
		return r;
	r = reader_tickets(cli->reader, &filter, on_ticket, &listing);
	return listing_end(&listing, r, "reading tickets");
}

/* ---- show ---- */

struct show {
	struct cli *cli;
	json_t *json; /* the ticket; NULL for people */
	json_t *comments;
	json_t *attachments; /* of the comment at hand */
	bool full;
	int64_t n;
	struct ticket_id ticket;
	int status;
};

static void print_text(const char *indent, struct str text, bool one_line)
{
	struct strbuf safe;
	strbuf_init(&safe, TEXT_MAX);
	display_text(&safe, text, one_line);
	struct str rest = str_trim(strbuf_str(&safe));
	while (rest.len) {
		size_t end = str_find(rest, '\n');
		printf("%s%.*s\n", end ? indent : "", STR_ARG(str_sub(rest, 0, end)));
		rest = str_sub(rest, end + 1, rest.len);
	}
	strbuf_done(&safe);
}

static void line(const char *key, struct str value)
{
	display_line(stdout, key, value);
}

static void print_person(const char *key, struct str name, struct str address)
{
	struct strbuf both;
	strbuf_init(&both, 4096);
	if (name.len)
		strbuf_printf(&both, "%.*s <%.*s>", STR_ARG(str_sub(name, 0, 1024)),
			      STR_ARG(str_sub(address, 0, 1024)));
	else
		strbuf_add(&both, str_sub(address, 0, 1024));
	line(key, strbuf_str(&both));
	strbuf_done(&both);
}

static bool on_shown_ticket(void *ctx, const struct ticket_view *view)
{
	struct show *show = ctx;
	char time[DISPLAY_TIME_MAX];
	show->ticket = view->row.id;
	if (show->cli->json) {
		show->json = ticket_json(show->cli, view);
		return true;
	}
	line("Ticket", view->row.reference);
	line("Subject", view->row.subject);
	line("Status", str_from(ticket_status_name(view->row.status)));
	line("Tenant", view->tenant_slug);
	print_person("Requester", view->requester_name, view->requester_address);
	struct strbuf address;
	strbuf_init(&address, 4096);
	line("Addressed to", full_address(show->cli, view->row.addressed_to, &address));
	strbuf_done(&address);
	line("Tag", view->row.tag);
	line("Assignee", view->row.assignee);
	if (view->row.automatic)
		line("Automatic", STR("yes: a machine wrote it, nobody gets a confirmation"));
	line("Created", str_from(display_time(view->row.created_ms, time)));
	line("Changed", str_from(display_time(view->row.updated_ms, time)));
	return true;
}

static const char *author_kind_name(enum comment_author kind)
{
	static const char *const names[] = {"client", "agent", "system"};
	return names[kind];
}

static bool on_attachment(void *ctx, const struct attachment_row *row)
{
	struct show *show = ctx;
	char size[DISPLAY_SIZE_MAX];
	struct strbuf text;
	if (show->attachments) {
		json_t *o = json_object();
		json_object_set_new(o, "position", json_integer(row->position));
		json_object_set_new(o, "part", json_str(row->part));
		json_object_set_new(o, "filename", json_str(row->filename));
		json_object_set_new(o, "media_type", json_str(row->media_type));
		json_object_set_new(o, "sniffed_type", json_str(row->sniffed_type));
		json_object_set_new(o, "content_id", json_str(row->content_id));
		json_object_set_new(o, "size", json_integer(row->size));
		json_object_set_new(o, "inline", json_boolean(row->inline_image));
		json_object_set_new(o, "left_out", json_str(row->left_out));
		json_array_append_new(show->attachments, o);
		return true;
	}
	strbuf_init(&text, 64 * 1024);
	strbuf_printf(&text, "%.*s (%.*s, %s)%s", STR_ARG(str_sub(row->filename, 0, 1024)),
		      STR_ARG(str_sub(row->media_type, 0, 256)), display_size(row->size, size),
		      row->inline_image ? ", shown in the text" : "");
	if (row->left_out.len)
		strbuf_printf(&text, ", left out: %.*s", STR_ARG(str_sub(row->left_out, 0, 256)));
	print_text("  attached: ", strbuf_str(&text), true);
	strbuf_done(&text);
	return true;
}

static void comment_to_json(struct show *show, const struct comment_view *view)
{
	const struct comment_row *row = &view->row;
	json_t *o = json_object();
	json_object_set_new(o, "id", json_integer(row->id.v));
	json_object_set_new(o, "author_kind", json_string(author_kind_name(row->author_kind)));
	json_object_set_new(o, "author", json_str(row->author_address));
	json_object_set_new(o, "author_name", json_str(view->author_name));
	json_object_set_new(o, "internal", json_boolean(row->visibility == COMMENT_INTERNAL));
	json_object_set_new(o, "automatic", json_boolean(row->automatic));
	json_object_set_new(o, "created", json_time(row->created_ms));
	json_object_set_new(o, "text", json_str(row->text));
	json_object_set_new(o, "reply", json_str(row->reply.ptr ? row->reply : row->text));
	json_object_set_new(o, "note", json_str(row->note));
	json_object_set_new(o, "message_id", json_str(row->header_message_id));
	json_object_set_new(o, "message", json_str(str_from(view->mail_id.text)));
	show->attachments = json_array();
	json_object_set_new(o, "attachments", show->attachments);
	json_array_append_new(show->comments, o);
}

static void comment_to_people(struct show *show, const struct comment_view *view)
{
	const struct comment_row *row = &view->row;
	char time[DISPLAY_TIME_MAX], head[256];
	snprintf(head, sizeof(head), "\n%" PRId64 ". %s, %s%s%s", ++show->n,
		 display_time(row->created_ms, time), author_kind_name(row->author_kind),
		 row->visibility == COMMENT_INTERNAL ? ", internal" : "",
		 row->automatic ? ", automatic" : "");
	fputs(head, stdout);
	fputs(": ", stdout);
	struct strbuf who;
	strbuf_init(&who, 16 * 1024);
	display_text(&who, str_sub(view->author_name, 0, 1024), true);
	strbuf_adds(&who, " <");
	display_text(&who, str_sub(row->author_address, 0, 1024), true);
	printf("%s>\n", who.ptr);
	strbuf_done(&who);
	if (view->mail_id.text[0])
		printf("  original: %s\n", view->mail_id.text);
	if (row->note.len)
		print_text("  note: ", row->note, true);
	fputc('\n', stdout);
	print_text("  | ", show->full || !row->reply.ptr ? row->text : row->reply, false);
	if (!show->full && row->reply.ptr)
		printf("  (quoted text is not shown; see --full)\n");
}

static bool on_comment(void *ctx, const struct comment_view *view)
{
	struct show *show = ctx;
	if (show->json)
		comment_to_json(show, view);
	else
		comment_to_people(show, view);
	show->status = reader_attachments(show->cli->reader, view->row.id, on_attachment, show);
	return show->status == 0;
}

static int run_show(struct cli *cli)
{
	struct show show = {.cli = cli, .full = args_flag(&cli->args, "full")};
	int r = cli_reader(cli);
	if (r)
		return r;
	r = reader_ticket(cli->reader, str_from(cli->args.words[0]), on_shown_ticket, &show);
	if (r == -ENOENT || r == -EINVAL)
		return cli_fail(EX_NOINPUT, "there is no ticket \"%s\"", cli->args.words[0]);
	if (r == 0 && show.json) {
		show.comments = json_array();
		json_object_set_new(show.json, "comments", show.comments);
	}
	if (r == 0)
		r = reader_comments(cli->reader, show.ticket, on_comment, &show);
	if (r == 0)
		r = show.status;
	if (r == 0 && show.json)
		json_out(show.json, stdout);
	return r < 0 ? cli_fail(cli_exit_code(r), "reading: %s", strerror(-r)) : 0;
}

/* ---- set ---- */

static int run_set(struct cli *cli)
{
	json_t *result = NULL;
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
	int r = cli_change(cli, request, &result);
	if (r)
		return r;
	if (cli->json) {
		json_out(result, stdout);
		return 0;
	}
	printf("%s changed, %s\n", json_string_value(json_object_get(result, "reference")),
	       json_string_value(json_object_get(result, "status")));
	json_decref(result);
	return 0;
}
