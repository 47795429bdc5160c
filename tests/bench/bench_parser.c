/*
 * What the parser children cost: mails per second through the pool, the loop thread's own time per mail, and the
 * memory of the children after big ones. Children are this program ("parser"), with the real parser, sandboxed.
 *
 *	bench_parser [CHILDREN [MAILS]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <uv.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/strbuf.h"
#include "ingest/parser.h"
#include "ingest/parser_child.h"
#include "ingest/parser_frame.h"

#define WINDOW 200 /* mails submitted and not answered: as many sessions */

struct bench {
	uv_loop_t loop;
	struct parser_pool *pool;
	struct spooled_mail *mail;
	struct parse_job jobs[WINDOW];
	unsigned submitted, done, wanted;
};

static struct bench bench;

static void submit(struct parse_job *job);

static void on_done(struct parse_job *job)
{
	if (job->status != PARSE_OK)
		fprintf(stderr, "%s\n", parse_status_name(job->status));
	parse_job_done(job);
	bench.done++;
	if (bench.submitted < bench.wanted)
		submit(job);
}

static void submit(struct parse_job *job)
{
	*job = (struct parse_job){.mail = bench.mail, .done = on_done};
	bench.submitted++;
	if (parser_pool_submit(bench.pool, job) < 0)
		abort();
}

static double thread_cpu_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void make_mail(struct spool *spool, size_t size)
{
	struct strbuf text;
	struct mail_id id = mail_id_make();
	strbuf_init(&text, size + 4096);
	strbuf_adds(&text,
		    "From: Jane Doe <jane@example.org>\r\nTo: acme@serveloapp.com\r\nSubject: "
		    "=?utf-8?Q?Gr=C3=B6=C3=9Fe?=\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n"
		    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; "
		    "charset=utf-8\r\n\r\nDear team,\r\n\r\nthe third machine stopped again.\r\n\r\n--b\r\n"
		    "Content-Type: application/pdf; name=report.pdf\r\nContent-Transfer-Encoding: base64\r\n"
		    "Content-Disposition: attachment; filename=report.pdf\r\n\r\n");
	while (text.len + 100 < size)
		strbuf_adds(&text,
			    "JVBERi0xLjQKJcOkw7zDtsOfCjIgMCBvYmoKPDwvTGVuZ3RoIDMgMCBSL0ZpbHRlci9GbGF0\r\n");
	strbuf_adds(&text, "--b--\r\n");
	if (spool_create(spool, &id, &bench.mail) < 0 ||
	    spooled_mail_append(bench.mail, strbuf_str(&text)) < 0 || spooled_mail_seal(bench.mail) < 0)
		abort();
	strbuf_done(&text);
}

static void run(const char *name, struct spool *spool, size_t size, unsigned mails)
{
	make_mail(spool, size);
	bench.wanted = mails;
	bench.submitted = bench.done = 0;
	int64_t start_us = clock_mono_us();
	double cpu_us = thread_cpu_us();
	for (unsigned i = 0; i < WINDOW && i < mails; i++)
		submit(&bench.jobs[i]);
	while (bench.done < mails)
		uv_run(&bench.loop, UV_RUN_ONCE);
	double us = (double)(clock_mono_us() - start_us);
	printf("%-8s %8.0f mails/s, %.1f us each; loop thread %.2f us of CPU each\n", name, mails / us * 1e6,
	       us / mails, (thread_cpu_us() - cpu_us) / mails);
	spooled_mail_discard(bench.mail);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "parser") == 0)
		return parser_child_main(PARSER_CHILD_FD);
	unsigned children = argc > 1 ? (unsigned)atoi(argv[1]) : 2,
		 mails = argc > 2 ? (unsigned)atoi(argv[2]) : 20000;
	char dir[] = "/tmp/servelo-bench-XXXXXX";
	struct spool *spool;
	struct spool_conf spool_conf = {
		.dir = dir, .run = 1, .memory_max = 128 * 1024, .memory_total_max = 1 << 26};
	struct parser_conf conf = {.argv0 = "/proc/self/exe",
				   .children = children,
				   .queue_max = WINDOW,
				   .deadline_ms = 60000,
				   .memory_max = (int64_t)1 << 30,
				   .limits = mail_limits_default};
	if (mkdtemp(dir) == NULL || spool_open(&spool, &spool_conf) < 0 || uv_loop_init(&bench.loop) < 0 ||
	    parser_pool_open(&bench.pool, &bench.loop, &conf) < 0)
		return 1;
	while (parser_pool_stats(bench.pool).children < children)
		uv_run(&bench.loop, UV_RUN_ONCE);
	run("4 KiB", spool, 4096, mails);
	run("64 KiB", spool, 65536, mails / 10);
	run("20 MiB", spool, (size_t)20 << 20, 40);
	parser_pool_close(bench.pool, NULL, NULL);
	uv_run(&bench.loop, UV_RUN_DEFAULT);
	uv_loop_close(&bench.loop);
	struct rusage usage;
	getrusage(RUSAGE_CHILDREN, &usage);
	printf("peak of the biggest child %ld MiB (a 20 MiB mail is mapped, not copied)\n",
	       usage.ru_maxrss / 1024);
	spool_close(spool);
	char *command = xasprintf("rm -rf '%s'", dir);
	int r = system(command);
	free(command);
	return r;
}
