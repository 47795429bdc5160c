/* See reader.h: the file of a big original, for who reads it where it lies. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "storage/reader_private.h"

int reader_open_file(struct reader *reader, struct str file)
{
	char name[SPOOL_FILE_SIZE];
	if (file.len == 0 || file.len >= sizeof(name) || str_find(file, '\0') < file.len)
		return -EINVAL;
	memcpy(name, file.ptr, file.len);
	name[file.len] = '\0';
	int fd = openat(reader->spool_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT || errno == EBADF ? -EIO : -errno; /* the row is there: not ENOENT */
	return fd;
}
