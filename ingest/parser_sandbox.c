/*
 * The sandbox of a parser child: see parser_sandbox.h.
 *
 * The filter is a table. Whoever adds a row says what needs it. Three answers:
 *
 *	allow	what malloc, the socket loop, stdio to standard error and the clock need
 *	refuse	what libraries try and can do without: it fails, they go on
 *	kill	everything else, first of all what an intruder would need (execve, socket, clone, ptrace)
 *
 * A write to a regular file is stopped twice: none can be opened, and RLIMIT_FSIZE is 0. The descriptor of a
 * spool file comes read-only.
 */
#include <errno.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "ingest/parser_sandbox.h"

#include "base/sanitized.h"

#define DESCRIPTORS_MAX 64 /* one per mail under way, the socket, the standard ones */

static const int allowed[] = {
	/* the socket, and what is said on standard error */
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(readv),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(sendto),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(close),
	/* the spool file, and libraries that look at a descriptor */
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(lseek),
	SCMP_SYS(pread64),
	SCMP_SYS(fcntl),
	/* memory: mmap and mprotect without PROT_EXEC have rows of their own */
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(setitimer), /* a big file leaves memory while it is read (parser_child.c) */
	SCMP_SYS(brk),
	/* threads' library, time, randomness, signals, the end */
	SCMP_SYS(futex),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(getrandom),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(sched_yield),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(sched_getaffinity),
};

struct refusal {
	int call;
	int error;
};

static const struct refusal refused[] = {
	/* iconv modules, time zones, locales, CPU counts */
	{SCMP_SYS(openat), ENOENT},
	{SCMP_SYS(open), ENOENT},
	{SCMP_SYS(access), ENOENT},
	{SCMP_SYS(faccessat), ENOENT},
	{SCMP_SYS(faccessat2), ENOENT},
	{SCMP_SYS(stat), ENOENT},
	{SCMP_SYS(lstat), ENOENT},
	{SCMP_SYS(statx), ENOENT},
	{SCMP_SYS(readlink), ENOENT},
	{SCMP_SYS(readlinkat), ENOENT},
	{SCMP_SYS(getcwd), ENOENT},
	{SCMP_SYS(ioctl), ENOTTY},
	{SCMP_SYS(sysinfo), EPERM},
	{SCMP_SYS(prlimit64), EPERM},
	{SCMP_SYS(getrusage), EPERM},
	{SCMP_SYS(getuid), EPERM},
	{SCMP_SYS(geteuid), EPERM},
	/* abort(3) sends itself a signal; the process ends by the trap that follows it */
	{SCMP_SYS(tgkill), EPERM},
};

bool parser_sandbox_filters(void)
{
	return !SANITIZED;
}

static int limit(__rlimit_resource_t resource, rlim_t max)
{
	struct rlimit rlimit = {max, max};
	return setrlimit(resource, &rlimit) < 0 ? -errno : 0;
}

static int set_limits(int64_t memory_max)
{
	int r = limit(RLIMIT_CORE, 0);
	if (r == 0)
		r = limit(RLIMIT_FSIZE, 0);
	if (r == 0)
		r = limit(RLIMIT_NOFILE, DESCRIPTORS_MAX);
	/* Sanitizers reserve terabytes of addresses. */
	if (r == 0 && memory_max > 0 && !SANITIZED)
		r = limit(RLIMIT_AS, (rlim_t)memory_max);
	return r;
}

static int add_rules(scmp_filter_ctx filter)
{
	int r = 0;
	for (size_t i = 0; i < ARRAY_SIZE(allowed) && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(refused) && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint16_t)refused[i].error), refused[i].call, 0);
	/* Memory that can be executed is an intruder's wish. */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return r;
}

static int load_filter(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (filter == NULL)
		return -ENOMEM;
	int r = add_rules(filter);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

int parser_sandbox_enter(int64_t memory_max)
{
	int r = set_limits(memory_max);
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    (!SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0))
		return -errno;
	return SANITIZED ? 0 : load_filter();
}
