/* Calendars and contact cards of any octets: what is said about them is one line of valid UTF-8, and bounded. */
#include <assert.h>
#include <stdlib.h>

#include "base/mailaddr.h"
#include "ingest/mail_summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1); /* so that a sanitizer sees its end */
	struct strbuf out;
	bool answer;

	if (size)
		memcpy(copy, data, size);
	struct str octets = {copy, size};
	strbuf_init(&out, 2 * SUMMARY_MAX);
	(void)calendar_summary(octets, &out, &answer);
	(void)contact_summary(octets, &out);
	assert(!out.overflow);
	assert(utf8_valid(strbuf_str(&out)));
	assert(str_find(strbuf_str(&out), '\n') == out.len);
	strbuf_done(&out);
	free(copy);
	return 0;
}
