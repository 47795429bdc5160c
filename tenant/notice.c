/*
 * See notice.h. Two things are always true here. A job's recipient has been read and printed by base/mailaddr.h, so
 * nothing but an address ever gets there. And whatever must outlive a call with the same txn was copied before it: the
 * job that failed, the tenant and the ticket are views that the next call ends.
 */
#include "tenant/notice.h"

#include <assert.h>
#include <errno.h>

#include "base/arena.h"
#include "base/mac.h"
#include "base/mailaddr.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "storage/participant.h"
#include "storage/ticket.h"
#include "tenant/reply_token.h"

#define MESSAGE_ID_MAX (MESSAGE_LEFT_MAX + 1 + MAILADDR_DOMAIN_MAX)
#define ADDRESS_MAX    1024 /* octets: one printed, with every octet of its local-part escaped */
#define COPIES_MAX     8192 /* octets: all that outlives a call */
#define COMMENT_MAX    4096 /* octets */

/* What a failed mail was, in a sentence that goes on with its recipient. untold: to tell the team of it would be mail to
 * where mail just failed, or is nobody's business there. */
static const struct {
	const char *what;
	bool untold;
} kinds[] = {
	[OUTBOX_FORWARD] = {"The forwarded mail to", true},
	[OUTBOX_NOTIFY_TICKET] = {"The notification of this ticket to", true},
	[OUTBOX_CONFIRM] = {"The confirmation to", false},
	[OUTBOX_NOTIFY_COMMENT] = {"The notification of a comment to", true},
	[OUTBOX_ANSWER] = {"The answer to", false},
	[OUTBOX_NOTIFY_FAILURE] = {"The notice of a failed delivery to", true},
	[OUTBOX_NOTIFY_ASSIGNED] = {"The notice that this ticket was assigned, to", true},
	[OUTBOX_FORWARDING] = {"The forwarding confirmation for", true},
};

/* ---- making a job ---- */

/* Real addresses are wilder than the grammar (two dots in a row); those that it can express in quotes are expressed so,
 * the others are none. Most are in the grammar as they came. */
static int recipient_print(struct arena *arena, struct str recipient, struct strbuf *out)
{
	struct mailaddr addr;
	if (mailaddr_parse_mailbox(arena, recipient, MAILADDR_ALLOW_UTF8, &addr) == 0)
		return mailaddr_print(&addr, out) < 0 ? -EINVAL : 0;
	int r = mailaddr_parse_mailbox(arena, recipient, MAILADDR_ALLOW_UTF8 | MAILADDR_LIBERAL, &addr);
	if (r < 0 || mailaddr_print(&addr, out) < 0)
		return -EINVAL;
	r = mailaddr_parse_mailbox(arena, strbuf_str(out), MAILADDR_ALLOW_UTF8, &addr);
	return r < 0 ? -EINVAL : 0;
}

/* Random octets come many at a time: a call costs as much as a small INSERT, however few are asked for. A nonce is no
 * secret, it only has to be new. */
static uint64_t next_nonce(void)
{
	static _Thread_local uint64_t nonces[64];
	static _Thread_local size_t left;
	if (left == 0) {
		random_bytes(nonces, sizeof(nonces));
		left = ARRAY_SIZE(nonces);
	}
	return nonces[--left];
}

static int message_id_make(const struct notice_maker *maker, const struct notice *notice,
			   char ret[MESSAGE_ID_MAX + 1])
{
	struct own_message_id id = {.slug = "mx"};
	if (notice->tenant.v != 0 && notice->kind != OUTBOX_FORWARD) {
		if (notice->slug.len > SLUG_MAX)
			return -ERANGE;
		memcpy(id.slug, notice->slug.ptr, notice->slug.len);
		id.slug[notice->slug.len] = '\0';
		id.ticket = notice->ticket.v != 0 ? notice->ticket_number : 0;
	}
	id.nonce = next_nonce();
	int r = own_message_id_mint(maker->keys, &id, maker->domain, ret, MESSAGE_ID_MAX + 1);
	/* -EINVAL would say that the recipient is no address, and the job would be forgotten */
	return r == -EINVAL ? -ERANGE : r;
}

static int add_job(struct store_txn *txn, const struct notice *notice, struct str recipient,
		   const char *message_id, struct outbox_id *ret)
{
	struct outbox_row row = {
		.kind = notice->kind,
		.tenant = notice->tenant,
		.ticket = notice->ticket,
		.comment = notice->comment,
		.message = notice->message,
		.participant = notice->participant,
		.recipient = recipient,
		.mailbox = notice->mailbox,
		.header_message_id = str_from(message_id),
		.text = notice->text,
		.created_ms = notice->now_ms,
		.due_ms = notice->now_ms,
	};
	struct outbox_id id = {0};
	int r = outbox_add(txn, &row, &id);
	if (r == 0 && ret)
		*ret = id;
	return r;
}

int notice_add(struct store_txn *txn, const struct notice_maker *maker, const struct notice *notice,
	       struct outbox_id *ret)
{
	struct arena arena;
	struct strbuf recipient;
	char message_id[MESSAGE_ID_MAX + 1];
	arena_init(&arena, COPIES_MAX);
	strbuf_init(&recipient, ADDRESS_MAX);
	int r = recipient_print(&arena, notice->recipient, &recipient);
	if (r == 0)
		r = message_id_make(maker, notice, message_id);
	if (r == 0)
		r = add_job(txn, notice, strbuf_str(&recipient), message_id, ret);
	strbuf_done(&recipient);
	arena_done(&arena);
	return r;
}

struct str notice_team_address(struct str notify_email, struct str admin_email)
{
	return notify_email.len ? notify_email : admin_email;
}

/* ---- when one fails ---- */

struct failure {
	struct store_txn *txn;
	const struct notice_maker *maker;
	struct outbox_row job; /* recipient is a copy; other views are not looked at */
	struct str why;        /* a copy: one line, valid UTF-8 */
	struct str slug, team; /* copies */
	int64_t ticket_number;
	struct comment_id comment; /* ours */
	int64_t now_ms;
};

/* Others' servers choose these words. */
static int copy_line(struct arena *arena, struct str s, size_t len_max, struct str *ret)
{
	/* a line is never longer than what it is made of */
	char *line = arena_alloc(arena, (s.len < len_max ? s.len : len_max) + 1);
	if (!line)
		return -ENOBUFS;
	*ret = (struct str){line, utf8_line(s, line, len_max)};
	return 0;
}

static int add_comment(struct failure *failure)
{
	struct strbuf text;
	strbuf_init(&text, COMMENT_MAX);
	strbuf_printf(&text, "%s %.*s could not be delivered", kinds[failure->job.kind].what,
		      STR_ARG(failure->job.recipient));
	if (failure->why.len)
		strbuf_printf(&text, ": %.*s", STR_ARG(failure->why));
	else
		strbuf_addc(&text, '.');
	struct comment_row row = {
		.ticket = failure->job.ticket,
		.tenant = failure->job.tenant,
		.author_kind = COMMENT_BY_SYSTEM,
		.author_address = STR(""),
		.visibility = COMMENT_INTERNAL,
		.text = strbuf_str(&text),
		.note = STR(""),
		.header_message_id = STR(""),
		.automatic = true,
		.created_ms = failure->now_ms,
	};
	int r = comment_add(failure->txn, &row, &failure->comment);
	strbuf_done(&text);
	return r;
}

/* What telling the team needs. */
static int read_tenant(struct failure *failure, struct arena *arena)
{
	struct tenant_row tenant;
	struct ticket_row ticket;
	int r = tenant_rows_get(failure->txn, failure->job.tenant, &tenant);
	if (r < 0)
		return r;
	struct str team = notice_team_address(tenant.notify_email, tenant.admin_email);
	if (arena_copy(arena, tenant.slug, &failure->slug) < 0 ||
	    arena_copy(arena, str_sub(team, 0, ADDRESS_MAX), &failure->team) < 0)
		return -ENOBUFS;
	r = ticket_get(failure->txn, failure->job.ticket, &ticket);
	if (r == 0)
		failure->ticket_number = ticket.number;
	return r;
}

static int tell_team(struct failure *failure, struct arena *arena, bool *ret_told)
{
	int r = read_tenant(failure, arena);
	if (r < 0)
		return r;
	struct notice notice = {
		.kind = OUTBOX_NOTIFY_FAILURE,
		.tenant = failure->job.tenant,
		.slug = failure->slug,
		.ticket = failure->job.ticket,
		.ticket_number = failure->ticket_number,
		.comment = failure->comment,
		.participant = PARTICIPANT_TEAM,
		.recipient = failure->team,
		.mailbox = STR(""),
		.text = failure->why,
		.now_ms = failure->now_ms,
	};
	r = notice_add(failure->txn, failure->maker, &notice, NULL);
	if (r == -EINVAL ||
	    r == -ERANGE) /* no address to tell, or no mail can be made: the ticket shows it */
		return 0;
	*ret_told = r == 0;
	return r;
}

int notice_failed(struct store_txn *txn, const struct notice_maker *maker, const struct outbox_row *job,
		  struct str why, int64_t now_ms, bool *ret_told)
{
	struct failure failure = {.txn = txn, .maker = maker, .job = *job, .now_ms = now_ms};
	struct arena arena;
	bool told = false;
	assert((size_t)job->kind < ARRAY_SIZE(kinds));
	if (job->ticket.v == 0 || job->tenant.v == 0) {
		if (ret_told)
			*ret_told = false;
		return 0;
	}
	arena_init(&arena, COPIES_MAX);
	int r = copy_line(&arena, job->recipient, ADDRESS_MAX, &failure.job.recipient);
	if (r == 0)
		r = copy_line(&arena, why, OUTBOX_WHY_MAX, &failure.why);
	if (r == 0)
		r = add_comment(&failure);
	if (r == 0 && !kinds[job->kind].untold)
		r = tell_team(&failure, &arena, &told);
	arena_done(&arena);
	if (r == 0 && ret_told)
		*ret_told = told;
	return r;
}
