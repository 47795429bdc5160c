/*
 * servelo message: stored originals, and reading mail. Looking at them needs no server; reprocessing changes
 * tickets, so it is done by the running server, or while holding the store alone.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "smtpd/cli/attachment.h"
#include "smtpd/cli/change.h"
#include "smtpd/cli/control_client.h"
#include "smtpd/cli/listing.h"
#include "smtpd/cli/message_parse.h"
#include "smtpd/reprocess.h"

static int run_list(struct cli *cli);
static int run_show(struct cli *cli);
static int run_raw(struct cli *cli);
static int run_reprocess(struct cli *cli);

static const struct arg_option list_options[] = {
	{"since", "TIME", "received at or after: 2026-11-21, 2026-11-21T09:30:00Z, or 2h, 7d ago"},
	{"message-id", "TEXT", "whose Message-ID holds this"},
	{"count", NULL, "only how many there are"},
	LISTING_PAGE_OPTIONS("number"),
};
static const struct arg_option raw_options[] = {
	{"sent", NULL, "as it was sent: without the Received field that we put on top"},
};
static const struct arg_option reprocess_options[] = {
	{"since", "TIME", "all that were received at or after, instead of ids"},
	{"dry-run", NULL, "only say what would change"},
	{"diff", NULL, "show changed texts line by line"},
};

static const struct cli_verb verbs[] = {
	{"list", NULL, 0, 0, "List stored originals, newest first",
	 "  servelo message list --since 2h\n"
	 "  servelo message list --message-id 'invoice-17@' --count\n",
	 list_options, ARRAY_SIZE(list_options), run_list},
	{"show", "ID", 1, 1, "Show what is known about an original, and what became of it",
	 "  servelo message show 1h2f4k9qz7c0m3x8va\n", NULL, 0, run_show},
	{"raw", "ID", 1, 1, "Write the original to standard output, byte for byte",
	 "  servelo message raw 1h2f4k9qz7c0m3x8va --sent > mail.eml\n", raw_options, ARRAY_SIZE(raw_options),
	 run_raw},
	{"parse", "FILE|-", 1, 1, "Read a mail and say what was understood of it; needs no configuration",
	 "  servelo message parse mail.eml\n  servelo message parse --json - < mail.eml | jq .subject\n",
	 NULL, 0, message_parse},
	{"attachment", "ID PART", 2, 2, "Save one part of an original, decoded",
	 "  servelo message attachment 1h2f4k9qz7c0m3x8va 2.1 -o photo.jpg\n"
	 "  servelo message attachment 1h2f4k9qz7c0m3x8va 2/1 -o - | file -\n",
	 attachment_options, ARRAY_SIZE(attachment_options), message_attachment},
	{"reprocess", "[ID...]", 0, SIZE_MAX,
	 "Read originals again with today's code, and correct their comments",
	 "  servelo message reprocess --since 7d --dry-run\n"
	 "  servelo message reprocess 1h2f4k9qz7c0m3x8va --diff\n",
	 reprocess_options, ARRAY_SIZE(reprocess_options), run_reprocess},
};
const struct cli_noun cli_message = {"message", "Stored originals, and reading mail", verbs,
				     ARRAY_SIZE(verbs)};

static json_t *message_json(const struct message_row *row)
{
	char digest[2 * SHA256_SIZE + 1];
	json_t *o = json_object();
	hex_encode(row->digest, sizeof(row->digest), digest);
	json_object_set_new(o, "id", json_string(row->mail_id.text));
	json_object_set_new(o, "number", json_integer(row->id.v));
	json_object_set_new(o, "received", json_time(row->received_ms));
	json_object_set_new(o, "size", json_integer(row->size));
	json_object_set_new(o, "trace_size", json_integer(row->trace_size));
	json_object_set_new(o, "reverse_path", json_str(row->reverse_path));
	json_object_set_new(o, "from", json_str(row->header_from));
	json_object_set_new(o, "subject", json_str(row->header_subject));
	json_object_set_new(o, "message_id", json_str(row->header_message_id));
	json_object_set_new(o, "client_ip", json_str(row->client_ip));
	json_object_set_new(o, "helo", json_str(row->helo));
	json_object_set_new(o, "protocol", json_str(row->protocol));
	json_object_set_new(o, "tls", json_str(row->tls));
	json_object_set_new(o, "sha256", json_string(digest));
	json_object_set_new(o, "file", json_str(row->file));
	return o;
}

/* ---- list ---- */

static bool on_message(void *ctx, const struct message_row *row)
{
	struct listing *listing = ctx;
	char time[DISPLAY_TIME_MAX], size[DISPLAY_SIZE_MAX];
	if (!listing_wants(listing, row->id.v))
		return true;
	if (listing->cli->json) {
		listing_json(listing, message_json(row));
		return true;
	}
	const struct str cells[] = {
		str_from(row->mail_id.text), str_from(display_time(row->received_ms, time)),
		str_from(display_size(row->size, size)), row->header_from, row->header_subject};
	listing_row(listing, cells);
	return true;
}

static int run_list(struct cli *cli)
{
	static const struct table_column columns[] = {{"ID", 0, false},
						      {"RECEIVED", 0, false},
						      {"SIZE", 0, true},
						      {"FROM", 40, false},
						      {"SUBJECT", 72, false}};
	struct listing listing = {.cli = cli, .count = args_flag(&cli->args, "count")};
	struct conf_error error;
	struct message_filter filter = {0};
	int r = listing_page(&listing, &filter.limit, &filter.before_id);
	if (r)
		return r;
	if (args_time(&cli->args, "since", clock_now_ms(), &filter.since_ms, &error) < 0)
		return cli_fail(EX_USAGE, "%s", error.text);
	filter.header_message_id = str_from(args_value(&cli->args, "message-id"));
	r = listing_begin(&listing, columns, ARRAY_SIZE(columns));
	if (r)
		return r;
	r = reader_messages(cli->reader, &filter, on_message, &listing);
	return listing_end(&listing, r, "reading messages");
}

/* ---- show ---- */

static int message_of_word(struct cli *cli, struct mail_id *ret)
{
	struct str word = str_from(cli->args.words[0]);
	if (!mail_id_valid(word))
		return cli_fail(EX_USAGE,
				"\"%.64s\" is not the id of a message (18 letters and digits, as in the "
				"250 reply)",
				word.ptr);
	memcpy(ret->text, word.ptr, MAIL_ID_LEN + 1);
	return cli_reader(cli);
}

static void line(const char *key, struct str value)
{
	display_line(stdout, key, value);
}

struct show {
	struct cli *cli;
	json_t *json, *recipients;
};

static bool on_shown(void *ctx, const struct message_row *row)
{
	struct show *show = ctx;
	char time[DISPLAY_TIME_MAX], size[DISPLAY_SIZE_MAX], digest[2 * SHA256_SIZE + 1];
	if (show->cli->json) {
		show->json = message_json(row);
		return false;
	}
	hex_encode(row->digest, sizeof(row->digest), digest);
	line("Id", str_from(row->mail_id.text));
	line("Received", str_from(display_time(row->received_ms, time)));
	line("Size", str_from(display_size(row->size, size)));
	line("Subject", row->header_subject);
	line("From", row->header_from);
	line("Message-ID", row->header_message_id);
	line("Reverse-path", row->reverse_path.len ? row->reverse_path : STR("<> (null)"));
	line("Client", row->client_ip);
	line("HELO", row->helo);
	line("Protocol", row->protocol);
	line("TLS", row->tls.len ? row->tls : STR("none"));
	line("SHA-256", str_from(digest));
	line("File", row->file);
	return false;
}

static bool on_recipient(void *ctx, const struct audit_view *view)
{
	struct show *show = ctx;
	const struct audit_row *row = &view->row;
	struct strbuf text;
	if (show->recipients) {
		json_t *o = json_object();
		json_object_set_new(o, "recipient", json_str(row->recipient));
		json_object_set_new(o, "outcome", json_string(audit_outcome_name(row->outcome)));
		json_object_set_new(o, "ticket", json_str(view->ticket_reference));
		json_object_set_new(o, "verdict", json_str(row->verdict));
		json_object_set_new(o, "reply", json_str(row->reply));
		json_object_set_new(o, "error", json_str(row->error));
		json_array_append_new(show->recipients, o);
		return true;
	}
	strbuf_init(&text, 64 * 1024);
	strbuf_printf(&text, "%.*s: %s %.*s%s%.*s", STR_ARG(row->recipient), audit_outcome_name(row->outcome),
		      STR_ARG(view->ticket_reference), row->error.len ? ", " : "", STR_ARG(row->error));
	line("Recipient", strbuf_str(&text));
	strbuf_done(&text);
	return true;
}

static int run_show(struct cli *cli)
{
	struct mail_id id;
	struct show show = {.cli = cli};
	int r = message_of_word(cli, &id);
	if (r)
		return r;
	const struct audit_filter filter = {.mail_id = str_from(id.text), .outcome = -1, .limit = INT64_MAX};
	r = reader_message(cli->reader, &id, on_shown, &show);
	if (r == -ENOENT)
		return cli_fail(EX_NOINPUT, "there is no message %s", id.text);
	if (r == 0 && show.json) {
		show.recipients = json_array();
		json_object_set_new(show.json, "recipients", show.recipients);
	}
	if (r == 0)
		r = reader_audit(cli->reader, &filter, on_recipient, &show);
	if (r == 0 && show.json)
		json_out(show.json, stdout);
	return r < 0 ? cli_fail(cli_exit_code(r), "reading: %s", strerror(-r)) : 0;
}

/* ---- raw ---- */

struct raw {
	size_t skip;
};

static bool on_raw_message(void *ctx, const struct message_row *row)
{
	((struct raw *)ctx)->skip = (size_t)row->trace_size;
	return false;
}

static int on_bytes(void *ctx, struct str bytes)
{
	struct raw *raw = ctx;
	size_t skip = raw->skip < bytes.len ? raw->skip : bytes.len;
	raw->skip -= skip;
	bytes = str_sub(bytes, skip, bytes.len);
	return fwrite(bytes.ptr, 1, bytes.len, stdout) == bytes.len ? 0 : -EPIPE;
}

static int run_raw(struct cli *cli)
{
	struct mail_id id;
	struct raw raw = {0};
	if (cli->json)
		return cli_fail(EX_USAGE, "message raw writes octets, not --json; see servelo message show");
	int r = message_of_word(cli, &id);
	if (r)
		return r;
	if (args_flag(&cli->args, "sent"))
		r = reader_message(cli->reader, &id, on_raw_message, &raw);
	if (r == 0)
		r = reader_original(cli->reader, &id, on_bytes, &raw);
	if (r == -ENOENT)
		return cli_fail(EX_NOINPUT, "there is no message %s", id.text);
	if (r == -EPIPE)
		return cli_flush();
	return r < 0 ? cli_fail(cli_exit_code(r), "reading %s: %s", id.text, strerror(-r)) : 0;
}

/* ---- reprocess ---- */

/* Either the server is asked, or we do it ourselves. */
struct reprocessing {
	struct cli *cli;
	struct control_client *client;
	struct store *store;
	struct reprocess *reprocess;
	bool dry_run, diff;
	struct json_list json;
	int64_t read, changed, failed;
	int exit_code; /* of the last failure */
};

struct id_list {
	struct mail_id *ids;
	size_t n, allocated;
};

static void add_id(struct id_list *list, const struct mail_id *id)
{
	if (list->n == list->allocated) {
		list->allocated = list->allocated ? list->allocated * 2 : 64;
		list->ids = xreallocarray(list->ids, list->allocated, sizeof(*list->ids));
	}
	list->ids[list->n++] = *id;
}

static bool on_since(void *ctx, const struct message_row *row)
{
	add_id(ctx, &row->mail_id);
	return true;
}

static int collect_ids(struct cli *cli, struct id_list *list)
{
	struct conf_error error;
	struct message_filter filter = {.limit = INT64_MAX};
	struct mail_id id;
	if (args_time(&cli->args, "since", clock_now_ms(), &filter.since_ms, &error) < 0)
		return cli_fail(EX_USAGE, "%s", error.text);
	if (args_flag(&cli->args, "since") == (cli->args.words_n > 0))
		return cli_fail(EX_USAGE, "say which: ids, or --since TIME");
	for (size_t i = 0; i < cli->args.words_n; i++) {
		if (!mail_id_valid(str_from(cli->args.words[i])))
			return cli_fail(EX_USAGE, "\"%.64s\" is not the id of a message", cli->args.words[i]);
		memcpy(id.text, cli->args.words[i], MAIL_ID_LEN + 1);
		add_id(list, &id);
	}
	int r = cli_reader(cli);
	if (r == 0 && cli->args.words_n == 0)
		r = reader_messages(cli->reader, &filter, on_since, list);
	return r < 0 ? cli_fail(cli_exit_code(r), "reading messages: %s", strerror(-r)) : r;
}

static int reprocess_alone(struct reprocessing *run, const struct mail_id *id, json_t **ret_report)
{
	struct reparsed *reparsed;
	struct conf_error error;
	struct strbuf text;
	int r = reprocess_read(run->reprocess, id, run->diff, &reparsed, &error);
	if (r < 0)
		return cli_fail(cli_exit_code(r), "%s: %s", id->text,
				error.text[0] ? error.text : strerror(-r));
	if (run->store && !run->dry_run && reparsed_changed(reparsed))
		r = store_run(run->store, reparsed_job(reparsed));
	if (r < 0) {
		reparsed_free(reparsed);
		return cli_fail(cli_exit_code(r), "%s: storing: %s", id->text, strerror(-r));
	}
	strbuf_init(&text, SIZE_MAX / 2);
	reparsed_report(reparsed, &text);
	*ret_report = json_loadb(text.ptr, text.len, 0, NULL);
	strbuf_done(&text);
	reparsed_free(reparsed);
	return *ret_report ? 0 : cli_fail(EX_SOFTWARE, "%s: no report", id->text);
}

static int reprocess_by_server(struct reprocessing *run, const struct mail_id *id, json_t **ret_report)
{
	return cli_ask(run->client,
		       json_pack("{s:s,s:s,s:b,s:b}", "op", "message.reprocess", "id", id->text, "dry_run",
				 run->dry_run, "diff", run->diff),
		       ret_report);
}

static void print_change(const char *id, const json_t *comment, const json_t *change)
{
	const char *field = json_string_value(json_object_get(change, "field"));
	const char *diff = json_string_value(json_object_get(change, "diff"));
	const char *unit = field && strcmp(field, "attachments") == 0 ? "records" : "octets";
	struct strbuf safe;
	printf("%s  %s, comment %lld: %s, %lld -> %lld %s\n", id,
	       json_string_value(json_object_get(comment, "ticket")),
	       (long long)json_integer_value(json_object_get(comment, "comment")), field ? field : "?",
	       (long long)json_integer_value(json_object_get(change, "before")),
	       (long long)json_integer_value(json_object_get(change, "after")), unit);
	if (!diff)
		return;
	strbuf_init(&safe, 1024 * 1024);
	display_text(&safe, str_from(diff), false);
	printf("%s%s", safe.ptr ? safe.ptr : "",
	       json_is_true(json_object_get(change, "diff_cut")) ? "(cut here)\n" : "");
	strbuf_done(&safe);
}

static void print_report(struct reprocessing *run, const json_t *report)
{
	const char *id = json_string_value(json_object_get(report, "id"));
	size_t i, j;
	json_t *comment, *change;
	json_array_foreach(json_object_get(report, "comments"), i, comment)
	{
		json_array_foreach(json_object_get(comment, "changes"), j, change)
			print_change(id ? id : "?", comment, change);
	}
	if (run->cli->args.words_n > 0 && !json_is_true(json_object_get(report, "changed")))
		printf("%s  nothing changes\n", id ? id : "?");
}

static void reprocess_one(struct reprocessing *run, const struct mail_id *id)
{
	json_t *report = NULL;
	int r = run->client ? reprocess_by_server(run, id, &report) : reprocess_alone(run, id, &report);
	run->read++;
	if (r) {
		run->failed++;
		run->exit_code = r;
		return;
	}
	run->changed += json_is_true(json_object_get(report, "changed"));
	if (run->cli->json) {
		json_list_add(&run->json, report);
		return;
	}
	print_report(run, report);
	json_decref(report);
}

static int begin(struct reprocessing *run)
{
	int r = cli_connect(run->cli, &run->client);
	if (r || run->client)
		return r;
	run->reprocess = reprocess_new(run->cli->conf, "/proc/self/exe");
	if (run->dry_run)
		return 0;
	r = cli_store_alone(run->cli, &run->store);
	if (r == 0)
		fprintf(stderr, "no server is running; changing the database directly\n");
	return r;
}

static int run_reprocess(struct cli *cli)
{
	struct id_list list = {0};
	struct reprocessing run = {
		.cli = cli,
		.dry_run = args_flag(&cli->args, "dry-run"),
		.diff = args_flag(&cli->args, "diff"),
	};
	int r = collect_ids(cli, &list);
	if (r == 0)
		r = begin(&run);
	if (r)
		goto out;
	if (cli->json)
		json_list_begin(&run.json, stdout);
	/* The reader gave the newest first. A server that has gone or is busy would say so for each of them. */
	for (size_t i = list.n; i-- > 0 && run.exit_code != EX_UNAVAILABLE;)
		reprocess_one(&run, &list.ids[i]);
	if (cli->json)
		json_list_end(&run.json);
	else
		printf("%" PRId64 " read, %" PRId64 " %s, %" PRId64 " failed\n", run.read, run.changed,
		       run.dry_run ? "would change" : "changed", run.failed);
	r = run.exit_code;
out:
	control_client_close(run.client);
	reprocess_free(run.reprocess);
	store_close(run.store);
	free(list.ids);
	return r;
}
