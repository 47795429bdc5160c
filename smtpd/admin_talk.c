/*
 * What an agent without mail does by hand, with what a mail of his would do: a comment (the customer gets an answer,
 * the status changes), a ticket that is closed, resolved, reopened, or given to somebody.
 *
 * 1. Who is told and what changes is said in ingest/conversation.h, for mail and for these alike.
 * 2. Words come before the status: an answer to a closed ticket reopens it, and what was asked for is set after that.
 * 3. Nobody is told of a status alone, as no mail could set one without saying something.
 */
#include <errno.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "ingest/conversation.h"
#include "smtpd/admin_private.h"
#include "storage/tenant_rows.h"

static int check_comment(struct admin_op *op, const struct admin_rules *rules);
static int check_status(struct admin_op *op, const struct admin_rules *rules);
static int check_assign(struct admin_op *op, const struct admin_rules *rules);
static int apply_comment(struct admin_op *op, struct store_txn *txn);
static int apply_close(struct admin_op *op, struct store_txn *txn);
static int apply_resolve(struct admin_op *op, struct store_txn *txn);
static int apply_reopen(struct admin_op *op, struct store_txn *txn);
static int apply_assign(struct admin_op *op, struct store_txn *txn);

static const char *const comment_keys[] = {"text", "internal", "as", NULL};
static const char *const status_keys[] = {"text", "as", NULL};
static const char *const assign_keys[] = {"agent", NULL};

const struct op_kind admin_talk_kinds[] = {
	{"ticket.comment", check_comment, apply_comment, ADMIN_MAKES_JOBS, "reference", comment_keys},
	{"ticket.close", check_status, apply_close, ADMIN_MAKES_JOBS, "reference", status_keys},
	{"ticket.resolve", check_status, apply_resolve, ADMIN_MAKES_JOBS, "reference", status_keys},
	{"ticket.reopen", check_status, apply_reopen, ADMIN_MAKES_JOBS, "reference", status_keys},
	{"ticket.assign", check_assign, apply_assign, ADMIN_MAKES_JOBS, "reference", assign_keys},
	{0},
};

/* ---- checks ---- */

/* Ends of lines become LF, and what is blank at both ends goes (but not the first line's indentation). */
static char *tidy_text(struct str text)
{
	char *copy = xmalloc(text.len + 1);
	size_t len = 0, end = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n')
			continue;
		if (len == 0 && text.ptr[i] == '\n')
			continue;
		copy[len++] = text.ptr[i];
		if (!ascii_space(text.ptr[i]))
			end = len;
	}
	copy[end] = 0;
	return copy;
}

static int take_text(struct admin_op *op)
{
	struct str text = admin_request_text(op, "text");
	if (text.len > ADMIN_COMMENT_MAX)
		return admin_decline(op, ADMIN_INVALID, "a comment has at most %zu octets",
				     ADMIN_COMMENT_MAX);
	op->text = tidy_text(text);
	if (op->text[0] == 0)
		return admin_decline(op, ADMIN_INVALID, "the comment is empty");
	if (admin_has_control(str_from(op->text), true))
		return admin_decline(op, ADMIN_INVALID, "the comment holds control characters");
	return 0;
}

static int check_as(struct admin_op *op, const char *domain)
{
	struct str as = admin_request_text(op, "as");
	return as.ptr ? admin_check_address(op, "the agent", as, domain) : 0;
}

static int check_comment(struct admin_op *op, const struct admin_rules *rules)
{
	struct str internal = admin_request_text(op, "internal");
	bool value;
	int r = admin_check_reference(op);
	if (r < 0)
		return r;
	if (!admin_request_text(op, "text").ptr)
		return admin_decline(op, ADMIN_USAGE, "ticket.comment needs \"text\"");
	if (internal.ptr && admin_parse_bool(internal, &value) < 0)
		return admin_decline(op, ADMIN_INVALID, "\"internal\" is yes or no");
	r = take_text(op);
	return r < 0 ? r : check_as(op, rules->domain);
}

static int check_status(struct admin_op *op, const struct admin_rules *rules)
{
	int r = admin_check_reference(op);
	if (r == 0 && admin_request_text(op, "text").ptr)
		r = take_text(op);
	return r < 0 ? r : check_as(op, rules->domain);
}

static int check_assign(struct admin_op *op, const struct admin_rules *rules)
{
	struct str agent = admin_request_text(op, "agent");
	int r = admin_check_reference(op);
	if (r < 0)
		return r;
	if (!agent.ptr)
		return admin_decline(op, ADMIN_USAGE, "ticket.assign needs \"agent\"");
	return agent.len ? admin_check_address(op, "the agent", agent, rules->domain) : 0;
}

/* ---- in the transaction ---- */

/* A ticket that is being talked about. */
struct talk {
	struct admin_op *op;
	struct ticket_row ticket; /* as it was before */
	struct tenant_row row;
	struct tenant tenant;
	struct notice_maker maker;
	struct people people;
	struct conversation conversation;
	struct comment_id comment; /* 0: nothing was said */
};

static int talk_begin(struct talk *talk, struct admin_op *op, struct store_txn *txn)
{
	*talk = (struct talk){.op = op};
	int r = admin_find_ticket(op, txn, &talk->ticket, &talk->row);
	if (r < 0)
		return r;
	const struct tenant_row *row = &talk->row;
	if (row->status == TENANT_REMOVED)
		return admin_decline(op, ADMIN_INVALID, "tenant \"%.*s\" is removed; resume it first",
				     STR_ARG(row->slug));
	talk->tenant = (struct tenant){
		.id = row->id,
		.slug = row->slug,
		.name = row->name,
		.reference_prefix = row->reference_prefix,
		.admin_email = row->admin_email,
		.notify_email = row->notify_email,
		.locale = row->locale,
		.blocked_extensions = row->blocked_extensions,
		.confirm = row->confirm,
		.suspended = row->status == TENANT_SUSPENDED,
	};
	talk->maker = (struct notice_maker){.keys = op->keys, .domain = str_from(op->domain)};
	talk->conversation = (struct conversation){
		.txn = txn, .maker = &talk->maker, .tenant = &talk->tenant, .now_ms = clock_now_ms()};
	return conversation_people(&talk->conversation, &talk->ticket, &op->arena, &talk->people);
}

/* Whoever is an agent here must not be the customer: the words would be told to their own author. */
static int not_the_customer(const struct talk *talk, struct str agent)
{
	if (!str_ieq(agent, talk->people.requester))
		return 0;
	return admin_decline(talk->op, ADMIN_INVALID,
			     "%.*s is the customer of this ticket, and can't be its agent too",
			     STR_ARG(str_sub(agent, 0, 256)));
}

static int talk_say(struct talk *talk, enum comment_visibility visibility)
{
	struct str as = str_trim(admin_request_text(talk->op, "as"));
	const struct comment_row row = {
		.ticket = talk->ticket.id,
		.tenant = talk->tenant.id,
		.author_kind = COMMENT_BY_AGENT,
		.author_address =
			as.len ? as
			       : notice_team_address(talk->tenant.notify_email, talk->tenant.admin_email),
		.visibility = visibility,
		.text = str_from(talk->op->text),
		.note = STR(""),
		.header_message_id = STR(""),
		.created_ms = talk->conversation.now_ms,
	};
	int r = not_the_customer(talk, row.author_address);
	if (r == 0)
		r = comment_add(talk->conversation.txn, &row, &talk->comment);
	if (r < 0)
		return r;
	const struct conversation_comment comment = {
		.ticket = &talk->ticket,
		.comment = talk->comment,
		.speaker = {.on_ticket = true, .kind = SPEAKER_AGENT, .visibility = visibility, .mark = ""},
		.author_address = row.author_address,
		.people = &talk->people,
	};
	return conversation_commented(&talk->conversation, &comment);
}

static int talk_end(struct talk *talk)
{
	struct store_txn *txn = talk->conversation.txn;
	char reference[TICKET_REFERENCE_SIZE];
	struct ticket_row row;
	int r = ticket_reference(txn, talk->ticket.id, reference);
	if (r == 0)
		r = ticket_get(txn, talk->ticket.id, &row);
	if (r < 0)
		return r;
	talk->op->result = json_pack(
		"{s:s,s:s,s:s,s:o,s:o,s:b}", "reference", reference, "status", ticket_status_name(row.status),
		"status_before", ticket_status_name(talk->ticket.status), "assignee",
		admin_json_text(row.assignee), "requester", admin_json_text(talk->people.requester), "told",
		talk->conversation.jobs_due);
	if (talk->comment.v)
		json_object_set_new(talk->op->result, "comment", json_integer(talk->comment.v));
	return 0;
}

static int apply_comment(struct admin_op *op, struct store_txn *txn)
{
	struct str internal = admin_request_text(op, "internal");
	struct talk talk;
	bool value = false;
	if (internal.ptr)
		(void)admin_parse_bool(internal, &value);
	int r = talk_begin(&talk, op, txn);
	if (r == 0)
		r = talk_say(&talk, value ? COMMENT_INTERNAL : COMMENT_PUBLIC);
	return r < 0 ? r : talk_end(&talk);
}

static int set_status(struct talk *talk, enum ticket_status status)
{
	const struct ticket_change change = {.status = (int)status};
	if (talk->ticket.status == status && !talk->comment.v)
		return 0;
	return ticket_update(talk->conversation.txn, talk->ticket.id, &change, talk->conversation.now_ms);
}

static int say_and_set(struct talk *talk, enum ticket_status status)
{
	int r = talk->op->text ? talk_say(talk, COMMENT_PUBLIC) : 0;
	if (r == 0)
		r = set_status(talk, status);
	return r < 0 ? r : talk_end(talk);
}

static int apply_close(struct admin_op *op, struct store_txn *txn)
{
	struct talk talk;
	int r = talk_begin(&talk, op, txn);
	return r < 0 ? r : say_and_set(&talk, TICKET_CLOSED);
}

static int apply_resolve(struct admin_op *op, struct store_txn *txn)
{
	struct talk talk;
	int r = talk_begin(&talk, op, txn);
	return r < 0 ? r : say_and_set(&talk, TICKET_RESOLVED);
}

static int apply_reopen(struct admin_op *op, struct store_txn *txn)
{
	struct talk talk;
	int r = talk_begin(&talk, op, txn);
	if (r < 0)
		return r;
	if (talk.ticket.status != TICKET_RESOLVED && talk.ticket.status != TICKET_CLOSED)
		return admin_decline(op, ADMIN_INVALID,
				     "the ticket is %s: only what was resolved or closed "
				     "can be reopened",
				     ticket_status_name(talk.ticket.status));
	return say_and_set(&talk, TICKET_REOPENED);
}

/* Told with a reply address of his own, so that what he answers is his. */
static int tell_agent(struct talk *talk, struct str agent)
{
	struct conversation *conversation = &talk->conversation;
	struct comment_id comment = {0};
	int64_t number;
	int r = participant_add(conversation->txn, talk->ticket.id, PARTICIPANT_AGENT, agent,
				conversation->now_ms, &number);
	if (r == 0)
		r = comment_newest_of_client(conversation->txn, talk->ticket.id, &comment);
	if (r < 0 && r != -ENOENT)
		return r;
	const struct notice notice = {
		.kind = OUTBOX_NOTIFY_ASSIGNED,
		.tenant = talk->tenant.id,
		.slug = talk->tenant.slug,
		.ticket = talk->ticket.id,
		.ticket_number = talk->ticket.number,
		.comment = comment,
		.participant = number,
		.recipient = agent,
		.mailbox = STR(""),
		.text = STR(""),
		.now_ms = conversation->now_ms,
	};
	r = notice_add(conversation->txn, conversation->maker, &notice, NULL);
	if (r == 0)
		conversation->jobs_due = true;
	return r;
}

static int apply_assign(struct admin_op *op, struct store_txn *txn)
{
	struct str agent = str_trim(admin_request_text(op, "agent"));
	const struct ticket_change change = {.status = -1, .assignee = agent};
	struct talk talk;
	int r = talk_begin(&talk, op, txn);
	if (r == 0 && agent.len)
		r = not_the_customer(&talk, agent);
	/* Who has it already need not be told again. */
	if (r < 0 || str_ieq(agent, talk.ticket.assignee))
		return r < 0 ? r : talk_end(&talk);
	r = ticket_update(txn, talk.ticket.id, &change, talk.conversation.now_ms);
	if (r == 0 && agent.len)
		r = tell_agent(&talk, agent);
	return r < 0 ? r : talk_end(&talk);
}
