/* See preflight.h. Access is asked of the kernel with the effective user (AT_EACCESS), not guessed from mode bits. */
#include "smtpd/preflight.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "smtpd/secrets.h"
#include "tenant/slug.h"

/* Database, sockets of the loop, parser children, log, and files of big mails that are being synced. */
#define DESCRIPTORS_BESIDES 256

static void say(struct strbuf *out, const struct server_conf *conf, const char *path, const char *to_do)
{
	const char *user = conf->process->user;
	strbuf_printf(out, "%s: %s can't %s it: %s\n", path, user[0] ? user : "the server's user", to_do,
		      strerror(errno));
}

static void try_read(const struct server_conf *conf, const char *path, struct strbuf *out)
{
	if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) < 0)
		say(out, conf, path, "read");
}

/* What is not there yet is made later, by the user itself. */
static void try_write(const struct server_conf *conf, const char *path, int mode, struct strbuf *out)
{
	if (faccessat(AT_FDCWD, path, mode, AT_EACCESS) < 0 && errno != ENOENT)
		say(out, conf, path, "write to");
}

/* What outgoing mail needs: keys, the relay's password and CAs, templates. */
static void try_outgoing(const struct server_conf *conf, struct strbuf *out)
{
	const char *const files[] = {conf->relay->password_file, conf->relay->ca_file};
	for (size_t i = 0; i < conf->secrets->reply_token.n; i++)
		try_read(conf, conf->secrets->reply_token.items[i], out);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (files[i][0])
			try_read(conf, files[i], out);
	}
	const char *templates = conf->outbound->templates;
	if (templates[0] && faccessat(AT_FDCWD, templates, R_OK | X_OK, AT_EACCESS) < 0)
		say(out, conf, templates, "read");
	char *own_key = secrets_default_path(conf);
	if (own_key && faccessat(AT_FDCWD, own_key, R_OK, AT_EACCESS) < 0 && errno != ENOENT)
		say(out, conf, own_key, "read");
	free(own_key);
}

static void try_all(const struct server_conf *conf, struct strbuf *out)
{
	const struct cert_conf *certs = conf->tls->certificates.items;
	static const char *const data[] = {"servelo.db", "servelo.db-wal", "servelo.db-shm"};
	if (conf->path[0] != '(')
		try_read(conf, conf->path, out);
	for (size_t i = 0; i < conf->tls->certificates.n; i++) {
		try_read(conf, certs[i].chain, out);
		try_read(conf, certs[i].key, out);
	}
	try_outgoing(conf, out);
	try_write(conf, conf->storage->data_dir, R_OK | W_OK | X_OK, out);
	for (size_t i = 0; i < ARRAY_SIZE(data); i++) {
		char *path = xasprintf("%s/%s", conf->storage->data_dir, data[i]);
		try_write(conf, path, R_OK | W_OK, out);
		free(path);
	}
	char *folder = xstrdup(conf->control_path);
	char *slash = strrchr(folder, '/');
	if (slash && slash > folder) {
		*slash = '\0';
		if (strcmp(folder, conf->storage->data_dir) != 0)
			try_write(conf, folder, W_OK | X_OK, out);
	}
	free(folder);
}

int preflight_access(const struct server_conf *conf, const struct privileges *privileges, struct strbuf *out)
{
	int r = privileges_lower(privileges);
	if (r == 0)
		try_all(conf, out);
	int raised = privileges_raise(privileges);
	return r < 0 ? r : raised;
}

/* ---- room ---- */

#define ROOM_PERCENT_MIN 5
#define START_OCTETS     (1 << 20) /* the database's log and index, a key */

static char *folder_above(const char *path)
{
	char *copy = xstrdup(path);
	char *above = xstrdup(dirname(copy));
	free(copy);
	return above;
}

/* Folders there are the kernel's, whatever their permissions say. */
static bool keeps_nothing(const char *folder)
{
	static const unsigned long kinds[] = {PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP_SUPER_MAGIC,
					      CGROUP2_SUPER_MAGIC, DEVPTS_SUPER_MAGIC};
	struct statfs st;
	if (statfs(folder, &st) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if ((unsigned long)st.f_type == kinds[i])
			return true;
	}
	return false;
}

int preflight_parent(const struct server_conf *conf, struct strbuf *out)
{
	char *above = folder_above(conf->storage->data_dir);
	struct stat st;
	int r = 0;
	if (stat(above, &st) < 0)
		r = -errno;
	else if (!S_ISDIR(st.st_mode))
		r = -ENOTDIR;
	else if (faccessat(AT_FDCWD, above, W_OK | X_OK, AT_EACCESS) < 0)
		r = -errno;
	if (r < 0) {
		strbuf_printf(out, "%s can't be made: %s: %s", conf->storage->data_dir, above, strerror(-r));
	} else if (keeps_nothing(above)) {
		r = -EPERM;
		strbuf_printf(out, "%s can't be made: %s keeps no files", conf->storage->data_dir, above);
	}
	free(above);
	return r;
}

int preflight_room(const struct server_conf *conf, struct strbuf *out)
{
	const char *folder = conf->storage->data_dir;
	char *above = folder_above(folder);
	struct statvfs st;
	int r = statvfs(folder, &st) < 0 ? -errno : 0;
	if (r == -ENOENT)
		r = statvfs(above, &st) < 0 ? -errno : 0;
	free(above);
	if (r < 0 || st.f_blocks == 0) /* nobody knows, as for a tmpfs without a limit */
		return r;
	uint64_t free_octets = (uint64_t)st.f_bavail * st.f_frsize;
	unsigned percent = (unsigned)((uint64_t)st.f_bavail * 100 / st.f_blocks);
	strbuf_printf(out, "%llu MiB free (%u %%)", (unsigned long long)(free_octets >> 20), percent);
	if (free_octets < START_OCTETS) {
		strbuf_adds(out, ": not enough to start");
		return -ENOSPC;
	}
	if (free_octets < (uint64_t)conf->limits->message_size) {
		strbuf_adds(out, ": not enough for one mail of limits.message_size");
		return 1;
	}
	return percent < ROOM_PERCENT_MIN;
}

/* ---- the relay ---- */

static bool is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, address, sizeof(v4));
		return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
	}
	struct sockaddr_in6 v6;
	memcpy(&v6, address, sizeof(v6));
	return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

int preflight_relay(const struct server_conf *conf, struct strbuf *out)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	const char *host = conf->relay->host;
	struct addrinfo *found = NULL;
	bool here = false;
	if (!host[0] || conf->relay->tls != SMTP_TLS_NONE)
		return 0;
	int r = getaddrinfo(host, NULL, &hints, &found);
	if (r != 0) {
		strbuf_printf(out, "relay.tls is none: right only if %s is this machine (%s)", host,
			      gai_strerror(r));
		return 1;
	}
	for (const struct addrinfo *each = found; each; each = each->ai_next)
		here |= is_loopback(each->ai_addr);
	freeaddrinfo(found);
	if (here)
		return 0;
	strbuf_printf(out, "relay.tls is none: that is for relays on this machine only, and %s is another",
		      host);
	return -EPERM;
}

void preflight_descriptors(const struct server_conf *conf, struct strbuf *out)
{
	struct rlimit files;
	int64_t need = conf->limits->connections + conf->relay->connections + DESCRIPTORS_BESIDES;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_max == RLIM_INFINITY ||
	    (int64_t)files.rlim_max >= need)
		return;
	strbuf_printf(out,
		      "limits.connections is %lld, but only %lld files can be open here: raise LimitNOFILE "
		      "(ulimit -Hn) "
		      "to %lld or more\n",
		      (long long)conf->limits->connections, (long long)files.rlim_max, (long long)need);
}

/* ---- names ---- */

static struct str domain_of(const char *address)
{
	const char *at = strrchr(address, '@');
	return at ? str_from(at + 1) : (struct str){NULL, 0};
}

/* Mail to `name` goes to address: does that come back to a mailbox that is forwarded too? */
static void try_loop(const struct server_conf *conf, const char *name, const char *address,
		     struct strbuf *warnings, struct strbuf *loops)
{
	if (!str_ieq(domain_of(address), str_from(conf->mail->domain)))
		return;
	struct str local = str_sub(str_from(address), 0, str_find(str_from(address), '@'));
	struct str base = str_sub(local, 0, str_find(local, '+'));
	if (slug_check(base, &conf->forwards->map)) {
		strbuf_printf(loops,
			      "%s: %s is a mailbox of this server that is forwarded itself: mail would go in "
			      "circles\n",
			      name, address);
		return;
	}
	strbuf_printf(warnings, "%s: %s is a mailbox of this server: right only if \"%.*s\" is a tenant\n",
		      name, address, STR_ARG(base));
}

static bool ends_with(struct str text, const char *end)
{
	size_t len = strlen(end);
	return text.len >= len && str_ieq(str_sub(text, text.len - len, text.len), str_from(end)) &&
	       (text.len == len || end[0] == '.' || text.ptr[text.len - len - 1] == '.');
}

/* RFC 2606: names that nobody has. */
static void try_example(const char *key, struct str name, struct strbuf *out)
{
	static const char *const examples[] = {"example.com", "example.net", "example.org",
					       ".example",    ".invalid",    ".test"};
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		if (ends_with(name, examples[i])) {
			strbuf_printf(out, "%s: %.*s is a name for examples (RFC 2606)\n", key,
				      STR_ARG(name));
			return;
		}
	}
}

void preflight_names(const struct server_conf *conf, struct strbuf *warnings, struct strbuf *loops)
{
	const struct conf_map *forwards = &conf->forwards->map;
	try_example("mail.domain", str_from(conf->mail->domain), warnings);
	try_example("mail.hostname", str_from(conf->mail->hostname), warnings);
	try_example("mail.operator_address", domain_of(conf->mail->operator_address), warnings);
	try_loop(conf, "mail.operator_address", conf->mail->operator_address, warnings, loops);
	for (size_t i = 0; i < forwards->n; i++) {
		char *name = xasprintf("forwards.%.100s", forwards->items[i].key);
		try_loop(conf, name, forwards->items[i].value, warnings, loops);
		free(name);
	}
}
