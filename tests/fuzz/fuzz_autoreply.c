/* Facts cut out of the input at line ends: author, subject, types, then fields up to an empty line, then text. Also
 * the ticket's subject of the same bytes. The verdict must not depend on the case of names of fields, and may depend on
 * nothing but the facts. */
#include <stdlib.h>

#include "base/mailaddr.h"
#include "ingest/autoreply.h"

#define FIELDS_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str next_line(struct str *left)
{
	size_t end = str_find(*left, '\n');
	struct str line = str_sub(*left, 0, end);
	*left = str_sub(*left, end + 1, left->len);
	return line;
}

/* The same facts with the names of the fields in capitals. */
static void check_case(struct mail_facts facts, const struct mail_verdict *verdict, struct arena *arena)
{
	struct mail_field upper[FIELDS_MAX];
	struct mail_verdict again;
	for (size_t i = 0; i < facts.fields_n; i++) {
		char *name = arena_alloc(arena, facts.fields[i].name.len);
		for (size_t k = 0; k < facts.fields[i].name.len; k++) {
			char c = facts.fields[i].name.ptr[k];
			name[k] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
		}
		upper[i] = (struct mail_field){{name, facts.fields[i].name.len}, facts.fields[i].value};
	}
	facts.fields = upper;
	mail_classify(&facts, &again);
	if (again.class != verdict->class || again.answerable != verdict->answerable ||
	    !str_eq(again.rule, verdict->rule))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str left = {(const char *)data, size};
	struct mail_field fields[FIELDS_MAX];
	struct mail_mailbox author = {.address = next_line(&left)};
	struct mail_facts facts = {.fields = fields, .from = {&author, author.address.len ? 1 : 0}};
	facts.subject = next_line(&left);
	facts.media_type = next_line(&left);
	facts.report_type = next_line(&left);
	facts.part_types = &facts.report_type;
	facts.part_types_n = 1;
	while (facts.fields_n < FIELDS_MAX) {
		struct str line = next_line(&left);
		size_t colon = str_find(line, ':');
		if (line.len == 0)
			break;
		fields[facts.fields_n++] =
			(struct mail_field){str_sub(line, 0, colon), str_sub(line, colon + 1, line.len)};
	}
	facts.text = facts.own_words = left;
	facts.summary = facts.subject;
	facts.calendar_answer = size % 2;
	facts.reverse_path = (enum reverse_path_kind)(size % 3);
	struct mail_verdict verdict;
	mail_classify(&facts, &verdict);
	if (verdict.answerable != (verdict.answer_rule.len == 0) ||
	    (verdict.class != MAIL_NORMAL && (verdict.answerable || verdict.rule.len == 0)))
		abort();
	struct arena arena;
	struct str subject;
	arena_init(&arena, 3 * size + 4096);
	check_case(facts, &verdict, &arena);
	if (mail_ticket_subject(&arena, (struct str){(const char *)data, size}, STR("ACME"), &subject) == 0 &&
	    (subject.len == 0 || subject.len > 4 * 255 || str_find(subject, '\n') < subject.len))
		abort();
	arena_done(&arena);
	return 0;
}
