/*
 * Changes asked for over the control socket: each is an operation of admin_ops.h, done by the writer and answered after
 * COMMIT. Always true: what is answered as done is committed and in force. A setting that can't be put in force is put
 * back by a second job, and the answer waits for that. Loop thread.
 */
#include "smtpd/control_private.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"

/* One under way on the writer. */
struct change {
	struct control *control;
	uint64_t connection;
	struct admin_op *op;
	bool undoing; /* op puts a setting back */
	char *refusal;
};

static void on_change_done(struct store_job *job, int status);

static int try_setting(void *ctx, const char *key, const char *value, struct conf_error *reterr)
{
	const struct control *control = ctx;
	return server_conf_try_setting(control->deps.conf_path, key, value, reterr);
}

static struct change *change_new(struct control_connection *connection)
{
	struct change *change = XNEW(struct change);
	change->control = connection->control;
	change->connection = connection->id;
	control_hold(connection->control);
	return change;
}

static void change_free(struct change *change)
{
	struct control *control = change->control;
	admin_op_free(change->op);
	free(change->refusal);
	free(change);
	control_forget(control);
}

/* Hands the op's job over; when the store can't take it, says so. */
static int submit_op(struct change *change)
{
	struct store_job *job = admin_op_job(change->op);
	admin_op_set_ctx(change->op, change);
	job->done = on_change_done;
	return store_submit(change->control->deps.store, job);
}

void control_change(struct control_connection *connection, struct str line)
{
	struct control *control = connection->control;
	const struct admin_rules rules = {
		.forwards = &control->deps.conf(control->ctx)->forwards->map,
		.domain = control->deps.conf(control->ctx)->mail->domain,
		.keys = control->deps.keys ? control->deps.keys(control->ctx) : NULL,
		.try_setting = try_setting,
		.ctx = control,
	};
	struct admin_op *op;
	if (admin_op_new(&op, line, &rules, &connection->out) < 0) {
		control_answer(connection);
		return;
	}
	struct change *change = change_new(connection);
	change->op = op;
	if (submit_op(change) < 0) {
		admin_answer_error(&connection->out, ADMIN_UNAVAILABLE,
				   "the server is busy; nothing was changed");
		control_answer(connection);
		change_free(change);
	}
}

/* What a committed change means for the running server. 1: it is being undone, and the answer comes later. */
static int put_in_force(struct change *change, struct strbuf *out)
{
	struct control *control = change->control;
	struct conf_error error = {""};
	int r;
	switch (admin_op_effect(change->op)) {
	case ADMIN_CHANGES_TENANTS:
		r = control->deps.tenants_changed(control->ctx);
		if (r < 0)
			admin_answer_error(
				out, ADMIN_STORAGE,
				"stored, but not in force: the tenants could not be read again (%s)",
				uv_strerror(r));
		return r;
	case ADMIN_CHANGES_SETTINGS:
		r = control->deps.settings_changed(control->ctx, &error);
		if (r == 0)
			return 0;
		change->refusal = xasprintf("put back as it was: %s", error.text);
		struct admin_op *undo = admin_op_undo(change->op);
		admin_op_free(change->op);
		change->op = undo;
		change->undoing = true;
		if (submit_op(change) == 0)
			return 1;
		admin_answer_error(out, ADMIN_CONFIG, "stored, but not in force: %s", error.text);
		return r;
	case ADMIN_MAKES_JOBS:
		if (control->deps.jobs_due)
			control->deps.jobs_due(control->ctx);
		return 0;
	case ADMIN_PAUSES_OUTBOX:
	case ADMIN_RESUMES_OUTBOX:
		if (control->deps.paused)
			control->deps.paused(control->ctx,
					     admin_op_effect(change->op) == ADMIN_PAUSES_OUTBOX);
		return 0;
	case ADMIN_CHANGES_NOTHING_ELSE:
		return 0;
	}
	return 0;
}

static void log_change(const struct change *change)
{
	const char *event = change->undoing ? "change-undone" : "changed";
	struct str value = admin_op_logged_value(change->op);
	if (value.ptr)
		LOG(LOG_LEVEL_INFO, event, lf_id("control", admin_op_name(change->op)),
		    lf_str("what", admin_op_subject(change->op)), lf_str("value", value));
	else
		LOG(LOG_LEVEL_INFO, event, lf_id("control", admin_op_name(change->op)),
		    lf_str("what", admin_op_subject(change->op)));
}

static void on_change_done(struct store_job *job, int status)
{
	struct change *change = admin_op_ctx(admin_op_of(job));
	struct control *control = change->control;
	struct strbuf out;
	strbuf_init(&out, CONTROL_ANSWER_MAX);
	if (status == 0)
		log_change(change);
	if (change->undoing)
		admin_answer_error(&out, ADMIN_CONFIG, "%s%s", status < 0 ? "NOT " : "", change->refusal);
	else if (status < 0 || control->closing)
		admin_op_answer(change->op, status, &out);
	else {
		int r = put_in_force(change, &out);
		if (r > 0) {
			strbuf_done(&out);
			return;
		}
		if (r == 0)
			admin_op_answer(change->op, 0, &out);
	}
	struct control_connection *connection = control_find(control, change->connection);
	if (connection) {
		strbuf_add(&connection->out, strbuf_str(&out));
		control_answer(connection);
	}
	strbuf_done(&out);
	change_free(change);
}
