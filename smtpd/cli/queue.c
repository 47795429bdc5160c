/*
 * servelo queue: mail that is to leave. Jobs are made in the transaction of the mail or ticket they belong to; this
 * looks at them and changes nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>

#include "smtpd/cli/listing.h"
#include "storage/outbox.h"

#define PAGE_DEFAULT 50
/* Why jobs stay, as long as nothing takes mail out of the outbox. */
#define WAITS_FOR "no relay is configured yet"

static int run_list(struct cli *cli);

static const struct arg_option list_options[] = {
	{"limit", "N", "at most so many (default: 50; 0: all)"},
};
static const struct cli_verb verbs[] = {
	{"list", NULL, 0, 0, "List mail that is to leave, newest first, and what it waits for",
	 "  servelo queue list\n  servelo queue list --json --limit 0 | jq length\n", list_options,
	 ARRAY_SIZE(list_options), run_list},
};
const struct cli_noun cli_queue = {"queue", "Mail that is to leave", verbs, ARRAY_SIZE(verbs)};

static json_t *job_json(const struct outbox_row *row)
{
	json_t *o = json_object();
	json_object_set_new(o, "id", json_integer(row->id.v));
	json_object_set_new(o, "kind", json_string(outbox_kind_name(row->kind)));
	json_object_set_new(o, "recipient", json_str(row->recipient));
	json_object_set_new(o, "mailbox", json_str(row->mailbox));
	json_object_set_new(o, "message_id", json_str(row->header_message_id));
	json_object_set_new(o, "created", json_time(row->created_ms));
	json_object_set_new(o, "due", json_time(row->due_ms));
	json_object_set_new(o, "waits", json_string(WAITS_FOR));
	return o;
}

static bool on_job(void *ctx, const struct outbox_row *row)
{
	struct listing *listing = ctx;
	char id[24], created[DISPLAY_TIME_MAX];
	listing_wants(listing, row->id.v);
	if (listing->cli->json) {
		listing_json(listing, job_json(row));
		return true;
	}
	snprintf(id, sizeof(id), "%" PRId64, row->id.v);
	const struct str cells[] = {str_from(id),
				    str_from(outbox_kind_name(row->kind)),
				    row->recipient,
				    row->mailbox,
				    str_from(display_time(row->created_ms, created)),
				    STR(WAITS_FOR)};
	listing_row(listing, cells);
	return true;
}

static int run_list(struct cli *cli)
{
	static const struct table_column columns[] = {{"ID", 0, true},       {"KIND", 0, false},
						      {"TO", 48, false},     {"MAILBOX", 32, false},
						      {"CREATED", 0, false}, {"WAITS", 0, false}};
	struct listing listing = {.cli = cli};
	struct conf_error error;
	int64_t limit = PAGE_DEFAULT;
	if (args_int(&cli->args, "limit", 0, INT64_MAX, &limit, &error) < 0)
		return cli_fail(EX_USAGE, "%s", error.text);
	int r = listing_begin(&listing, columns, ARRAY_SIZE(columns));
	if (r)
		return r;
	r = reader_outbox(cli->reader, limit, on_job, &listing);
	return listing_end(&listing, r, "reading the outbox");
}
