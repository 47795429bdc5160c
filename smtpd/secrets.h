/*
 * The keys of a configuration: which files they are in, and the ring that they make (tenant/key_ring.h).
 *
 *	r = secrets_load(&keys, conf, SECRETS_MAKE, &made, &error);	the server, at its start
 *	r = secrets_load(&keys, conf, SECRETS_READ, NULL, &error);	a reload, `servelo check`, `servelo token`
 *	keys = key_ring_unref(keys);
 *
 * With secrets.reply_token those files, in their order. Without, one file of our own beside the database,
 * SECRETS_DEFAULT_FILE, which the first start makes: so a server works before anybody thought of keys. Who names files
 * later puts that one behind the new one for as long as mail that it signed may be answered.
 *
 * Errors name the file and what is wrong with it, never what is in it. Blocks on the disk: main or loop thread.
 */
#ifndef SERVELO_SMTPD_SECRETS_H
#define SERVELO_SMTPD_SECRETS_H

#include "smtpd/server_conf.h"
#include "tenant/key_ring.h"

#define SECRETS_DEFAULT_FILE "reply-token.key" /* in storage.data_dir */

/* The path of the default file, to be freed; NULL when the configuration names files. */
char *secrets_default_path(const struct server_conf *conf);

enum secrets_way {
	SECRETS_READ, /* the default file must be there */
	SECRETS_MAKE, /* it is made when it is missing, as the user that we are now, mode 0600 */
};
/* 0; -ENOENT, -EACCES (mode, or not ours to read), -EINVAL (no key in it), -errno, with reterr. *ret_made (may be
 * NULL): a new key was made just now. */
int secrets_load(struct key_ring **ret, const struct server_conf *conf, enum secrets_way way, bool *ret_made,
		 struct conf_error *reterr);

#endif
