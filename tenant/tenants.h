/*
 * An immutable view of all tenants, reference-counted: built from the database, swapped in, dropped when the
 * last transaction that began with it ends. Look-ups are by slug in O(1). Built on any thread; read by all;
 * the count is atomic.
 */
#ifndef SERVELO_TENANT_TENANTS_H
#define SERVELO_TENANT_TENANTS_H

#include "base/base.h"
#include "storage/reader.h"

struct tenant {
	struct tenant_id id;
	struct str slug; /* lower case */
	struct str name;
	struct str reference_prefix;
	struct str admin_email, notify_email, locale;
	struct str blocked_extensions;
	int64_t attachments_max, attachment_size_max; /* resolved: never 0 */
	bool confirm;
	bool suspended;
};

struct tenants;

struct tenant_conf; /* tenant_conf.h: defaults and names */

int tenants_build(struct tenants **ret, struct reader *reader, const struct tenant_conf *conf);
struct tenants *tenants_ref(struct tenants *tenants);
struct tenants *tenants_unref(struct tenants *tenants);
size_t tenants_count(const struct tenants *tenants);
/* slug in any case; NULL when there is none (or it is removed). */
const struct tenant *tenants_find(const struct tenants *tenants, struct str slug);
/* A slug of at least 3 octets one edit away, for the hint "did you mean"; NULL when there is none. Costs O(36
 * * length) look-ups, not O(tenants). */
const struct tenant *tenants_near(const struct tenants *tenants, struct str slug);

#endif
