/*
 * An administrator's desk without a server: a store in a folder that goes away afterwards, and what is asked of it.
 */
#ifndef SERVELO_TESTS_ADMIN_FIXTURE_H
#define SERVELO_TESTS_ADMIN_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "smtpd/admin_ops.h"
#include "storage/reader.h"

struct admin_store {
	char dir[64];
	struct storage_conf conf;
	struct store *store;
};

static UNUSED void admin_store_open(struct admin_store *s)
{
	struct conf_error error;
	snprintf(s->dir, sizeof(s->dir), "/tmp/servelo-test-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	s->conf = (struct storage_conf){.data_dir = s->dir,
					.memory_max = 65536,
					.memory_total_max = 1 << 20,
					.batch_max = 64,
					.queue_max = 64,
					.cache_size = 1 << 20};
	assert_int_equal(store_open(&s->store, NULL, &s->conf, &error), 0);
}

static UNUSED void admin_store_close(struct admin_store *s)
{
	char command[128];
	store_close(s->store);
	snprintf(command, sizeof(command), "rm -rf '%s'", s->dir);
	assert_int_equal(system(command), 0);
}

/* One request; the answer is appended to *answer. */
static UNUSED void admin_store_ask(struct admin_store *s, struct str request, const struct admin_rules *rules,
				   struct strbuf *answer)
{
	struct admin_op *op;
	if (admin_op_new(&op, request, rules, answer) < 0)
		return;
	admin_op_answer(op, store_run(s->store, admin_op_job(op)), answer);
	admin_op_free(op);
}

/* The answer holds part. */
static UNUSED void admin_store_expect(struct admin_store *s, const char *request,
				      const struct admin_rules *rules, const char *part)
{
	struct strbuf answer;
	strbuf_init(&answer, 65536);
	admin_store_ask(s, str_from(request), rules, &answer);
	if (!strstr(answer.ptr, part))
		fail_msg("%s gave %s, not %s", request, answer.ptr, part);
	strbuf_done(&answer);
}

#endif
