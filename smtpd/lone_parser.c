/*
 * A parser pool of one child on a loop of its own, run only while somebody waits. Between two mails the loop
 * stands still: a child that dies then is noticed with the next mail, which is retried on a new one.
 */
#include "smtpd/lone_parser.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "ingest/ingest.h"

#define MEMORY_MAX       (1024 * 1024) /* then a file */
#define CHILD_MEMORY_MAX (INT64_C(1) << 30)
#define DEADLINE_MS      10000

struct lone_parser {
	uv_loop_t loop;
	struct parser_conf conf;
	struct parser_pool *pool;
	struct spool *spool;
	char folder[256];
	bool done, closed;
};

/* One mail being waited for. */
struct waited {
	struct parse_job job;
	struct lone_parser *lone;
};

struct parser_conf lone_parser_conf(const struct ingest_conf *conf, const char *argv0)
{
	struct mail_limits limits = mail_limits_default;
	struct parser_conf parser = {.argv0 = argv0,
				     .children = 1,
				     .queue_max = 1,
				     .deadline_ms = DEADLINE_MS,
				     .memory_max = CHILD_MEMORY_MAX};
	if (conf) {
		limits.text_max = (size_t)conf->text_max;
		limits.parts_max = (size_t)conf->mime_parts_max;
		limits.depth_max = (size_t)conf->mime_depth_max;
		limits.header_fields_max = (size_t)conf->header_fields_max;
		limits.header_field_max = (size_t)conf->header_field_max;
		limits.header_max = (size_t)conf->header_max;
		parser.deadline_ms = conf->parse_deadline_ms;
		parser.memory_max = conf->parser_memory;
	}
#if defined(__SANITIZE_ADDRESS__)
	parser.memory_max = 0; /* the shadow memory is larger than any limit */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
	parser.memory_max = 0;
#endif
#endif
	parser.limits = limits;
	return parser;
}

static int make_folder(struct lone_parser *lone)
{
	const char *tmp = getenv("TMPDIR");
	int n = snprintf(lone->folder, sizeof(lone->folder), "%s/servelo-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (n < 0 || (size_t)n >= sizeof(lone->folder))
		return -ENAMETOOLONG;
	return mkdtemp(lone->folder) ? 0 : -errno;
}

static void remove_folder(const struct lone_parser *lone)
{
	char run[sizeof(lone->folder) + 8];
	snprintf(run, sizeof(run), "%s/1", lone->folder);
	rmdir(run);
	rmdir(lone->folder);
}

int lone_parser_open(struct lone_parser **ret, const struct parser_conf *conf)
{
	struct lone_parser *lone = XNEW(struct lone_parser);
	lone->conf = *conf;
	int r = make_folder(lone);
	if (r < 0) {
		free(lone);
		return r;
	}
	const struct spool_conf spool_conf = {
		.dir = lone->folder, .run = 1, .memory_max = MEMORY_MAX, .memory_total_max = 2 * MEMORY_MAX};
	r = spool_open(&lone->spool, &spool_conf);
	if (r == 0)
		r = uv_loop_init(&lone->loop);
	if (r < 0) {
		spool_close(lone->spool);
		remove_folder(lone);
		free(lone);
		return r;
	}
	*ret = lone;
	return 0;
}

int lone_parser_mail(struct lone_parser *lone, struct spooled_mail **ret)
{
	struct mail_id id = mail_id_make();
	return spool_create(lone->spool, &id, ret);
}

static void on_done(struct parse_job *job)
{
	CONTAINER_OF(job, struct waited, job)->lone->done = true;
}

int lone_parser_parse(struct lone_parser *lone, struct spooled_mail *mail, size_t offset,
		      struct parse_job *job)
{
	struct waited waited = {.lone = lone};
	int r = spooled_mail_seal(mail);
	if (r == 0 && !lone->pool)
		r = parser_pool_open(&lone->pool, &lone->loop, &lone->conf);
	if (r < 0)
		goto out;
	waited.job = (struct parse_job){.mail = mail, .offset = offset, .done = on_done};
	list_node_init(&waited.job.link);
	lone->done = false;
	r = parser_pool_submit(lone->pool, &waited.job);
	if (r < 0)
		goto out;
	while (!lone->done)
		uv_run(&lone->loop, UV_RUN_ONCE);
	*job = waited.job;
	list_node_init(&job->link);
	job->mail = NULL;
out:
	spooled_mail_discard(mail);
	return r;
}

static void on_closed(void *ctx)
{
	((struct lone_parser *)ctx)->closed = true;
}

struct lone_parser *lone_parser_close(struct lone_parser *lone)
{
	if (!lone)
		return NULL;
	if (lone->pool) {
		parser_pool_close(lone->pool, on_closed, lone);
		while (!lone->closed)
			uv_run(&lone->loop, UV_RUN_ONCE);
	}
	uv_run(&lone->loop, UV_RUN_DEFAULT);
	uv_loop_close(&lone->loop);
	spool_close(lone->spool);
	remove_folder(lone);
	free(lone);
	return NULL;
}
