/*
 * One parser child for who wants to parse a mail now and then, and may wait for it: the command line, checks,
 * reprocessing. Mail is hostile and an administrator is root, so it is parsed in a child here too.
 *
 *	lone_parser_open(&lone, &conf);			starts nothing yet
 *	lone_parser_mail(lone, &mail);			an empty spooled mail: append to it
 *	lone_parser_parse(lone, mail, offset, &job);	seals and parses, blocks; takes the mail
 *	... job.parsed, job.status ...
 *	parse_job_done(&job);
 *	lone = lone_parser_close(lone);			blocks until the child ended
 *
 * Mails above 1 MiB wait in a file of a temporary folder ($TMPDIR, or /tmp) that is removed at the end. One
 * thread at a time; never the server's loop thread.
 */
#ifndef SERVELO_SMTPD_LONE_PARSER_H
#define SERVELO_SMTPD_LONE_PARSER_H

#include "ingest/parser.h"
#include "storage/spool.h"

struct lone_parser;
struct ingest_conf;

/* conf: argv0, deadline_ms, memory_max and limits are used. Copied, but for argv0's text. */
int lone_parser_open(struct lone_parser **ret, const struct parser_conf *conf);
int lone_parser_mail(struct lone_parser *lone, struct spooled_mail **ret);
/* 0 whatever the mail is like (job->status says); negative errno when the child could not be had. */
int lone_parser_parse(struct lone_parser *lone, struct spooled_mail *mail, size_t offset,
		      struct parse_job *job);
struct lone_parser *lone_parser_close(struct lone_parser *lone);

/* What to give to open: by the configuration, or (conf NULL) by the defaults that need none. */
struct parser_conf lone_parser_conf(const struct ingest_conf *conf, const char *argv0);

#endif
