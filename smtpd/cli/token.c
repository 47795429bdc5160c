/*
 * servelo token: the signed texts in our mail, for who looks for what went wrong. `mint` prints what a mail of ours
 * would carry, `explain` says what one means.
 *
 * Whether a text is ours is all that `explain` says of one that is not: why it does not verify would help to make one.
 * The keys are those of the configuration; who may not read them is told so.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "smtpd/cli/display.h"
#include "smtpd/cli/found_ticket.h"
#include "smtpd/cli/json_out.h"
#include "smtpd/secrets.h"
#include "storage/participant.h"
#include "storage/reply_address.h"
#include "tenant/reply_token.h"

#define EXIT_DOES_NOT_VERIFY 1

static int run_mint(struct cli *cli);
static int run_explain(struct cli *cli);

static const struct arg_option mint_options[] = {
	{"participant", "N|client|team",
	 "whose address it is (default: client); N as servelo ticket show lists them"},
};
static const struct cli_verb verbs[] = {
	{"mint", "REFERENCE", 1, 1, "Print the address that a participant of a ticket answers to",
	 "Whoever has it can write to the ticket as that participant.\n\n"
	 "  servelo token mint ACME-00042\n  servelo token mint ACME-00042 --participant team\n",
	 mint_options, ARRAY_SIZE(mint_options), run_mint},
	{"explain", "TEXT", 1, 1, "Say what a reply address, a bounce address or a Message-ID of ours means",
	 "An address or a token alone, with or without angle brackets. Exit code 1: it does not verify.\n\n"
	 "  servelo token explain reply+QwEH...@mail.example.com\n"
	 "  servelo token explain '<QwEH...@mail.example.com>'\n",
	 NULL, 0, run_explain},
};
const struct cli_noun cli_token = {"token", "Signed addresses and Message-IDs", verbs, ARRAY_SIZE(verbs)};

/* Configuration, database and keys. 0, or an exit code. */
static int open_all(struct cli *cli, struct key_ring **ret)
{
	struct conf_error error = {""};
	int r = cli_conf(cli);
	if (r == 0)
		r = cli_reader(cli);
	if (r)
		return r;
	r = secrets_load(ret, cli->conf, SECRETS_READ, NULL, &error);
	if (r == -ENOENT && cli->conf->secrets->reply_token.n == 0)
		return cli_fail(EX_NOINPUT, "%s: there is no key yet; `servelo serve` makes one",
				cli->conf->storage->data_dir);
	return r < 0 ? cli_fail(r == -EINVAL ? EX_CONFIG : cli_exit_code(r), "%s",
				error.text[0] ? error.text : strerror(-r))
		     : 0;
}

/* ---- mint ---- */

static int parse_participant(struct cli *cli, int64_t *ret)
{
	const char *text = args_value(&cli->args, "participant");
	struct conf_error error;
	*ret = PARTICIPANT_REQUESTER;
	if (!text || strcmp(text, "client") == 0)
		return 0;
	if (strcmp(text, "team") == 0) {
		*ret = PARTICIPANT_TEAM;
		return 0;
	}
	if (args_int(&cli->args, "participant", 1, TOKEN_NUMBER_MAX, ret, &error) < 0)
		return cli_fail(EX_USAGE, "%s, and is not \"client\" or \"team\"", error.text);
	return 0;
}

static int print_minted(struct cli *cli, const struct key_ring *keys, const struct found_ticket *found,
			int64_t participant, const char *who)
{
	struct reply_token token = {.ticket = found->number, .participant = participant};
	char text[REPLY_TOKEN_MAX + 1];
	snprintf(token.slug, sizeof(token.slug), "%s", found->slug);
	int r = reply_token_mint(keys, &token, text);
	if (r < 0)
		return cli_fail(EX_DATAERR, "ticket %s can have no reply address: %s", found->reference,
				strerror(-r));
	char *address = xasprintf("reply+%s@%s", text, cli->conf->mail->domain);
	if (cli->json)
		json_out(json_pack("{s:s,s:s,s:I,s:o}", "address", address, "ticket", found->reference,
				   "participant", (json_int_t)participant, "who", json_str(str_from(who))),
			 stdout);
	else
		printf("%s\n", address);
	free(address);
	return 0;
}

static int run_mint(struct cli *cli)
{
	struct found_ticket found = {0};
	struct key_ring *keys = NULL;
	char *who = NULL;
	int64_t participant;
	int r = parse_participant(cli, &participant);
	if (r == 0)
		r = open_all(cli, &keys);
	if (r)
		return r;
	r = found_ticket_by_reference(cli, cli->args.words[0], &found);
	if (r == 0)
		r = found_ticket_who(cli, &found, participant, &who);
	if (r == -ENOENT || r == -EINVAL)
		r = cli_fail(EX_NOINPUT, "there is no ticket \"%.64s\"", cli->args.words[0]);
	else if (r < 0)
		r = cli_fail(cli_exit_code(r), "reading: %s", strerror(-r));
	else if (!who)
		r = cli_fail(EX_NOINPUT, "%s has no participant %" PRId64 "; see servelo ticket show",
			     found.reference, participant);
	else
		r = print_minted(cli, keys, &found, participant, who);
	free(who);
	found_ticket_done(&found);
	key_ring_unref(keys);
	return r;
}

/* ---- explain ---- */

enum token_kind { TOKEN_REPLY, TOKEN_BOUNCE, TOKEN_MESSAGE_ID };

struct explained {
	enum token_kind kind;
	bool folded;              /* found by its case-folded form */
	struct reply_token reply; /* slug and ticket of a Message-ID too */
	struct outbox_id job;
};

struct folded_hint {
	const struct key_ring *keys;
	struct str folded;
	struct reply_token *ret;
	bool found;
};

static bool on_hint(void *ctx, struct str slug, int64_t ticket_number, int64_t participant)
{
	struct folded_hint *hint = ctx;
	struct reply_token token = {.ticket = ticket_number, .participant = participant};
	if (slug.len > SLUG_MAX)
		return true;
	memcpy(token.slug, slug.ptr, slug.len);
	hint->found = reply_token_is_folded(hint->keys, hint->folded, &token);
	if (hint->found)
		*hint->ret = token;
	return !hint->found;
}

/* True when it is one of ours. */
static bool explain_reply(struct cli *cli, const struct key_ring *keys, struct str token,
			  struct explained *ret)
{
	char folded[REPLY_TOKEN_MAX + 1];
	ret->kind = TOKEN_REPLY;
	if (reply_token_check(keys, token, &ret->reply) == 0)
		return true;
	if (reply_token_fold(token, folded) < 0)
		return false;
	struct folded_hint hint = {.keys = keys, .folded = str_from(folded), .ret = &ret->reply};
	if (reader_reply_addresses(cli->reader, hint.folded, on_hint, &hint) < 0)
		return false;
	ret->folded = hint.found;
	return hint.found;
}

static bool explain_bounce(const struct key_ring *keys, struct str token, struct explained *ret)
{
	ret->kind = TOKEN_BOUNCE;
	return bounce_token_check(keys, token, &ret->job) == 0;
}

static bool explain_message_id(const struct key_ring *keys, struct str text, struct str domain,
			       struct explained *ret)
{
	struct own_message_id id;
	ret->kind = TOKEN_MESSAGE_ID;
	if (own_message_id_check(keys, text, domain, &id) < 0)
		return false;
	ret->reply.ticket = id.ticket;
	memcpy(ret->reply.slug, id.slug, sizeof(id.slug));
	return true;
}

static bool explain(struct cli *cli, const struct key_ring *keys, struct str text, struct explained *ret)
{
	struct str domain = str_from(cli->conf->mail->domain);
	text = str_trim(text);
	if (text.len > 1 && text.ptr[0] == '<' && text.ptr[text.len - 1] == '>')
		text = str_sub(text, 1, text.len - 1);
	struct str left = str_sub(text, 0, str_find(text, '@'));
	struct str right = str_sub(text, left.len + 1, text.len);
	bool with_domain = left.len < text.len;
	bool reply = str_istarts(left, STR("reply+")), bounce = str_istarts(left, STR("bounce+"));
	if (with_domain && !str_ieq(right, domain))
		return false;
	if (reply)
		return explain_reply(cli, keys, str_sub(left, 6, left.len), ret);
	if (bounce)
		return explain_bounce(keys, str_sub(left, 7, left.len), ret);
	if (with_domain)
		return explain_message_id(keys, text, domain, ret);
	return explain_bounce(keys, text, ret) || explain_reply(cli, keys, text, ret);
}

/* Pairs for people and programs alike; an empty value is left out. */
static void say(struct cli *cli, json_t *o, const char *key, const char *label, struct str value)
{
	if (cli->json)
		json_object_set_new(o, key, json_str(value.len ? value : (struct str){NULL, 0}));
	else
		display_line(stdout, label, value);
}

static void say_number(struct cli *cli, json_t *o, const char *key, const char *label, int64_t n)
{
	char text[24];
	if (cli->json) {
		json_object_set_new(o, key, json_integer(n));
		return;
	}
	snprintf(text, sizeof(text), "%" PRId64, n);
	display_line(stdout, label, str_from(text));
}

static void say_participant(struct cli *cli, json_t *o, int64_t participant, const char *who)
{
	say_number(cli, o, "participant", "Participant", participant);
	say(cli, o, "who", "Who", who ? str_from(who) : STR("nobody who is on the ticket"));
}

static int say_ticket(struct cli *cli, json_t *o, const struct explained *explained)
{
	const struct reply_token *token = &explained->reply;
	struct found_ticket found = {0};
	char *who = NULL;
	if (token->ticket == 0) {
		say(cli, o, "note", "Note", STR("a mail of ours that is about no ticket"));
		return 0;
	}
	int r = found_ticket_by_number(cli, token->slug, token->ticket, &found);
	if (r == 0 && explained->kind == TOKEN_REPLY)
		r = found_ticket_who(cli, &found, token->participant, &who);
	if (r == 0 || r == -ENOENT) {
		say(cli, o, "tenant", "Tenant", str_from(token->slug));
		say(cli, o, "ticket", "Ticket", str_from(found.reference));
		if (r == -ENOENT)
			say(cli, o, "note", "Note", STR("there is no such ticket"));
		if (explained->kind == TOKEN_REPLY)
			say_participant(cli, o, token->participant, who);
		r = 0;
	} else
		r = cli_fail(cli_exit_code(r), "reading: %s", strerror(-r));
	free(who);
	found_ticket_done(&found);
	return r;
}

struct bounce_say {
	struct cli *cli;
	json_t *o;
	int64_t id;
	bool found;
};

static bool on_job(void *ctx, const struct outbox_view *view)
{
	struct bounce_say *bounce = ctx;
	if (view->row.id.v != bounce->id)
		return false;
	bounce->found = true;
	say(bounce->cli, bounce->o, "tenant", "Tenant", view->tenant_slug);
	say(bounce->cli, bounce->o, "ticket", "Ticket", view->ticket_reference);
	say(bounce->cli, bounce->o, "mail", "Mail", str_from(outbox_kind_name(view->row.kind)));
	say(bounce->cli, bounce->o, "recipient", "To", view->row.recipient);
	say(bounce->cli, bounce->o, "state", "State", str_from(outbox_state_name(view->row.state)));
	return false;
}

static int say_job(struct cli *cli, json_t *o, struct outbox_id job)
{
	struct bounce_say bounce = {.cli = cli, .o = o, .id = job.v};
	const struct outbox_filter filter = {.state = -2, .before_id = job.v + 1, .limit = 1};
	say_number(cli, o, "job", "Job", job.v);
	int r = reader_outbox(cli->reader, &filter, on_job, &bounce);
	if (r < 0)
		return cli_fail(cli_exit_code(r), "reading the outbox: %s", strerror(-r));
	if (!bounce.found)
		say(cli, o, "note", "Note", STR("there is no such job"));
	return 0;
}

static int print_explained(struct cli *cli, const struct explained *explained)
{
	static const char *const names[] = {
		[TOKEN_REPLY] = "reply", [TOKEN_BOUNCE] = "bounce", [TOKEN_MESSAGE_ID] = "message-id"};
	json_t *o = json_pack("{s:b}", "verifies", 1);
	say(cli, o, "kind", "Kind", str_from(names[explained->kind]));
	if (cli->json)
		json_object_set_new(o, "folded", json_boolean(explained->folded));
	else if (explained->folded)
		display_line(stdout, "Note",
			     STR("letters were changed on the way; found by its folded form"));
	int r = explained->kind == TOKEN_BOUNCE ? say_job(cli, o, explained->job)
						: say_ticket(cli, o, explained);
	if (r == 0 && cli->json)
		json_out(o, stdout);
	else
		json_decref(o);
	return r;
}

static int run_explain(struct cli *cli)
{
	struct explained explained = {0};
	struct key_ring *keys = NULL;
	int r = open_all(cli, &keys);
	if (r)
		return r;
	bool ours = explain(cli, keys, str_from(cli->args.words[0]), &explained);
	key_ring_unref(keys);
	if (ours)
		return print_explained(cli, &explained);
	if (cli->json)
		json_out(json_pack("{s:b}", "verifies", 0), stdout);
	else
		printf("does not verify\n");
	return EXIT_DOES_NOT_VERIFY;
}
