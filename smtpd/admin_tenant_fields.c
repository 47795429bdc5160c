/*
 * The fields of a tenant as administrators type them: one row of the table for each, with what may stand in it. Pure,
 * but for copies in the operation's arena.
 */
#include <errno.h>
#include <inttypes.h>

#include "outbound/templates.h"
#include "smtpd/admin_private.h"
#include "storage/tenant_rows.h"
#include "tenant/slug.h"

/* Numbers above 2^28 would make reply addresses longer than a local-part may be (tenant/reply_token.h); this leaves room
 * for tickets to come. */
#define NEXT_TICKET_MAX 200000000

struct tenant_field;
/* How a text becomes a part of the row. */
typedef int set_fn(struct admin_op *op, const struct tenant_field *field, struct str text,
		   struct tenant_row *row);

struct tenant_field {
	const char *name;
	set_fn *set;
	size_t offset;
	size_t len_max;
	int64_t max;
};

static set_fn set_text, set_lines, set_address, set_locale, set_prefix, set_url, set_extensions, set_bool,
	set_number, set_size, set_next_ticket;

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
	FIELD(next_ticket, set_next_ticket, 0, NEXT_TICKET_MAX),
};
#undef FIELD

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
	text = str_trim(text);
	int r = text.len == 0 && field->max == 0 ? 0 : admin_check_address(op, field->name, text, NULL);
	if (r < 0)
		return r;
	*field_str(row, field) = text;
	return 0;
}

/* For the complaint; templates_has_locale() decides. */
#define LOCALE_WORDS " de en es fr zh"

/* BCP 47 in its usual shape: "en", "de-AT", "zh-Hant-TW"; stored as written. Empty: tenants.locale. */
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
				     "\"de-AT\"",
				     STR_ARG(str_sub(text, 0, 64)));
	if (text.len && !templates_has_locale(text))
		return admin_decline(op, ADMIN_INVALID,
				     "locale: there are no templates in \"%.*s\"; there are in" LOCALE_WORDS,
				     STR_ARG(text));
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
	if (admin_parse_bool(text, value) < 0)
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
	if (!good || n < 1 || n > field->max)
		return admin_decline(op, ADMIN_INVALID, "%s: \"%.*s\" is not a number from 1 to %" PRId64,
				     field->name, STR_ARG(str_sub(text, 0, 64)), field->max);
	*field_int(row, field) = n;
	return 0;
}

int admin_set_tenant_fields(struct admin_op *op, struct tenant_row *row, size_t *ret_n)
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
