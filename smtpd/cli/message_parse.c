/*
 * Works without any configuration, and is quick to start: scripts run it once per mail. The mail is never parsed
 * in this process, for it is hostile and whoever runs us may be root.
 */
#include "smtpd/cli/message_parse.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "smtpd/cli/json_out.h"
#include "smtpd/cli/mail_json.h"
#include "smtpd/lone_parser.h"

#define MAIL_MAX  ((size_t)512 * 1024 * 1024)
#define READ_SIZE (64 * 1024)

/* The file, or standard input for "-". 0, or an exit code. */
static int open_input(const char *name, int *ret)
{
	int fd = strcmp(name, "-") == 0 ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cli_fail(errno == EACCES ? EX_NOPERM : EX_NOINPUT, "%s: %s", name, strerror(errno));
	*ret = fd;
	return 0;
}

static int read_all(int fd, struct spooled_mail *mail)
{
	char buf[READ_SIZE];
	for (;;) {
		ssize_t n = read(fd, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		int r = spooled_mail_append(mail, (struct str){buf, (size_t)n});
		if (r < 0)
			return r;
		if (spooled_mail_size(mail) > MAIL_MAX)
			return -EFBIG;
	}
}

static int parse_fd(struct lone_parser *lone, int fd, struct parse_job *job)
{
	struct spooled_mail *mail;
	int r = lone_parser_mail(lone, &mail);
	if (r < 0)
		return r;
	r = read_all(fd, mail);
	if (r < 0) {
		spooled_mail_discard(mail);
		return r;
	}
	return lone_parser_parse(lone, mail, 0, job);
}

int message_parse(struct cli *cli)
{
	const struct parser_conf conf = lone_parser_conf(NULL, "/proc/self/exe");
	const char *name = cli->args.words[0];
	struct lone_parser *lone;
	struct parse_job job;
	int fd = -1;
	int code = open_input(name, &fd);
	if (code)
		return code;
	int r = lone_parser_open(&lone, &conf);
	if (r < 0) {
		code = cli_fail(cli_exit_code(r), "making a temporary folder: %s", strerror(-r));
		goto out;
	}
	r = parse_fd(lone, fd, &job);
	if (r == -EFBIG)
		code = cli_fail(EX_DATAERR, "%s: larger than %zu MiB", name, MAIL_MAX >> 20);
	else if (r < 0)
		code = cli_fail(r == -EISDIR ? EX_NOINPUT : EX_IOERR, "%s: %s", name, strerror(-r));
	else {
		if (cli->json)
			json_out(mail_json(job.parsed, job.status), stdout);
		else
			mail_print(job.parsed, job.status, stdout);
		parse_job_done(&job);
	}
	lone_parser_close(lone);
out:
	if (fd != STDIN_FILENO)
		close(fd);
	return code;
}
