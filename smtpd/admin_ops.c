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

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "smtpd/admin_private.h"

#define OP_ARENA_MAX (64 * 1024)

static const struct op_kind *const op_kinds[] = {admin_tenant_kinds, admin_ticket_kinds, admin_talk_kinds,
						 admin_queue_kinds, admin_setting_kinds};

static const char *const code_names[] = {
	[ADMIN_OK] = "ok",           [ADMIN_USAGE] = "usage",
	[ADMIN_INVALID] = "invalid", [ADMIN_NOT_FOUND] = "not_found",
	[ADMIN_EXISTS] = "exists",   [ADMIN_CONFIG] = "config",
	[ADMIN_BUSY] = "busy",       [ADMIN_UNAVAILABLE] = "unavailable",
	[ADMIN_STORAGE] = "storage", [ADMIN_INTERNAL] = "internal",
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

int admin_decline(struct admin_op *op, enum admin_code code, const char *fmt, ...)
{
	va_list ap;
	op->code = code;
	va_start(ap, fmt);
	vsnprintf(op->error, sizeof(op->error), fmt, ap);
	va_end(ap);
	return code == ADMIN_NOT_FOUND ? -ENOENT : code == ADMIN_EXISTS ? -EEXIST : -EINVAL;
}

json_t *admin_json_text(struct str text)
{
	return json_stringn_nocheck(text.ptr ? text.ptr : "", text.len);
}

/* ---- the request ---- */

struct str admin_request_text(const struct admin_op *op, const char *key)
{
	const json_t *value = json_object_get(op->request, key);
	return value ? (struct str){json_string_value(value), json_string_length(value)}
		     : (struct str){NULL, 0};
}

static bool key_known(const struct op_kind *kind, const char *key)
{
	if (strcmp(key, "op") == 0 || (kind->subject && strcmp(key, kind->subject) == 0))
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
			return admin_decline(op, ADMIN_USAGE, "%s does not take \"%.64s\"", op->kind->name,
					     key);
		json_t *text = as_text(value);
		if (!text)
			return admin_decline(op, ADMIN_USAGE,
					     "the value of \"%.64s\" must be a text, a number or "
					     "a boolean",
					     key);
		json_object_set_new(op->request, key, text);
	}
	if (op->kind->subject && admin_request_text(op, op->kind->subject).len == 0)
		return admin_decline(op, ADMIN_USAGE, "%s needs \"%s\"", op->kind->name, op->kind->subject);
	return 0;
}

static const struct op_kind *kind_find(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(op_kinds); i++) {
		for (const struct op_kind *kind = op_kinds[i]; kind->name; kind++) {
			if (strcmp(kind->name, name) == 0)
				return kind;
		}
	}
	return NULL;
}

bool admin_op_makes_mail(const char *name)
{
	for (const struct op_kind *kind = admin_talk_kinds; name && kind->name; kind++) {
		if (strcmp(kind->name, name) == 0)
			return true;
	}
	return false;
}

/* What mail is made of is taken along: a reload may come before the writer does. */
static int take_rules(struct admin_op *op, const struct admin_rules *rules)
{
	if (!admin_op_makes_mail(op->kind->name))
		return 0;
	if (!rules->keys || !rules->domain)
		return admin_decline(
			op, ADMIN_CONFIG,
			"%s would make mail, and there is no key to sign it (secrets.reply_token)",
			op->kind->name);
	op->keys = key_ring_ref(rules->keys);
	op->domain = xstrdup(rules->domain);
	return 0;
}

static int apply_op(struct store_job *job, struct store_txn *txn)
{
	struct admin_op *op = admin_op_of(job);
	json_decref(op->result);
	op->result = NULL;
	return op->kind->apply(op, txn);
}

struct admin_op *admin_op_make(const struct op_kind *kind)
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
	struct admin_op *op = admin_op_make(kind);
	int r = take_request(op, object);
	if (r == 0)
		r = kind->check(op, rules);
	if (r == 0)
		r = take_rules(op, rules);
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
	return op->kind->subject ? admin_request_text(op, op->kind->subject) : STR("");
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
	key_ring_unref(op->keys);
	free(op->domain);
	free(op->text);
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
	case STORE_LOCKED:
		return ADMIN_BUSY;
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
		admin_answer_error(
			answer, code_of_status(status), "nothing was changed: %s%s", store_error_text(status),
			status == STORE_LOCKED ? " (who: fuser -v servelo.db, in the data folder)" : "");
}
