/*
 * One claimed job: its row, the mail that it became, what came of it (outbound_private.h). Its octets are read as views
 * of its head and body, then piece by piece from the file of a big original. Loop thread, but for outbound_job_mail().
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "outbound/outbound_private.h"

#define ROW_MAX ((size_t)256 * 1024) /* octets of a row's texts; the outbox's own limits are lower */

static void on_start(struct smtp_mail *mail);
static int on_read(struct smtp_mail *mail, struct str *ret);

/* What does not fit (a failure's story that somebody wrote into the database by hand) is left out. */
static void keep(struct outbound_job *job, struct str *text)
{
	if (arena_copy(&job->arena, *text, text) < 0)
		*text = (struct str){"", 0};
}

struct outbound_job *outbound_job_new(struct outbound *outbound, struct outbound_setup *setup,
				      const struct outbox_row *row)
{
	struct outbound_job *job = XNEW(struct outbound_job);
	job->outbound = outbound;
	job->setup = outbound_setup_ref(setup);
	list_node_init(&job->link);
	arena_init(&job->arena, ROW_MAX);
	job->row = *row;
	keep(job, &job->row.recipient);
	keep(job, &job->row.mailbox);
	keep(job, &job->row.header_message_id);
	keep(job, &job->row.why);
	keep(job, &job->row.text);
	outbound->jobs_n++;
	outbound->unsent_n++;
	return job;
}

void outbound_job_unmake(struct outbound_job *job)
{
	job->outbound->held -= job->held;
	job->held = 0;
	composed_done(&job->composed);
	job->composed = (struct composed){.eight_bit = false};
}

void outbound_job_free(struct outbound_job *job)
{
	outbound_job_unmake(job);
	job->outbound->jobs_n--;
	outbound_setup_unref(job->setup);
	arena_done(&job->arena);
	free(job);
}

void outbound_job_set_setup(struct outbound_job *job, struct outbound_setup *setup)
{
	struct outbound_setup *old = job->setup;
	job->setup = outbound_setup_ref(setup);
	outbound_setup_unref(old);
}

/* ---- the mail */

static int parse_address(struct outbound_job *job, struct str text, struct mailaddr *ret)
{
	if (text.len == 0)
		return -EINVAL;
	return mailaddr_parse_mailbox(&job->arena, text, MAILADDR_ALLOW_UTF8 | MAILADDR_LIBERAL, ret);
}

int outbound_job_mail(struct outbound_job *job)
{
	const struct composed *composed = &job->composed;
	int64_t file_size = composed->body_file ? original_file_size(composed->body_file) : 0;
	job->mail = (struct smtp_mail){
		.rcpts = &job->rcpt,
		.rcpts_n = 1,
		.size = (int64_t)(composed->head.len + composed->body.len) + file_size,
		.eight_bit = composed->eight_bit,
		.utf8 = composed->utf8,
		.start = on_start,
		.read = on_read,
	};
	list_node_init(&job->mail.link);
	if (composed->reverse_path.len &&
	    parse_address(job, composed->reverse_path, &job->mail.reverse_path) < 0) {
		job->error_text = "the reverse-path is no address";
		return -EINVAL;
	}
	if (parse_address(job, composed->recipient, &job->rcpt.address) < 0) {
		job->error_text = "the recipient is no address";
		return -EINVAL;
	}
	job->held = composed->head.allocated + composed->original.allocated +
		    (composed->body_file ? ORIGINAL_PIECE_SIZE : 0);
	return 0;
}

static void on_start(struct smtp_mail *mail)
{
	struct outbound_job *job = CONTAINER_OF(mail, struct outbound_job, mail);
	job->piece = 0;
	if (job->composed.body_file)
		original_file_rewind(job->composed.body_file);
}

static int on_read(struct smtp_mail *mail, struct str *ret)
{
	struct outbound_job *job = CONTAINER_OF(mail, struct outbound_job, mail);
	const struct str pieces[] = {strbuf_str(&job->composed.head), job->composed.body};
	*ret = (struct str){"", 0};
	/* an empty view would be the end */
	while (job->piece < ARRAY_SIZE(pieces) && ret->len == 0)
		*ret = pieces[job->piece++];
	if (ret->len || !job->composed.body_file)
		return 0;
	return original_file_next(job->composed.body_file, ret);
}
