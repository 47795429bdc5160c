/*
 * Addresses of the envelope, read by one pass over the octets.
 *
 *	Path       = "<" [ At-domain *( "," At-domain ) ":" ] Mailbox ">"
 *	Mailbox    = ( Dot-string / Quoted-string ) "@" ( Domain / address-literal )
 *
 * Always true:
 *  1. scan->pos <= scan->in.len; an octet is looked at only through peek().
 *  2. What the local-part's buffer has no room for is counted but not kept: a part that is too long is told
 *     from one that is malformed, and neither can write past the buffer.
 *  3. A parsed address prints within the same limits: the local-part is measured as it was written, and
 *     printing never needs more quoting than it had.
 *
 * The stricter readings are ours: controls are refused everywhere, also those of UTF-8 (U+0080..U+009F);
 * address literals are IPv4 and IPv6 only (RFC 5321 knows no other that is registered). Pure; any thread.
 */
#include "base/mailaddr.h"

#include <arpa/inet.h>
#include <errno.h>

#define LABEL_MAX 63 /* RFC 1035 2.3.4 */

struct scan {
	struct str in;
	size_t pos;
	unsigned flags;
};

struct local_part {
	char text[MAILADDR_LONG_LOCAL_MAX];
	size_t len;
};

/* ---- characters ---- */

static int peek(const struct scan *scan)
{
	return scan->pos < scan->in.len ? (uint8_t)scan->in.ptr[scan->pos] : -1;
}

static bool take(struct scan *scan, char c)
{
	if (peek(scan) != (uint8_t)c)
		return false;
	scan->pos++;
	return true;
}

static bool is_atext(int c)
{
	return c > 0 && c < 0x80 &&
	       (ascii_alpha((char)c) || ascii_digit((char)c) || strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* The character above 0x7f at the start of s: its octets, -EILSEQ when it may not be here, -EINVAL for C1. */
static int non_ascii(struct str s, unsigned flags)
{
	size_t len = flags & MAILADDR_ALLOW_UTF8 ? utf8_sequence(s) : 0;
	if (len == 0)
		return -EILSEQ;
	return (uint8_t)s.ptr[0] == 0xc2 && (uint8_t)s.ptr[1] < 0xa0 ? -EINVAL : (int)len;
}

/* ---- local-part ---- */

static void local_put(struct local_part *local, struct str s)
{
	for (size_t i = 0; i < s.len; i++, local->len++) {
		if (local->len < sizeof(local->text))
			local->text[local->len] = s.ptr[i];
	}
}

/* Take n octets into the local-part. */
static void local_take(struct scan *scan, struct local_part *local, size_t n)
{
	local_put(local, str_sub(scan->in, scan->pos, scan->pos + n));
	scan->pos += n;
}

static int local_take_non_ascii(struct scan *scan, struct local_part *local)
{
	int len = non_ascii(str_sub(scan->in, scan->pos, scan->in.len), scan->flags);
	if (len < 0)
		return len;
	local_take(scan, local, (size_t)len);
	return 0;
}

/* Dot-string = Atom *("." Atom) */
static int scan_dot_string(struct scan *scan, struct local_part *local)
{
	bool liberal = scan->flags & MAILADDR_LIBERAL;
	bool in_atom = false;
	for (;;) {
		int c = peek(scan);
		if (is_atext(c) || (c == '.' && liberal)) {
			local_take(scan, local, 1);
			in_atom = true;
		} else if (c >= 0x80) {
			int r = local_take_non_ascii(scan, local);
			if (r < 0)
				return r;
			in_atom = true;
		} else if (c == '.' && in_atom) {
			local_take(scan, local, 1);
			in_atom = false;
		} else {
			return in_atom ? 0 : -EINVAL;
		}
	}
}

/* Quoted-string = DQUOTE *( qtextSMTP / "\" %d32-126 ) DQUOTE; the text between is kept, unquoted. */
static int scan_quoted_string(struct scan *scan, struct local_part *local)
{
	scan->pos++;
	for (;;) {
		if (take(scan, '"'))
			return 0;
		bool pair = take(scan, '\\');
		int c = peek(scan);
		if (c >= 0x80 && !pair) {
			int r = local_take_non_ascii(scan, local);
			if (r < 0)
				return r;
		} else if (c >= 0x20 && c <= 0x7e) {
			local_take(scan, local, 1);
		} else {
			return -EINVAL;
		}
	}
}

static int scan_local_part(struct scan *scan, struct local_part *local)
{
	size_t start = scan->pos;
	int r = peek(scan) == '"' ? scan_quoted_string(scan, local) : scan_dot_string(scan, local);
	if (r < 0)
		return r;
	size_t max = scan->flags & MAILADDR_LIBERAL ? MAILADDR_LONG_LOCAL_MAX : MAILADDR_LOCAL_MAX;
	return scan->pos - start > max ? -EMSGSIZE : 0;
}

/* ---- domain ---- */

/* sub-domain = Let-dig [Ldh-str], or a U-label */
static int check_label(struct str label, unsigned flags)
{
	bool ascii = true;
	if (label.len == 0 || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
		return -EINVAL;
	for (size_t i = 0; i < label.len;) {
		char c = label.ptr[i];
		int len = 1;
		if ((uint8_t)c >= 0x80) {
			len = non_ascii(str_sub(label, i, label.len), flags);
			ascii = false;
		} else if (!ascii_alpha(c) && !ascii_digit(c) && c != '-' &&
			   !(c == '_' && flags & MAILADDR_LIBERAL)) {
			len = -EINVAL;
		}
		if (len < 0)
			return len;
		i += (size_t)len;
	}
	/* The limit is one of the A-label; a U-label may be longer than what it stands for. */
	return ascii && label.len > LABEL_MAX ? -EMSGSIZE : 0;
}

static int check_domain(struct str domain, unsigned flags)
{
	for (size_t start = 0; start <= domain.len;) {
		size_t end = start + str_find(str_sub(domain, start, domain.len), '.');
		int r = check_label(str_sub(domain, start, end), flags);
		if (r < 0)
			return r;
		start = end + 1;
	}
	return domain.len > MAILADDR_DOMAIN_MAX ? -EMSGSIZE : 0;
}

bool mailaddr_domain_valid(struct str domain, unsigned flags)
{
	return check_domain(domain, flags) == 0;
}

bool mailaddr_literal_valid(struct str literal)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char address[sizeof(struct in6_addr)];
	if (literal.len < 2 || literal.ptr[0] != '[' || literal.ptr[literal.len - 1] != ']')
		return false;
	struct str inner = str_sub(literal, 1, literal.len - 1);
	bool ipv6 = str_istarts(inner, STR("IPv6:"));
	if (ipv6)
		inner = str_sub(inner, 5, inner.len);
	/* inet_pton() would stop at a NUL and be content. */
	if (inner.len == 0 || inner.len >= sizeof(text) || memchr(inner.ptr, '\0', inner.len))
		return false;
	memcpy(text, inner.ptr, inner.len);
	text[inner.len] = '\0';
	return inet_pton(ipv6 ? AF_INET6 : AF_INET, text, address) == 1;
}

/* Octets that a Domain can hold; which of them are right is check_domain's business. */
static struct str scan_domain_text(struct scan *scan)
{
	size_t start = scan->pos;
	for (int c; (c = peek(scan)) >= 0; scan->pos++) {
		if (c < 0x80 && !ascii_alpha((char)c) && !ascii_digit((char)c) && !strchr("-._", c))
			break;
	}
	return str_sub(scan->in, start, scan->pos);
}

static int scan_literal(struct scan *scan, struct str *ret)
{
	struct str rest = str_sub(scan->in, scan->pos, scan->in.len);
	size_t end = str_find(rest, ']');
	if (end == rest.len)
		return -EINVAL;
	struct str literal = str_sub(rest, 0, end + 1);
	if (!mailaddr_literal_valid(literal))
		return -EINVAL;
	scan->pos += literal.len;
	*ret = literal;
	return 0;
}

static int scan_domain(struct scan *scan, struct str *ret)
{
	if (peek(scan) == '[')
		return scan_literal(scan, ret);
	struct str domain = scan_domain_text(scan);
	int r = check_domain(domain, scan->flags);
	if (r < 0)
		return r;
	*ret = domain;
	return 0;
}

/* ---- mailbox and path ---- */

static int copy_lower(struct arena *arena, struct str s, struct str *ret)
{
	char *copy = arena_alloc(arena, s.len + 1);
	if (!copy)
		return -ENOBUFS;
	for (size_t i = 0; i < s.len; i++)
		copy[i] = ascii_lower(s.ptr[i]);
	copy[s.len] = '\0';
	*ret = (struct str){copy, s.len};
	return 0;
}

static int scan_mailbox(struct arena *arena, struct scan *scan, struct mailaddr *ret)
{
	struct local_part local = {.len = 0};
	struct mailaddr addr;
	struct str domain;
	size_t start = scan->pos;
	int r = scan_local_part(scan, &local);
	if (r < 0)
		return r;
	if (!take(scan, '@'))
		return -EINVAL;
	r = scan_domain(scan, &domain);
	if (r < 0)
		return r;
	if (scan->pos - start > MAILADDR_PATH_MAX - 2)
		return -EMSGSIZE;
	r = arena_copy(arena, (struct str){local.text, local.len}, &addr.local);
	if (r == 0)
		r = copy_lower(arena, domain, &addr.domain);
	if (r < 0)
		return r;
	*ret = addr;
	return 0;
}

/* A-d-l ":" */
static int skip_source_route(struct scan *scan)
{
	do {
		struct str ignored;
		if (!take(scan, '@'))
			return -EINVAL;
		int r = scan_domain(scan, &ignored);
		if (r < 0)
			return r;
	} while (take(scan, ','));
	return take(scan, ':') ? 0 : -EINVAL;
}

static int scan_postmaster(struct arena *arena, struct scan *scan, struct mailaddr *ret)
{
	const size_t len = strlen("postmaster");
	struct mailaddr addr = {.domain = STR("")};
	int r = arena_copy(arena, str_sub(scan->in, scan->pos, scan->pos + len), &addr.local);
	if (r < 0)
		return r;
	scan->pos += len;
	*ret = addr;
	return 0;
}

/* What stands between the angle brackets. */
static int scan_path_inner(struct arena *arena, struct scan *scan, struct mailaddr *ret)
{
	struct str rest = str_sub(scan->in, scan->pos, scan->in.len);
	if (scan->flags & MAILADDR_ALLOW_NULL && str_starts(rest, STR(">"))) {
		*ret = (struct mailaddr){STR(""), STR("")};
		return 0;
	}
	if (scan->flags & MAILADDR_ALLOW_POSTMASTER && str_istarts(rest, STR("postmaster>")))
		return scan_postmaster(arena, scan, ret);
	if (peek(scan) == '@') {
		int r = skip_source_route(scan);
		if (r < 0)
			return r;
	}
	return scan_mailbox(arena, scan, ret);
}

int mailaddr_parse_path(struct arena *arena, struct str in, unsigned flags, struct mailaddr *ret,
			size_t *ret_used)
{
	struct scan scan = {in, 0, flags};
	struct mailaddr addr;
	if (!take(&scan, '<'))
		return -EINVAL;
	int r = scan_path_inner(arena, &scan, &addr);
	if (r < 0)
		return r;
	if (!take(&scan, '>'))
		return -EINVAL;
	*ret = addr;
	*ret_used = scan.pos;
	return 0;
}

int mailaddr_parse_mailbox(struct arena *arena, struct str in, unsigned flags, struct mailaddr *ret)
{
	struct scan scan = {in, 0, flags};
	struct mailaddr addr;
	int r = scan_mailbox(arena, &scan, &addr);
	if (r < 0)
		return r;
	if (scan.pos != in.len)
		return -EINVAL;
	*ret = addr;
	return 0;
}

/* ---- printing ---- */

static bool is_dot_string(struct str local)
{
	char before = '.';
	for (size_t i = 0; i < local.len; before = local.ptr[i++]) {
		uint8_t c = (uint8_t)local.ptr[i];
		if (c == '.' ? before == '.' : c < 0x80 && !is_atext(c))
			return false;
	}
	return local.len > 0 && before != '.';
}

static int print_local_part(struct str local, struct strbuf *out)
{
	if (is_dot_string(local))
		return strbuf_add(out, local);
	strbuf_addc(out, '"');
	for (size_t i = 0; i < local.len; i++) {
		if (local.ptr[i] == '"' || local.ptr[i] == '\\')
			strbuf_addc(out, '\\');
		strbuf_addc(out, local.ptr[i]);
	}
	return strbuf_addc(out, '"');
}

int mailaddr_print(const struct mailaddr *addr, struct strbuf *out)
{
	if (mailaddr_is_null(addr))
		return 0;
	int r = print_local_part(addr->local, out);
	if (r < 0 || addr->domain.len == 0)
		return r;
	strbuf_addc(out, '@');
	return strbuf_add(out, addr->domain);
}
