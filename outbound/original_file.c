/*
 * See original_file.h. Always true: at is between 0 and size, and a piece ends where the file should; one that has become
 * shorter since is an error, not an end.
 */
#include "outbound/original_file.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

struct original_file {
	int fd;
	int64_t size, at;
	char piece[ORIGINAL_PIECE_SIZE];
};

int original_file_open(int fd, int64_t size, struct original_file **ret)
{
	struct stat st;
	int r = fstat(fd, &st) < 0 ? -errno : 0;
	if (r == 0 && (size <= 0 || st.st_size != size))
		r = -EIO;
	if (r < 0) {
		close(fd);
		return r;
	}
	struct original_file *file = XNEW(struct original_file);
	file->fd = fd;
	file->size = size;
	*ret = file;
	return 0;
}

void original_file_close(struct original_file *file)
{
	if (!file)
		return;
	close(file->fd);
	free(file);
}

int64_t original_file_size(const struct original_file *file)
{
	return file->size;
}

void original_file_rewind(struct original_file *file)
{
	file->at = 0;
}

int original_file_next(struct original_file *file, struct str *ret)
{
	int64_t left = file->size - file->at;
	size_t want = left < ORIGINAL_PIECE_SIZE ? (size_t)left : ORIGINAL_PIECE_SIZE;
	*ret = (struct str){"", 0};
	if (want == 0)
		return 0;
	ssize_t n;
	do
		n = pread(file->fd, file->piece, want, (off_t)file->at);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : -EIO;
	file->at += n;
	*ret = (struct str){file->piece, (size_t)n};
	return 0;
}
