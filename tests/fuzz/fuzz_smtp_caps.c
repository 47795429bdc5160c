/* Replies to EHLO: a keyword counts wherever its line stands, and nothing is read past the end. */
#include <stdlib.h>

#include "base/strbuf.h"
#include "outbound/smtp_caps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct smtp_caps caps = smtp_caps_parse(text), more;
	struct strbuf longer;
	if (caps.size_max < 0 || (caps.size_max > 0 && !caps.size) || caps.auth > 7)
		abort();
	strbuf_init(&longer, size + 64);
	strbuf_add(&longer, text);
	strbuf_adds(&longer, "\npipelining\nAUTH LOGIN");
	more = smtp_caps_parse(strbuf_str(&longer));
	if (!more.pipelining || more.auth != (caps.auth | AUTH_LOGIN) || more.starttls != caps.starttls ||
	    more.size_max != caps.size_max || more.utf8 != caps.utf8 || more.eight_bit != caps.eight_bit)
		abort();
	strbuf_done(&longer);
	return 0;
}
