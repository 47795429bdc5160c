/*
 * The files of the server: once this has run, no bug in it or in a library reads or writes others. Parser children
 * inherit that, and have a narrower sandbox of their own.
 *
 * Folders stand here where one expects files, since files are replaced: a configuration by its editor, a certificate by
 * its renewal, resolv.conf by the network. /usr is read for libraries, converters of character sets, time zones and
 * trust stores; run may be nothing but this very program, as parser child, and the loader that starts it.
 *
 * Main thread, before any other is started: a thread that lives already would not be confined.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/auxv.h>

#include "base/log.h"
#include "smtpd/file_access.h"
#include "smtpd/serve_private.h"

static const struct {
	const char *path;
	enum file_right right;
} everybodys[] = {
	{"/usr", FILE_MAY_READ},
	{"/lib", FILE_MAY_READ},
	{"/lib64", FILE_MAY_READ},
	{"/etc", FILE_MAY_READ},
	{"/proc", FILE_MAY_READ},
	{"/run/systemd/resolve", FILE_MAY_READ}, /* where resolv.conf may lead to */
	{"/run/resolvconf", FILE_MAY_READ},
	{"/run/NetworkManager", FILE_MAY_READ},
	{"/dev/null", FILE_MAY_KEEP},
	{"/dev/urandom", FILE_MAY_READ},
	{"/dev/random", FILE_MAY_READ},
	{"/proc/self/exe", FILE_MAY_RUN},
};

static void allow_loader(struct file_access *access)
{
	Dl_info info;
	const void *base = (const void *)getauxval(AT_BASE);
	if (base && dladdr(base, &info) && info.dli_fname)
		file_access_allow(access, info.dli_fname, FILE_MAY_RUN);
}

static void allow_own(struct file_access *access, const struct server_conf *conf)
{
	file_access_allow(access, conf->storage->data_dir, FILE_MAY_KEEP);
	if (conf->process->control[0])
		file_access_allow_folder_of(access, conf->control_path, FILE_MAY_KEEP);
	if (conf->path[0] != '(') /* "(defaults)": no file */
		file_access_allow_folder_of(access, conf->path, FILE_MAY_READ);
	const struct cert_conf *certs = conf->tls->certificates.items;
	for (size_t i = 0; i < conf->tls->certificates.n; i++) {
		file_access_allow_folder_of(access, certs[i].chain, FILE_MAY_READ);
		file_access_allow_folder_of(access, certs[i].key, FILE_MAY_READ);
	}
}

void serve_confine(const struct serve *serve)
{
	struct file_access *access;
	/* Mails that are read anew may wait in a file; they are nobody else's business. */
	setenv("TMPDIR", serve->conf->storage->data_dir, 1);
	if (!serve->conf->process->confine)
		return;
	int r = file_access_new(&access);
	if (r == 0) {
		for (size_t i = 0; i < ARRAY_SIZE(everybodys); i++)
			file_access_allow(access, everybodys[i].path, everybodys[i].right);
		allow_loader(access);
		allow_own(access, serve->conf);
		r = file_access_enforce(access);
	}
	if (r < 0)
		LOG(LOG_LEVEL_WARN, "not-confined", lf_id("server", "process"), lf_err(r));
	else
		LOG(LOG_LEVEL_INFO, "confined", lf_id("server", "process"), lf_int("landlock", r));
}
