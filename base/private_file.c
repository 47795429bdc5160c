/*
 * See private_file.h. Always true: the octets are in one buffer, which is wiped before it is freed, on failure too.
 * The buffer has room for size_max + 1, so that a file that grows while it is read is seen to be too long.
 */
#include "base/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

static int complain(struct conf_error *reterr, int err, const char *path, const char *why)
{
	if (reterr)
		snprintf(reterr->text, sizeof(reterr->text), "%s: %s", path, why);
	return err;
}

static int check_file(int fd, const char *path, enum file_privacy privacy, size_t size_max,
		      struct conf_error *reterr)
{
	struct stat st;
	char why[80];
	if (fstat(fd, &st) < 0)
		return complain(reterr, -errno, path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return complain(reterr, -EINVAL, path, "not a regular file");
	if (privacy == FILE_PRIVATE && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		snprintf(why, sizeof(why), "mode %04o lets others at the key; chmod 600 it",
			 (unsigned)(st.st_mode & 07777));
		return complain(reterr, -EACCES, path, why);
	}
	if ((uintmax_t)st.st_size > size_max)
		return complain(reterr, -EINVAL, path, "too big for a file of keys or certificates");
	return 0;
}

static int read_all(int fd, char *buf, size_t size, size_t *ret_len)
{
	size_t len = 0;
	while (len < size) {
		ssize_t n = read(fd, buf + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

int private_file_read(const char *path, enum file_privacy privacy, size_t size_max, struct str *ret,
		      struct conf_error *reterr)
{
	size_t len = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return complain(reterr, -errno, path, strerror(errno));
	int r = check_file(fd, path, privacy, size_max, reterr);
	if (r < 0) {
		close(fd);
		return r;
	}
	char *buf = xmalloc(size_max + 1);
	r = read_all(fd, buf, size_max + 1, &len);
	close(fd);
	if (r < 0)
		complain(reterr, r, path, strerror(-r));
	else if (len > size_max)
		r = complain(reterr, -EINVAL, path, "grew while it was read");
	if (r < 0) {
		explicit_bzero(buf, size_max + 1);
		free(buf);
		return r;
	}
	*ret = (struct str){buf, len};
	return 0;
}

void private_file_free(struct str content)
{
	if (!content.ptr)
		return;
	explicit_bzero((char *)(uintptr_t)content.ptr, content.len);
	free((char *)(uintptr_t)content.ptr);
}
