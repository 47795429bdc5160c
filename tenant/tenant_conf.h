/*
 * Options of the sections "mail", "forwards" and "tenants", and bringing the tenants that config.yaml
 * declares into the database.
 */
#ifndef SERVELO_TENANT_TENANT_CONF_H
#define SERVELO_TENANT_TENANT_CONF_H

#include "base/conf.h"
#include "storage/store.h"

/* Section "mail". */
struct mail_conf {
	const char *domain;           /* "serveloapp.com": tenants' mailboxes are in it */
	const char *hostname;         /* the MX's own name, in greeting and Received; "" for mail.domain */
	const char *operator_address; /* where postmaster and abuse go */
};
extern const struct conf_table mail_conf_table;

/* Section "forwards": name -> address of the operator's inbox. */
struct forwards_conf {
	struct conf_map map;
};
extern const struct conf_table forwards_conf_table;

/* Section "tenants": defaults, and the list that is declared. */
struct declared_tenant {
	const char *slug, *name, *admin_email, *notify_email, *locale, *reference_prefix;
};
struct tenant_conf {
	int64_t attachments_max;
	int64_t attachment_size_max;
	const char *blocked_extensions;
	const char *locale;
	struct conf_list declare; /* struct declared_tenant */
};
extern const struct conf_table tenant_conf_table;

/* What is wrong with the three together (a forward named like a reserved word, an invalid slug, no domain,
 * ...); 0 or -EINVAL. */
int tenant_conf_check(const struct mail_conf *mail, const struct forwards_conf *forwards,
		      const struct tenant_conf *tenants, struct conf_error *reterr);

/* Creates declared tenants that are missing and updates what the declaration says, within one job; what was
 * set at run time with `servelo tenant set` wins and stays. Writer thread. *ret_changed counts. */
int tenant_conf_apply(struct store_txn *txn, const struct tenant_conf *conf, size_t *ret_changed);

#endif
