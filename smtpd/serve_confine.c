/*
 * The files of the server: once this has run, no bug in it or in a library makes, changes or removes others, nor runs
 * another program. Parser children inherit that, and have a narrower sandbox of their own.
 *
 * Reading stays what the account's permissions say (process.user): a reload may name certificates in folders that
 * nobody knew of at the start, and the resolver's files are where the system wants them. Run may be nothing but this very
 * program, as parser child, and the loader that starts it.
 *
 * Main thread, before any other is started: a thread that lives already would not be confined.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/auxv.h>

#include "base/log.h"
#include "smtpd/file_access.h"
#include "smtpd/serve_private.h"

static void allow_loader(struct file_access *access)
{
	Dl_info info;
	const void *base = (const void *)getauxval(AT_BASE);
	if (base && dladdr(base, &info) && info.dli_fname)
		file_access_allow(access, info.dli_fname, FILE_MAY_RUN);
}

static void allow_own(struct file_access *access, const struct server_conf *conf)
{
	file_access_allow(access, "/", FILE_MAY_READ);
	file_access_allow(access, "/dev/null", FILE_MAY_KEEP);
	file_access_allow(access, "/proc/self/exe", FILE_MAY_RUN);
	file_access_allow(access, conf->storage->data_dir, FILE_MAY_KEEP);
	if (conf->process->control[0])
		file_access_allow_folder_of(access, conf->control_path, FILE_MAY_KEEP);
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
		allow_loader(access);
		allow_own(access, serve->conf);
		r = file_access_enforce(access);
	}
	if (r < 0)
		LOG(LOG_LEVEL_WARN, "not-confined", lf_id("server", "process"), lf_err(r));
	else
		LOG(LOG_LEVEL_INFO, "confined", lf_id("server", "process"), lf_int("landlock", r));
}
