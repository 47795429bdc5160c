/*
 * tenant.add, set, suspend, resume, remove: each text is judged by the table of fields, then the row is made or
 * changed inside the transaction, where it is known which slugs and prefixes are taken.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/mailaddr.h"
#include "smtpd/admin_private.h"
#include "storage/tenant_rows.h"
#include "tenant/slug.h"

/* One field of a tenant: how a text becomes a part of the row. */
struct tenant_field {
	const char *name;
	int (*set)(struct admin_op *op, const struct tenant_field *field, struct str text,
		   struct tenant_row *row);
	size_t offset;
	size_t len_max;
	int64_t max;
};

static int check_tenant_add(struct admin_op *op, const struct admin_rules *rules);
static int check_tenant_fields(struct admin_op *op, const struct admin_rules *rules);
static int check_nothing(struct admin_op *op, const struct admin_rules *rules);
/* After set_fields() changed row: has was what the tenant had before. */
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

static int apply_tenant_add(struct admin_op *op, struct store_txn *txn);
static int apply_tenant_set(struct admin_op *op, struct store_txn *txn);
static int apply_tenant_suspend(struct admin_op *op, struct store_txn *txn);
static int apply_tenant_resume(struct admin_op *op, struct store_txn *txn);
static int apply_tenant_remove(struct admin_op *op, struct store_txn *txn);

static int set_text(struct admin_op *op, const struct tenant_field *field, struct str text,
		    struct tenant_row *row);
static int set_lines(struct admin_op *op, const struct tenant_field *field, struct str text,
		     struct tenant_row *row);
static int set_address(struct admin_op *op, const struct tenant_field *field, struct str text,
		       struct tenant_row *row);
static int set_locale(struct admin_op *op, const struct tenant_field *field, struct str text,
		      struct tenant_row *row);
static int set_prefix(struct admin_op *op, const struct tenant_field *field, struct str text,
		      struct tenant_row *row);
static int set_url(struct admin_op *op, const struct tenant_field *field, struct str text,
		   struct tenant_row *row);
static int set_extensions(struct admin_op *op, const struct tenant_field *field, struct str text,
			  struct tenant_row *row);
static int set_bool(struct admin_op *op, const struct tenant_field *field, struct str text,
		    struct tenant_row *row);
static int set_number(struct admin_op *op, const struct tenant_field *field, struct str text,
		      struct tenant_row *row);
static int set_size(struct admin_op *op, const struct tenant_field *field, struct str text,
		    struct tenant_row *row);
static int set_next_ticket(struct admin_op *op, const struct tenant_field *field, struct str text,
			   struct tenant_row *row);

#define FIELD(member, setter, length_max, number_max)                                        \
	{                                                                                    \
#member, setter, offsetof(struct tenant_row, member), length_max, number_max \
	}
static const struct tenant_field tenant_fields[] = {
	FIELD(name, set_text, 200, 0),
	FIELD(admin_email, set_address, 0, 1),
	FIELD(notify_email, set_address, 0, 0),
	FIELD(locale, set_locale, 35, 0),
	FIELD(reference_prefix, set_prefix, 0, 0),
	FIELD(signature, set_lines, 4000, 0),
	FIELD(logo_url, set_url, 500, 0),
	FIELD(confirm, set_bool, 0, 0),
	FIELD(attachments_max, set_number, 0, 1000),
	FIELD(attachment_size_max, set_size, 0, INT64_C(1) << 31),
	FIELD(blocked_extensions, set_extensions, 2000, 0),
	FIELD(next_ticket, set_next_ticket, 0, 999999999),
};
#undef FIELD

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

/* ---- values ---- */

static int parse_bool(struct str text, bool *ret)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {{"true", true},   {"yes", true}, {"on", true},   {"1", true},
		     {"false", false}, {"no", false}, {"off", false}, {"0", false}};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (str_ieq(text, str_from(words[i].word))) {
			*ret = words[i].value;
			return 0;
		}
	}
	return -EINVAL;
}

/* ---- fields ---- */

static struct str *field_str(struct tenant_row *row, const struct tenant_field *field)
{
	return (struct str *)(void *)((char *)row + field->offset);
}

static int64_t *field_int(struct tenant_row *row, const struct tenant_field *field)
{
	return (int64_t *)(void *)((char *)row + field->offset);
}

static int set_lines(struct admin_op *op, const struct tenant_field *field, struct str text,
		     struct tenant_row *row)
{
	if (text.len > field->len_max)
		return admin_decline(op, ADMIN_INVALID, "%s is longer than %zu octets", field->name,
				     field->len_max);
	if (admin_has_control(text, true))
		return admin_decline(op, ADMIN_INVALID, "%s holds control characters", field->name);
	*field_str(row, field) = text;
	return 0;
}

static int set_text(struct admin_op *op, const struct tenant_field *field, struct str text,
		    struct tenant_row *row)
{
	if (admin_has_control(text, false))
		return admin_decline(op, ADMIN_INVALID, "%s must be one line without control characters",
				     field->name);
	return set_lines(op, field, str_trim(text), row);
}

/* max 1: must be there. */
static int set_address(struct admin_op *op, const struct tenant_field *field, struct str text,
		       struct tenant_row *row)
{
	struct mailaddr addr;
	text = str_trim(text);
	if (text.len == 0 && field->max == 0) {
		*field_str(row, field) = text;
		return 0;
	}
	int r = mailaddr_parse_mailbox(&op->arena, text, MAILADDR_ALLOW_UTF8, &addr);
	if (r < 0)
		return admin_decline(op, ADMIN_INVALID,
				     "%s: \"%.*s\" is not a mail address (local-part@domain)", field->name,
				     STR_ARG(str_sub(text, 0, 256)));
	*field_str(row, field) = text;
	return 0;
}

/* BCP 47 in its usual shape: "en", "pt-BR", "zh-Hant-TW"; stored as written. Empty: tenants.locale. */
static int set_locale(struct admin_op *op, const struct tenant_field *field, struct str text,
		      struct tenant_row *row)
{
	size_t subtag = 0;
	bool first = true;
	bool good = text.len <= field->len_max;
	for (size_t i = 0; good && text.len && i <= text.len; i++) {
		if (i < text.len && (ascii_alpha(text.ptr[i]) || (!first && ascii_digit(text.ptr[i])))) {
			subtag++;
			continue;
		}
		good = (i == text.len || text.ptr[i] == '-') && subtag <= 8 && subtag >= (first ? 2 : 1) &&
		       (!first || subtag <= 3);
		first = false;
		subtag = 0;
	}
	if (!good)
		return admin_decline(op, ADMIN_INVALID,
				     "locale: \"%.*s\" is not a language tag like \"en\" or "
				     "\"pt-BR\"",
				     STR_ARG(str_sub(text, 0, 64)));
	*field_str(row, field) = text;
	return 0;
}

static int set_prefix(struct admin_op *op, const struct tenant_field *field, struct str text,
		      struct tenant_row *row)
{
	struct str copy;
	if (arena_copy(&op->arena, text, &copy) < 0)
		return admin_decline(op, ADMIN_INVALID, "reference_prefix is too long");
	for (size_t i = 0; i < copy.len; i++) {
		if (copy.ptr[i] >= 'a' && copy.ptr[i] <= 'z')
			((char *)(uintptr_t)copy.ptr)[i] = (char)(copy.ptr[i] - 32);
	}
	if (!reference_prefix_valid(copy))
		return admin_decline(op, ADMIN_INVALID,
				     "reference_prefix: \"%.*s\" is not 1 to %d letters and digits",
				     STR_ARG(str_sub(text, 0, 64)), REFERENCE_PREFIX_MAX);
	*field_str(row, field) = copy;
	return 0;
}

/* It stands in the HTML of mails that we send, so nothing may leave its attribute. */
static int set_url(struct admin_op *op, const struct tenant_field *field, struct str text,
		   struct tenant_row *row)
{
	if (text.len && !str_istarts(text, STR("https://")) && !str_istarts(text, STR("http://")))
		return admin_decline(op, ADMIN_INVALID, "%s must begin with https:// or http://",
				     field->name);
	for (size_t i = 0; i < text.len; i++) {
		if (strchr(" \"'<>\\^`{|}", text.ptr[i]))
			return admin_decline(op, ADMIN_INVALID,
					     "%s holds a character that must be percent-encoded",
					     field->name);
	}
	return set_text(op, field, text, row);
}

static int set_extensions(struct admin_op *op, const struct tenant_field *field, struct str text,
			  struct tenant_row *row)
{
	size_t len = 0;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		len = c == ',' || c == ' ' || c == '.' ? 0 : len + 1;
		if (len > 16 || !(ascii_alpha(c) || ascii_digit(c) || strchr(", ._-", c)))
			return admin_decline(op, ADMIN_INVALID,
					     "%s is a list like \"exe,js,scr\", or \"none\"", field->name);
	}
	return set_text(op, field, text, row);
}

static int set_bool(struct admin_op *op, const struct tenant_field *field, struct str text,
		    struct tenant_row *row)
{
	bool *value = (bool *)(void *)((char *)row + field->offset);
	if (parse_bool(text, value) < 0)
		return admin_decline(op, ADMIN_INVALID, "%s is yes or no, not \"%.*s\"", field->name,
				     STR_ARG(str_sub(text, 0, 64)));
	return 0;
}

static int set_size(struct admin_op *op, const struct tenant_field *field, struct str text,
		    struct tenant_row *row)
{
	int64_t n;
	if (admin_parse_size(text, &n) < 0 || n > field->max)
		return admin_decline(op, ADMIN_INVALID,
				     "%s: \"%.*s\" is not a size like \"25MiB\" (0: the "
				     "server's default)",
				     field->name, STR_ARG(str_sub(text, 0, 64)));
	*field_int(row, field) = n;
	return 0;
}

static int set_number(struct admin_op *op, const struct tenant_field *field, struct str text,
		      struct tenant_row *row)
{
	int64_t n = 0;
	bool good = text.len > 0 && text.len <= 9;
	for (size_t i = 0; good && i < text.len; i++) {
		good = ascii_digit(text.ptr[i]);
		n = n * 10 + (text.ptr[i] - '0');
	}
	if (!good || n > field->max)
		return admin_decline(op, ADMIN_INVALID,
				     "%s: \"%.*s\" is not a number from 0 (the server's default) to %" PRId64,
				     field->name, STR_ARG(str_sub(text, 0, 64)), field->max);
	*field_int(row, field) = n;
	return 0;
}

/* Whether it goes up is known inside the transaction only. */
static int set_next_ticket(struct admin_op *op, const struct tenant_field *field, struct str text,
			   struct tenant_row *row)
{
	int64_t n = 0;
	bool good = text.len > 0 && text.len <= 9;
	for (size_t i = 0; good && i < text.len; i++) {
		good = ascii_digit(text.ptr[i]);
		n = n * 10 + (text.ptr[i] - '0');
	}
	if (!good || n < 1)
		return admin_decline(op, ADMIN_INVALID, "%s: \"%.*s\" is not a number from 1 to %" PRId64,
				     field->name, STR_ARG(str_sub(text, 0, 64)), field->max);
	*field_int(row, field) = n;
	return 0;
}

static int set_fields(struct admin_op *op, struct tenant_row *row, size_t *ret_n)
{
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(tenant_fields); i++) {
		struct str text = admin_request_text(op, tenant_fields[i].name);
		if (!text.ptr)
			continue;
		int r = tenant_fields[i].set(op, &tenant_fields[i], text, row);
		if (r < 0)
			return r;
		n++;
	}
	*ret_n = n;
	return 0;
}

/* ---- checks ---- */

static int check_nothing(struct admin_op *op UNUSED, const struct admin_rules *rules UNUSED)
{
	return 0;
}

static int check_tenant_fields(struct admin_op *op, const struct admin_rules *rules UNUSED)
{
	struct tenant_row scratch = {0};
	size_t n = 0;
	int r = set_fields(op, &scratch, &n);
	if (r == 0 && n == 0)
		return admin_decline(op, ADMIN_USAGE, "nothing to set was given");
	return r;
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

/* A copy of the slug in lower case, as rows hold it. */
static int slug_lower(struct admin_op *op, struct str *ret)
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

/* Views of a row die with the next call on the transaction; a row that is edited needs texts of its own. */
static int row_keep(struct admin_op *op, struct tenant_row *row)
{
	struct str *texts[] = {&row->slug,        &row->name,         &row->reference_prefix,
			       &row->admin_email, &row->notify_email, &row->locale,
			       &row->signature,   &row->logo_url,     &row->blocked_extensions};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		int r = arena_copy(&op->arena, *texts[i], texts[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int tenant_find(struct admin_op *op, struct store_txn *txn, struct tenant_row *ret)
{
	struct str slug;
	int r = slug_lower(op, &slug);
	if (r < 0)
		return r;
	r = tenant_rows_find(txn, slug, ret);
	if (r == -ENOENT)
		return admin_decline(op, ADMIN_NOT_FOUND, "there is no tenant \"%.*s\"",
				     STR_ARG(str_sub(slug, 0, 64)));
	return r < 0 ? r : row_keep(op, ret);
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

static int apply_tenant_add(struct admin_op *op, struct store_txn *txn)
{
	char prefix[REFERENCE_PREFIX_MAX + 1];
	struct tenant_row row = {
		.locale = STR(""), .confirm = true, .status = TENANT_ACTIVE, .next_ticket = 1};
	struct tenant_row found;
	size_t n;
	int r = slug_lower(op, &row.slug);
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
		r = set_fields(op, &row, &n);
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
	int r = tenant_find(op, txn, &row);
	int64_t has = r == 0 ? row.next_ticket : 0;
	if (r == 0)
		r = set_fields(op, &row, &n);
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
	int r = tenant_find(op, txn, &row);
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
