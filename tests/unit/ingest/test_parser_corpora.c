/*
 * Every mail of the corpora, through sandboxed children with the real parser: what comes back must be, octet for
 * octet, what the same parser says in this process, where it may open what it likes. So the sandbox takes
 * nothing away that any of these mails needs. The corpora are found by $SERVELO_CORPORA or beside the project;
 * without them a few mails of our own must do.
 */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "base/alloc.h"
#include "base/strbuf.h"
#include "ingest/mail_wire.h"
#include "ingest/parser.h"
#include "ingest/parser_child.h"
#include "ingest/parser_frame.h"

#define MAILS_MAX 4000
#define MAIL_MAX  ((long)64 * 1024 * 1024)

struct corpus_mail {
	struct parse_job job;
	char *path;
	bool done;
};

static struct corpus_mail mails[MAILS_MAX];
static unsigned mails_n, done_n;
static uv_loop_t loop;
static struct spool *spool;
static char spool_dir[] = "/tmp/servelo-corpora-XXXXXX";

static const char *const own_mails[] = {
	"From: a@b.example\r\nSubject: =?koi8-r?B?8NLJ18XU?=\r\nContent-Type: text/plain; "
	"charset=koi8-r\r\n\r\n"
	"\xf0\xd2\xc9\xd7\xc5\xd4\r\n",
	"From: a@b.example\r\nContent-Type: text/plain; charset=gb2312\r\nDate: Mon, 1 Jan 2024 10:00:00 "
	"+0980\r\n"
	"\r\n\xc4\xe3\xba\xc3\r\n",
	"From: a@b.example\r\nContent-Type: text/html; "
	"charset=iso-2022-jp\r\n\r\n<p>\x1b$B$3$s\x1b(B</p>\r\n",
	"Subject: undeclared\r\n\r\nGr\xfc\xdf"
	"e aus M\xfcnchen, sch\xf6n da\xdf es ging\r\n",
};

static void add_mail(struct str bytes, const char *path)
{
	struct corpus_mail *mail = &mails[mails_n++];
	struct mail_id id = mail_id_make();
	assert_int_equal(spool_create(spool, &id, &mail->job.mail), 0);
	assert_int_equal(spooled_mail_append(mail->job.mail, bytes), 0);
	assert_int_equal(spooled_mail_seal(mail->job.mail), 0);
	mail->path = xstrdup(path);
}

static int on_file(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)where;
	if (type != FTW_F || mails_n == MAILS_MAX || st->st_size > MAIL_MAX)
		return 0;
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		return 0;
	size_t size = (size_t)st->st_size;
	char *bytes = xmalloc(size + 1);
	assert_int_equal(fread(bytes, 1, size, file), size);
	fclose(file);
	add_mail((struct str){bytes, size}, path);
	free(bytes);
	return 0;
}

static void collect(void)
{
	const char *dir = getenv("SERVELO_CORPORA");
	nftw(dir ? dir : SERVELO_SOURCE_DIR "/../shared/corpora", on_file, 16, FTW_PHYS);
	if (mails_n == 0)
		print_message("no corpora here: only %zu mails of our own\n", ARRAY_SIZE(own_mails));
	for (size_t i = 0; i < ARRAY_SIZE(own_mails); i++)
		add_mail(str_from(own_mails[i]), "own");
}

static void on_done(struct parse_job *job)
{
	struct corpus_mail *mail = CONTAINER_OF(job, struct corpus_mail, job);
	assert_false(mail->done);
	mail->done = true;
	done_n++;
}

static void expect_same_here(struct corpus_mail *mail, const struct mail_limits *limits)
{
	struct arena arena;
	struct strbuf child, here;
	struct parsed_mail *parsed;
	struct str view;
	arena_init(&arena, 64 * 1024 * 1024);
	strbuf_init(&child, mail_wire_size_max(limits));
	strbuf_init(&here, mail_wire_size_max(limits));
	assert_int_equal(spooled_mail_view(mail->job.mail, &view), 0);
	enum parse_status status = mail_parse(&arena, view, limits, &parsed);
	if (mail->job.status != status)
		fail_msg("%s: %s in the child, %s here", mail->path, parse_status_name(mail->job.status),
			 parse_status_name(status));
	assert_int_equal(mail_wire_encode(mail->job.parsed, status, &child), 0);
	assert_int_equal(mail_wire_encode(parsed, status, &here), 0);
	if (!str_eq(strbuf_str(&child), strbuf_str(&here)))
		fail_msg("%s: parsed otherwise in the child", mail->path);
	spooled_mail_view_end(mail->job.mail, view);
	strbuf_done(&child);
	strbuf_done(&here);
	arena_done(&arena);
}

static void the_sandbox_changes_no_parse(void **state)
{
	(void)state;
	struct parser_pool *pool;
	struct parser_conf conf = {.argv0 = "/proc/self/exe",
				   .children = 2,
				   .queue_max = MAILS_MAX,
				   .deadline_ms = 30000,
				   .memory_max = (int64_t)1 << 30,
				   .limits = mail_limits_default};
	collect();
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(parser_pool_open(&pool, &loop, &conf), 0);
	for (unsigned i = 0; i < mails_n; i++) {
		mails[i].job.done = on_done;
		assert_int_equal(parser_pool_submit(pool, &mails[i].job), 0);
	}
	while (done_n < mails_n)
		uv_run(&loop, UV_RUN_ONCE);
	struct parser_stats stats = parser_pool_stats(pool);
	parser_pool_close(pool, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	print_message("%u mails: %lld parsed, %lld not; slowest %lld us; %lld children died\n", mails_n,
		      (long long)stats.parsed, (long long)stats.unparsable, (long long)stats.us_max,
		      (long long)stats.died);
	assert_int_equal(stats.died, 0);
	assert_int_equal(stats.parsed + stats.unparsable, mails_n);
	mail_parse_init();
	for (unsigned i = 0; i < mails_n; i++) {
		expect_same_here(&mails[i], &conf.limits);
		parse_job_done(&mails[i].job);
		spooled_mail_discard(mails[i].job.mail);
		free(mails[i].path);
	}
}

static int set_up(void **state)
{
	(void)state;
	if (mkdtemp(spool_dir) == NULL)
		return -1;
	struct spool_conf conf = {
		.dir = spool_dir, .run = 1, .memory_max = 128 * 1024, .memory_total_max = 1 << 25};
	return spool_open(&spool, &conf);
}

static int tear_down(void **state)
{
	(void)state;
	spool_close(spool);
	char *command = xasprintf("rm -rf '%s'", spool_dir);
	int r = system(command);
	free(command);
	return r;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "parser") == 0)
		return parser_child_main(PARSER_CHILD_FD);
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_sandbox_changes_no_parse)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
