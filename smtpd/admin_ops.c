/*
 * Changes of an administrator as store jobs.
 *
 * A request goes through three doors: the table of operations (is it known, has it the keys it needs, no
 * others), the table of fields (is each text acceptable by itself), and the database inside the writer's
 * transaction (is there such a tenant, is the prefix free). So what two administrators do at once cannot
 * contradict: the last door is the writer's, and there is one writer.
 *
 * A request keeps its own copy of all texts (jansson's object); the answer's result is built inside apply,
 * while the rows can be read, and handed out after COMMIT only.
 */
#include "smtpd/admin_ops.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/mailaddr.h"
#include "storage/setting.h"
#include "storage/tenant_rows.h"
#include "storage/ticket.h"
#include "tenant/slug.h"

#define OP_ARENA_MAX (64 * 1024)

struct op_kind {
	const char *name;
	int (*check)(struct admin_op *op, const struct admin_rules *rules);
	int (*apply)(struct admin_op *op, struct store_txn *txn);
	enum admin_effect effect;
	const char *subject; /* the key that every request of this kind has */
	const char *const *keys;
};

struct admin_op {
	struct store_job job;
	const struct op_kind *kind;
	json_t *request; /* texts only */
	struct arena arena;
	void *ctx;
	json_t *result; /* set by apply */
	enum admin_code code;
	char error[512];
	/* setting.*: what was before */
	bool had_old;
	char *old_value;
};

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
static int check_ticket(struct admin_op *op, const struct admin_rules *rules);
static int check_setting(struct admin_op *op, const struct admin_rules *rules);
static int apply_tenant_add(struct admin_op *op, struct store_txn *txn);
static int apply_tenant_set(struct admin_op *op, struct store_txn *txn);
static int apply_tenant_suspend(struct admin_op *op, struct store_txn *txn);
static int apply_tenant_resume(struct admin_op *op, struct store_txn *txn);
static int apply_tenant_remove(struct admin_op *op, struct store_txn *txn);
static int apply_ticket_set(struct admin_op *op, struct store_txn *txn);
static int apply_setting_set(struct admin_op *op, struct store_txn *txn);
static int apply_setting_unset(struct admin_op *op, struct store_txn *txn);

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
};
#undef FIELD

#define TENANT_KEYS                                                                                   \
	"name", "admin_email", "notify_email", "locale", "reference_prefix", "signature", "logo_url", \
		"confirm", "attachments_max", "attachment_size_max", "blocked_extensions", NULL
static const char *const tenant_keys[] = {TENANT_KEYS};
static const char *const no_keys[] = {NULL};
static const char *const ticket_keys[] = {"status", "subject", "tag", "assignee", NULL};
static const char *const setting_keys[] = {"value", NULL};

static const struct op_kind op_kinds[] = {
	{"tenant.add", check_tenant_add, apply_tenant_add, ADMIN_CHANGES_TENANTS, "slug", tenant_keys},
	{"tenant.set", check_tenant_fields, apply_tenant_set, ADMIN_CHANGES_TENANTS, "slug", tenant_keys},
	{"tenant.suspend", check_nothing, apply_tenant_suspend, ADMIN_CHANGES_TENANTS, "slug", no_keys},
	{"tenant.resume", check_nothing, apply_tenant_resume, ADMIN_CHANGES_TENANTS, "slug", no_keys},
	{"tenant.remove", check_nothing, apply_tenant_remove, ADMIN_CHANGES_TENANTS, "slug", no_keys},
	{"ticket.set", check_ticket, apply_ticket_set, ADMIN_CHANGES_NOTHING_ELSE, "reference", ticket_keys},
	{"setting.set", check_setting, apply_setting_set, ADMIN_CHANGES_SETTINGS, "key", setting_keys},
	{"setting.unset", check_setting, apply_setting_unset, ADMIN_CHANGES_SETTINGS, "key", no_keys},
};

static const char *const code_names[] = {
	[ADMIN_OK] = "ok",
	[ADMIN_USAGE] = "usage",
	[ADMIN_INVALID] = "invalid",
	[ADMIN_NOT_FOUND] = "not_found",
	[ADMIN_EXISTS] = "exists",
	[ADMIN_CONFIG] = "config",
	[ADMIN_UNAVAILABLE] = "unavailable",
	[ADMIN_STORAGE] = "storage",
	[ADMIN_INTERNAL] = "internal",
};

const char *admin_code_name(enum admin_code code)
{
	return code_names[code];
}

int admin_code_parse(struct str text, enum admin_code *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(code_names); i++) {
		if (str_eq(text, str_from(code_names[i]))) {
			*ret = (enum admin_code)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* Says no: remembers why, returns the errno that goes with the code. */
static int decline(struct admin_op *op, enum admin_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
static int decline(struct admin_op *op, enum admin_code code, const char *fmt, ...)
{
	va_list ap;
	op->code = code;
	va_start(ap, fmt);
	vsnprintf(op->error, sizeof(op->error), fmt, ap);
	va_end(ap);
	return code == ADMIN_NOT_FOUND ? -ENOENT : code == ADMIN_EXISTS ? -EEXIST : -EINVAL;
}

/* ---- small parsers ---- */

int admin_parse_size(struct str text, int64_t *ret)
{
	static const struct {
		const char *unit;
		int shift;
	} units[] = {{"", 0},    {"b", 0},    {"k", 10}, {"kb", 10}, {"kib", 10}, {"m", 20},
		     {"mb", 20}, {"mib", 20}, {"g", 30}, {"gb", 30}, {"gib", 30}};
	int64_t n = 0;
	size_t i = 0;
	text = str_trim(text);
	while (i < text.len && ascii_digit(text.ptr[i])) {
		if (n > (INT64_C(1) << 31))
			return -EINVAL;
		n = n * 10 + (text.ptr[i++] - '0');
	}
	if (i == 0)
		return -EINVAL;
	struct str unit = str_trim(str_sub(text, i, text.len));
	for (size_t u = 0; u < ARRAY_SIZE(units); u++) {
		if (str_ieq(unit, str_from(units[u].unit))) {
			*ret = n << units[u].shift;
			return 0;
		}
	}
	return -EINVAL;
}

int admin_parse_reference(struct str reference, struct str *ret_prefix, int64_t *ret_number)
{
	size_t dash = str_find(reference, '-');
	int64_t number = 0;
	if (dash == 0 || dash > REFERENCE_PREFIX_MAX || dash + 1 >= reference.len ||
	    reference.len - dash > 1 + 15)
		return -EINVAL;
	for (size_t i = 0; i < dash; i++) {
		if (!ascii_alpha(reference.ptr[i]) && !ascii_digit(reference.ptr[i]))
			return -EINVAL;
	}
	for (size_t i = dash + 1; i < reference.len; i++) {
		if (!ascii_digit(reference.ptr[i]))
			return -EINVAL;
		number = number * 10 + (reference.ptr[i] - '0');
	}
	*ret_prefix = str_sub(reference, 0, dash);
	*ret_number = number;
	return 0;
}

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

/* jansson gives valid UTF-8; what is left to refuse are controls. */
static bool has_control(struct str text, bool lines_allowed)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if ((c < 0x20 && !(lines_allowed && (c == '\n' || c == '\t'))) || c == 0x7f)
			return true;
	}
	return false;
}

/* ---- the request ---- */

/* The text of a key; ptr NULL when it isn't there. */
static struct str request_text(const struct admin_op *op, const char *key)
{
	const json_t *value = json_object_get(op->request, key);
	return value ? (struct str){json_string_value(value), json_string_length(value)}
		     : (struct str){NULL, 0};
}

static bool key_known(const struct op_kind *kind, const char *key)
{
	if (strcmp(key, "op") == 0 || strcmp(key, kind->subject) == 0)
		return true;
	for (size_t i = 0; kind->keys[i]; i++) {
		if (strcmp(key, kind->keys[i]) == 0)
			return true;
	}
	return false;
}

static json_t *as_text(const json_t *value)
{
	char number[32];
	if (json_is_string(value))
		return json_stringn(json_string_value(value), json_string_length(value));
	if (json_is_boolean(value))
		return json_string(json_is_true(value) ? "true" : "false");
	if (!json_is_integer(value))
		return NULL;
	snprintf(number, sizeof(number), "%" PRId64, (int64_t)json_integer_value(value));
	return json_string(number);
}

/* Numbers and booleans become texts, so that there is one way to read a value. */
static int take_request(struct admin_op *op, json_t *object)
{
	const char *key;
	json_t *value;
	op->request = json_object();
	json_object_foreach(object, key, value)
	{
		if (!key_known(op->kind, key))
			return decline(op, ADMIN_USAGE, "%s does not take \"%.64s\"", op->kind->name, key);
		json_t *text = as_text(value);
		if (!text)
			return decline(op, ADMIN_USAGE,
				       "the value of \"%.64s\" must be a text, a number or "
				       "a boolean",
				       key);
		json_object_set_new(op->request, key, text);
	}
	if (request_text(op, op->kind->subject).len == 0)
		return decline(op, ADMIN_USAGE, "%s needs \"%s\"", op->kind->name, op->kind->subject);
	return 0;
}

static const struct op_kind *kind_find(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(op_kinds); i++) {
		if (strcmp(op_kinds[i].name, name) == 0)
			return &op_kinds[i];
	}
	return NULL;
}

static int apply_op(struct store_job *job, struct store_txn *txn)
{
	struct admin_op *op = admin_op_of(job);
	json_decref(op->result);
	op->result = NULL;
	return op->kind->apply(op, txn);
}

static struct admin_op *op_new(const struct op_kind *kind)
{
	struct admin_op *op = XNEW(struct admin_op);
	op->kind = kind;
	op->job.apply = apply_op;
	list_node_init(&op->job.link);
	arena_init(&op->arena, OP_ARENA_MAX);
	return op;
}

int admin_op_new(struct admin_op **ret, struct str request, const struct admin_rules *rules,
		 struct strbuf *answer)
{
	json_error_t error;
	json_t *object = json_loadb(request.ptr, request.len, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(object)) {
		json_decref(object);
		admin_answer_error(answer, ADMIN_USAGE, "the request is no JSON object");
		return -EINVAL;
	}
	const struct op_kind *kind = kind_find(json_string_value(json_object_get(object, "op")));
	if (!kind) {
		json_decref(object);
		admin_answer_error(answer, ADMIN_USAGE, "the request's \"op\" is not known");
		return -EINVAL;
	}
	struct admin_op *op = op_new(kind);
	int r = take_request(op, object);
	if (r == 0)
		r = kind->check(op, rules);
	json_decref(object);
	if (r < 0) {
		admin_op_answer(op, r, answer);
		admin_op_free(op);
		return r;
	}
	*ret = op;
	return 0;
}

struct store_job *admin_op_job(struct admin_op *op)
{
	return &op->job;
}

struct admin_op *admin_op_of(struct store_job *job)
{
	return CONTAINER_OF(job, struct admin_op, job);
}

void admin_op_set_ctx(struct admin_op *op, void *ctx)
{
	op->ctx = ctx;
}

void *admin_op_ctx(const struct admin_op *op)
{
	return op->ctx;
}

const char *admin_op_name(const struct admin_op *op)
{
	return op->kind->name;
}

struct str admin_op_subject(const struct admin_op *op)
{
	return request_text(op, op->kind->subject);
}

enum admin_effect admin_op_effect(const struct admin_op *op)
{
	return op->kind->effect;
}

struct admin_op *admin_op_free(struct admin_op *op)
{
	if (!op)
		return NULL;
	json_decref(op->request);
	json_decref(op->result);
	arena_done(&op->arena);
	free(op->old_value);
	free(op);
	return NULL;
}

/* ---- answers ---- */

static void answer_json(struct strbuf *answer, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	strbuf_adds(answer, text ? text : "{\"ok\":false,\"code\":\"internal\",\"error\":\"no memory\"}");
	free(text);
	json_decref(object);
}

void admin_answer_error(struct strbuf *answer, enum admin_code code, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_t *string = json_string(text);
	if (!string) /* a client's octets that are no UTF-8, or a character cut in two */
		string = json_string("the request was refused");
	answer_json(answer,
		    json_pack("{s:b,s:s,s:o}", "ok", 0, "code", admin_code_name(code), "error", string));
}

static enum admin_code code_of_status(int status)
{
	switch (status) {
	case -EAGAIN:
	case -ESHUTDOWN:
		return ADMIN_UNAVAILABLE;
	case -ENOENT:
		return ADMIN_NOT_FOUND;
	case -EEXIST:
		return ADMIN_EXISTS;
	default:
		return ADMIN_STORAGE;
	}
}

void admin_op_answer(const struct admin_op *op, int status, struct strbuf *answer)
{
	if (status == 0) {
		answer_json(answer, json_pack("{s:b,s:O}", "ok", 1, "result", op->result));
		return;
	}
	if (op->code != ADMIN_OK)
		admin_answer_error(answer, op->code, "%s", op->error);
	else
		admin_answer_error(answer, code_of_status(status), "nothing was changed: %s",
				   strerror(-status));
}

/* ---- tenants: fields ---- */

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
		return decline(op, ADMIN_INVALID, "%s is longer than %zu octets", field->name,
			       field->len_max);
	if (has_control(text, true))
		return decline(op, ADMIN_INVALID, "%s holds control characters", field->name);
	*field_str(row, field) = text;
	return 0;
}

static int set_text(struct admin_op *op, const struct tenant_field *field, struct str text,
		    struct tenant_row *row)
{
	if (has_control(text, false))
		return decline(op, ADMIN_INVALID, "%s must be one line without control characters",
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
		return decline(op, ADMIN_INVALID, "%s: \"%.*s\" is not a mail address (local-part@domain)",
			       field->name, STR_ARG(str_sub(text, 0, 256)));
	*field_str(row, field) = text;
	return 0;
}

/* BCP 47 in its usual shape: "en", "pt-BR", "zh-Hant-TW"; stored as written. */
static int set_locale(struct admin_op *op, const struct tenant_field *field, struct str text,
		      struct tenant_row *row)
{
	size_t subtag = 0;
	bool first = true;
	bool good = text.len <= field->len_max;
	for (size_t i = 0; good && i <= text.len; i++) {
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
		return decline(op, ADMIN_INVALID,
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
		return decline(op, ADMIN_INVALID, "reference_prefix is too long");
	for (size_t i = 0; i < copy.len; i++) {
		if (copy.ptr[i] >= 'a' && copy.ptr[i] <= 'z')
			((char *)(uintptr_t)copy.ptr)[i] = (char)(copy.ptr[i] - 32);
	}
	if (!reference_prefix_valid(copy))
		return decline(op, ADMIN_INVALID,
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
		return decline(op, ADMIN_INVALID, "%s must begin with https:// or http://", field->name);
	for (size_t i = 0; i < text.len; i++) {
		if (strchr(" \"'<>\\^`{|}", text.ptr[i]))
			return decline(op, ADMIN_INVALID, "%s holds a character that must be percent-encoded",
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
			return decline(op, ADMIN_INVALID, "%s is a list like \"exe,js,scr\", or \"none\"",
				       field->name);
	}
	return set_text(op, field, text, row);
}

static int set_bool(struct admin_op *op, const struct tenant_field *field, struct str text,
		    struct tenant_row *row)
{
	bool *value = (bool *)(void *)((char *)row + field->offset);
	if (parse_bool(text, value) < 0)
		return decline(op, ADMIN_INVALID, "%s is true or false, not \"%.*s\"", field->name,
			       STR_ARG(str_sub(text, 0, 64)));
	return 0;
}

static int set_size(struct admin_op *op, const struct tenant_field *field, struct str text,
		    struct tenant_row *row)
{
	int64_t n;
	if (admin_parse_size(text, &n) < 0 || n > field->max)
		return decline(op, ADMIN_INVALID,
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
		return decline(op, ADMIN_INVALID,
			       "%s: \"%.*s\" is not a number from 0 (the server's default) to %" PRId64,
			       field->name, STR_ARG(str_sub(text, 0, 64)), field->max);
	*field_int(row, field) = n;
	return 0;
}

static int set_fields(struct admin_op *op, struct tenant_row *row, size_t *ret_n)
{
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(tenant_fields); i++) {
		struct str text = request_text(op, tenant_fields[i].name);
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

/* ---- tenants: checks ---- */

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
		return decline(op, ADMIN_USAGE, "nothing to set was given");
	return r;
}

static int check_tenant_add(struct admin_op *op, const struct admin_rules *rules)
{
	struct str slug = request_text(op, "slug");
	const char *wrong = slug_check(slug, rules->forwards);
	if (wrong)
		return decline(op, ADMIN_INVALID, "\"%.*s\" can't be a slug: %s",
			       STR_ARG(str_sub(slug, 0, 64)), wrong);
	if (request_text(op, "admin_email").len == 0)
		return decline(op, ADMIN_USAGE, "a tenant needs admin_email");
	return check_tenant_fields(op, rules);
}

/* ---- tenants: in the transaction ---- */

/* A copy of the slug in lower case, as rows hold it. */
static int slug_lower(struct admin_op *op, struct str *ret)
{
	struct str copy;
	int r = arena_copy(&op->arena, request_text(op, "slug"), &copy);
	if (r < 0)
		return decline(op, ADMIN_INVALID, "the slug is too long");
	for (size_t i = 0; i < copy.len; i++)
		((char *)(uintptr_t)copy.ptr)[i] = ascii_lower(copy.ptr[i]);
	*ret = copy;
	return 0;
}

static json_t *json_text(struct str text)
{
	return json_stringn_nocheck(text.ptr ? text.ptr : "", text.len);
}

static json_t *tenant_json(const struct tenant_row *row)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:I,s:I,s:o,s:s}", "slug",
			 json_text(row->slug), "name", json_text(row->name), "reference_prefix",
			 json_text(row->reference_prefix), "admin_email", json_text(row->admin_email),
			 "notify_email", json_text(row->notify_email), "locale", json_text(row->locale),
			 "signature", json_text(row->signature), "logo_url", json_text(row->logo_url),
			 "confirm", row->confirm, "attachments_max", (json_int_t)row->attachments_max,
			 "attachment_size_max", (json_int_t)row->attachment_size_max, "blocked_extensions",
			 json_text(row->blocked_extensions), "status", tenant_status_name(row->status));
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
		return decline(op, ADMIN_NOT_FOUND, "there is no tenant \"%.*s\"",
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
	return decline(
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
	struct tenant_row row = {.locale = STR("en"), .confirm = true, .status = TENANT_ACTIVE};
	struct tenant_row found;
	size_t n;
	int r = slug_lower(op, &row.slug);
	if (r < 0)
		return r;
	r = tenant_rows_find(txn, row.slug, &found);
	if (r == 0)
		return decline(
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
		op->result = tenant_json(&row);
	return r;
}

static int apply_tenant_set(struct admin_op *op, struct store_txn *txn)
{
	struct tenant_row row;
	size_t n;
	int r = tenant_find(op, txn, &row);
	if (r == 0)
		r = set_fields(op, &row, &n);
	if (r == 0)
		r = prefix_is_free(op, txn, &row);
	if (r == 0)
		r = tenant_rows_update(txn, &row);
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
		return decline(op, ADMIN_INVALID, "tenant \"%.*s\" is removed; resume it first",
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

/* ---- tickets ---- */

static size_t utf8_length(struct str text)
{
	size_t n = 0;
	for (size_t i = 0; i < text.len; i++)
		n += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
	return n;
}

static int check_line(struct admin_op *op, const char *key, size_t characters_max)
{
	struct str text = request_text(op, key);
	if (text.ptr && (has_control(text, false) || utf8_length(text) > characters_max))
		return decline(op, ADMIN_INVALID,
			       "%s must be one line of at most %zu characters, without control characters",
			       key, characters_max);
	return 0;
}

static int check_ticket(struct admin_op *op, const struct admin_rules *rules UNUSED)
{
	struct str prefix, status = request_text(op, "status"), subject = request_text(op, "subject");
	int64_t number;
	enum ticket_status parsed;
	int r;
	if (admin_parse_reference(request_text(op, "reference"), &prefix, &number) < 0)
		return decline(op, ADMIN_INVALID, "\"%.*s\" is not a reference like ACME-00042",
			       STR_ARG(str_sub(request_text(op, "reference"), 0, 64)));
	if (json_object_size(op->request) == 2)
		return decline(op, ADMIN_USAGE, "nothing to set was given");
	if (status.ptr && ticket_status_parse(status, &parsed) < 0)
		return decline(op, ADMIN_INVALID,
			       "\"%.*s\" is not a status: open, in_progress, waiting_on_customer, "
			       "waiting_on_agent, resolved, closed, reopened",
			       STR_ARG(str_sub(status, 0, 64)));
	if (subject.ptr && str_trim(subject).len == 0)
		return decline(op, ADMIN_INVALID, "a ticket needs a subject");
	if ((r = check_line(op, "subject", 255)) < 0 || (r = check_line(op, "tag", 64)) < 0)
		return r;
	return check_line(op, "assignee", 254);
}

static int ticket_of_reference(struct admin_op *op, struct store_txn *txn, struct ticket_id *ret)
{
	struct str prefix;
	struct tenant_row tenant;
	int64_t number;
	int r = admin_parse_reference(request_text(op, "reference"), &prefix, &number);
	assert(r == 0);
	r = arena_copy(&op->arena, prefix, &prefix);
	if (r < 0)
		return r;
	for (size_t i = 0; i < prefix.len; i++) {
		if (prefix.ptr[i] >= 'a' && prefix.ptr[i] <= 'z')
			((char *)(uintptr_t)prefix.ptr)[i] = (char)(prefix.ptr[i] - 32);
	}
	r = tenant_rows_find_prefix(txn, prefix, &tenant);
	return r < 0 ? r : ticket_find(txn, tenant.id, number, ret);
}

static int apply_ticket_set(struct admin_op *op, struct store_txn *txn)
{
	struct ticket_id id;
	struct ticket_row row;
	char reference[TICKET_REFERENCE_SIZE];
	enum ticket_status status;
	struct ticket_change change = {
		.status = -1,
		.subject = request_text(op, "subject"),
		.tag = request_text(op, "tag"),
		.assignee = request_text(op, "assignee"),
	};
	int r = ticket_of_reference(op, txn, &id);
	if (r == -ENOENT)
		return decline(op, ADMIN_NOT_FOUND, "there is no ticket %.*s",
			       STR_ARG(str_sub(request_text(op, "reference"), 0, 64)));
	if (r < 0)
		return r;
	if (request_text(op, "status").ptr && ticket_status_parse(request_text(op, "status"), &status) == 0)
		change.status = (int)status;
	if (change.subject.ptr)
		change.subject = str_trim(change.subject);
	r = ticket_update(txn, id, &change, clock_now_ms());
	if (r == 0)
		r = ticket_reference(txn, id, reference);
	if (r == 0)
		r = ticket_get(txn, id, &row);
	if (r == 0)
		op->result = json_pack("{s:s,s:s,s:o,s:o,s:o}", "reference", reference, "status",
				       ticket_status_name(row.status), "subject", json_text(row.subject),
				       "tag", json_text(row.tag), "assignee", json_text(row.assignee));
	return r;
}

/* ---- settings ---- */

static int check_setting(struct admin_op *op, const struct admin_rules *rules)
{
	struct conf_error error = {""};
	const char *key = request_text(op, "key").ptr;
	const char *value = request_text(op, "value").ptr;
	if (op->kind->apply == apply_setting_set && !value)
		return decline(op, ADMIN_USAGE, "setting.set needs \"value\"");
	if (!rules->try_setting)
		return 0;
	int r = rules->try_setting(rules->ctx, key, value, &error);
	if (r == -ENOENT)
		return decline(op, ADMIN_NOT_FOUND, "%s", error.text);
	if (r == -EPERM)
		return decline(op, ADMIN_INVALID, "%s", error.text);
	return r < 0 ? decline(op, ADMIN_CONFIG, "%s", error.text) : 0;
}

static int remember_old(struct admin_op *op, struct store_txn *txn)
{
	struct str old;
	int r = setting_get(txn, request_text(op, "key"), &old);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	free(op->old_value);
	op->old_value = xstrndup(old);
	op->had_old = true;
	return 0;
}

static json_t *setting_json(const struct admin_op *op)
{
	struct str key = request_text(op, "key");
	json_t *result = json_pack("{s:o}", "key", json_text(key));
	/* The value is not repeated: it may be a secret, and who asked knows it. */
	json_object_set_new(result, "set", json_boolean(op->kind->apply == apply_setting_set));
	return result;
}

static int apply_setting_set(struct admin_op *op, struct store_txn *txn)
{
	int r = remember_old(op, txn);
	if (r == 0)
		r = setting_set(txn, request_text(op, "key"), request_text(op, "value"), clock_now_ms());
	if (r == 0)
		op->result = setting_json(op);
	return r;
}

static int apply_setting_unset(struct admin_op *op, struct store_txn *txn)
{
	int r = remember_old(op, txn);
	if (r == 0)
		r = setting_unset(txn, request_text(op, "key"));
	if (r == -ENOENT)
		return decline(op, ADMIN_NOT_FOUND, "\"%.*s\" was not set at run time",
			       STR_ARG(str_sub(request_text(op, "key"), 0, 64)));
	if (r == 0)
		op->result = setting_json(op);
	return r;
}

struct admin_op *admin_op_undo(const struct admin_op *op)
{
	if (op->kind->effect != ADMIN_CHANGES_SETTINGS)
		return NULL;
	struct admin_op *undo = op_new(kind_find(op->had_old ? "setting.set" : "setting.unset"));
	undo->request = json_pack("{s:o}", "key", json_text(request_text(op, "key")));
	if (op->had_old)
		json_object_set_new(undo->request, "value", json_text(str_from(op->old_value)));
	return undo;
}
