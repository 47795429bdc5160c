/*
 * A parser child is born: the same binary run as `servelo parser`, with one end of a socketpair on its descriptor
 * PARSER_CHILD_FD, nothing else open, and an environment of ours. Any thread.
 */
#ifndef SERVELO_INGEST_PARSER_SPAWN_H
#define SERVELO_INGEST_PARSER_SPAWN_H

#include <sys/types.h>

#include "ingest/parser_frame.h"

/* *ret_fd is our end, close-on-exec; both are the caller's. -errno. */
int parser_spawn(const char *argv0, int *ret_fd, pid_t *ret_pid);
/* The first frame that a child waits for. It fits a fresh socket. */
int parser_send_conf(int fd, int64_t memory_max, const struct mail_limits *limits);

#endif
