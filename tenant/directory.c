/*
 * Whose mailbox is it: names with a meaning of their own first, then the operator's forwards, then tenants.
 *
 * The part before the first "+" names the mailbox, without case; what follows is the detail (RFC 5233), whose
 * case is kept: tokens need it. A detail-less "reply" or "bounce" names nothing. Pure; any thread.
 */
#include "tenant/directory.h"

/* What a reserved name is. */
static const struct {
	struct str name;
	enum mailbox_role role;
	bool needs_detail;
} special_names[] = {
	{STR_INIT("postmaster"), MAILBOX_OPERATOR, false}, /* RFC 5321 4.5.1 */
	{STR_INIT("abuse"), MAILBOX_OPERATOR, false},      /* RFC 2142 section 2 */
	{STR_INIT("reply"), MAILBOX_REPLY, true},
	{STR_INIT("bounce"), MAILBOX_BOUNCE, true},
};

static bool find_special(const struct directory *directory, struct str name, struct str detail,
			 struct tenant_mailbox *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(special_names); i++) {
		if (!str_ieq(name, special_names[i].name) || (special_names[i].needs_detail && !detail.len))
			continue;
		*ret = (struct tenant_mailbox){
			.role = special_names[i].role, .detail = detail, .name = special_names[i].name};
		if (ret->role == MAILBOX_OPERATOR)
			ret->forward_to = str_from(directory->mail->operator_address);
		return true;
	}
	return false;
}

static bool find_forward(const struct directory *directory, struct str name, struct str detail,
			 struct tenant_mailbox *ret)
{
	const struct conf_map *map = &directory->forwards->map;
	for (size_t i = 0; i < map->n; i++) {
		struct str key = str_from(map->items[i].key);
		if (!str_ieq(name, key))
			continue;
		*ret = (struct tenant_mailbox){.role = MAILBOX_OPERATOR,
					       .detail = detail,
					       .forward_to = str_from(map->items[i].value),
					       .name = key};
		return true;
	}
	return false;
}

/* Our domain, or none at all: <postmaster> (RFC 5321 4.1.1.3). */
static bool is_ours(const struct directory *directory, const struct mailaddr *addr)
{
	if (addr->domain.len == 0)
		return str_ieq(addr->local, STR("postmaster"));
	return str_ieq(addr->domain, str_from(directory->mail->domain));
}

enum directory_verdict directory_lookup(const struct directory *directory, const struct tenants *tenants,
					const struct mailaddr *addr, struct tenant_mailbox *ret,
					const struct tenant **ret_near)
{
	size_t plus = str_find(addr->local, '+');
	struct str name = str_sub(addr->local, 0, plus);
	struct str detail = str_sub(addr->local, plus + 1, addr->local.len);
	if (ret_near)
		*ret_near = NULL;
	if (!is_ours(directory, addr))
		return DIRECTORY_FOREIGN;
	if (find_special(directory, name, detail, ret) || find_forward(directory, name, detail, ret))
		return DIRECTORY_FOUND;
	const struct tenant *tenant = tenants_find(tenants, name);
	if (!tenant) {
		if (ret_near)
			*ret_near = tenants_near(tenants, name);
		return DIRECTORY_UNKNOWN;
	}
	*ret = (struct tenant_mailbox){
		.role = MAILBOX_TENANT, .tenant = tenant, .detail = detail, .name = tenant->slug};
	return tenant->suspended ? DIRECTORY_SUSPENDED : DIRECTORY_FOUND;
}
