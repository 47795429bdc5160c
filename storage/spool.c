/*
 * See spool.h.
 *
 *	memory --(memory_max, or memory_total_max)--> file
 *	   \________________ seal _________________/  \-> kept (a row refers to it), or discarded (removed)
 *
 * Always true:
 * 1. spool->memory is the sum of what the mails have allocated: room is reserved before it is allocated and
 *    given back when it is freed, so it never passes memory_total_max.
 * 2. A mail has bytes or a file, never both; a mail in a file has no buffer.
 * 3. An error sticks: a mail that lost an octet can't be sealed.
 * 4. A file is made with O_EXCL in the folder of this run, and only its own mail ever writes or removes it.
 *
 * Mails are filled on the loop; the counters are atomic because the writer and the workers free mails too.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "storage/spool.h"

#define BUFFER_FIRST 8192

struct spool {
	int run_fd; /* folder of this run */
	int64_t run;
	size_t memory_max, memory_total_max;
	atomic_size_t memory, mails, files;
};

struct spooled_mail {
	struct spool *spool;
	struct mail_id id;
	char *bytes;
	size_t size, allocated;
	int fd; /* -1: in memory */
	int error;
	bool sealed;
	atomic_bool kept;
	char file[32 + MAIL_ID_LEN];
};

static int spool_open_run(struct spool *spool, const struct spool_conf *conf);
static bool spool_reserve(struct spool *spool, size_t more);
static int mail_grow(struct spooled_mail *mail, size_t needed);
static int mail_to_file(struct spooled_mail *mail);
static void mail_drop_bytes(struct spooled_mail *mail);
static int write_all(int fd, struct str bytes);

/* ---- the spool ---- */

int spool_open(struct spool **ret, const struct spool_conf *conf)
{
	struct spool *spool = XNEW(struct spool);
	spool->run = conf->run;
	spool->memory_max = conf->memory_max;
	spool->memory_total_max = conf->memory_total_max;
	int r = spool_open_run(spool, conf);
	if (r < 0) {
		free(spool);
		return r;
	}
	*ret = spool;
	return 0;
}

/* Makes and opens dir/run. The folder's name is made durable here, once, and not with each mail. */
static int spool_open_run(struct spool *spool, const struct spool_conf *conf)
{
	char name[24];
	snprintf(name, sizeof(name), "%lld", (long long)conf->run);
	if (mkdir(conf->dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	int dir_fd = open(conf->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	int r = 0;
	if (mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST) {
		r = -errno;
		goto out;
	}
	if (fsync(dir_fd) < 0) {
		r = -errno;
		goto out;
	}
	spool->run_fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (spool->run_fd < 0)
		r = -errno;
out:
	close(dir_fd);
	return r;
}

struct spool *spool_close(struct spool *spool)
{
	if (!spool)
		return NULL;
	assert(atomic_load(&spool->mails) == 0);
	close(spool->run_fd);
	free(spool);
	return NULL;
}

struct spool_stats spool_stats(const struct spool *spool)
{
	return (struct spool_stats){
		.memory = atomic_load(&spool->memory),
		.mails = atomic_load(&spool->mails),
		.files = atomic_load(&spool->files),
	};
}

static bool spool_reserve(struct spool *spool, size_t more)
{
	size_t before = atomic_fetch_add(&spool->memory, more);
	if (before + more <= spool->memory_total_max)
		return true;
	atomic_fetch_sub(&spool->memory, more);
	return false;
}

/* ---- a mail ---- */

int spool_create(struct spool *spool, const struct mail_id *id, struct spooled_mail **ret)
{
	struct spooled_mail *mail = XNEW(struct spooled_mail);
	mail->spool = spool;
	mail->id = *id;
	mail->fd = -1;
	snprintf(mail->file, sizeof(mail->file), "%lld/%s", (long long)spool->run, id->text);
	atomic_fetch_add(&spool->mails, 1);
	*ret = mail;
	return 0;
}

int spooled_mail_append(struct spooled_mail *mail, struct str bytes)
{
	assert(!mail->sealed);
	if (mail->error < 0)
		return mail->error;
	if (bytes.len == 0)
		return 0;
	int r = 0;
	if (mail->fd < 0) {
		if (bytes.len <= mail->spool->memory_max && mail->size <= mail->spool->memory_max - bytes.len)
			r = mail_grow(mail, mail->size + bytes.len);
		else
			r = mail_to_file(mail);
	}
	if (r == 0 && mail->fd >= 0)
		r = write_all(mail->fd, bytes);
	else if (r == 0)
		memcpy(mail->bytes + mail->size, bytes.ptr, bytes.len);
	if (r < 0) {
		mail->error = r;
		return r;
	}
	mail->size += bytes.len;
	return 0;
}

/* Room for needed octets (at most memory_max) in memory; where all mails together leave none, the mail moves
 * to a file instead. */
static int mail_grow(struct spooled_mail *mail, size_t needed)
{
	if (needed <= mail->allocated)
		return 0;
	size_t size = mail->allocated ? mail->allocated : BUFFER_FIRST;
	while (size < needed)
		size *= 2;
	if (size > mail->spool->memory_max)
		size = mail->spool->memory_max;
	if (!spool_reserve(mail->spool, size - mail->allocated))
		return mail_to_file(mail);
	mail->bytes = xrealloc(mail->bytes, size);
	mail->allocated = size;
	return 0;
}

static int mail_to_file(struct spooled_mail *mail)
{
	int fd = openat(mail->spool->run_fd, mail->id.text,
			O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	mail->fd = fd;
	atomic_fetch_add(&mail->spool->files, 1);
	int r = write_all(fd, (struct str){mail->bytes, mail->size});
	mail_drop_bytes(mail);
	return r;
}

static void mail_drop_bytes(struct spooled_mail *mail)
{
	free(mail->bytes);
	atomic_fetch_sub(&mail->spool->memory, mail->allocated);
	mail->bytes = NULL;
	mail->allocated = 0;
}

static int write_all(int fd, struct str bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EDQUOT ? -ENOSPC : -errno;
		bytes = str_sub(bytes, (size_t)n, bytes.len);
	}
	return 0;
}

int spooled_mail_seal(struct spooled_mail *mail)
{
	if (mail->error < 0)
		return mail->error;
	/* fdatasync(2) writes the size too; the folder's entry is the folder's. */
	if (mail->fd >= 0 && (fdatasync(mail->fd) < 0 || fsync(mail->spool->run_fd) < 0)) {
		mail->error = -errno;
		return mail->error;
	}
	mail->sealed = true;
	return 0;
}

void spooled_mail_kept(struct spooled_mail *mail)
{
	atomic_store(&mail->kept, true);
}

struct spooled_mail *spooled_mail_discard(struct spooled_mail *mail)
{
	if (!mail)
		return NULL;
	struct spool *spool = mail->spool;
	if (mail->fd >= 0) {
		close(mail->fd);
		/* A file that can't be removed now is an orphan for the next start's sweep. */
		if (!atomic_load(&mail->kept))
			(void)unlinkat(spool->run_fd, mail->id.text, 0);
		atomic_fetch_sub(&spool->files, 1);
	}
	mail_drop_bytes(mail);
	atomic_fetch_sub(&spool->mails, 1);
	free(mail);
	return NULL;
}

size_t spooled_mail_size(const struct spooled_mail *mail)
{
	return mail->size;
}

bool spooled_mail_in_file(const struct spooled_mail *mail)
{
	return mail->fd >= 0;
}

struct str spooled_mail_bytes(const struct spooled_mail *mail)
{
	assert(mail->fd < 0);
	return (struct str){mail->bytes ? mail->bytes : "", mail->size};
}

int spooled_mail_fd(const struct spooled_mail *mail)
{
	assert(mail->fd >= 0);
	return mail->fd;
}

const char *spooled_mail_file(const struct spooled_mail *mail)
{
	return mail->file;
}

int spooled_mail_view(struct spooled_mail *mail, struct str *ret)
{
	assert(mail->sealed);
	if (mail->fd < 0) {
		*ret = spooled_mail_bytes(mail);
		return 0;
	}
	void *map = mmap(NULL, mail->size, PROT_READ, MAP_PRIVATE, mail->fd, 0); /* a file is never empty */
	if (map == MAP_FAILED)
		return -errno;
	*ret = (struct str){map, mail->size};
	return 0;
}

void spooled_mail_view_end(struct spooled_mail *mail, struct str view)
{
	if (mail->fd >= 0)
		munmap((void *)(uintptr_t)view.ptr, view.len);
}
