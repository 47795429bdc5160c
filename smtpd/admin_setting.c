/*
 * setting.set and unset: tried against the whole configuration before anything is stored, and able to be put back.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "smtpd/admin_private.h"
#include "smtpd/server_conf.h"
#include "storage/setting.h"

static int check_setting(struct admin_op *op, const struct admin_rules *rules);
static int apply_setting_set(struct admin_op *op, struct store_txn *txn);
static int apply_setting_unset(struct admin_op *op, struct store_txn *txn);

static const char *const setting_keys[] = {"value", NULL};
static const char *const no_keys[] = {NULL};

enum { KIND_SET, KIND_UNSET };

const struct op_kind admin_setting_kinds[] = {
	[KIND_SET] = {"setting.set", check_setting, apply_setting_set, ADMIN_CHANGES_SETTINGS, "key",
		      setting_keys},
	[KIND_UNSET] = {"setting.unset", check_setting, apply_setting_unset, ADMIN_CHANGES_SETTINGS, "key",
			no_keys},
	{0},
};

static int check_setting(struct admin_op *op, const struct admin_rules *rules)
{
	struct conf_error error = {""};
	const char *key = admin_request_text(op, "key").ptr;
	const char *value = admin_request_text(op, "value").ptr;
	if (op->kind->apply == apply_setting_set && !value)
		return admin_decline(op, ADMIN_USAGE, "setting.set needs \"value\"");
	if (!rules->try_setting)
		return 0;
	int r = rules->try_setting(rules->ctx, key, value, &error);
	if (r == -ENOENT)
		return admin_decline(op, ADMIN_NOT_FOUND, "%s", error.text);
	return r < 0 ? admin_decline(op, ADMIN_INVALID, "%s", error.text) : 0;
}

static bool is_secret(struct str key)
{
	size_t n;
	const struct conf_table *const *tables = server_conf_tables(&n);
	struct str section = str_sub(key, 0, str_find(key, '.'));
	struct str name = str_sub(key, section.len + 1, key.len);
	for (size_t t = 0; t < n; t++) {
		if (!str_eq(section, str_from(tables[t]->section)))
			continue;
		for (size_t i = 0; i < tables[t]->n; i++) {
			if (str_eq(name, str_from(tables[t]->options[i].name)))
				return tables[t]->options[i].flags & CONF_SECRET;
		}
	}
	return true; /* what nobody knows is not shown either */
}

struct str admin_op_logged_value(const struct admin_op *op)
{
	if (op->kind != &admin_setting_kinds[KIND_SET])
		return (struct str){NULL, 0};
	return is_secret(admin_request_text(op, "key")) ? STR("(secret)") : admin_request_text(op, "value");
}

static int remember_old(struct admin_op *op, struct store_txn *txn)
{
	struct str old;
	int r = setting_get(txn, admin_request_text(op, "key"), &old);
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
	struct str key = admin_request_text(op, "key");
	json_t *result = json_pack("{s:o}", "key", admin_json_text(key));
	/* The value is not repeated: it may be a secret, and who asked knows it. */
	json_object_set_new(result, "set", json_boolean(op->kind->apply == apply_setting_set));
	return result;
}

static int apply_setting_set(struct admin_op *op, struct store_txn *txn)
{
	int r = remember_old(op, txn);
	if (r == 0)
		r = setting_set(txn, admin_request_text(op, "key"), admin_request_text(op, "value"),
				clock_now_ms());
	if (r == 0)
		op->result = setting_json(op);
	return r;
}

static int apply_setting_unset(struct admin_op *op, struct store_txn *txn)
{
	int r = remember_old(op, txn);
	if (r == 0)
		r = setting_unset(txn, admin_request_text(op, "key"));
	if (r == -ENOENT)
		return admin_decline(op, ADMIN_NOT_FOUND, "\"%.*s\" was not set at run time",
				     STR_ARG(str_sub(admin_request_text(op, "key"), 0, 64)));
	if (r == 0)
		op->result = setting_json(op);
	return r;
}

struct admin_op *admin_op_undo(const struct admin_op *op)
{
	if (op->kind->effect != ADMIN_CHANGES_SETTINGS)
		return NULL;
	struct admin_op *undo = admin_op_make(&admin_setting_kinds[op->had_old ? KIND_SET : KIND_UNSET]);
	undo->request = json_pack("{s:o}", "key", admin_json_text(admin_request_text(op, "key")));
	if (op->had_old)
		json_object_set_new(undo->request, "value", admin_json_text(str_from(op->old_value)));
	return undo;
}
