/*
 * What the tests of bounce_*.c share: a report in its pieces, and what is to be told of it.
 *
 *	static const struct example examples[] = {
 *		{"name", STATUS-PART, X-FAILED-RECIPIENTS, TEXT, ORIGINAL, {{RECIPIENT, STATUS, KIND, IN-ITS-REASON}}},
 *	};
 *	check_examples(examples, ARRAY_SIZE(examples));		every wrong one is printed
 *	check_one(&facts, "jane@example.org", "5.1.1", KIND);	there is one report; NULL: whatever it says
 *
 * The reports are for support@example.com, who never failed.
 */
#ifndef SERVELO_TESTS_UNIT_INGEST_BOUNCES_H
#define SERVELO_TESTS_UNIT_INGEST_BOUNCES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ingest/bounce_report.h"

#define RECIPIENTS_MAX 4

struct told {
	const char *recipient, *status;
	enum mail_report_kind kind;
	const char *reason; /* stands in it */
};

struct example {
	const char *name, *status, *failed, *text, *original;
	struct told told[RECIPIENTS_MAX]; /* up to the first without a status */
};

static const struct mail_mailbox us = {STR_INIT("Support"), STR_INIT("support@example.com")};
static const struct mail_mailboxes to_us = {&us, 1};

static struct bounce_facts facts_of(const struct example *example)
{
	return (struct bounce_facts){
		.status = str_from(example->status),
		.feedback = STR(""),
		.failed = str_from(example->failed),
		.text = str_from(example->text),
		.original = str_from(example->original),
		.to = &to_us,
	};
}

static bool same(const struct mail_report *report, const struct told *told)
{
	struct str reason = str_from(told->reason);
	return str_eq(report->recipient, str_from(told->recipient)) &&
	       str_eq(report->status, str_from(told->status)) && report->kind == told->kind &&
	       (reason.len == 0 || memmem(report->reason.ptr, report->reason.len, reason.ptr, reason.len));
}

/* True: told as it should be. */
static bool check_example(const struct example *example)
{
	struct bounce_facts facts = facts_of(example);
	const struct mail_report *reports;
	struct arena arena;
	size_t n, wanted = 0;
	arena_init(&arena, 65536);
	assert_int_equal(bounce_report_read(&arena, &facts, &mail_limits_default, &reports, &n), 0);
	while (wanted < RECIPIENTS_MAX && example->told[wanted].status)
		wanted++;
	bool good = n == wanted;
	for (size_t k = 0; k < n && k < wanted; k++)
		good = good && same(&reports[k], &example->told[k]);
	for (size_t k = 0; !good && k < n; k++)
		print_error("%s: <%.*s> %.*s %s: %.*s\n", example->name, STR_ARG(reports[k].recipient),
			    STR_ARG(reports[k].status), mail_report_kind_name(reports[k].kind),
			    STR_ARG(reports[k].reason));
	arena_done(&arena);
	return good;
}

UNUSED static void check_examples(const struct example *examples, size_t n)
{
	unsigned wrong = 0;
	for (size_t i = 0; i < n; i++)
		wrong += !check_example(&examples[i]);
	assert_int_equal(wrong, 0);
}

UNUSED static void check_one(const struct bounce_facts *facts, const char *recipient, const char *status,
			     enum mail_report_kind kind)
{
	const struct mail_report *reports;
	struct arena arena;
	size_t n;
	arena_init(&arena, 65536);
	assert_int_equal(bounce_report_read(&arena, facts, &mail_limits_default, &reports, &n), 0);
	assert_int_equal(n, 1);
	if ((recipient && !str_eq(reports[0].recipient, str_from(recipient))) ||
	    (status && !str_eq(reports[0].status, str_from(status))) || reports[0].kind != kind)
		fail_msg("<%.*s> %.*s %s", STR_ARG(reports[0].recipient), STR_ARG(reports[0].status),
			 mail_report_kind_name(reports[0].kind));
	arena_done(&arena);
}

#endif
