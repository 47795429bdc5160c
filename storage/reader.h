/*
 * Read-only look at the database, for the command line, the control socket and tests: works with and without
 * a running server, never checkpoints, never blocks the writer. One thread at a time per reader; it may be
 * made on any.
 *
 * List functions call fn per row, newest first unless said otherwise; views in the row are valid during the
 * call; fn returns false to stop. Return 0 or -errno; -ENOENT when one thing was asked for and is not there.
 */
#ifndef SERVELO_STORAGE_READER_H
#define SERVELO_STORAGE_READER_H

#include "base/arena.h"
#include "base/conf.h"
#include "storage/audit.h"
#include "storage/message.h"
#include "storage/outbox.h"
#include "storage/store.h"
#include "storage/tenant_rows.h"
#include "storage/ticket.h"

struct reader;
int reader_open(struct reader **ret, const struct storage_conf *conf, struct conf_error *reterr);
struct reader *reader_close(struct reader *reader);

typedef bool tenant_fn(void *ctx, const struct tenant_row *row, int64_t tickets);
/* By slug. Counting tickets is asked for, because it costs. */
int reader_tenants(struct reader *reader, bool with_removed, bool count_tickets, tenant_fn *fn, void *ctx);
int reader_tenant(struct reader *reader, struct str slug, tenant_fn *fn, void *ctx);

struct ticket_view {
	struct ticket_row row;
	struct str tenant_slug;
	struct str requester_address, requester_name;
	int64_t comments;
};
struct ticket_filter {
	struct str tenant_slug; /* ptr NULL: all */
	int status;             /* -1: all */
	struct str requester;   /* address; ptr NULL: all */
	int64_t since_ms;       /* created at or after; 0: all */
	int64_t before_id;      /* paging: ids below; 0: from the newest */
	int64_t limit;
};
typedef bool ticket_fn(void *ctx, const struct ticket_view *ticket);
int reader_tickets(struct reader *reader, const struct ticket_filter *filter, ticket_fn *fn, void *ctx);
/* reference: "ACME-00042", case ignored. */
int reader_ticket(struct reader *reader, struct str reference, ticket_fn *fn, void *ctx);

struct comment_view {
	struct comment_row row;
	struct str author_name;
	struct mail_id mail_id; /* empty text when there is no original */
};
typedef bool comment_fn(void *ctx, const struct comment_view *comment);
typedef bool attachment_fn(void *ctx, const struct attachment_row *attachment);
int reader_comments(struct reader *reader, struct ticket_id ticket, comment_fn *fn,
		    void *ctx); /* oldest first */
int reader_attachments(struct reader *reader, struct comment_id comment, attachment_fn *fn, void *ctx);

struct message_filter {
	int64_t since_ms;             /* received at or after; 0: all */
	struct str header_message_id; /* substring; ptr NULL: all */
	int64_t before_id, limit;
};
typedef bool message_fn(void *ctx, const struct message_row *row);
int reader_messages(struct reader *reader, const struct message_filter *filter, message_fn *fn, void *ctx);
/* The id of a recognised repeat finds the original that was stored for the first one (row.mail_id says which). */
int reader_message(struct reader *reader, const struct mail_id *id, message_fn *fn, void *ctx);
/* The whole original, streamed in pieces. */
typedef int bytes_fn(void *ctx, struct str bytes); /* negative errno stops */
int reader_original(struct reader *reader, const struct mail_id *id, bytes_fn *fn, void *ctx);
/* The file that message_row.file names, to be read where it lies: a descriptor, the caller's to close, or -errno. */
int reader_open_file(struct reader *reader, struct str file);

struct audit_view {
	struct audit_row row;
	struct str tenant_slug, ticket_reference;
};
struct audit_filter {
	struct str mail_id; /* ptr NULL: all */
	int outcome;        /* -1: all */
	struct str tenant_slug;
	/* Parts of texts, ASCII case ignored; ptr NULL: all. `from` is looked for in the reverse-path and in the
	 * header section's From. */
	struct str from, to, header_message_id;
	int64_t since_ms, until_ms; /* received at or after, before; 0: all */
	int64_t before_id, limit;
};
typedef bool audit_fn(void *ctx, const struct audit_view *view);
int reader_audit(struct reader *reader, const struct audit_filter *filter, audit_fn *fn, void *ctx);

/* Reconciles what was acknowledged with what exists. */
struct audit_balance {
	int64_t by_outcome[AUDIT_FAILED + 1];
	int64_t messages, tickets, comments, files;
	int64_t unaccounted;       /* sum of what follows */
	int64_t missing_tickets;   /* acknowledged, but no ticket or comment */
	int64_t missing_originals; /* no message row, no bytes, or another size */
	int64_t missing_jobs;      /* forwarded, but no outbox job with that original */
	int64_t orphan_messages;   /* an original that no audit row tells of */
	int64_t orphan_tickets;    /* a ticket that came by mail, and no audit row tells of it */
	int64_t damaged;           /* deep only: the original's digest is another */
};
typedef void problem_fn(void *ctx, const char *kind, struct str what);
int reader_balance(struct reader *reader, bool deep, struct audit_balance *ret, problem_fn *fn, void *ctx);

typedef bool setting_fn(void *ctx, struct str key, struct str value, int64_t updated_ms);
int reader_settings(struct reader *reader, setting_fn *fn, void *ctx);

struct outbox_view {
	struct outbox_row row;
	struct str tenant_slug, ticket_reference; /* empty: none */
};
struct outbox_filter {
	int state;              /* enum outbox_state; -1: what has not left (due, sending, failed); -2: all */
	struct str tenant_slug; /* ptr NULL: all */
	struct ticket_id ticket; /* 0: all */
	int64_t before_id;       /* paging: ids below; 0: from the newest */
	int64_t limit;
};
typedef bool outbox_fn(void *ctx, const struct outbox_view *view);
int reader_outbox(struct reader *reader, const struct outbox_filter *filter, outbox_fn *fn, void *ctx);
/* How many there are of each state that has not left; since when the oldest due one is due (0: none). */
struct outbox_counts {
	int64_t due, claimed, failed;
	int64_t oldest_due_ms;
	bool paused;
};
int reader_outbox_counts(struct reader *reader, struct outbox_counts *ret);
typedef bool stopped_fn(void *ctx, struct str tenant_slug, struct str address, struct str why,
			int64_t since_ms);
int reader_stopped(struct reader *reader, stopped_fn *fn, void *ctx);

#endif
