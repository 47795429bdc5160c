/*
 * servelo tenant: who uses the helpdesk. Reading goes to the database, changes to the running server.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "smtpd/cli/change.h"
#include "smtpd/cli/listing.h"
#include "storage/tenant_rows.h"

static int run_add(struct cli *cli);
static int run_list(struct cli *cli);
static int run_show(struct cli *cli);
static int run_set(struct cli *cli);
static int run_suspend(struct cli *cli);
static int run_resume(struct cli *cli);
static int run_remove(struct cli *cli);

/* Option --admin-email is the field admin_email, and so on: one table for add and set. */
static const struct arg_option field_options[] = {
	{"name", "TEXT", "what people call it (default: the slug)"},
	{"admin-email", "ADDRESS", "who is told of new tickets and of what customers answer"},
	{"notify-email", "ADDRESS", "told instead of admin-email; \"\" for none"},
	{"locale", "TAG", "language of our mails: de, en, es, fr or zh; \"\": the server's default"},
	{"reference-prefix", "PREFIX", "ACME of ACME-00042 (default: from the slug)"},
	{"signature", "TEXT", "stands below mails to customers"},
	{"logo-url", "URL", "stands above mails to customers"},
	{"confirm", "yes|no", "customers get a confirmation (default: yes)"},
	{"attachments-max", "N", "attachments offered per mail; 0: the server's default"},
	{"attachment-size-max", "SIZE", "of one attachment, like 25MiB; 0: the server's default"},
	{"blocked-extensions", "LIST", "like exe,js,scr; none; \"\": the server's default"},
	{"next-ticket", "N", "number of the next ticket; only goes up (after a restore)"},
};
static const struct arg_option list_options[] = {
	{"removed", NULL, "removed tenants too"},
	{"tickets", NULL, "count their tickets"},
};
static const struct arg_option remove_options[] = {{"yes", NULL, "really"}};

static const struct cli_verb verbs[] = {
	{"add", "SLUG", 1, 1, "Add a tenant: mail to SLUG@domain becomes tickets at once",
	 "  servelo tenant add acme --admin-email anna@acme.example --name \"Acme Ltd\"\n", field_options,
	 ARRAY_SIZE(field_options), run_add},
	{"list", NULL, 0, 0, "List tenants",
	 "  servelo tenant list --tickets\n  servelo tenant list --json | jq -r '.[].slug'\n", list_options,
	 ARRAY_SIZE(list_options), run_list},
	{"show", "SLUG", 1, 1, "Show everything about a tenant", "  servelo tenant show acme\n", NULL, 0,
	 run_show},
	{"set", "SLUG", 1, 1, "Change a tenant; what is not named stays",
	 "  servelo tenant set acme --notify-email portal@acme.example --confirm no\n", field_options,
	 ARRAY_SIZE(field_options), run_set},
	{"suspend", "SLUG", 1, 1, "Keep a tenant's mail outside: senders are told to try again later (450)",
	 "  servelo tenant suspend acme\n", NULL, 0, run_suspend},
	{"resume", "SLUG", 1, 1, "Take mail again, also for a tenant that was removed",
	 "  servelo tenant resume acme\n", NULL, 0, run_resume},
	{"remove", "SLUG", 1, 1, "Refuse a tenant's mail (550); its tickets and its slug are kept",
	 "  servelo tenant remove acme --yes\n", remove_options, ARRAY_SIZE(remove_options), run_remove},
};
const struct cli_noun cli_tenant = {"tenant", "Companies that use the helpdesk", verbs, ARRAY_SIZE(verbs)};

/* ---- changes ---- */

/* The options that were given, as fields of the request. */
static void add_fields(const struct cli *cli, json_t *request)
{
	for (size_t i = 0; i < ARRAY_SIZE(field_options); i++) {
		const char *value = args_value(&cli->args, field_options[i].name);
		if (!value)
			continue;
		char *key = xstrdup(field_options[i].name);
		for (char *c = key; *c; c++)
			*c = *c == '-' ? '_' : *c;
		json_object_set_new(request, key, json_str(str_from(value)));
		free(key);
	}
}

static json_t *request_new(const char *op, const char *slug)
{
	return json_pack("{s:s,s:o}", "op", op, "slug", json_str(str_from(slug)));
}

static int run_add(struct cli *cli)
{
	if (!args_value(&cli->args, "admin-email"))
		return cli_fail(EX_USAGE, "a tenant needs --admin-email ADDRESS");
	json_t *request = request_new("tenant.add", cli->args.words[0]);
	json_t *result;
	add_fields(cli, request);
	int r = cli_change_told(cli, request, &result);
	if (!result)
		return r;
	const char *slug = json_string_value(json_object_get(result, "slug"));
	printf("%s added: mail to %s@%s becomes tickets %s-00001, ...\n", slug, slug, cli->conf->mail->domain,
	       json_string_value(json_object_get(result, "reference_prefix")));
	json_decref(result);
	return 0;
}

static int run_set(struct cli *cli)
{
	json_t *request = request_new("tenant.set", cli->args.words[0]);
	add_fields(cli, request);
	if (json_object_size(request) == 2) {
		json_decref(request);
		return cli_fail(EX_USAGE, "nothing to set was given; see servelo tenant set --help");
	}
	return cli_change_said(cli, request, "slug", "changed");
}

static int run_suspend(struct cli *cli)
{
	return cli_change_said(cli, request_new("tenant.suspend", cli->args.words[0]), "slug", "suspended");
}

static int run_resume(struct cli *cli)
{
	return cli_change_said(cli, request_new("tenant.resume", cli->args.words[0]), "slug",
			       "takes mail again");
}

static int run_remove(struct cli *cli)
{
	if (!args_flag(&cli->args, "yes"))
		return cli_fail(EX_USAGE,
				"mail to %s would be refused from now on; say --yes if that is meant",
				cli->args.words[0]);
	return cli_change_said(cli, request_new("tenant.remove", cli->args.words[0]), "slug",
			       "removed; its tickets are kept");
}

/* ---- reading ---- */

static json_t *tenant_json(const struct tenant_row *row)
{
	json_t *o = json_object();
	json_object_set_new(o, "slug", json_str(row->slug));
	json_object_set_new(o, "name", json_str(row->name));
	json_object_set_new(o, "status", json_string(tenant_status_name(row->status)));
	json_object_set_new(o, "reference_prefix", json_str(row->reference_prefix));
	json_object_set_new(o, "admin_email", json_str(row->admin_email));
	json_object_set_new(o, "notify_email", json_str(row->notify_email));
	json_object_set_new(o, "locale", json_str(row->locale));
	json_object_set_new(o, "signature", json_str(row->signature));
	json_object_set_new(o, "logo_url", json_str(row->logo_url));
	json_object_set_new(o, "confirm", json_boolean(row->confirm));
	json_object_set_new(o, "attachments_max", json_integer(row->attachments_max));
	json_object_set_new(o, "attachment_size_max", json_integer(row->attachment_size_max));
	json_object_set_new(o, "blocked_extensions", json_str(row->blocked_extensions));
	json_object_set_new(o, "next_ticket", json_integer(row->next_ticket));
	json_object_set_new(o, "created", json_time(row->created_ms));
	json_object_set_new(o, "updated", json_time(row->updated_ms));
	return o;
}

struct tenant_listing {
	struct listing base;
	bool tickets;
};

static bool on_tenant(void *ctx, const struct tenant_row *row, int64_t tickets)
{
	struct tenant_listing *listing = ctx;
	char count[24];
	if (listing->base.cli->json) {
		json_t *o = tenant_json(row);
		if (listing->tickets)
			json_object_set_new(o, "tickets", json_integer(tickets));
		listing_json(&listing->base, o);
		return true;
	}
	snprintf(count, sizeof(count), "%lld", (long long)tickets);
	const struct str cells[] = {row->slug,
				    row->name,
				    str_from(tenant_status_name(row->status)),
				    row->reference_prefix,
				    row->notify_email.len ? row->notify_email : row->admin_email,
				    str_from(listing->tickets ? count : "")};
	listing_row(&listing->base, cells);
	return true;
}

static int run_list(struct cli *cli)
{
	static const struct table_column columns[] = {{"SLUG", 0, false},   {"NAME", 40, false},
						      {"STATUS", 0, false}, {"PREFIX", 0, false},
						      {"TOLD", 48, false},  {"TICKETS", 0, true}};
	struct tenant_listing listing = {.base.cli = cli, .tickets = args_flag(&cli->args, "tickets")};
	int r = listing_begin(&listing.base, columns, ARRAY_SIZE(columns) - !listing.tickets);
	if (r)
		return r;
	r = reader_tenants(cli->reader, args_flag(&cli->args, "removed"), listing.tickets, on_tenant,
			   &listing);
	return listing_end(&listing.base, r, "reading tenants");
}

static void line(const char *key, struct str value)
{
	display_line(stdout, key, value.len ? value : STR("-"));
}

static void number_line(const char *key, int64_t value, const char *zero)
{
	char text[24];
	snprintf(text, sizeof(text), "%lld", (long long)value);
	line(key, str_from(value ? text : zero));
}

static bool on_show(void *ctx, const struct tenant_row *row, int64_t tickets)
{
	struct cli *cli = ctx;
	char time[DISPLAY_TIME_MAX];
	if (cli->json) {
		json_t *o = tenant_json(row);
		json_object_set_new(o, "tickets", json_integer(tickets));
		json_out(o, stdout);
		return true;
	}
	line("Slug", row->slug);
	line("Name", row->name);
	line("Status", str_from(tenant_status_name(row->status)));
	printf("%-18s %.*s@%s\n", "Mailbox", STR_ARG(row->slug), cli->conf->mail->domain);
	line("References", row->reference_prefix);
	line("Admin", row->admin_email);
	line("Notified instead", row->notify_email);
	line("Locale", row->locale.len ? row->locale : STR("the server's default"));
	line("Signature", row->signature);
	line("Logo", row->logo_url);
	line("Confirmations", row->confirm ? STR("yes") : STR("no"));
	number_line("Attachments", row->attachments_max, "the server's default");
	number_line("Attachment size", row->attachment_size_max, "the server's default");
	line("Blocked extensions",
	     row->blocked_extensions.len ? row->blocked_extensions : STR("the server's default"));
	number_line("Tickets", tickets, "0");
	number_line("Next number", row->next_ticket, "1");
	line("Created", str_from(display_time(row->created_ms, time)));
	line("Changed", str_from(display_time(row->updated_ms, time)));
	return true;
}

static int run_show(struct cli *cli)
{
	int r = cli_reader(cli);
	if (r)
		return r;
	r = reader_tenant(cli->reader, str_from(cli->args.words[0]), on_show, cli);
	if (r == -ENOENT)
		return cli_fail(EX_NOINPUT, "there is no tenant \"%s\"", cli->args.words[0]);
	return r < 0 ? cli_fail(cli_exit_code(r), "reading: %s", strerror(-r)) : 0;
}
