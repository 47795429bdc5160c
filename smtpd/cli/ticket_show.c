/*
 * servelo ticket show: who is on a ticket, what was said, and the mails about it with what became of each. Written by
 * strangers, so everything goes through display_text().
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "smtpd/cli/display.h"
#include "smtpd/cli/json_out.h"
#include "smtpd/cli/outbox_text.h"
#include "smtpd/cli/ticket.h"
#include "storage/participant.h"
#include "tenant/notice.h"

#define TEXT_MAX  (64 * 1024 * 1024)
#define WORDS_MAX 4096
#define MAILS_MAX 50 /* shown to people */

const struct arg_option ticket_show_options[1] = {
	{"full", NULL, "the whole text of each comment, not only what is new in it"},
};

struct show {
	struct cli *cli;
	json_t *json; /* the ticket; NULL for people */
	json_t *comments;
	json_t *attachments; /* of the comment at hand */
	json_t *participants, *mails;
	struct table *table; /* of mails */
	struct outbox_place place;
	bool full;
	int64_t n, mails_n;
	struct ticket_id ticket;
	char *slug, *requester;
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
		struct str text_line = end ? str_sub(rest, 0, end) : STR("");
		size_t width = strlen(indent);
		/* an empty line keeps the mark, but no blank at its end */
		while (!text_line.len && width && indent[width - 1] == ' ')
			width--;
		printf("%.*s%.*s\n", (int)width, indent, STR_ARG(text_line));
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
	show->slug = xstrndup(view->tenant_slug);
	show->requester = xstrndup(view->requester_address);
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
	line("Addressed to", ticket_full_address(show->cli, view->row.addressed_to, &address));
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

/* A machine's mail on a ticket that was there already: it changed nothing and nobody was told. */
static bool is_event(const struct show *show, const struct comment_row *row)
{
	return row->automatic && show->n > 1;
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
	json_object_set_new(o, "event", json_boolean(is_event(show, row)));
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

/* ": Jane Doe <jane@example.net>", ": <jane@example.net>"; nothing of the system, which has neither. */
static void print_author(const struct comment_view *view)
{
	struct str name = str_trim(str_sub(view->author_name, 0, 1024)), address = view->row.author_address;
	struct strbuf who;
	strbuf_init(&who, 16 * 1024);
	display_text(&who, name, true);
	if (address.len) {
		strbuf_adds(&who, who.len ? " <" : "<");
		display_text(&who, str_sub(address, 0, 1024), true);
		strbuf_addc(&who, '>');
	}
	printf("%s%s\n", who.len ? ": " : "", who.len ? who.ptr : "");
	strbuf_done(&who);
}

static void comment_to_people(struct show *show, const struct comment_view *view)
{
	const struct comment_row *row = &view->row;
	char time[DISPLAY_TIME_MAX], head[256];
	snprintf(head, sizeof(head), "\n%" PRId64 ". %s, %s%s%s", show->n,
		 display_time(row->created_ms, time), author_kind_name(row->author_kind),
		 row->visibility == COMMENT_INTERNAL ? ", internal" : "",
		 is_event(show, row) ? ", event"
		 : row->automatic    ? ", automatic"
				     : "");
	fputs(head, stdout);
	print_author(view);
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
	show->n++;
	if (show->json)
		comment_to_json(show, view);
	else
		comment_to_people(show, view);
	show->status = reader_attachments(show->cli->reader, view->row.id, on_attachment, show);
	return show->status == 0;
}

/* ---- who is on it ---- */

static void show_participant(struct show *show, int64_t number, const char *kind, struct str address)
{
	char key[40];
	struct strbuf text;
	if (show->json) {
		json_array_append_new(show->participants,
				      json_pack("{s:I,s:s,s:o}", "number", (json_int_t)number, "kind", kind,
						"address", json_str(address)));
		return;
	}
	snprintf(key, sizeof(key), "Participant %" PRId64, number);
	strbuf_init(&text, 4096);
	strbuf_printf(&text, "%s %.*s", kind, STR_ARG(str_sub(address, 0, 1024)));
	line(key, strbuf_str(&text));
	strbuf_done(&text);
}

static bool on_team(void *ctx, const struct tenant_row *row, int64_t tickets UNUSED)
{
	show_participant(ctx, PARTICIPANT_TEAM, "team",
			 notice_team_address(row->notify_email, row->admin_email));
	return true;
}

static bool on_participant(void *ctx, const struct participant *participant)
{
	show_participant(ctx, participant->number,
			 participant->kind == PARTICIPANT_AGENT ? "agent" : "client", participant->address);
	return true;
}

/* By the numbers that stand in their reply addresses. */
static int show_participants(struct show *show)
{
	if (show->json) {
		show->participants = json_array();
		json_object_set_new(show->json, "participants", show->participants);
	}
	show_participant(show, PARTICIPANT_REQUESTER, "client", str_from(show->requester));
	int r = reader_tenant(show->cli->reader, str_from(show->slug), on_team, show);
	return r < 0 ? r : reader_participants(show->cli->reader, show->ticket, on_participant, show);
}

/* ---- mails about it ---- */

static bool on_mail(void *ctx, const struct outbox_view *view)
{
	struct show *show = ctx;
	const struct outbox_row *row = &view->row;
	char id[24], when[DISPLAY_TIME_MAX];
	struct strbuf why;
	show->mails_n++;
	if (show->json) {
		json_array_append_new(show->mails, outbox_json(view, &show->place));
		return true;
	}
	snprintf(id, sizeof(id), "%" PRId64, row->id.v);
	strbuf_init(&why, WORDS_MAX);
	outbox_waits(row, &show->place, &why);
	const struct str cells[] = {str_from(id),
				    str_from(outbox_kind_name(row->kind)),
				    row->recipient,
				    str_from(outbox_state_name(row->state)),
				    str_from(outbox_when(row, &show->place, when)),
				    strbuf_str(&why)};
	table_row(show->table, cells);
	strbuf_done(&why);
	return true;
}

static int show_mails(struct show *show)
{
	static const struct table_column columns[] = {{"MAIL", 0, true},  {"KIND", 0, false},
						      {"TO", 40, false},  {"STATE", 0, false},
						      {"WHEN", 0, false}, {"WHY", 100, false}};
	const struct outbox_filter filter = {
		.state = -2, .ticket = show->ticket, .limit = show->json ? INT64_MAX : MAILS_MAX};
	if (show->json) {
		show->mails = json_array();
		json_object_set_new(show->json, "mails", show->mails);
	}
	show->table = table_new(columns, ARRAY_SIZE(columns));
	int r = reader_outbox(show->cli->reader, &filter, on_mail, show);
	if (r == 0 && table_rows(show->table)) {
		printf("\nMails about it, newest first:\n\n");
		table_print(show->table, stdout);
		if (show->mails_n == MAILS_MAX)
			printf("more: servelo queue list --state all --ticket %s\n",
			       show->cli->args.words[0]);
	}
	show->table = table_free(show->table);
	return r;
}

/* ---- all of it ---- */

static int show_comments(struct show *show)
{
	if (show->json) {
		show->comments = json_array();
		json_object_set_new(show->json, "comments", show->comments);
	}
	int r = reader_comments(show->cli->reader, show->ticket, on_comment, show);
	return r < 0 ? r : show->status;
}

int ticket_show(struct cli *cli)
{
	struct show show = {.cli = cli, .full = args_flag(&cli->args, "full")};
	int r = cli_reader(cli);
	if (r == 0)
		r = outbox_place_find(cli, &show.place);
	if (r)
		return r;
	r = reader_ticket(cli->reader, str_from(cli->args.words[0]), on_shown_ticket, &show);
	if (r == -ENOENT || r == -EINVAL)
		return cli_fail(EX_NOINPUT, "there is no ticket \"%s\"", cli->args.words[0]);
	if (r == 0)
		r = show_participants(&show);
	if (r == 0)
		r = show_comments(&show);
	if (r == 0)
		r = show_mails(&show);
	if (r == 0 && show.json)
		json_out(show.json, stdout);
	free(show.slug);
	free(show.requester);
	return r < 0 ? cli_fail(cli_exit_code(r), "reading: %s", strerror(-r)) : 0;
}
