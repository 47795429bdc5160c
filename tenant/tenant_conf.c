/*
 * The sections "mail", "forwards" and "tenants": their options, what must be true of them together, and the
 * tenants that are declared brought into the database.
 *
 * The file declares, an administrator decides: what was set at run time stays when the file says otherwise
 * (storage keeps account of which fields were set), and a tenant that was removed stays removed.
 */
#include "tenant/tenant_conf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mailaddr.h"
#include "storage/tenant_rows.h"
#include "tenant/slug.h"

#define PREFIX_TRIES 99

static int fail(struct conf_error *reterr, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- checks of one value ---- */

static const char *check_domain(struct str text)
{
	return text.len == 0 || mailaddr_domain_valid(text, 0)
		       ? NULL
		       : "a domain name is expected, like example.com (internationalised ones as xn--...)";
}

static const char *check_mailbox(struct str text)
{
	struct arena arena;
	struct mailaddr addr;
	arena_init(&arena, 1024);
	int r = text.len ? mailaddr_parse_mailbox(&arena, text, 0, &addr) : 0;
	arena_done(&arena);
	return r < 0 ? "an address is expected, like ops@example.com" : NULL;
}

static const char *check_slug(struct str text)
{
	return slug_check(text, NULL);
}

static const char *check_prefix(struct str text)
{
	return text.len == 0 || reference_prefix_valid(text)
		       ? NULL
		       : "a prefix is 1 to 10 capital letters and digits, like ACME";
}

static const char *check_locale(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (!ascii_alpha(text.ptr[i]) && !ascii_digit(text.ptr[i]) && text.ptr[i] != '-')
			return "a language tag is expected, like en or pt-BR";
	}
	return text.len > 35 ? "a language tag has at most 35 characters" : NULL;
}

/* ---- tables ---- */

static const struct conf_option mail_options[] = {
	{"domain", CONF_STRING, offsetof(struct mail_conf, domain), .def = "", .check = check_domain,
	 .help = "the domain whose mail we take: tenants' mailboxes are {slug}@domain; must be given"},
	{"hostname", CONF_STRING, offsetof(struct mail_conf, hostname), .def = "", .check = check_domain,
	 .help = "the name of this MX in its greeting and in Received fields, as DNS has it; empty: the "
		 "domain"},
	{"operator_address", CONF_STRING, offsetof(struct mail_conf, operator_address), .def = "",
	 .check = check_mailbox,
	 .help = "your own inbox, where mail to postmaster and abuse goes (RFC 5321 4.5.1); must be given"},
};
const struct conf_table mail_conf_table = {"mail", sizeof(struct mail_conf), mail_options,
					   ARRAY_SIZE(mail_options)};

static const struct conf_option forwards_options[] = {
	{"*", CONF_MAP, offsetof(struct forwards_conf, map), .check = check_mailbox,
	 .help = "further names in our domain whose mail goes to an inbox of yours: name: address"},
};
const struct conf_table forwards_conf_table = {"forwards", sizeof(struct forwards_conf), forwards_options,
					       ARRAY_SIZE(forwards_options)};

static const struct conf_option declare_options[] = {
	{"slug", CONF_STRING, offsetof(struct declared_tenant, slug), .flags = CONF_REQUIRED,
	 .check = check_slug, .help = "name of its mailbox: letters, digits and hyphens, 32 at most"},
	{"name", CONF_STRING, offsetof(struct declared_tenant, name), .def = "",
	 .help = "what people read; empty: the slug"},
	{"admin_email", CONF_STRING, offsetof(struct declared_tenant, admin_email), .flags = CONF_REQUIRED,
	 .check = check_mailbox, .help = "the tenant's administrator, who is told of new tickets"},
	{"notify_email", CONF_STRING, offsetof(struct declared_tenant, notify_email), .def = "",
	 .check = check_mailbox, .help = "where notifications go instead of admin_email"},
	{"locale", CONF_STRING, offsetof(struct declared_tenant, locale), .def = "", .check = check_locale,
	 .help = "language of what we send; empty: tenants.locale"},
	{"reference_prefix", CONF_STRING, offsetof(struct declared_tenant, reference_prefix), .def = "",
	 .check = check_prefix, .help = "ACME of ACME-00042; empty: the slug's letters and digits"},
};
static const struct conf_table declare_table = {"tenants.declare", sizeof(struct declared_tenant),
						declare_options, ARRAY_SIZE(declare_options)};

static const struct conf_option tenant_options[] = {
	{"attachments_max", CONF_INT, offsetof(struct tenant_conf, attachments_max), .def = "20", .min = 1,
	 .max = 1000, .flags = CONF_RUNTIME,
	 .help = "attachments that one mail can put on a ticket; what is over stays in the stored original"},
	{"attachment_size_max", CONF_SIZE, offsetof(struct tenant_conf, attachment_size_max), .def = "25MiB",
	 .min = 1024, .max = INT64_C(1) << 40, .flags = CONF_RUNTIME,
	 .help = "size of one attachment; a bigger one stays in the stored original"},
	{"blocked_extensions", CONF_STRING, offsetof(struct tenant_conf, blocked_extensions),
	 .def = "ade,adp,apk,appx,bat,cab,chm,cmd,com,cpl,dll,dmg,exe,hta,ins,iso,isp,jar,jnlp,js,jse,lib,"
		"lnk,"
		"mde,msc,msi,msix,msp,mst,nsh,pif,ps1,scr,sct,sh,shb,sys,vb,vbe,vbs,vhd,vxd,wsc,wsf,wsh,xll",
	 .flags = CONF_RUNTIME,
	 .help = "attachments with these extensions are left out of tickets: programs run when opened; "
		 "\"none\""
		 " blocks none"},
	{"locale", CONF_STRING, offsetof(struct tenant_conf, locale), .def = "en", .check = check_locale,
	 .flags = CONF_RUNTIME, .help = "language of what we send for tenants that have not set theirs"},
	{"declare", CONF_LIST, offsetof(struct tenant_conf, declare), .sub = &declare_table,
	 .help = "tenants that are made at start when they are missing; what `servelo tenant set` changed "
		 "stays"},
};
const struct conf_table tenant_conf_table = {"tenants", sizeof(struct tenant_conf), tenant_options,
					     ARRAY_SIZE(tenant_options)};

/* ---- what must be true of them together ---- */

static int fail(struct conf_error *reterr, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (reterr)
		vsnprintf(reterr->text, sizeof(reterr->text), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* The names that directory.c answers by itself. */
static bool has_own_meaning(struct str name)
{
	static const struct str names[] = {STR_INIT("postmaster"), STR_INIT("abuse"), STR_INIT("reply"),
					   STR_INIT("bounce"), STR_INIT("mailer-daemon")};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (str_ieq(name, names[i]))
			return true;
	}
	return false;
}

static bool forward_name_valid(struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if (!(c >= 'a' && c <= 'z') && !ascii_digit(c) && c != '-' && c != '_' && c != '.')
			return false;
	}
	return name.len > 0 && name.len <= MAILADDR_LOCAL_MAX;
}

static int check_forwards(const struct conf_map *map, struct conf_error *reterr)
{
	for (size_t i = 0; i < map->n; i++) {
		struct str name = str_from(map->items[i].key);
		if (!forward_name_valid(name))
			return fail(
				reterr,
				"forwards: \"%.64s\" can't be a name: small letters, digits, \"-\", \"_\" and"
				" \".\" only",
				name.ptr);
		if (has_own_meaning(name))
			return fail(reterr, "forwards: \"%s\" has a meaning of its own%s", name.ptr,
				    str_eq(name, STR("postmaster")) || str_eq(name, STR("abuse"))
					    ? "; its mail goes to mail.operator_address"
					    : "");
		if (map->items[i].value[0] == '\0')
			return fail(reterr, "forwards: \"%s\" has no address", name.ptr);
	}
	return 0;
}

/* Quadratic, in a list that a person wrote. */
static int check_declared(const struct declared_tenant *tenants, size_t n, const struct conf_map *forwards,
			  struct conf_error *reterr)
{
	for (size_t i = 0; i < n; i++) {
		struct str slug = str_from(tenants[i].slug), prefix = str_from(tenants[i].reference_prefix);
		const char *wrong = slug_check(slug, forwards);
		if (wrong)
			return fail(reterr, "tenants.declare: \"%.64s\" can't be a slug: %s", slug.ptr,
				    wrong);
		for (size_t k = 0; k < i; k++) {
			if (str_ieq(slug, str_from(tenants[k].slug)))
				return fail(reterr, "tenants.declare: \"%s\" is there twice", slug.ptr);
			if (prefix.len && str_eq(prefix, str_from(tenants[k].reference_prefix)))
				return fail(
					reterr,
					"tenants.declare: \"%s\" and \"%s\" have the same reference_prefix",
					tenants[k].slug, slug.ptr);
		}
	}
	return 0;
}

int tenant_conf_check(const struct mail_conf *mail, const struct forwards_conf *forwards,
		      const struct tenant_conf *tenants, struct conf_error *reterr)
{
	if (mail->domain[0] == '\0')
		return fail(reterr, "mail.domain is missing: which domain's mail is this server for?");
	if (mail->operator_address[0] == '\0')
		return fail(reterr,
			    "mail.operator_address is missing: where does mail to postmaster and abuse go?");
	int r = check_forwards(&forwards->map, reterr);
	if (r < 0)
		return r;
	return check_declared(tenants->declare.items, tenants->declare.n, &forwards->map, reterr);
}

/* ---- into the database ---- */

/* NULL for what is not declared: storage leaves such a field alone. */
static struct str declared(const char *text)
{
	return text[0] ? str_from(text) : (struct str){NULL, 0};
}

/* Tickets are found by prefix and number among all tenants: a prefix has one owner. */
static int prefix_is_free(struct store_txn *txn, struct str prefix, struct str slug)
{
	struct tenant_row other;
	int r = tenant_rows_find_prefix(txn, prefix, &other);
	if (r == 0)
		return str_eq(other.slug, slug) ? 0 : -EEXIST;
	return r == -ENOENT ? 0 : r;
}

/* ACMECORP, else ACMECORP2, ACMECORP3, ... */
static int find_free_prefix(struct store_txn *txn, struct str slug, char ret[REFERENCE_PREFIX_MAX + 1])
{
	slug_default_prefix(slug, ret);
	size_t len = strlen(ret);
	int r = prefix_is_free(txn, str_from(ret), slug);
	if (len > REFERENCE_PREFIX_MAX - 2)
		len = REFERENCE_PREFIX_MAX - 2;
	for (unsigned i = 2; r == -EEXIST && i <= PREFIX_TRIES; i++) {
		snprintf(ret + len, 3, "%u", i % 100);
		r = prefix_is_free(txn, str_from(ret), slug);
	}
	return r;
}

static int add_tenant(struct store_txn *txn, const struct declared_tenant *tenant, struct str slug)
{
	char prefix[REFERENCE_PREFIX_MAX + 1];
	struct str chosen = str_from(tenant->reference_prefix);
	struct tenant_id id;
	if (chosen.len == 0) {
		int r = find_free_prefix(txn, slug, prefix);
		if (r < 0)
			return r;
		chosen = str_from(prefix);
	}
	const struct tenant_row row = {
		.slug = slug,
		.name = tenant->name[0] ? str_from(tenant->name) : slug,
		.reference_prefix = chosen,
		.admin_email = str_from(tenant->admin_email),
		.notify_email = str_from(tenant->notify_email),
		.locale = str_from(tenant->locale),
		.signature = STR(""),
		.logo_url = STR(""),
		.blocked_extensions = STR(""),
		.confirm = true,
		.status = TENANT_ACTIVE,
		.declared = true,
	};
	return tenant_rows_add(txn, &row, &id);
}

/* 1: changed or made; 0: as it was. */
static int apply_tenant(struct store_txn *txn, const struct declared_tenant *tenant)
{
	char text[SLUG_MAX];
	struct str slug = {text, 0};
	for (; tenant->slug[slug.len] && slug.len < SLUG_MAX; slug.len++)
		text[slug.len] = ascii_lower(tenant->slug[slug.len]);
	const struct tenant_row row = {
		.slug = slug,
		.name = declared(tenant->name),
		.reference_prefix = declared(tenant->reference_prefix),
		.admin_email = declared(tenant->admin_email),
		.notify_email = declared(tenant->notify_email),
		.locale = declared(tenant->locale),
	};
	int r = row.reference_prefix.len ? prefix_is_free(txn, row.reference_prefix, slug) : 0;
	if (r < 0)
		return r;
	r = tenant_rows_update_declared(txn, &row);
	if (r != -ENOENT)
		return r;
	r = add_tenant(txn, tenant, slug);
	return r < 0 ? r : 1;
}

int tenant_conf_apply(struct store_txn *txn, const struct tenant_conf *conf, size_t *ret_changed)
{
	const struct declared_tenant *tenants = conf->declare.items;
	size_t changed = 0;
	for (size_t i = 0; i < conf->declare.n; i++) {
		int r = apply_tenant(txn, &tenants[i]);
		if (r < 0)
			return r;
		changed += r > 0;
	}
	*ret_changed = changed;
	return 0;
}
