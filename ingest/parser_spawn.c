/* See parser_spawn.h. posix_spawn(3): no code of ours runs between fork and exec, so threads and locks don't matter. */
#include "ingest/parser_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ingest/parser_sandbox.h"

static int spawn_program(const char *argv0, int child_fd, pid_t *ret_pid)
{
	static char program[] = "servelo", name[] = "parser";
	char *argv[] = {program, name, NULL}; /* as ps shows it, whatever path it is started by */
	/* Slices would keep what a big mail needed, arenas of threads are for threads. */
	static char *const environment[] = {"LC_ALL=C", "G_SLICE=always-malloc", "MALLOC_ARENA_MAX=1", NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t all, none;
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_adddup2(&actions, child_fd, PARSER_CHILD_FD);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	/* Who reads mail may not write our log. Sanitizers need to say what they found. */
	if (parser_sandbox_filters())
		posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&actions, PARSER_CHILD_FD + 1);
	int r = posix_spawn(ret_pid, argv0, &actions, &attributes, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return -r;
}

int parser_send_conf(int fd, int64_t memory_max, const struct mail_limits *limits)
{
	struct frame_conf conf;
	memset(&conf, 0, sizeof(conf));
	conf.memory_max = memory_max;
	conf.limits = *limits;
	struct frame frame = frame_make(FRAME_CONF, 0, sizeof(conf));
	struct iovec pieces[] = {{&frame, sizeof(frame)}, {&conf, sizeof(conf)}};
	ssize_t n = frame_send(fd, pieces, 2, -1);
	return n == (ssize_t)(sizeof(frame) + sizeof(conf)) ? 0 : n < 0 ? (int)n : -EIO;
}

int parser_spawn(const char *argv0, int *ret_fd, pid_t *ret_pid)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	int r = spawn_program(argv0, ends[1], ret_pid);
	close(ends[1]);
	if (r < 0) {
		close(ends[0]);
		return r;
	}
	*ret_fd = ends[0];
	return 0;
}
