/*
 * Whose mailbox is it? SPEC section 2 as a pure look-up: address -> role, tenant, detail (RFC 5233
 * subaddress). Nothing here does I/O; any thread.
 */
#ifndef SERVELO_TENANT_DIRECTORY_H
#define SERVELO_TENANT_DIRECTORY_H

#include "base/mailaddr.h"
#include "tenant/tenant_conf.h"
#include "tenant/tenants.h"

enum mailbox_role {
	MAILBOX_TENANT,   /* {slug} or {slug}+detail */
	MAILBOX_OPERATOR, /* postmaster, abuse, forwards */
	MAILBOX_REPLY,    /* reply+TOKEN */
	MAILBOX_BOUNCE,   /* bounce+TOKEN */
};

struct tenant_mailbox {
	enum mailbox_role role;
	const struct tenant *tenant; /* MAILBOX_TENANT; lives as long as the view */
	struct str detail;           /* after "+": the tag, or the token; a view into the address */
	struct str
		forward_to; /* MAILBOX_OPERATOR: the operator's inbox; lives as long as the configuration */
	struct str name;    /* canonical local part without detail, lower case: "acme", "postmaster"; lives as
			       the tenant or static/conf */
};

enum directory_verdict {
	DIRECTORY_FOUND,
	DIRECTORY_UNKNOWN,   /* no such mailbox here; *ret_near may name one */
	DIRECTORY_FOREIGN,   /* not our domain */
	DIRECTORY_SUSPENDED, /* the tenant is; ret is filled */
};

struct directory {
	const struct mail_conf *mail;
	const struct forwards_conf *forwards;
};

/* ret_near (may be NULL): set to the slug of a tenant one typo away, or NULL. */
enum directory_verdict directory_lookup(const struct directory *directory, const struct tenants *tenants,
					const struct mailaddr *addr, struct tenant_mailbox *ret,
					const struct tenant **ret_near);

#endif
