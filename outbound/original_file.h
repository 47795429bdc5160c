/*
 * A big original in its file of the spool, read piece by piece, so that a forward costs the same memory whatever its size.
 *
 *	original_file_open(fd, size, &file);
 *	original_file_rewind(file);
 *	while ((r = original_file_next(file, &piece)) == 0 && piece.len)
 *		...
 *	original_file_close(file);
 *
 * It is read and not mapped: a sector that can't be read is an error of this one mail then, where a map would be a
 * SIGBUS, which ends the server, at every start again, since the job is still to be done. Files of the spool are written
 * once and never changed. Blocks on the disk; one thread at a time.
 */
#ifndef SERVELO_OUTBOUND_ORIGINAL_FILE_H
#define SERVELO_OUTBOUND_ORIGINAL_FILE_H

#include "base/base.h"

#define ORIGINAL_PIECE_SIZE 65536 /* octets of memory that a file takes while it is open */

struct original_file;

/* Takes fd, also when it fails. size: what the file has to have. *ret is the caller's to close. 0, -EIO (the file is
 * not that size, or can't be read), -errno. */
int original_file_open(int fd, int64_t size, struct original_file **ret);
/* NULL is fine. */
void original_file_close(struct original_file *file);

int64_t original_file_size(const struct original_file *file);
/* To the first octet. */
void original_file_rewind(struct original_file *file);
/* The next piece, valid until the next call; empty at the end. -EIO and the like: the disk does not give it. */
int original_file_next(struct original_file *file, struct str *ret);

#endif
