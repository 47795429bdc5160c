/*
 * What becomes of a parse job: the answer of a child, or what its header section says.
 *
 * What job->parsed refers to is in one block that the job owns: the octets of the answer, and an arena for the
 * lists. Nothing of an answer is believed before mail_wire_decode() agreed. Loop thread.
 */
#include <assert.h>
#include <stdlib.h>

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

void parser_job_unparsed(struct parser_pool *pool, struct parse_job *job, enum parse_status status)
{
	struct parse_block *block = xmalloc(sizeof(*block));
	parser_pool_probed(pool, job, false);
	arena_init(&block->arena, MAIL_FALLBACK_SIZE);
	struct str view = STR("");
	int viewed = spooled_mail_view(job->mail, &view);
	struct str mail_data = viewed == 0 ? str_sub(view, job->offset, view.len) : STR("");
	int r = mail_fallback(&block->arena, mail_data, &pool->conf.limits, &job->parsed);
	assert(r == 0);
	(void)r;
	if (viewed == 0)
		spooled_mail_view_end(job->mail, view);
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
