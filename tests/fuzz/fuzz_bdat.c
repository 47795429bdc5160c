/*
 * Mail in chunks (RFC 3030). The first octet is that of fuzz_smtp_session; behind it each chunk is an octet of flags, one of
 * size, and its octets:
 *
 *	bit 0	LAST
 *	bit 1	one octet fewer follows than was said: the next command loses its first
 *	bit 2	one octet more follows: it begins a line of its own
 *	bit 3	a command between the chunks: bits 4 and 5 choose which
 *	bit 6	the size said is huge
 *	bit 7	a transaction begins before it
 *
 * Whatever is lied about, the witness must read the same mails out of the same octets.
 */
#include "base/strbuf.h"
#include "tests/lib/fuzz_session.h"

#define COMMANDS_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_chunk(struct strbuf *out, unsigned flags, struct str octets)
{
	static const char *const between[] = {"RSET\r\n", "NOOP\r\n", "DATA\r\n",
					      "RCPT TO:<slow@serveloapp.com>\r\n"};
	unsigned long long said = octets.len;
	if (flags & 128)
		strbuf_adds(out, "MAIL FROM:<a@b.example>\r\nRCPT TO:<acme@serveloapp.com>\r\n");
	if (flags & 8)
		strbuf_adds(out, between[flags / 16 % 4]);
	said += flags & 2 ? 1 : 0;
	said -= (flags & 4) && said ? 1 : 0;
	said += flags & 64 ? 1ull << (octets.len % 64) : 0;
	strbuf_printf(out, "BDAT %llu%s\r\n", said, flags & 1 ? " LAST" : "");
	strbuf_add(out, octets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf out;
	if (size < 1)
		return 0;
	strbuf_init(&out, COMMANDS_MAX);
	strbuf_adds(&out, "EHLO c\r\n");
	for (size_t at = 1; at + 1 < size;) {
		size_t len = data[at + 1], left = size - at - 2;
		len = len < left ? len : left;
		add_chunk(&out, data[at], (struct str){(const char *)data + at + 2, len});
		at += 2 + len;
	}
	strbuf_adds(&out, "QUIT\r\n");
	const struct fuzz_play play = {
		.octets = strbuf_str(&out), .step = data[0] / 4 * 16u, .end = (enum fuzz_end)(data[0] % 4)};
	fuzz_session(&play);
	strbuf_done(&out);
	return 0;
}
