/*
 * tenant.add, set, suspend, resume, remove: each text is judged by the table of fields (admin_tenant_fields.c), then the
 * row is made or changed inside the transaction, where it is known which slugs and prefixes are taken.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "smtpd/admin_private.h"
#include "storage/tenant_rows.h"
#include "tenant/slug.h"

static int check_tenant_add(struct admin_op *op, const struct admin_rules *rules);
static int check_tenant_fields(struct admin_op *op, const struct admin_rules *rules);
static int check_nothing(struct admin_op *op, const struct admin_rules *rules);
static int apply_tenant_add(struct admin_op *op, struct store_txn *txn);
static int apply_tenant_set(struct admin_op *op, struct store_txn *txn);
static int apply_tenant_suspend(struct admin_op *op, struct store_txn *txn);
static int apply_tenant_resume(struct admin_op *op, struct store_txn *txn);
static int apply_tenant_remove(struct admin_op *op, struct store_txn *txn);

#define TENANT_KEYS                                                                                       \
	"name", "admin_email", "notify_email", "locale", "reference_prefix", "signature", "logo_url",     \
		"confirm", "attachments_max", "attachment_size_max", "blocked_extensions", "next_ticket", \
		NULL
static const char *const tenant_keys[] = {TENANT_KEYS};
static const char *const no_keys[] = {NULL};

const struct op_kind admin_tenant_kinds[] = {
	{"tenant.add", check_tenant_add, apply_tenant_add, ADMIN_CHANGES_TENANTS, "slug", tenant_keys},
	{"tenant.set", check_tenant_fields, apply_tenant_set, ADMIN_CHANGES_TENANTS, "slug", tenant_keys},
	{"tenant.suspend", check_nothing, apply_tenant_suspend, ADMIN_CHANGES_TENANTS, "slug", no_keys},
	{"tenant.resume", check_nothing, apply_tenant_resume, ADMIN_CHANGES_TENANTS, "slug", no_keys},
	{"tenant.remove", check_nothing, apply_tenant_remove, ADMIN_CHANGES_TENANTS, "slug", no_keys},
	{0},
};

/* ---- checks ---- */

static int check_nothing(struct admin_op *op UNUSED, const struct admin_rules *rules UNUSED)
{
	return 0;
}

/* A notice to a mailbox of our own would become a ticket, whose notice would become a ticket. */
static int check_outside(struct admin_op *op, const char *domain)
{
	static const char *const keys[] = {"admin_email", "notify_email"};
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct str text = str_trim(admin_request_text(op, keys[i]));
		int r = text.len ? admin_check_address(op, keys[i], text, domain) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_tenant_fields(struct admin_op *op, const struct admin_rules *rules)
{
	struct tenant_row scratch = {0};
	size_t n = 0;
	int r = admin_set_tenant_fields(op, &scratch, &n);
	if (r == 0 && n == 0)
		return admin_decline(op, ADMIN_USAGE, "nothing to set was given");
	return r < 0 ? r : check_outside(op, rules->domain);
}

static int check_tenant_add(struct admin_op *op, const struct admin_rules *rules)
{
	struct str slug = admin_request_text(op, "slug");
	const char *wrong = slug_check(slug, rules->forwards);
	if (wrong)
		return admin_decline(op, ADMIN_INVALID, "\"%.*s\" can't be a slug: %s",
				     STR_ARG(str_sub(slug, 0, 64)), wrong);
	if (admin_request_text(op, "admin_email").len == 0)
		return admin_decline(op, ADMIN_USAGE, "a tenant needs admin_email");
	return check_tenant_fields(op, rules);
}

/* ---- in the transaction ---- */

static json_t *tenant_json(const struct tenant_row *row)
{
	return json_pack(
		"{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:I,s:I,s:o,s:I,s:s}", "slug",
		admin_json_text(row->slug), "name", admin_json_text(row->name), "reference_prefix",
		admin_json_text(row->reference_prefix), "admin_email", admin_json_text(row->admin_email),
		"notify_email", admin_json_text(row->notify_email), "locale", admin_json_text(row->locale),
		"signature", admin_json_text(row->signature), "logo_url", admin_json_text(row->logo_url),
		"confirm", row->confirm, "attachments_max", (json_int_t)row->attachments_max,
		"attachment_size_max", (json_int_t)row->attachment_size_max, "blocked_extensions",
		admin_json_text(row->blocked_extensions), "next_ticket", (json_int_t)row->next_ticket,
		"status", tenant_status_name(row->status));
}

/* Tickets are found by prefix and number among all tenants, so a prefix has one owner. */
static int prefix_is_free(struct admin_op *op, struct store_txn *txn, const struct tenant_row *row)
{
	struct tenant_row other;
	int r = tenant_rows_find_prefix(txn, row->reference_prefix, &other);
	if (r == -ENOENT || (r == 0 && other.id.v == row->id.v))
		return 0;
	if (r < 0)
		return r;
	return admin_decline(
		op, ADMIN_EXISTS,
		"the reference prefix %.*s belongs to tenant \"%.*s\"; choose another reference_prefix",
		STR_ARG(row->reference_prefix), STR_ARG(other.slug));
}

/* ACMECORP, else ACMECORP2, ACMECORP3, ...: only who chose a prefix has to hear that it is taken. */
static int free_prefix(struct store_txn *txn, struct str slug, char *ret)
{
	struct tenant_row other;
	slug_default_prefix(slug, ret);
	size_t len = strlen(ret);
	int r = tenant_rows_find_prefix(txn, str_from(ret), &other);
	if (len > REFERENCE_PREFIX_MAX - 2)
		len = REFERENCE_PREFIX_MAX - 2;
	for (unsigned i = 2; r == 0 && i < 100; i++) {
		snprintf(ret + len, 3, "%u", i % 100);
		r = tenant_rows_find_prefix(txn, str_from(ret), &other);
	}
	return r == -ENOENT ? 0 : r;
}

/* After admin_set_tenant_fields() changed row: has was what the tenant had before. */
static int raise_next_ticket(struct admin_op *op, struct store_txn *txn, const struct tenant_row *row,
			     int64_t has)
{
	if (!admin_request_text(op, "next_ticket").ptr || row->next_ticket == has)
		return 0;
	int r = tenant_rows_raise_next_ticket(txn, row->id, row->next_ticket);
	if (r == -EINVAL)
		return admin_decline(op, ADMIN_INVALID, "next_ticket only goes up: it is %" PRId64, has);
	return r;
}

static int apply_tenant_add(struct admin_op *op, struct store_txn *txn)
{
	char prefix[REFERENCE_PREFIX_MAX + 1];
	struct tenant_row row = {
		.locale = STR(""), .confirm = true, .status = TENANT_ACTIVE, .next_ticket = 1};
	struct tenant_row found;
	size_t n;
	int r = admin_lower_slug(op, &row.slug);
	if (r < 0)
		return r;
	r = tenant_rows_find(txn, row.slug, &found);
	if (r == 0)
		return admin_decline(
			op, ADMIN_EXISTS,
			found.status == TENANT_REMOVED
				? "tenant \"%.*s\" was removed; bring it back with: servelo tenant resume"
				: "tenant \"%.*s\" exists already",
			STR_ARG(row.slug));
	if (r != -ENOENT)
		return r;
	row.name = row.slug;
	r = free_prefix(txn, row.slug, prefix);
	row.reference_prefix = str_from(prefix);
	if (r == 0)
		r = admin_set_tenant_fields(op, &row, &n);
	if (r == 0)
		r = prefix_is_free(op, txn, &row);
	if (r == 0)
		r = tenant_rows_add(txn, &row, &row.id);
	if (r == 0)
		r = raise_next_ticket(op, txn, &row, 1);
	if (r == 0)
		op->result = tenant_json(&row);
	return r;
}

static int apply_tenant_set(struct admin_op *op, struct store_txn *txn)
{
	struct tenant_row row;
	size_t n;
	int r = admin_find_tenant(op, txn, &row);
	int64_t has = r == 0 ? row.next_ticket : 0;
	if (r == 0)
		r = admin_set_tenant_fields(op, &row, &n);
	if (r == 0)
		r = prefix_is_free(op, txn, &row);
	if (r == 0)
		r = tenant_rows_update(txn, &row);
	if (r == 0)
		r = raise_next_ticket(op, txn, &row, has);
	if (r == 0)
		op->result = tenant_json(&row);
	return r;
}

static int set_tenant_status(struct admin_op *op, struct store_txn *txn, enum tenant_status status)
{
	struct tenant_row row;
	int r = admin_find_tenant(op, txn, &row);
	if (r < 0)
		return r;
	if (status == TENANT_SUSPENDED && row.status == TENANT_REMOVED)
		return admin_decline(op, ADMIN_INVALID, "tenant \"%.*s\" is removed; resume it first",
				     STR_ARG(row.slug));
	row.status = status;
	r = tenant_rows_set_status(txn, row.id, status);
	if (r == 0)
		op->result = tenant_json(&row);
	return r;
}

static int apply_tenant_suspend(struct admin_op *op, struct store_txn *txn)
{
	return set_tenant_status(op, txn, TENANT_SUSPENDED);
}

static int apply_tenant_resume(struct admin_op *op, struct store_txn *txn)
{
	return set_tenant_status(op, txn, TENANT_ACTIVE);
}

static int apply_tenant_remove(struct admin_op *op, struct store_txn *txn)
{
	return set_tenant_status(op, txn, TENANT_REMOVED);
}
