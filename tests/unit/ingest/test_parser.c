/*
 * The parser pool with real children and a parser of our own, which does what a mail's first words say: this
 * program is its own child (argv[1] is "parser"). The library's mail_parse is not linked: ours comes first.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/mac.h"
#include "base/strbuf.h"
#include "ingest/mail_fallback.h"
#include "ingest/mail_wire.h"
#include "ingest/parser.h"
#include "ingest/parser_breaker.h"
#include "ingest/parser_child.h"
#include "ingest/parser_frame.h"
#include "ingest/parser_sandbox.h"

/* ---- the child's parser ---- */

static int secret_fd = -1;

void mail_parse_init(void)
{
	/* What was opened before the sandbox stays open: here to show that it can't be written to. */
	secret_fd = memfd_create("secret", MFD_CLOEXEC);
}

static bool can_open(void)
{
	return open("/etc/passwd", O_RDONLY) >= 0 || open("/tmp", O_RDONLY) >= 0 || errno != ENOENT;
}

/* A file that can be written to, and octets in it: RLIMIT_FSIZE says no (with a signal, unless it is ignored,
 * which a child that was taken over would do). */
static bool can_write_file(void)
{
	signal(SIGXFSZ, SIG_IGN);
	return write(secret_fd, "x", 1) == 1;
}

static bool can_execute_memory(void)
{
	void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return map != MAP_FAILED;
}

static bool can_have_gigabytes(void)
{
	void *map = mmap(NULL, (size_t)64 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return map != MAP_FAILED;
}

static bool can_have_descriptors(void)
{
	int n = 0, fds[200];
	while (n < 200 && (fds[n] = fcntl(0, F_DUPFD, 0)) >= 0)
		n++;
	for (int i = 0; i < n; i++)
		close(fds[i]);
	return n == 200;
}

static const char *attempt(struct str what)
{
	if (str_starts(what, STR("open")))
		return can_open() ? "yes" : "no";
	if (str_starts(what, STR("write")))
		return can_write_file() ? "yes" : "no";
	if (str_starts(what, STR("memory")))
		return can_have_gigabytes() ? "yes" : "no";
	if (str_starts(what, STR("descriptors")))
		return can_have_descriptors() ? "yes" : "no";
	/* These end the process, so no answer is the right answer. */
	if (str_starts(what, STR("exec-memory")))
		return can_execute_memory() ? "yes" : "no";
	if (str_starts(what, STR("socket")))
		return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? "yes" : "no";
	if (str_starts(what, STR("ptrace")))
		return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? "yes" : "no";
	if (str_starts(what, STR("fork")))
		return fork() >= 0 ? "yes" : "no";
	if (str_starts(what, STR("kill")))
		return kill(getpid(), 0) == 0 ? "yes" : "no";
	if (str_starts(what, STR("exec")))
		execl("/bin/true", "true", (char *)NULL);
	return "?";
}

static void misbehave(struct str mail_data)
{
	if (str_starts(mail_data, STR("crash"))) {
		/* The filter allows no signals; a sanitizer would print a page about the trap. */
		if (!parser_sandbox_filters())
			raise(SIGKILL);
		__builtin_trap();
	}
	if (str_starts(mail_data, STR("exit")))
		_exit(0);
	/* The limit is a gigabyte; xmalloc() ends the process when there is no more. */
	if (str_starts(mail_data, STR("eat")))
		for (;;)
			*(volatile char *)xmalloc((size_t)1 << 24) = 1;
	if (str_starts(mail_data, STR("hang")))
		for (;;)
			usleep(1000 * 1000);
	if (str_starts(mail_data, STR("nonsense")))
		while (write(PARSER_CHILD_FD, "nonsense nonsense", 17) > 0)
			;
	if (str_starts(mail_data, STR("slow")))
		usleep(100 * 1000);
	if (str_starts(mail_data, STR("linger"))) {
		int64_t end_ms = clock_mono_ms() + 300;
		for (size_t i = 0; i < mail_data.len; i += 4096)
			(void)*(volatile const char *)(mail_data.ptr + i);
		while (clock_mono_ms() < end_ms)
			usleep(1000);
	}
}

static struct parsed_mail *result(struct arena *arena, struct str subject, struct str text)
{
	struct parsed_mail *mail = arena_zalloc(arena, sizeof(*mail));
	if (mail == NULL)
		abort();
	mail->subject = subject;
	mail->text = mail->html_text = mail->reply = text;
	return mail;
}

/* The checksum of a mail of any size, as its subject. */
static struct parsed_mail *measured(struct arena *arena, struct str mail_data)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < mail_data.len; i++)
		sum = sum * 31 + (unsigned char)mail_data.ptr[i];
	struct str subject;
	if (arena_printf(arena, &subject, "%zu %08x", mail_data.len, (unsigned)sum) < 0)
		abort();
	return result(arena, subject, STR(""));
}

enum parse_status mail_parse(struct arena *arena, struct str mail_data, const struct mail_limits *limits,
			     struct parsed_mail **ret)
{
	misbehave(mail_data);
	if (str_starts(mail_data, STR("can "))) {
		*ret = result(arena, str_from(attempt(str_sub(mail_data, 4, mail_data.len))), STR(""));
		return PARSE_OK;
	}
	if (str_starts(mail_data, STR("who"))) {
		struct str pid;
		if (arena_printf(arena, &pid, "%d", (int)getpid()) < 0)
			abort();
		*ret = result(arena, pid, STR(""));
		return PARSE_OK;
	}
	if (str_starts(mail_data, STR("lie"))) {
		*ret = result(arena, STR("two\nlines"), STR(""));
		return PARSE_OK;
	}
	if (str_starts(mail_data, STR("endless"))) {
		/* More text than an answer may carry. */
		size_t len = 2 * mail_wire_size_max(limits);
		char *text = arena_alloc(arena, len);
		memset(text, 'x', len);
		*ret = result(arena, STR("endless"), (struct str){text, len});
		return PARSE_OK;
	}
	if (str_starts(mail_data, STR("limit"))) {
		*ret = result(arena, STR("limited"), STR(""));
		return PARSE_LIMIT;
	}
	*ret = measured(arena, mail_data);
	return PARSE_OK;
}

/* ---- the tests ---- */

static uv_loop_t loop;
static struct parser_pool *pool;
static struct spool *spool;
static char spool_dir[] = "/tmp/servelo-parser-XXXXXX";
static bool pool_closed;

struct test_job {
	struct parse_job job;
	unsigned done_n;
	unsigned order;
};
static unsigned jobs_done, jobs_wanted;

static void on_done(struct parse_job *job)
{
	struct test_job *test_job = CONTAINER_OF(job, struct test_job, job);
	test_job->done_n++;
	test_job->order = jobs_done++;
	if (jobs_done == jobs_wanted)
		uv_stop(&loop);
}

static void on_pool_closed(void *ctx)
{
	*(bool *)ctx = true;
}

static struct mail_limits small_limits(void)
{
	return (struct mail_limits){.header_max = 65536,
				    .header_fields_max = 1000,
				    .header_field_max = 16384,
				    .parts_max = 1000,
				    .depth_max = 20,
				    .text_max = 100000,
				    .addresses_max = 100,
				    .attachments_max = 100,
				    .references_max = 100};
}

static void open_pool(unsigned children, int64_t deadline_ms)
{
	struct parser_conf conf = {.argv0 = "/proc/self/exe",
				   .children = children,
				   .queue_max = 10000,
				   .deadline_ms = deadline_ms,
				   .memory_max = (int64_t)1 << 30,
				   .limits = small_limits()};
	pool_closed = false;
	jobs_done = 0;
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(parser_pool_open(&pool, &loop, &conf), 0);
}

static void close_pool(void)
{
	pool = parser_pool_close(pool, on_pool_closed, &pool_closed);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_true(pool_closed);
	assert_int_equal(uv_loop_close(&loop), 0);
	/* Nobody is left behind, dead or alive. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void job_init(struct test_job *job, struct str bytes, size_t offset)
{
	struct mail_id id = mail_id_make();
	memset(job, 0, sizeof(*job));
	job->job.offset = offset;
	job->job.done = on_done;
	assert_int_equal(spool_create(spool, &id, &job->job.mail), 0);
	assert_int_equal(spooled_mail_append(job->job.mail, bytes), 0);
	assert_int_equal(spooled_mail_seal(job->job.mail), 0);
}

static void job_done(struct test_job *job)
{
	parse_job_done(&job->job);
	spooled_mail_discard(job->job.mail);
}

static void run_jobs(struct test_job *jobs, unsigned n)
{
	jobs_wanted = jobs_done + n;
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(parser_pool_submit(pool, &jobs[i].job), 0);
	/* Never from inside submit. */
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(jobs[i].done_n, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(jobs[i].done_n, 1);
		assert_non_null(jobs[i].job.parsed);
	}
}

static void expect_measured(const struct test_job *job, struct str bytes)
{
	struct arena arena;
	arena_init(&arena, 4096);
	const struct parsed_mail *want = measured(&arena, bytes);
	assert_int_equal(job->job.status, PARSE_OK);
	assert_true(str_eq(job->job.parsed->subject, want->subject));
	arena_done(&arena);
}

static char *pattern(size_t len, unsigned seed)
{
	char *bytes = xmalloc(len + 1);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)('A' + (i * 7 + seed) % 57);
	return bytes;
}

static void every_mail_gets_its_own_answer(void **state)
{
	(void)state;
	enum { N = 2000 };
	struct test_job *jobs = xcalloc(N, sizeof(*jobs));
	struct str bytes[N];
	open_pool(3, 30000);
	for (unsigned i = 0; i < N; i++) {
		/* From nothing to above the spool's threshold, which makes it a file. */
		size_t len = i % 97 == 5 ? 200000 + i : i % 13 == 0 ? 0 : i % 5000;
		bytes[i] = (struct str){pattern(len, i), len};
		job_init(&jobs[i], bytes[i], i % 3 && len > 10 ? 10 : 0);
	}
	run_jobs(jobs, N);
	for (unsigned i = 0; i < N; i++) {
		expect_measured(&jobs[i], str_sub(bytes[i], jobs[i].job.offset, bytes[i].len));
		job_done(&jobs[i]);
		free((char *)(uintptr_t)bytes[i].ptr);
	}
	struct parser_stats stats = parser_pool_stats(pool);
	assert_int_equal(stats.parsed, N);
	assert_int_equal(stats.unparsable + stats.died + stats.over_deadline, 0);
	assert_int_equal(stats.waiting + stats.under_way, 0);
	assert_int_equal(stats.children, 3);
	close_pool();
	free(jobs);
}

static const struct str neighbour = STR_INIT("an honest mail\r\n");

/* n jobs, of which every step-th is `bad`. */
static void run_with_bad(const char *bad, unsigned children, unsigned n, unsigned step,
			 enum parse_status want)
{
	struct test_job *jobs = xcalloc(n, sizeof(*jobs));
	struct str bad_mail = str_from(bad);
	/* Only where it is waited for is the deadline short. */
	open_pool(children, want == PARSE_DEADLINE ? 1000 : 30000);
	for (unsigned i = 0; i < n; i++)
		job_init(&jobs[i], i % step == step - 1 ? bad_mail : neighbour, 0);
	run_jobs(jobs, n);
	for (unsigned i = 0; i < n; i++) {
		if (i % step == step - 1) {
			assert_int_equal(jobs[i].job.status, want);
			assert_true(str_eq(jobs[i].job.parsed->subject, STR("told by the header")));
			assert_int_equal(jobs[i].job.parsed->text.len, 0);
		} else {
			expect_measured(&jobs[i], neighbour);
		}
		job_done(&jobs[i]);
	}
	struct parser_stats stats = parser_pool_stats(pool);
	assert_int_equal(stats.parsed, n - n / step);
	assert_int_equal(stats.unparsable, n / step);
	assert_int_equal(stats.over_deadline, want == PARSE_DEADLINE ? n / step : 0);
	assert_true(stats.died >= (int64_t)(n / step));
	close_pool();
	free(jobs);
}

static void one_that_kills_its_parser_costs_the_others_nothing(void **state)
{
	(void)state;
	run_with_bad("crash: me\r\nSubject: told by\r\n the header\r\n\r\n", 2, 60, 20, PARSE_CRASHED);
	run_with_bad("crash: me\r\nSubject: told by\r\n the header\r\n\r\n", 1, 3, 3, PARSE_CRASHED);
	run_with_bad("exit: me\r\nSubject: told by the header\r\n\r\n", 2, 40, 20, PARSE_CRASHED);
}

static void one_that_hangs_its_parser_costs_the_others_nothing(void **state)
{
	(void)state;
	run_with_bad("hang: me\r\nSubject: told by the header\r\n\r\n", 2, 40, 40, PARSE_DEADLINE);
	run_with_bad("hang: me\r\nSubject: told by the header\r\n\r\n", 1, 1, 1, PARSE_DEADLINE);
}

static void one_that_takes_its_parser_over_costs_the_others_nothing(void **state)
{
	(void)state;
	run_with_bad("nonsense: me\r\nSubject: told by the header\r\n\r\n", 2, 40, 20, PARSE_CRASHED);
	run_with_bad("lie: me\r\nSubject: told by the header\r\n\r\n", 2, 40, 20, PARSE_CRASHED);
}

static void slow_is_not_hung(void **state)
{
	(void)state;
	/* Together they take longer than the deadline; each alone does not. */
	struct test_job jobs[12];
	open_pool(1, 1000);
	for (unsigned i = 0; i < ARRAY_SIZE(jobs); i++)
		job_init(&jobs[i], STR("slow: mail\r\n"), 0);
	run_jobs(jobs, ARRAY_SIZE(jobs));
	for (unsigned i = 0; i < ARRAY_SIZE(jobs); i++) {
		assert_int_equal(jobs[i].job.status, PARSE_OK);
		job_done(&jobs[i]);
	}
	assert_int_equal(parser_pool_stats(pool).died, 0);
	assert_true(parser_pool_stats(pool).us_max >= 90 * 1000);
	close_pool();
}

static void what_the_parser_says_of_a_mail_arrives(void **state)
{
	(void)state;
	static const struct {
		struct str mail;
		enum parse_status status;
		struct str subject;
	} cases[] = {
		{STR_INIT("limit: x\r\n\r\n"), PARSE_LIMIT, STR_INIT("limited")},
		{STR_INIT("endless: x\r\nSubject: told by the header\r\n\r\n"), PARSE_LIMIT,
		 STR_INIT("told by the header")},
	};
	struct test_job jobs[ARRAY_SIZE(cases)];
	open_pool(1, 30000);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		job_init(&jobs[i], cases[i].mail, 0);
	run_jobs(jobs, ARRAY_SIZE(cases));
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(jobs[i].job.status, cases[i].status);
		assert_true(str_eq(jobs[i].job.parsed->subject, cases[i].subject));
		job_done(&jobs[i]);
	}
	assert_int_equal(parser_pool_stats(pool).died, 0);
	close_pool();
}

static void the_child_cannot(void **state)
{
	(void)state;
	static const struct {
		const char *mail;
		bool always; /* also where the filter is off */
		bool killed;
	} cases[] = {
		{"can write", true, false},   {"can descriptors", true, false}, {"can open", false, false},
		{"can memory", false, false}, {"can exec-memory", false, true}, {"can socket", false, true},
		{"can ptrace", false, true},  {"can fork", false, true},        {"can kill", false, true},
		{"can exec", false, true},
	};
	open_pool(1, 30000);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct test_job job;
		if (!cases[i].always && !parser_sandbox_filters())
			continue;
		/* An honest one first: a child that answers is replaced without a pause. */
		job_init(&job, neighbour, 0);
		run_jobs(&job, 1);
		job_done(&job);
		job_init(&job, str_from(cases[i].mail), 0);
		run_jobs(&job, 1);
		if (cases[i].killed) {
			assert_int_equal(job.job.status, PARSE_CRASHED);
		} else {
			assert_int_equal(job.job.status, PARSE_OK);
			assert_true(str_eq(job.job.parsed->subject, STR("no")));
		}
		job_done(&job);
	}
	close_pool();
}

/* What the kernel says of the one child of this thread. */
static bool kernel_says(const char *file, const char *line)
{
	char text[16384], path[64];
	long pid = 0;
	FILE *in = fopen("/proc/thread-self/children", "r");
	if (in == NULL || fscanf(in, "%ld", &pid) != 1)
		return false;
	fclose(in);
	snprintf(path, sizeof(path), "/proc/%ld/%s", pid, file);
	in = fopen(path, "r");
	if (in == NULL)
		return false;
	size_t n = fread(text, 1, sizeof(text) - 1, in);
	text[n] = '\0';
	fclose(in);
	return strstr(text, line) != NULL;
}

static void the_kernel_knows_the_child_is_confined(void **state)
{
	(void)state;
	struct test_job job;
	if (access("/proc/thread-self/children", R_OK) < 0)
		skip();
	open_pool(1, 30000);
	job_init(&job, neighbour, 0);
	run_jobs(&job, 1);
	assert_true(kernel_says("status", "NoNewPrivs:\t1"));
	assert_true(kernel_says("limits", "Max core file size        0                    0 "));
	assert_true(kernel_says("limits", "Max file size             0                    0 "));
	if (parser_sandbox_filters())
		assert_true(kernel_says("status", "Seccomp:\t2"));
	job_done(&job);
	close_pool();
}

static void await_children(unsigned n)
{
	while (parser_pool_stats(pool).children < n)
		uv_run(&loop, UV_RUN_ONCE);
}

static void what_one_child_can_do_wakes_no_other(void **state)
{
	(void)state;
	char first[32] = "";
	open_pool(4, 30000);
	await_children(4);
	for (unsigned i = 0; i < 20; i++) {
		struct test_job job;
		char pid[32];
		job_init(&job, STR("who"), 0);
		run_jobs(&job, 1);
		snprintf(pid, sizeof(pid), "%.*s", STR_ARG(job.job.parsed->subject));
		if (i == 0)
			memcpy(first, pid, sizeof(first));
		assert_string_equal(pid, first);
		job_done(&job);
	}
	close_pool();
}

static void many_at_once_use_several_children(void **state)
{
	(void)state;
	enum { N = 60 };
	static struct test_job jobs[N];
	unsigned others = 0;
	open_pool(4, 30000);
	await_children(4);
	for (unsigned i = 0; i < N; i++)
		job_init(&jobs[i], STR("who"), 0);
	run_jobs(jobs, N);
	for (unsigned i = 1; i < N; i++)
		others += !str_eq(jobs[i].job.parsed->subject, jobs[0].job.parsed->subject);
	assert_true(others > 0);
	for (unsigned i = 0; i < N; i++)
		job_done(&jobs[i]);
	close_pool();
}

/* What comes while a child is busy with a slow mail goes to another. */
static void nobody_stands_behind_a_slow_one(void **state)
{
	(void)state;
	struct test_job slow, quick;
	open_pool(2, 2000);
	await_children(2);
	job_init(&slow, STR("hang"), 0);
	job_init(&quick, STR("quick"), 0);
	jobs_wanted = 2;
	assert_int_equal(parser_pool_submit(pool, &slow.job), 0);
	uv_run(&loop, UV_RUN_NOWAIT);
	usleep(5000); /* longer than a child may take and still be given more */
	assert_int_equal(parser_pool_submit(pool, &quick.job), 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(quick.order, 0);
	assert_int_equal(slow.job.status, PARSE_DEADLINE);
	job_done(&slow);
	job_done(&quick);
	close_pool();
}

static void a_full_queue_says_so(void **state)
{
	(void)state;
	struct test_job jobs[5];
	struct parser_conf conf = {.argv0 = "/proc/self/exe",
				   .children = 1,
				   .queue_max = 4,
				   .deadline_ms = 30000,
				   .limits = small_limits()};
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(parser_pool_open(&pool, &loop, &conf), 0);
	pool_closed = false;
	jobs_done = 0;
	jobs_wanted = 4;
	for (unsigned i = 0; i < 5; i++) {
		job_init(&jobs[i], neighbour, 0);
		assert_int_equal(parser_pool_submit(pool, &jobs[i].job), i < 4 ? 0 : -EAGAIN);
	}
	assert_int_equal(parser_pool_stats(pool).waiting, 4);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(jobs[4].done_n, 0);
	for (unsigned i = 0; i < 5; i++)
		job_done(&jobs[i]);
	close_pool();
}

static void closing_finishes_what_was_submitted(void **state)
{
	(void)state;
	enum { N = 50 };
	struct test_job jobs[N];
	open_pool(2, 30000);
	jobs_wanted = UINT32_MAX;
	for (unsigned i = 0; i < N; i++) {
		job_init(&jobs[i], i % 10 == 3 ? STR("crash: x\r\nSubject: s\r\n\r\n") : neighbour, 0);
		assert_int_equal(parser_pool_submit(pool, &jobs[i].job), 0);
	}
	close_pool();
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(jobs[i].done_n, 1);
		assert_int_equal(jobs[i].job.status, i % 10 == 3 ? PARSE_CRASHED : PARSE_OK);
		job_done(&jobs[i]);
	}
}

static void a_program_that_is_no_parser_blames_no_mail(void **state)
{
	(void)state;
	struct test_job job;
	struct parser_conf conf = {.argv0 = "/bin/true",
				   .children = 2,
				   .queue_max = 4,
				   .deadline_ms = 30000,
				   .limits = small_limits()};
	pool_closed = false;
	jobs_done = 0;
	assert_int_equal(uv_loop_init(&loop), 0);
	conf.argv0 = "/nonexistent/servelo";
	assert_int_equal(parser_pool_open(&pool, &loop, &conf), -ENOENT);
	conf.argv0 = "/bin/true";
	assert_int_equal(parser_pool_open(&pool, &loop, &conf), 0);
	job_init(&job, neighbour, 0);
	assert_int_equal(parser_pool_submit(pool, &job.job), 0);
	/* It waits, while children come and go at a growing distance ... */
	while (parser_pool_stats(pool).died < 6)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(job.done_n, 0);
	assert_int_equal(parser_pool_stats(pool).waiting, 1);
	/* ... until it is plain that none will come: no mail waits for ever. */
	while (job.done_n == 0)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(job.job.status, PARSE_FAILED);
	assert_true(parser_pool_stats(pool).died >= 10);
	job_done(&job);
	/* A close waits for nobody who never comes. */
	job_init(&job, neighbour, 0);
	assert_int_equal(parser_pool_submit(pool, &job.job), 0);
	close_pool();
	assert_int_equal(job.done_n, 1);
	assert_int_equal(job.job.status, PARSE_FAILED);
	job_done(&job);
}

static void crashes_do_not_spin(void **state)
{
	(void)state;
	enum { N = 7 };
	struct test_job jobs[N];
	open_pool(1, 30000);
	int64_t start_ms = clock_mono_ms();
	for (unsigned i = 0; i < N; i++)
		job_init(&jobs[i], STR("crash: x\r\n\r\n"), 0);
	run_jobs(jobs, N);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(jobs[i].job.status, PARSE_CRASHED);
		job_done(&jobs[i]);
	}
	/* All at once, then each alone: eight barren ends. Pauses of 10, 20, 40, ... 640 ms came between them. */
	assert_true(clock_mono_ms() - start_ms > 1000);
	assert_true(parser_pool_stats(pool).died <= 2 * N);
	close_pool();
}

/* ---- mails that are remembered ---- */

static void remembered_job(struct test_job *job, struct str bytes, uint8_t digest[SHA256_SIZE])
{
	job_init(job, bytes, 0);
	sha256_once(bytes, digest);
	job->job.digest = digest;
}

static void the_same_mail_kills_no_second_parser(void **state)
{
	(void)state;
	static const struct {
		struct str mail;
		enum parse_status first;
		bool remembered;
	} cases[] = {
		{STR_INIT("crash: me\r\nSubject: told by the header\r\n\r\n"), PARSE_CRASHED, true},
		{STR_INIT("hang: me\r\nSubject: told by the header\r\n\r\n"), PARSE_DEADLINE, true},
		{STR_INIT("nonsense: me\r\nSubject: told by the header\r\n\r\n"), PARSE_CRASHED, true},
		/* What a parser says no to has killed nobody. */
		{STR_INIT("limit: me\r\nSubject: limited\r\n\r\n"), PARSE_LIMIT, false},
		{STR_INIT("an honest mail\r\n"), PARSE_OK, false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum { AGAIN = 20 };
		uint8_t digests[AGAIN + 1][SHA256_SIZE];
		struct test_job first, again[AGAIN];
		open_pool(2, cases[i].first == PARSE_DEADLINE ? 1000 : 30000);
		remembered_job(&first, cases[i].mail, digests[AGAIN]);
		run_jobs(&first, 1);
		assert_int_equal(first.job.status, cases[i].first);
		job_done(&first);
		int64_t died = parser_pool_stats(pool).died;
		for (unsigned k = 0; k < AGAIN; k++)
			remembered_job(&again[k], cases[i].mail, digests[k]);
		run_jobs(again, AGAIN);
		for (unsigned k = 0; k < AGAIN; k++) {
			assert_int_equal(again[k].job.status,
					 cases[i].remembered ? PARSE_CRASHED : cases[i].first);
			if (cases[i].remembered)
				assert_true(str_eq(again[k].job.parsed->subject, STR("told by the header")));
			job_done(&again[k]);
		}
		struct parser_stats stats = parser_pool_stats(pool);
		assert_int_equal(stats.remembered, cases[i].remembered ? AGAIN : 0);
		assert_int_equal(stats.died, died);
		close_pool();
	}
}

static void without_a_digest_nothing_is_remembered(void **state)
{
	(void)state;
	struct test_job job;
	open_pool(1, 30000);
	for (unsigned i = 0; i < 2; i++) {
		job_init(&job, STR("crash: me\r\n\r\n"), 0);
		run_jobs(&job, 1);
		job_done(&job);
		assert_int_equal(parser_pool_stats(pool).died, 2 * (i + 1));
	}
	assert_int_equal(parser_pool_stats(pool).remembered, 0);
	close_pool();
}

/* Many of one mail in one turn: they die together, then the first one alone; the rest are known by then. */
static void copies_of_one_mail_kill_two_parsers_and_no_more(void **state)
{
	(void)state;
	enum { N = 30 };
	struct test_job jobs[N];
	uint8_t digests[N][SHA256_SIZE];
	open_pool(1, 30000);
	for (unsigned i = 0; i < N; i++)
		remembered_job(&jobs[i], STR("crash: me\r\n\r\n"), digests[i]);
	run_jobs(jobs, N);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(jobs[i].job.status, PARSE_CRASHED);
		job_done(&jobs[i]);
	}
	assert_int_equal(parser_pool_stats(pool).died, 2);
	assert_int_equal(parser_pool_stats(pool).remembered, N - 1);
	close_pool();
}

/* ---- the breaker ---- */

static void open_pool_with_breaker(unsigned deaths)
{
	struct parser_conf conf = {.argv0 = "/proc/self/exe",
				   .children = 2,
				   .queue_max = 10000,
				   .deadline_ms = 30000,
				   .limits = small_limits(),
				   .breaker_deaths = deaths,
				   .breaker_window_ms = 60000};
	pool_closed = false;
	jobs_done = 0;
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(parser_pool_open(&pool, &loop, &conf), 0);
}

static enum parse_status run_one(struct str bytes)
{
	struct test_job job;
	job_init(&job, bytes, 0);
	run_jobs(&job, 1);
	enum parse_status status = job.job.status;
	job_done(&job);
	return status;
}

static int64_t ahead_ms;

static int64_t mono_ahead_ms(void)
{
	return ahead_ms;
}

static void rest_is_over(void)
{
	ahead_ms += PARSER_REST_MAX_MS + 1;
}

static void on_tick(uv_timer_t *tick)
{
	(void)tick;
}

/* Runs the loop until a child is there to be asked. */
static void wait_for_child(void)
{
	uv_timer_t tick;
	uv_timer_init(&loop, &tick);
	while (parser_pool_stats(pool).children < 2) {
		uv_timer_start(&tick, on_tick, 10, 0);
		uv_run(&loop, UV_RUN_ONCE);
	}
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
}

static void when_many_die_nobody_waits_until_a_probe_works(void **state)
{
	(void)state;
	ahead_ms = clock_mono_ms();
	clock_replace(NULL, mono_ahead_ms);
	open_pool_with_breaker(4);
	/* Two mails, two deaths each. */
	assert_int_equal(run_one(STR("crash: 1\r\n\r\n")), PARSE_CRASHED);
	assert_false(parser_pool_stats(pool).breaker_open);
	assert_int_equal(run_one(STR("crash: 2\r\n\r\n")), PARSE_CRASHED);
	assert_true(parser_pool_stats(pool).breaker_open);
	/* Honest ones are tickets with their original now, and cost no child. */
	wait_for_child();
	int64_t parsed = parser_pool_stats(pool).parsed;
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(run_one(neighbour), PARSE_FAILED);
	assert_int_equal(parser_pool_stats(pool).untried, 50);
	assert_int_equal(parser_pool_stats(pool).parsed, parsed);
	/* A probe that fails costs one child, and the rest begins anew. */
	rest_is_over();
	assert_int_equal(run_one(STR("crash: 3\r\n\r\n")), PARSE_CRASHED);
	assert_int_equal(parser_pool_stats(pool).died, 5);
	assert_true(parser_pool_stats(pool).breaker_open);
	assert_int_equal(run_one(neighbour), PARSE_FAILED);
	/* Of many at once one is the probe, and the others don't wait for what becomes of it. */
	wait_for_child();
	rest_is_over();
	struct test_job jobs[10];
	unsigned ok = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(jobs); i++)
		job_init(&jobs[i], neighbour, 0);
	run_jobs(jobs, ARRAY_SIZE(jobs));
	for (unsigned i = 0; i < ARRAY_SIZE(jobs); i++) {
		ok += jobs[i].job.status == PARSE_OK;
		job_done(&jobs[i]);
	}
	assert_int_equal(ok, 1);
	/* It was answered: all is as before. */
	assert_false(parser_pool_stats(pool).breaker_open);
	assert_int_equal(parser_pool_stats(pool).breaker_opened, 1);
	assert_int_equal(run_one(neighbour), PARSE_OK);
	close_pool();
	clock_replace(NULL, NULL);
}

/* What waited for a child when it opened is not left waiting. */
static void a_queue_does_not_wait_for_the_breaker(void **state)
{
	(void)state;
	enum { N = 200 };
	struct test_job jobs[N];
	unsigned crashed = 0, failed = 0, ok = 0;
	open_pool_with_breaker(4);
	for (unsigned i = 0; i < N; i++)
		job_init(&jobs[i], i % 2 ? neighbour : STR("crash: x\r\n\r\n"), 0);
	run_jobs(jobs, N);
	for (unsigned i = 0; i < N; i++) {
		crashed += jobs[i].job.status == PARSE_CRASHED;
		failed += jobs[i].job.status == PARSE_FAILED;
		ok += jobs[i].job.status == PARSE_OK;
		job_done(&jobs[i]);
	}
	assert_int_equal(crashed + failed + ok, N);
	assert_int_equal(parser_pool_stats(pool).untried, failed);
	assert_true(failed > N / 2);
	assert_true(parser_pool_stats(pool).died < 10);
	close_pool();
}

/* ---- a child's memory ---- */

static void one_that_wants_all_memory_costs_the_others_nothing(void **state)
{
	(void)state;
	if (!parser_sandbox_filters())
		skip();
	run_with_bad("eat: all\r\nSubject: told by the header\r\n\r\n", 2, 40, 20, PARSE_CRASHED);
}

static int set_up(void **state)
{
	(void)state;
	if (mkdtemp(spool_dir) == NULL)
		return -1;
	struct spool_conf conf = {
		.dir = spool_dir, .run = 1, .memory_max = 100000, .memory_total_max = 1 << 26};
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

/* Eight times 20 MiB through one child; then the child's memory. */
static long resident_kib(int pid)
{
	char path[64], line[128];
	long kib = 0;
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Rss: %ld kB", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

/* A file that does not give all of its octets (a bad sector, here one that is too short) costs the child its mail, and the
 * server nothing: what can be read of its header section is. */
static void a_file_that_can_not_be_read_is_told_by_its_header(void **state)
{
	(void)state;
	const size_t size = (size_t)1 << 20;
	struct test_job job;
	char *bytes = xmalloc(size), path[64];
	memset(bytes, 'x', size);
	memcpy(bytes, "Subject: told by the header\r\nX-Long: ", 38);
	open_pool(1, 30000);
	job_init(&job, (struct str){bytes, size}, 0);
	assert_true(spooled_mail_in_file(job.job.mail));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", spooled_mail_fd(job.job.mail));
	assert_int_equal(truncate(path, 4096), 0);
	run_jobs(&job, 1);
	assert_int_not_equal(job.job.status, PARSE_OK);
	assert_true(str_eq(job.job.parsed->subject, STR("told by the header")));
	job_done(&job);
	close_pool();
	free(bytes);
}

/* All of it was read, and the child is not done with it: still next to nothing of it is mapped. */
static void a_big_file_does_not_stay_in_memory_while_it_is_parsed(void **state)
{
	(void)state;
	if (!parser_sandbox_filters()) /* a sanitizer keeps books on every page that was touched */
		skip();
	const size_t size = (size_t)20 << 20;
	struct test_job who, big;
	char *bytes = xmalloc(size);
	long before_kib, last_kib = 0;
	memset(bytes, 'x', size);
	memcpy(bytes, "linger", 6);
	open_pool(1, 30000);
	job_init(&who, STR("who"), 0);
	run_jobs(&who, 1);
	int pid = atoi(who.job.parsed->subject.ptr);
	before_kib = resident_kib(pid);
	job_init(&big, (struct str){bytes, size}, 0);
	assert_true(spooled_mail_in_file(big.job.mail));
	jobs_wanted = jobs_done + 1;
	assert_int_equal(parser_pool_submit(pool, &big.job), 0);
	while (big.done_n == 0) {
		long kib = resident_kib(pid);
		uv_run(&loop, UV_RUN_NOWAIT);
		if (big.done_n == 0)
			last_kib = kib;
	}
	assert_true(last_kib - before_kib < 8 * 1024);
	job_done(&who);
	job_done(&big);
	close_pool();
	free(bytes);
}

static void big_mails_leave_no_memory_behind(void **state)
{
	(void)state;
	if (!parser_sandbox_filters())
		skip();
	struct test_job jobs[8];
	size_t len = (size_t)20 << 20;
	struct str bytes = {pattern(len, 1), len};
	open_pool(1, 30000);
	for (unsigned i = 0; i < ARRAY_SIZE(jobs); i++)
		job_init(&jobs[i], bytes, 0);
	run_jobs(jobs, ARRAY_SIZE(jobs));
	for (unsigned i = 0; i < ARRAY_SIZE(jobs); i++) {
		expect_measured(&jobs[i], bytes);
		job_done(&jobs[i]);
	}
	free((char *)(uintptr_t)bytes.ptr);
	close_pool();
	struct rusage usage;
	assert_int_equal(getrusage(RUSAGE_CHILDREN, &usage), 0);
	/* The peak: one mapping of the mail, and the program itself. */
	print_message("peak of a child: %ld KiB\n", usage.ru_maxrss);
	assert_true(usage.ru_maxrss < 60 * 1024);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "parser") == 0)
		return parser_child_main(PARSER_CHILD_FD);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mail_gets_its_own_answer),
		cmocka_unit_test(one_that_kills_its_parser_costs_the_others_nothing),
		cmocka_unit_test(one_that_hangs_its_parser_costs_the_others_nothing),
		cmocka_unit_test(one_that_takes_its_parser_over_costs_the_others_nothing),
		cmocka_unit_test(slow_is_not_hung),
		cmocka_unit_test(what_the_parser_says_of_a_mail_arrives),
		cmocka_unit_test(the_child_cannot),
		cmocka_unit_test(the_kernel_knows_the_child_is_confined),
		cmocka_unit_test(what_one_child_can_do_wakes_no_other),
		cmocka_unit_test(many_at_once_use_several_children),
		cmocka_unit_test(nobody_stands_behind_a_slow_one),
		cmocka_unit_test(a_full_queue_says_so),
		cmocka_unit_test(closing_finishes_what_was_submitted),
		cmocka_unit_test(a_program_that_is_no_parser_blames_no_mail),
		cmocka_unit_test(crashes_do_not_spin),
		cmocka_unit_test(the_same_mail_kills_no_second_parser),
		cmocka_unit_test(without_a_digest_nothing_is_remembered),
		cmocka_unit_test(copies_of_one_mail_kill_two_parsers_and_no_more),
		cmocka_unit_test(when_many_die_nobody_waits_until_a_probe_works),
		cmocka_unit_test(a_queue_does_not_wait_for_the_breaker),
		cmocka_unit_test(one_that_wants_all_memory_costs_the_others_nothing),
		cmocka_unit_test(a_file_that_can_not_be_read_is_told_by_its_header),
		cmocka_unit_test(a_big_file_does_not_stay_in_memory_while_it_is_parsed),
		cmocka_unit_test(big_mails_leave_no_memory_behind),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
