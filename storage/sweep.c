/*
 * See sweep.h. Only folders of earlier runs are looked at, and in them only files whose name is a mail id; each is asked
 * for in the database through a connection of our own. A folder that is empty afterwards goes too; one that keeps files
 * is marked, so that no later start looks through it again.
 */
#include "storage/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/ids.h"
#include "storage/stmt.h"

#define SWEPT_MARK "swept"

struct sweep {
	struct db *db;
	int64_t run;
	int dir_fd;
	size_t removed;
};

/* 1: a row refers to it. */
static int sweep_referred(struct sweep *sweep, struct str name)
{
	struct stmt *s = stmt_use(sweep->db, "SELECT 1 FROM message WHERE mail_id = ?1 AND run = ?2");
	stmt_text(s, 1, name);
	stmt_int(s, 2, sweep->run);
	int r = stmt_step(s);
	stmt_reset(s);
	return r;
}

static int sweep_file(struct sweep *sweep, const char *name, bool *empty)
{
	if (!mail_id_valid(str_from(name))) { /* not ours: left alone, and so is the folder */
		*empty = false;
		return 0;
	}
	int r = sweep_referred(sweep, str_from(name));
	if (r > 0) {
		*empty = false;
		return 0;
	}
	if (r < 0)
		return r;
	if (unlinkat(sweep->dir_fd, name, 0) < 0)
		return -errno;
	sweep->removed++;
	return 0;
}

static int sweep_mark(int dir_fd)
{
	int fd = openat(dir_fd, SWEPT_MARK, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int sweep_run(struct sweep *sweep, int spool_fd, const char *name)
{
	sweep->dir_fd = openat(spool_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (sweep->dir_fd < 0)
		return -errno;
	DIR *dir = fdopendir(sweep->dir_fd);
	if (!dir) {
		int r = -errno;
		close(sweep->dir_fd);
		return r;
	}
	int r = 0;
	bool empty = true;
	if (faccessat(sweep->dir_fd, SWEPT_MARK, F_OK, 0) == 0)
		empty = false;
	else
		for (struct dirent *entry; r == 0 && (entry = readdir(dir));)
			if (entry->d_name[0] != '.')
				r = sweep_file(sweep, entry->d_name, &empty);
	if (r == 0 && !empty)
		r = sweep_mark(sweep->dir_fd);
	closedir(dir);
	if (r == 0 && empty && unlinkat(spool_fd, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}

/* "17", earlier than this run. */
static bool earlier_run(const char *name, int64_t run, int64_t *ret)
{
	size_t n = strspn(name, "0123456789");
	if (n == 0 || n > 18 || name[n] != '\0')
		return false;
	*ret = strtoll(name, NULL, 10);
	return *ret < run;
}

int sweep_spool(const char *db_path, const char *spool_dir, int64_t run, size_t *ret_removed)
{
	struct sweep sweep = {.db = NULL};
	DIR *dir = opendir(spool_dir);
	if (!dir && errno == ENOENT) {
		*ret_removed = 0;
		return 0;
	}
	if (!dir)
		return -errno;
	int r = db_open(&sweep.db, db_path, DB_READ_ONLY, 1024 * 1024, NULL);
	for (struct dirent *entry; r == 0 && (entry = readdir(dir));)
		if (earlier_run(entry->d_name, run, &sweep.run))
			r = sweep_run(&sweep, dirfd(dir), entry->d_name);
	db_close(sweep.db);
	closedir(dir);
	if (r < 0)
		return r;
	*ret_removed = sweep.removed;
	return 0;
}
