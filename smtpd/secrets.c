/* See secrets.h. */
#include "smtpd/secrets.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"

char *secrets_default_path(const struct server_conf *conf)
{
	if (conf->secrets->reply_token.n > 0)
		return NULL;
	return xasprintf("%s/" SECRETS_DEFAULT_FILE, conf->storage->data_dir);
}

int secrets_load(struct key_ring **ret, const struct server_conf *conf, enum secrets_way way, bool *ret_made,
		 struct conf_error *reterr)
{
	bool made = false;
	char *path = secrets_default_path(conf);
	const char *const items[] = {path};
	const struct conf_strings own = {items, 1};
	int r = 0;
	if (path && way == SECRETS_MAKE) {
		r = key_ring_make(path, reterr);
		made = r == 0;
		r = r == -EEXIST ? 0 : r;
	}
	if (r == 0)
		r = key_ring_load(ret, path ? &own : &conf->secrets->reply_token, reterr);
	if (r == 0 && ret_made)
		*ret_made = made;
	free(path);
	return r;
}
