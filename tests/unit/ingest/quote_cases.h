/*
 * One case of "what is new in a reply": a text or an HTML page, and what is to be left. Header of tests only.
 */
#ifndef SERVELO_TESTS_QUOTE_CASES_H
#define SERVELO_TESTS_QUOTE_CASES_H

#include <string.h>

#include "ingest/html_text.h"
#include "ingest/quote.h"

struct quote_case {
	const char *name, *subject;
	bool answers_mail; /* it has In-Reply-To */
	const char *text;
	const char *want; /* NULL: all of the text */
};

/* Lines without blanks at their ends, one empty line at most, none around: quote_new_part() writes so. */
static inline void quote_case_normalise(struct str text, struct strbuf *out)
{
	bool empty = false;
	text = str_trim(text);
	for (size_t pos = 0; pos < text.len;) {
		size_t end = pos + str_find(str_sub(text, pos, text.len), '\n');
		struct str line = str_sub(text, pos, end);
		while (line.len && line.ptr[line.len - 1] <= ' ' && line.ptr[line.len - 1] >= 0)
			line.len--;
		if (line.len) {
			strbuf_adds(out, out->len == 0 ? "" : empty ? "\n\n" : "\n");
			strbuf_add(out, line);
		}
		empty = line.len == 0;
		pos = end + 1;
	}
}

static inline void expect_case(const struct quote_case *one, bool html)
{
	struct strbuf text, want, got;
	struct text_marks marks = {.n = 0};
	strbuf_init(&text, 1 << 20);
	strbuf_init(&want, 1 << 20);
	strbuf_init(&got, 1 << 20);
	if (html)
		assert_int_equal(html_to_text(str_from(one->text), &text, &marks), 0);
	else
		strbuf_adds(&text, one->text);
	quote_case_normalise(one->want ? str_from(one->want) : strbuf_str(&text), &want);
	struct quote_facts facts = {.text = strbuf_str(&text),
				    .subject = str_from(one->subject),
				    .answers_mail = one->answers_mail,
				    .marks = html ? &marks : NULL};
	assert_int_equal(quote_new_part(&facts, &got, NULL), 0);
	if (!str_eq(strbuf_str(&got), strbuf_str(&want)))
		fail_msg("%s (%s)\ngot:    \"%.*s\"\nwanted: \"%.*s\"", one->name, one->subject,
			 STR_ARG(strbuf_str(&got)), STR_ARG(strbuf_str(&want)));
	strbuf_done(&text);
	strbuf_done(&want);
	strbuf_done(&got);
}

#endif
