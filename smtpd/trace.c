/*
 * Prints the trace field, folded so that no line passes 77 octets unless one word does.
 *
 * The client's words are the danger here: a HELO is shown only as far as it could be a domain or an address
 * literal; any other octet of it becomes "?", so that it can neither open a comment nor end the line. That
 * keeps odd but honest names readable ("my_pc"). An IPv6 address gets its tag (RFC 5321 4.1.3).
 *
 * Pure; any thread.
 */
#include "smtpd/trace.h"

#include <errno.h>

#include "base/clock.h"

#define LINE_MAX_OCTETS 77
#define HELO_SHOWN_MAX  255

struct folder {
	struct strbuf *out;
	size_t column;
};

struct str trace_protocol(bool ehlo, bool tls, bool smtputf8)
{
	if (smtputf8)
		return tls ? STR("UTF8SMTPS") : STR("UTF8SMTP");
	if (ehlo)
		return tls ? STR("ESMTPS") : STR("ESMTP");
	return STR("SMTP");
}

/* A word goes behind a blank, or on a line of its own when it doesn't fit. */
static void add_word(struct folder *folder, struct str word)
{
	if (folder->column + 1 + word.len > LINE_MAX_OCTETS) {
		strbuf_adds(folder->out, "\r\n\t");
		folder->column = 8;
	} else {
		strbuf_addc(folder->out, ' ');
		folder->column++;
	}
	strbuf_add(folder->out, word);
	folder->column += word.len;
}

static void add_clause(struct folder *folder, const char *name, struct str value)
{
	add_word(folder, str_from(name));
	add_word(folder, value);
}

static void add_line(struct folder *folder)
{
	strbuf_adds(folder->out, "\r\n\t");
	folder->column = 8;
}

static bool helo_octet(char c)
{
	return ascii_alpha(c) || ascii_digit(c) || c == '.' || c == '-' || c == '_';
}

static struct str printable_helo(struct str helo, char buf[HELO_SHOWN_MAX])
{
	if (mailaddr_literal_valid(helo) && helo.len <= HELO_SHOWN_MAX)
		return helo;
	if (helo.len > HELO_SHOWN_MAX)
		helo.len = HELO_SHOWN_MAX;
	for (size_t i = 0; i < helo.len; i++)
		buf[i] = helo_octet(helo.ptr[i]) ? helo.ptr[i] : '?';
	return helo.len ? (struct str){buf, helo.len} : STR("unknown");
}

static void add_client(struct folder *folder, const struct trace_facts *facts)
{
	char helo[HELO_SHOWN_MAX], ip[80];
	bool v6 = str_find(facts->client_ip, ':') < facts->client_ip.len;
	struct strbuf literal;
	add_clause(folder, "from", printable_helo(facts->helo, helo));
	strbuf_init(&literal, sizeof(ip) - 1);
	strbuf_printf(&literal, "([%s%.*s])", v6 ? "IPv6:" : "", STR_ARG(facts->client_ip));
	add_word(folder, strbuf_str(&literal));
	strbuf_done(&literal);
}

static void add_tls(struct folder *folder, struct str tls)
{
	struct strbuf comment;
	strbuf_init(&comment, 256);
	strbuf_printf(&comment, "(%.*s)", STR_ARG(tls));
	add_word(folder, strbuf_str(&comment));
	strbuf_done(&comment);
}

static void add_rcpt(struct folder *folder, const struct mailaddr *rcpt)
{
	struct strbuf path;
	strbuf_init(&path, 2 * MAILADDR_LOCAL_MAX + MAILADDR_DOMAIN_MAX + 8);
	strbuf_addc(&path, '<');
	mailaddr_print(rcpt, &path);
	strbuf_addc(&path, '>');
	if (!path.overflow)
		add_clause(folder, "for", strbuf_str(&path));
	strbuf_done(&path);
}

int trace_format(const struct trace_facts *facts, struct strbuf *out)
{
	char date[CLOCK_RFC5322_SIZE];
	struct folder folder = {.out = out, .column = strlen("Received:")};
	strbuf_adds(out, "Received:");
	add_client(&folder, facts);
	add_line(&folder);
	strbuf_adds(out, "by");
	folder.column += 2;
	add_word(&folder, facts->hostname);
	add_clause(&folder, "with", facts->protocol);
	if (facts->tls.len)
		add_tls(&folder, facts->tls);
	add_line(&folder);
	strbuf_adds(out, "id");
	folder.column += 2;
	add_word(&folder, facts->id);
	if (facts->only_rcpt)
		add_rcpt(&folder, facts->only_rcpt);
	strbuf_adds(out, ";\r\n\t");
	strbuf_adds(out, clock_format_rfc5322(facts->now_ms, date));
	strbuf_adds(out, "\r\n");
	return out->overflow ? -ENOBUFS : 0;
}
