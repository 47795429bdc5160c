/*
 * A forward (SPEC section 7): the original as it came, octet for octet, so that its signatures hold, with fields of ours
 * on top of it: our loop mark, and the Resent fields in one block (RFC 5322 3.6.6). A big original stays in its file and is
 * read piece by piece while it leaves.
 */
#include <errno.h>

#include "outbound/compose_private.h"
#include "outbound/mime_writer.h"

static int on_bytes(void *ctx, struct str bytes)
{
	return strbuf_add(ctx, bytes);
}

static int read_row(struct composing *composing)
{
	struct composed *ret = composing->ret;
	const struct message_row *original = &composing->outgoing->original;
	strbuf_init(&ret->original, COMPOSED_MAX);
	int r = reader_original(composing->reader, &original->mail_id, on_bytes, &ret->original);
	if (r == -ENOBUFS)
		return compose_never(composing, "the original is too big to be read into memory");
	ret->body = strbuf_str(&ret->original);
	return r;
}

static bool has_high_octets(struct str s)
{
	size_t i = 0;
	for (; i + sizeof(uint64_t) <= s.len; i += sizeof(uint64_t)) {
		uint64_t eight;
		memcpy(&eight, s.ptr + i, sizeof(eight));
		if (eight & UINT64_C(0x8080808080808080))
			return true;
	}
	for (; i < s.len; i++) {
		if ((unsigned char)s.ptr[i] & 0x80)
			return true;
	}
	return false;
}

/* Read through once, here on the worker: what the disk does not give is found out before a relay is told of the mail. */
static int open_file(struct composing *composing)
{
	struct composed *ret = composing->ret;
	const struct message_row *original = &composing->outgoing->original;
	int fd = reader_open_file(composing->reader, original->file);
	if (fd < 0)
		return fd;
	int r = original_file_open(fd, original->size, &ret->body_file);
	struct str piece = STR("x");
	while (r == 0 && piece.len) {
		r = original_file_next(ret->body_file, &piece);
		ret->eight_bit |= r == 0 && has_high_octets(piece);
	}
	return r;
}

/* "support" or "support@domain" */
static int resent_from(struct composing *composing)
{
	struct str mailbox = composing->outgoing->job.mailbox;
	struct str address;
	struct mailaddr parsed;
	bool whole = str_find(mailbox, '@') < mailbox.len;
	if (mailbox.len > MAILADDR_PATH_MAX)
		return compose_never(composing, "the mailbox is no address");
	int r = arena_printf(&composing->ret->arena, &address, "%.*s%s%s",
			     STR_ARG(mailbox.len ? mailbox : STR("postmaster")), whole ? "" : "@",
			     whole ? "" : composing->composer->domain);
	if (r < 0)
		return r;
	if (mailaddr_parse_mailbox(&composing->ret->arena, address, 0, &parsed) < 0)
		return compose_never(composing, "the mailbox is no address");
	mime_field_mailbox(&composing->ret->head, "Resent-From", STR(""), address);
	return 0;
}

int compose_forward(struct composing *composing)
{
	const struct outgoing *outgoing = composing->outgoing;
	struct composed *ret = composing->ret;
	if (outgoing->original.id.v == 0)
		return compose_never(composing, "the original is not there");
	int r = compose_loop_mark(composing, LOOP_FORWARD);
	if (r < 0)
		return r;
	compose_date(composing, "Resent-Date");
	r = resent_from(composing);
	if (r < 0)
		return r;
	mime_field_mailbox(&ret->head, "Resent-To", STR(""), ret->recipient);
	r = compose_message_id(composing, "Resent-Message-ID");
	if (r == 0)
		r = outgoing->original.file.len ? open_file(composing) : read_row(composing);
	if (r < 0)
		return r;
	ret->eight_bit |= has_high_octets(ret->body);
	ret->utf8 |= str_istarts(outgoing->original.protocol, STR("UTF8SMTP"));
	return 0;
}
