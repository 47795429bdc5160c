/*
 * See compose.h. The story of each mail: whose envelope, then either fields on top of an original (compose_forward.c) or a
 * mail of our own (compose_mail.c). What is true of both stands here. Runs on a worker.
 */
#include "outbound/compose.h"

#include <errno.h>

#include "base/clock.h"
#include "outbound/compose_private.h"
#include "outbound/mime_writer.h"
#include "tenant/reply_token.h"

#define ARENA_MAX ((size_t)64 * 1024)

int compose_never(struct composing *composing, const char *why)
{
	composing->why = why;
	return -EINVAL;
}

int compose_loop_mark(struct composing *composing, enum loop_kind kind)
{
	char mark[LOOP_MARK_TEXT_MAX + 1];
	int r = loop_mark_mint(composing->composer->keys, kind, composing->outgoing->job.id, mark);
	if (r < 0)
		return compose_never(composing, "the job has no id");
	mime_field(&composing->ret->head, LOOP_MARK_FIELD, str_from(mark));
	return 0;
}

void compose_date(struct composing *composing, const char *name)
{
	char date[CLOCK_RFC5322_SIZE];
	int64_t created_ms = composing->outgoing->job.created_ms;
	clock_format_rfc5322(created_ms > 0 ? created_ms : composing->composer->now_ms, date);
	mime_field(&composing->ret->head, name, str_from(date));
}

int compose_message_id(struct composing *composing, const char *name)
{
	const struct str *id = &composing->outgoing->job.header_message_id;
	if (!mime_id_valid(*id))
		return compose_never(composing, "the job's Message-ID is none");
	mime_field_ids(&composing->ret->head, name, id, 1);
	return 0;
}

/* The recipient as an envelope has it, checked; utf8 when it can't be written without. */
static int set_recipient(struct composing *composing)
{
	struct composed *ret = composing->ret;
	struct mailaddr address;
	struct strbuf print;
	if (mailaddr_parse_mailbox(&ret->arena, composing->outgoing->job.recipient, MAILADDR_ALLOW_UTF8,
				   &address) < 0)
		return compose_never(composing, "the recipient is no address");
	strbuf_init(&print, 2 * MAILADDR_PATH_MAX);
	mailaddr_print(&address, &print);
	int r = print.overflow ? -ENOBUFS : arena_copy(&ret->arena, strbuf_str(&print), &ret->recipient);
	strbuf_done(&print);
	for (size_t i = 0; r == 0 && i < ret->recipient.len; i++)
		ret->utf8 |= (unsigned char)ret->recipient.ptr[i] >= 0x80;
	ret->eight_bit = ret->utf8;
	return r;
}

/* SPEC sections 6 and 7: reports come back to the job; a null reverse-path stays null. */
static int set_reverse_path(struct composing *composing)
{
	const struct outgoing *outgoing = composing->outgoing;
	char token[BOUNCE_TOKEN_MAX + 1];
	if (outgoing->job.kind == OUTBOX_FORWARD && outgoing->original.reverse_path.len == 0)
		return 0;
	if (bounce_token_mint(composing->composer->keys, outgoing->job.id, token) < 0)
		return compose_never(composing, "the job has no id");
	return arena_printf(&composing->ret->arena, &composing->ret->reverse_path, "bounce+%s@%s", token,
			    composing->composer->domain);
}

int compose(const struct composer *composer, struct reader *reader, const struct outgoing *outgoing,
	    struct composed *ret, const char **ret_why)
{
	struct composed composed = {.reverse_path = STR(""), .body = STR("")};
	struct composing composing = {composer, reader, outgoing, &composed, "it does not fit into a mail"};
	arena_init(&composed.arena, ARENA_MAX);
	strbuf_init(&composed.head, COMPOSED_MAX);
	bool forward = outgoing->job.kind == OUTBOX_FORWARD;
	int r = set_recipient(&composing);
	if (r == 0)
		r = set_reverse_path(&composing);
	if (r == 0)
		r = forward ? compose_forward(&composing) : compose_own(&composing);
	if (r == 0 && composed.head.overflow)
		r = compose_never(&composing, "it does not fit into a mail");
	if (r < 0) {
		if (r == -EINVAL)
			*ret_why = composing.why;
		composed_done(&composed);
		return r;
	}
	*ret = composed;
	return 0;
}

void composed_done(struct composed *composed)
{
	original_file_close(composed->body_file);
	strbuf_done(&composed->original);
	strbuf_done(&composed->head);
	arena_done(&composed->arena);
	*composed = (struct composed){0};
}
