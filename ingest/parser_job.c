/*
 * What becomes of a parse job: the answer of a child, or what its header section says.
 *
 * What job->parsed refers to is in one block that the job owns: the octets of the answer, and an arena for the
 * lists. Nothing of an answer is believed before mail_wire_decode() agreed. Loop thread.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "ingest/mail_fallback.h"
#include "ingest/mail_wire.h"
#include "ingest/parser_private.h"

/* What parsed lives in: the octets of the answer, and the arena of its lists. */
struct parse_block {
	struct arena arena;
	char bytes[];
};

size_t parser_job_size(const struct parse_job *job)
{
	size_t size = spooled_mail_size(job->mail);
	return size > job->offset ? size - job->offset : 0;
}

void parser_job_finish(struct parser_pool *pool, struct parse_job *job, enum parse_status status)
{
	job->status = status;
	if (status == PARSE_OK)
		pool->stats.parsed++;
	else
		pool->stats.unparsable++;
	if (status == PARSE_DEADLINE)
		pool->stats.over_deadline++;
	if (job->parse_us > pool->stats.us_max)
		pool->stats.us_max = job->parse_us;
	job->done(job);
}

/*
 * The first size octets behind the job's offset, or what there is; of a mail in memory a view, else *ret_buf is to be
 * freed. A file is read and not mapped: where a child died of a sector that the disk does not give, so would we.
 */
static struct str job_start(const struct parse_job *job, size_t size, char **ret_buf)
{
	size_t done = 0;
	size = parser_job_size(job) < size ? parser_job_size(job) : size;
	*ret_buf = NULL;
	if (!spooled_mail_in_file(job->mail)) {
		struct str bytes = str_sub(spooled_mail_bytes(job->mail), job->offset, SIZE_MAX);
		return str_sub(bytes, 0, size);
	}
	*ret_buf = xmalloc(size + 1);
	while (done < size) {
		ssize_t n = pread(spooled_mail_fd(job->mail), *ret_buf + done, size - done,
				  (off_t)(job->offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return (struct str){*ret_buf, done};
}

void parser_job_unparsed(struct parser_pool *pool, struct parse_job *job, enum parse_status status)
{
	struct parse_block *block = xmalloc(sizeof(*block));
	parser_pool_probed(pool, job, false);
	arena_init(&block->arena, MAIL_FALLBACK_SIZE);
	char *buf;
	struct str mail_data = job_start(job, pool->conf.limits.header_max, &buf);
	int r = mail_fallback(&block->arena, mail_data, &pool->conf.limits, &job->parsed);
	assert(r == 0);
	(void)r;
	free(buf);
	job->block = block;
	parser_job_finish(pool, job, status);
}

void parse_job_done(struct parse_job *job)
{
	struct parse_block *block = job->block;
	if (block == NULL)
		return;
	arena_done(&block->arena);
	free(block);
	job->block = NULL;
	job->parsed = NULL;
}

static size_t lists_size_max(const struct mail_limits *limits)
{
	return 4096 + 5 * limits->addresses_max * sizeof(struct mail_mailbox) +
	       limits->references_max * sizeof(struct str) +
	       limits->attachments_max * sizeof(struct mail_attachment);
}

int parser_job_read(struct parser_pool *pool, struct str payload, struct parse_job *job,
		    enum parse_status *ret_status)
{
	struct parse_block *block = xmalloc(sizeof(*block) + payload.len);
	arena_init(&block->arena, lists_size_max(&pool->conf.limits));
	if (payload.len)
		memcpy(block->bytes, payload.ptr, payload.len);
	int r = mail_wire_decode(&block->arena, (struct str){block->bytes, payload.len}, &pool->conf.limits,
				 &job->parsed, ret_status);
	if (r < 0) {
		arena_done(&block->arena);
		free(block);
		return r;
	}
	job->block = block;
	return 0;
}
