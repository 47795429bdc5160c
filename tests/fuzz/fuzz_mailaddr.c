/*
 * Paths and mailboxes. Whatever parses must print to a text that parses to the same address again, in every
 * mode that allows the first.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/mailaddr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_again(const struct mailaddr *addr, unsigned flags)
{
	struct strbuf text;
	struct arena arena;
	struct mailaddr again;
	if (mailaddr_is_null(addr) || addr->domain.len == 0)
		return;
	arena_init(&arena, 4096);
	strbuf_init(&text, 4096);
	must(mailaddr_print(addr, &text) == 0);
	must(mailaddr_parse_mailbox(&arena, strbuf_str(&text), flags, &again) == 0);
	must(str_eq(again.local, addr->local) && str_eq(again.domain, addr->domain));
	strbuf_done(&text);
	arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};
	for (unsigned flags = 0; flags < 8; flags++) {
		struct arena arena;
		struct mailaddr addr;
		size_t used = 0;
		arena_init(&arena, 4096);
		if (mailaddr_parse_path(&arena, in, flags, &addr, &used) == 0) {
			must(used >= 2 && used <= size && data[used - 1] == '>');
			must(addr.local.len <= MAILADDR_LOCAL_MAX && addr.domain.len <= MAILADDR_DOMAIN_MAX);
			must(utf8_valid(addr.local) && utf8_valid(addr.domain));
			check_again(&addr, flags);
		}
		if (mailaddr_parse_mailbox(&arena, in, flags, &addr) == 0)
			check_again(&addr, flags);
		arena_done(&arena);
	}
	return 0;
}
