/*
 * What an administrator does about mail that is to leave: try it again, drop it, hold all of it, take an address off
 * the list of those who complained. Which job can still be changed is the transaction's to say.
 */
#include <errno.h>
#include <inttypes.h>

#include "base/clock.h"
#include "smtpd/admin_private.h"
#include "storage/outbox.h"
#include "storage/tenant_rows.h"

static int check_retry(struct admin_op *op, const struct admin_rules *rules);
static int check_cancel(struct admin_op *op, const struct admin_rules *rules);
static int check_allow(struct admin_op *op, const struct admin_rules *rules);
static int check_nothing(struct admin_op *op, const struct admin_rules *rules);
static int apply_retry(struct admin_op *op, struct store_txn *txn);
static int apply_cancel(struct admin_op *op, struct store_txn *txn);
static int apply_pause(struct admin_op *op, struct store_txn *txn);
static int apply_resume(struct admin_op *op, struct store_txn *txn);
static int apply_allow(struct admin_op *op, struct store_txn *txn);

static const char *const no_keys[] = {NULL};
static const char *const allow_keys[] = {"address", NULL};

const struct op_kind admin_queue_kinds[] = {
	{"queue.retry", check_retry, apply_retry, ADMIN_MAKES_JOBS, "id", no_keys},
	{"queue.cancel", check_cancel, apply_cancel, ADMIN_CHANGES_NOTHING_ELSE, "id", no_keys},
	{"queue.pause", check_nothing, apply_pause, ADMIN_PAUSES_OUTBOX, NULL, no_keys},
	{"queue.resume", check_nothing, apply_resume, ADMIN_RESUMES_OUTBOX, NULL, no_keys},
	{"queue.allow", check_allow, apply_allow, ADMIN_CHANGES_NOTHING_ELSE, "slug", allow_keys},
	{0},
};

/* ---- checks ---- */

static int job_id(const struct admin_op *op, struct outbox_id *ret)
{
	struct str text = admin_request_text(op, "id");
	int64_t n = 0;
	if (text.len == 0 || text.len > 18)
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++) {
		if (!ascii_digit(text.ptr[i]))
			return -EINVAL;
		n = n * 10 + (text.ptr[i] - '0');
	}
	ret->v = n;
	return n > 0 ? 0 : -EINVAL;
}

static int check_cancel(struct admin_op *op, const struct admin_rules *rules UNUSED)
{
	struct outbox_id id;
	if (job_id(op, &id) < 0)
		return admin_decline(op, ADMIN_INVALID, "\"%.*s\" is not the number of a job",
				     STR_ARG(str_sub(admin_request_text(op, "id"), 0, 64)));
	return 0;
}

static bool wants_failed(const struct admin_op *op)
{
	return str_eq(admin_request_text(op, "id"), STR("failed"));
}

static int check_retry(struct admin_op *op, const struct admin_rules *rules)
{
	return wants_failed(op) ? 0 : check_cancel(op, rules);
}

static int check_allow(struct admin_op *op, const struct admin_rules *rules UNUSED)
{
	struct str address = admin_request_text(op, "address");
	if (!address.len)
		return admin_decline(op, ADMIN_USAGE, "queue.allow needs \"address\"");
	return admin_check_address(op, "the address", address, NULL);
}

static int check_nothing(struct admin_op *op UNUSED, const struct admin_rules *rules UNUSED)
{
	return 0;
}

/* ---- in the transaction ---- */

/* Why a job can't be changed, by what outbox_retry() and outbox_cancel() returned. */
static int no_such_change(struct admin_op *op, struct store_txn *txn, struct outbox_id id, int r)
{
	static const char *const over[] = {
		[OUTBOX_CANCELLED] = "was cancelled",
		[OUTBOX_SENT] = "has left already",
		[OUTBOX_BOUNCED] = "has left already, and came back",
	};
	struct outbox_row row;
	if (r == -ENOENT)
		return admin_decline(op, ADMIN_NOT_FOUND, "there is no job %" PRId64, id.v);
	if (r == -EBUSY)
		return admin_decline(op, ADMIN_BUSY,
				     "job %" PRId64 " is being sent at this moment; try again", id.v);
	if (r != -EALREADY || outbox_get(txn, id, &row) < 0)
		return r;
	size_t state = (size_t)row.state;
	return admin_decline(op, ADMIN_INVALID, "job %" PRId64 " %s", id.v,
			     state < ARRAY_SIZE(over) && over[state] ? over[state] : "has left already");
}

static int job_result(struct admin_op *op, struct store_txn *txn, struct outbox_id id)
{
	struct outbox_row row;
	int r = outbox_get(txn, id, &row);
	if (r == 0)
		op->result =
			json_pack("{s:I,s:s,s:o}", "id", (json_int_t)id.v, "state",
				  outbox_state_name(row.state), "recipient", admin_json_text(row.recipient));
	return r;
}

static int apply_retry(struct admin_op *op, struct store_txn *txn)
{
	struct outbox_id id;
	size_t n = 0;
	int r;
	if (wants_failed(op)) {
		r = outbox_retry_failed(txn, clock_now_ms(), &n);
		if (r == 0)
			op->result = json_pack("{s:I}", "retried", (json_int_t)n);
		return r;
	}
	r = job_id(op, &id);
	if (r < 0)
		return r;
	r = outbox_retry(txn, id, clock_now_ms());
	return r < 0 ? no_such_change(op, txn, id, r) : job_result(op, txn, id);
}

static int apply_cancel(struct admin_op *op, struct store_txn *txn)
{
	struct outbox_id id;
	int r = job_id(op, &id);
	if (r < 0)
		return r;
	r = outbox_cancel(txn, id, STR("cancelled by an administrator"), clock_now_ms());
	return r < 0 ? no_such_change(op, txn, id, r) : job_result(op, txn, id);
}

static int set_paused(struct admin_op *op, struct store_txn *txn, bool paused)
{
	int r = outbox_set_paused(txn, paused);
	if (r == 0)
		op->result = json_pack("{s:b}", "paused", paused);
	return r;
}

static int apply_pause(struct admin_op *op, struct store_txn *txn)
{
	return set_paused(op, txn, true);
}

static int apply_resume(struct admin_op *op, struct store_txn *txn)
{
	return set_paused(op, txn, false);
}

static int apply_allow(struct admin_op *op, struct store_txn *txn)
{
	struct str address = str_trim(admin_request_text(op, "address"));
	struct tenant_row tenant;
	int r = admin_find_tenant(op, txn, &tenant);
	if (r == 0)
		r = stopped_remove(txn, tenant.id, address);
	if (r == -ENOENT && op->code == ADMIN_OK)
		return admin_decline(
			op, ADMIN_NOT_FOUND,
			"mail of tenant \"%.*s\" to %.*s is not stopped; see servelo queue stopped",
			STR_ARG(tenant.slug), STR_ARG(str_sub(address, 0, 256)));
	if (r == 0)
		op->result = json_pack("{s:o,s:o}", "slug", admin_json_text(tenant.slug), "address",
				       admin_json_text(address));
	return r;
}
