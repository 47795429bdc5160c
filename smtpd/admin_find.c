/*
 * What a request is about: a ticket by its reference, a tenant by its slug, somebody by his address.
 *
 * Rows that are found here have their texts in the operation's arena: views of a row die with the next call on the
 * transaction, and a change makes several.
 */
#include <assert.h>
#include <errno.h>

#include "base/mailaddr.h"
#include "smtpd/admin_private.h"
#include "storage/tenant_rows.h"
#include "storage/ticket.h"

static int keep(struct admin_op *op, struct str *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int r = arena_copy(&op->arena, *texts[i], texts[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int keep_tenant(struct admin_op *op, struct tenant_row *row)
{
	struct str *const texts[] = {&row->slug,        &row->name,         &row->reference_prefix,
				     &row->admin_email, &row->notify_email, &row->locale,
				     &row->signature,   &row->logo_url,     &row->blocked_extensions};
	return keep(op, texts, ARRAY_SIZE(texts));
}

static int keep_ticket(struct admin_op *op, struct ticket_row *row)
{
	struct str *const texts[] = {&row->reference, &row->subject, &row->tag, &row->addressed_to,
				     &row->assignee};
	return keep(op, texts, ARRAY_SIZE(texts));
}

/* ---- tenants ---- */

int admin_lower_slug(struct admin_op *op, struct str *ret)
{
	struct str copy;
	int r = arena_copy(&op->arena, admin_request_text(op, "slug"), &copy);
	if (r < 0)
		return admin_decline(op, ADMIN_INVALID, "the slug is too long");
	for (size_t i = 0; i < copy.len; i++)
		((char *)(uintptr_t)copy.ptr)[i] = ascii_lower(copy.ptr[i]);
	*ret = copy;
	return 0;
}

int admin_find_tenant(struct admin_op *op, struct store_txn *txn, struct tenant_row *ret)
{
	struct str slug;
	int r = admin_lower_slug(op, &slug);
	if (r < 0)
		return r;
	r = tenant_rows_find(txn, slug, ret);
	if (r == -ENOENT)
		return admin_decline(op, ADMIN_NOT_FOUND, "there is no tenant \"%.*s\"",
				     STR_ARG(str_sub(slug, 0, 64)));
	return r < 0 ? r : keep_tenant(op, ret);
}

/* ---- tickets ---- */

int admin_check_reference(struct admin_op *op)
{
	struct str prefix, reference = admin_request_text(op, "reference");
	int64_t number;
	if (admin_parse_reference(reference, &prefix, &number) < 0)
		return admin_decline(op, ADMIN_INVALID, "\"%.*s\" is not a reference like ACME-00042",
				     STR_ARG(str_sub(reference, 0, 64)));
	return 0;
}

/* In capitals, as rows hold it. */
static int reference_parts(struct admin_op *op, struct str *ret_prefix, int64_t *ret_number)
{
	struct str prefix;
	int r = admin_parse_reference(admin_request_text(op, "reference"), &prefix, ret_number);
	assert(r == 0);
	r = arena_copy(&op->arena, prefix, ret_prefix);
	for (size_t i = 0; r == 0 && i < prefix.len; i++) {
		if (prefix.ptr[i] >= 'a' && prefix.ptr[i] <= 'z')
			((char *)(uintptr_t)ret_prefix->ptr)[i] = (char)(prefix.ptr[i] - 32);
	}
	return r;
}

int admin_find_ticket(struct admin_op *op, struct store_txn *txn, struct ticket_row *ret,
		      struct tenant_row *ret_tenant)
{
	struct str prefix;
	struct ticket_id id;
	int64_t number;
	int r = reference_parts(op, &prefix, &number);
	if (r < 0)
		return r;
	r = tenant_rows_find_prefix(txn, prefix, ret_tenant);
	if (r == 0)
		r = keep_tenant(op, ret_tenant);
	if (r == 0)
		r = ticket_find(txn, ret_tenant->id, number, &id);
	if (r == 0)
		r = ticket_get(txn, id, ret);
	if (r == -ENOENT)
		return admin_decline(op, ADMIN_NOT_FOUND, "there is no ticket %.*s",
				     STR_ARG(str_sub(admin_request_text(op, "reference"), 0, 64)));
	return r < 0 ? r : keep_ticket(op, ret);
}

/* ---- addresses ---- */

int admin_check_address(struct admin_op *op, const char *what, struct str text, const char *domain)
{
	struct mailaddr addr;
	int r = mailaddr_parse_mailbox(&op->arena, str_trim(text), MAILADDR_ALLOW_UTF8, &addr);
	if (r < 0)
		return admin_decline(op, ADMIN_INVALID,
				     "%s: \"%.*s\" is not a mail address (local-part@domain)", what,
				     STR_ARG(str_sub(text, 0, 256)));
	if (domain && str_ieq(addr.domain, str_from(domain)))
		return admin_decline(
			op, ADMIN_INVALID,
			"%s: mail to \"%.*s\" would come back to this server (mail.domain is %s)", what,
			STR_ARG(str_sub(text, 0, 256)), domain);
	return 0;
}
