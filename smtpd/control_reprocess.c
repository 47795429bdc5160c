/*
 * message.reprocess over the control socket: a worker reads a stored original anew by a parser child of its own, and what
 * came out is reported and, unless it is a dry run, stored by a job.
 *
 * Always true: one original at a time (`reprocess` is for one thread); another connection that asks is told to come again.
 * The child ends with the connection that asked for it, on a worker, because ending it means waiting for it. Loop thread
 * but for reprocess_run() and release_run().
 */
#include "smtpd/control_private.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"

/* One under way on a worker, then on the writer. */
struct reading {
	struct control *control;
	uint64_t connection;
	struct work work;
	struct mail_id mail_id;
	bool dry_run, diff;
	struct reparsed *reparsed;
	int status;
	struct conf_error error;
};

static void reprocess_run(struct work *work);
static void reprocess_done(struct work *work);
static void on_reparsed_stored(struct store_job *job, int status);

static struct reading *reading_new(struct control_connection *connection)
{
	struct reading *reading = XNEW(struct reading);
	reading->control = connection->control;
	reading->connection = connection->id;
	control_hold(connection->control);
	return reading;
}

static void reading_free(struct reading *reading)
{
	struct control *control = reading->control;
	reparsed_free(reading->reparsed);
	free(reading);
	control_forget(control);
}

static void refuse(struct control_connection *connection, enum admin_code code, const char *why)
{
	admin_answer_error(&connection->out, code, "%s", why);
	control_answer(connection);
}

void control_reprocess(struct control_connection *connection, const json_t *object)
{
	struct control *control = connection->control;
	struct str id = str_from(json_string_value(json_object_get(object, "id")));
	if (!mail_id_valid(id)) {
		refuse(connection, ADMIN_USAGE, "message.reprocess needs \"id\"");
		return;
	}
	if (control->reprocess_busy || (control->reprocess && control->reprocess_owner != connection->id)) {
		refuse(connection, ADMIN_UNAVAILABLE, "somebody else is reprocessing; try again later");
		return;
	}
	struct reading *reading = reading_new(connection);
	memcpy(reading->mail_id.text, id.ptr, MAIL_ID_LEN);
	reading->dry_run = json_is_true(json_object_get(object, "dry_run"));
	reading->diff = json_is_true(json_object_get(object, "diff"));
	reading->work.run = reprocess_run;
	reading->work.done = reprocess_done;
	if (!control->reprocess)
		control->reprocess = reprocess_new(control->deps.conf(control->ctx), control->deps.argv0);
	control->reprocess_owner = connection->id;
	control->reprocess_busy = true;
	if (workers_submit(control->deps.workers, &reading->work) < 0) {
		control->reprocess_busy = false;
		refuse(connection, ADMIN_UNAVAILABLE, "the server is busy; try again later");
		reading_free(reading);
	}
}

/* Worker. */
static void reprocess_run(struct work *work)
{
	struct reading *reading = CONTAINER_OF(work, struct reading, work);
	reading->status = reprocess_read(reading->control->reprocess, &reading->mail_id, reading->diff,
					 &reading->reparsed, &reading->error);
}

static void finish_reprocess(struct reading *reading, int status)
{
	struct control *control = reading->control;
	struct control_connection *connection = control_find(control, reading->connection);
	if (!connection) {
		control_release_reprocess(control, reading->connection);
		reading_free(reading);
		return;
	}
	if (status == 0) {
		strbuf_adds(&connection->out, "{\"ok\":true,\"result\":");
		reparsed_report(reading->reparsed, &connection->out);
		strbuf_addc(&connection->out, '}');
	} else
		admin_answer_error(&connection->out,
				   status == -ENOENT        ? ADMIN_NOT_FOUND
				   : status == STORE_LOCKED ? ADMIN_BUSY
							    : ADMIN_STORAGE,
				   "%s: %s", reading->mail_id.text,
				   reading->error.text[0] ? reading->error.text : store_error_text(status));
	control_answer(connection);
	reading_free(reading);
}

static void reprocess_done(struct work *work)
{
	struct reading *reading = CONTAINER_OF(work, struct reading, work);
	struct control *control = reading->control;
	control->reprocess_busy = false;
	if (reading->status == 0 && !reading->dry_run && reparsed_changed(reading->reparsed)) {
		struct store_job *job = reparsed_job(reading->reparsed);
		reparsed_set_ctx(reading->reparsed, reading);
		job->done = on_reparsed_stored;
		reading->status = store_submit(control->deps.store, job);
		if (reading->status == 0)
			return;
	}
	finish_reprocess(reading, reading->status);
}

static void on_reparsed_stored(struct store_job *job, int status)
{
	const struct reading *reading = reparsed_ctx(reparsed_of(job));
	if (status == 0)
		LOG(LOG_LEVEL_INFO, "changed", lf_id("control", "message.reprocess"),
		    lf_cstr("what", reading->mail_id.text));
	finish_reprocess(reparsed_ctx(reparsed_of(job)), status);
}

struct release {
	struct work work;
	struct control *control;
	struct reprocess *reprocess;
};

static void release_run(struct work *work)
{
	struct release *release = CONTAINER_OF(work, struct release, work);
	release->reprocess = reprocess_free(release->reprocess);
}

static void release_done(struct work *work)
{
	struct release *release = CONTAINER_OF(work, struct release, work);
	control_forget(release->control);
	free(release);
}

/* Ending a child means waiting for it: a worker does. */
void control_release_reprocess(struct control *control, uint64_t connection_id)
{
	if (!control->reprocess || control->reprocess_owner != connection_id)
		return;
	struct release *release = XNEW(struct release);
	release->control = control;
	release->reprocess = control->reprocess;
	release->work.run = release_run;
	release->work.done = release_done;
	control->reprocess = NULL;
	control_hold(control);
	if (workers_submit(control->deps.workers, &release->work) < 0) {
		release_run(&release->work);
		release_done(&release->work);
	}
}
