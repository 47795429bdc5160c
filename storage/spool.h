/*
 * Mail data at rest: in memory while small, in a file when big.
 *
 *	spool_create(spool, &id, &mail);  spooled_mail_append(mail, bytes)*;  spooled_mail_seal(mail);
 *	then either the store keeps it (spooled_mail_kept, after COMMIT) or spooled_mail_discard(mail), legal
 *at any moment.
 *
 * A mail moves to a file when it passes memory_max octets, or when all mails in memory together would pass
 * memory_total_max: so neither a big mail nor many small ones make the process grow. What is in a file costs
 *no memory at all (bytes are written as they come). Files are named by the row that refers to them:
 *`<run>/<mail id>`, where run counts the starts of this store: so only the files of the run before can be
 *orphans, and the sweep at start looks at no others.
 *
 * Owner: the delivery. create/append/discard on the loop; seal on a worker when in_file (it syncs), anywhere
 *otherwise. Immutable once sealed. Errors are -errno (-ENOSPC, -EIO, ...), and stick: after one, seal fails
 *with it too.
 */
#ifndef SERVELO_STORAGE_SPOOL_H
#define SERVELO_STORAGE_SPOOL_H

#include "base/base.h"
#include "storage/ids.h"

struct spool;
struct spooled_mail;

struct spool_conf {
	const char *dir; /* made when absent, mode 0700 */
	int64_t run;
	size_t memory_max;
	size_t memory_total_max;
};
int spool_open(struct spool **ret, const struct spool_conf *conf);
struct spool *spool_close(struct spool *spool);

struct spool_stats {
	size_t memory; /* octets in memory now */
	size_t mails;  /* open now */
	size_t files;  /* of those, in files */
};
struct spool_stats spool_stats(const struct spool *spool);

int spool_create(struct spool *spool, const struct mail_id *id, struct spooled_mail **ret);
int spooled_mail_append(struct spooled_mail *mail, struct str bytes);
/* Durable when it is a file: fsync of the file and of its folder. In memory: nothing to do. */
int spooled_mail_seal(struct spooled_mail *mail);
/* The database refers to the file now: discard() will free memory but leave the file. Any thread. */
void spooled_mail_kept(struct spooled_mail *mail);
/* Frees; removes the file unless kept. NULL is fine; returns NULL. Any thread (the counters are atomic). */
struct spooled_mail *spooled_mail_discard(struct spooled_mail *mail);

size_t spooled_mail_size(const struct spooled_mail *mail);
bool spooled_mail_in_file(const struct spooled_mail *mail);
struct str spooled_mail_bytes(const struct spooled_mail *mail); /* in memory only */
int spooled_mail_fd(const struct spooled_mail *mail);           /* in a file only; stays ours */
const char *spooled_mail_file(const struct spooled_mail *mail); /* "<run>/<mail id>" */
/* Read-only view of a sealed mail, memory or file (mapped). Any thread. end() unmaps. Not for the server: what the disk does
 * not give of a mapped file is a SIGBUS; it reads. */
int spooled_mail_view(struct spooled_mail *mail, struct str *ret);
void spooled_mail_view_end(struct spooled_mail *mail, struct str view);

#endif
