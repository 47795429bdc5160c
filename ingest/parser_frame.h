/*
 * Frames between the server and a parser child, on a stream socketpair.
 *
 *	server -> child		FRAME_CONF (first), then FRAME_MAIL and FRAME_FILE
 *	child -> server		FRAME_READY (first), then one FRAME_ANSWER per mail, in order, with its id
 *
 * or, for who wants one part of a mail (part_reader.h):
 *
 *	server -> child		FRAME_CONF, then FRAME_PART
 *	child -> server		FRAME_READY, then any number of FRAME_PIECE, and FRAME_END
 *
 * A frame is struct frame and then `length` octets. FRAME_MAIL carries the mail data; FRAME_FILE a struct
 * frame_file, and the descriptor of the spool file (SCM_RIGHTS) with the frame's first octet; FRAME_ANSWER what
 * mail_wire.h says; FRAME_PART a struct frame_file, a descriptor, and behind the struct the part's path; FRAME_PIECE decoded
 * octets; FRAME_END an int32_t, 0 or a negative errno. Numbers are in the machine's own order: both ends are the same program. Pure but for the
 * two calls at the end. Any thread.
 */
#ifndef SERVELO_INGEST_PARSER_FRAME_H
#define SERVELO_INGEST_PARSER_FRAME_H

#include <sys/types.h>
#include <sys/uio.h>

#include "base/base.h"
#include "ingest/mail.h"

#define FRAME_MAGIC      0x5356u
#define FRAME_MAIL_MAX   ((size_t)16 * 1024 * 1024) /* mail data in a frame; more goes by descriptor */
#define FRAMES_UNDER_WAY 32                         /* mails that one child may have unanswered */
#define PARSER_CHILD_FD  3                          /* where a child finds its socket */

enum frame_type {
	FRAME_CONF = 1,
	FRAME_READY,
	FRAME_MAIL,
	FRAME_FILE,
	FRAME_ANSWER,
	FRAME_PART,
	FRAME_PIECE,
	FRAME_END,
};

struct frame {
	uint16_t magic;
	uint16_t type;
	uint32_t id;
	uint32_t length;
	uint32_t zero;
};

struct frame_conf {
	int64_t memory_max; /* RLIMIT_AS; 0: none */
	struct mail_limits limits;
};

struct frame_file {
	uint64_t offset; /* of our own trace field's end */
	uint64_t size;   /* octets from there */
};

struct frame frame_make(enum frame_type type, uint32_t id, size_t length);

/* The frame at the start of bytes: 1 and *ret_size (header and payload) when it is all there, 0 when more octets
 * are needed (*ret_size: how many at least), -EBADMSG when this is no frame or its payload passes length_max. */
int frame_peek(struct str bytes, size_t length_max, struct frame *ret, size_t *ret_size);

/* sendmsg(2) without SIGPIPE and without blocking; passed_fd -1: none. Octets taken, or -errno. */
ssize_t frame_send(int fd, struct iovec *pieces, size_t n, int passed_fd);
/* recvmsg(2), blocking if the socket is; *ret_fd is -1 or a descriptor, now the caller's. 0: the other end is
 * closed. -EPROTO: more came along than one descriptor. */
ssize_t frame_receive(int fd, char *buf, size_t size, int *ret_fd);

#endif
