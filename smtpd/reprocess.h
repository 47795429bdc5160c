/*
 * A stored original through today's code: read it, parse it in a parser child, compare with what the comments
 * that came of it say, and replace their text, new part, note and attachment records. Tickets, authors, times
 * and who was notified stay as they are: only what was read out of the mail is read again.
 *
 *	reprocess = reprocess_new(conf, "/proc/self/exe");	copies what it needs of conf
 *	r = reprocess_read(reprocess, &id, true, &reparsed, &err);	blocks: a worker or a tool calls it
 *	reparsed_report(reparsed, &json);			what differs
 *	job = reparsed_job(reparsed);				NULL: nothing does; else submit or run it
 *	reparsed_free(reparsed);
 *	reprocess = reprocess_free(reprocess);			blocks: ends its parser child
 *
 * It has a reader, a loop, a spool for mails on their way to the child and one parser child of its own,
 *opened when they are first needed: nothing of it touches the server's. One thread at a time; the job's apply
 *runs on the writer.
 */
#ifndef SERVELO_SMTPD_REPROCESS_H
#define SERVELO_SMTPD_REPROCESS_H

#include "base/conf.h"
#include "base/strbuf.h"
#include "smtpd/server_conf.h"
#include "storage/ids.h"
#include "storage/store.h"

struct reprocess;
struct reparsed;

struct reprocess *reprocess_new(const struct server_conf *conf, const char *argv0);
struct reprocess *reprocess_free(struct reprocess *reprocess);

/* diff: the report shows changed texts line by line. -ENOENT: there is no such original. */
int reprocess_read(struct reprocess *reprocess, const struct mail_id *id, bool diff, struct reparsed **ret,
		   struct conf_error *reterr);

/*
 * {"id": ..., "status": "ok", "comments": [{"ticket": "ACME-00042", "comment": 7,
 *   "changes": [{"field": "text", "before": 120, "after": 131, "diff": "-old\n+new\n"}]}]}
 * before and after are octets (attachments: their number). Only comments that change are listed.
 */
void reparsed_report(const struct reparsed *reparsed, struct strbuf *json);
bool reparsed_changed(const struct reparsed *reparsed);
/* Moved to the store and back; its done and the asker's pointer are the caller's to set. */
struct store_job *reparsed_job(struct reparsed *reparsed);
struct reparsed *reparsed_of(struct store_job *job);
void reparsed_set_ctx(struct reparsed *reparsed, void *ctx);
void *reparsed_ctx(const struct reparsed *reparsed);
struct reparsed *reparsed_free(struct reparsed *reparsed);

#endif
