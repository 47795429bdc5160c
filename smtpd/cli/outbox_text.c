/*
 * Reasons, in this order: what holds up every job (paused, no relay, no server), what was said about this one, then
 * the relay. A reason of the first kind hides none of the second: what was said is shown behind it.
 */
#include "smtpd/cli/outbox_text.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "smtpd/cli/change.h"
#include "smtpd/cli/control_client.h"
#include "smtpd/cli/display.h"
#include "smtpd/cli/json_out.h"
#include "smtpd/control.h"

#define TEXT_MAX 4096

/* ---- the place ---- */

/* What the running server knows better than file and database. */
static void ask_server(struct control_client *client, struct outbox_place *place)
{
	struct strbuf answer;
	strbuf_init(&answer, CONTROL_ANSWER_MAX);
	if (control_client_ask(client, STR("{\"op\":\"stats\"}"), &answer) == 0) {
		json_t *object = json_loadb(answer.ptr, answer.len, 0, NULL);
		const json_t *stats = json_object_get(object, "result");
		const json_t *configured = json_object_get(stats, "outbound.configured");
		if (configured)
			place->no_relay = json_integer_value(configured) == 0;
		place->resting_ms = json_integer_value(json_object_get(stats, "relay.resting_ms"));
		json_decref(object);
	}
	strbuf_done(&answer);
}

int outbox_place_find(struct cli *cli, struct outbox_place *ret)
{
	struct outbox_counts counts;
	struct control_client *client = NULL;
	int r = reader_outbox_counts(cli->reader, &counts);
	if (r < 0)
		return cli_fail(cli_exit_code(r), "reading the outbox: %s", strerror(-r));
	*ret = (struct outbox_place){.paused = counts.paused, .now_ms = clock_now_ms()};
	/* The server's word counts, if one runs; with a mistake in the file nobody knows what it says of the relay. */
	ret->no_relay = !cli->mistaken && cli->conf->relay->host[0] == 0;
	r = control_client_open(&client, cli->conf->control_path);
	ret->no_server = r == -ENOENT || r == -ECONNREFUSED;
	if (r == 0)
		ask_server(client, ret);
	control_client_close(client);
	return 0;
}

void outbox_place_print(const struct outbox_place *place, FILE *file)
{
	if (place->paused)
		fprintf(file,
			"The outbox is paused: nothing leaves until it is resumed (servelo queue resume).\n");
	if (place->no_relay)
		fprintf(file, "No relay is configured (relay.host): mail waits until there is one.\n");
	if (place->no_server)
		fprintf(file, "No server is running: nothing leaves.\n");
	if (place->resting_ms > 0)
		fprintf(file, "The relay can't be used; it is asked again in %" PRId64 " s.\n",
			(place->resting_ms + 999) / 1000);
}

/* ---- one job ---- */

/* What holds up every job, or NULL. */
static const char *held_by(const struct outbox_place *place)
{
	return place->paused      ? "the outbox is paused"
	       : place->no_relay  ? "no relay is configured"
	       : place->no_server ? "no server is running"
				  : NULL;
}

static void due_waits(const struct outbox_row *row, const struct outbox_place *place, struct strbuf *out)
{
	const char *held = held_by(place);
	struct str why = str_sub(row->why, 0, OUTBOX_WHY_MAX);
	if (held)
		strbuf_adds(out, held);
	else if (why.len)
		strbuf_add(out, why);
	else if (row->due_ms > place->now_ms)
		strbuf_adds(out, "it is not due yet");
	else
		strbuf_adds(out, place->resting_ms > 0 ? "the relay can't be used" : "to be sent now");
	if (held && why.len)
		strbuf_printf(out, "; before: %.*s", STR_ARG(why));
}

void outbox_waits(const struct outbox_row *row, const struct outbox_place *place, struct strbuf *out)
{
	static const char *const otherwise[] = {
		[OUTBOX_FAILED] = "it failed",
		[OUTBOX_CANCELLED] = "it was cancelled",
		[OUTBOX_SENT] = "it has left",
		[OUTBOX_BOUNCED] = "it came back",
	};
	if (row->state == OUTBOX_DUE)
		due_waits(row, place, out);
	else if (row->state == OUTBOX_CLAIMED)
		strbuf_adds(out, place->no_server ? "it was being sent when the server ended"
						  : "it is being sent");
	else if (row->why.len)
		strbuf_add(out, str_sub(row->why, 0, OUTBOX_WHY_MAX));
	else
		strbuf_adds(out, otherwise[row->state]);
}

static void due_next(const struct outbox_row *row, const struct outbox_place *place, struct strbuf *out)
{
	char time[DISPLAY_TIME_MAX];
	if (place->paused)
		strbuf_adds(out, "it is sent after servelo queue resume");
	else if (place->no_relay)
		strbuf_adds(out, "it is sent when relay.host names a relay");
	else if (place->no_server)
		strbuf_adds(out, "it is sent when a server runs");
	else if (row->due_ms > place->now_ms)
		strbuf_printf(out, "it is tried %s%s", row->tries ? "again at " : "at ",
			      display_time(row->due_ms, time));
	else if (place->resting_ms > 0)
		strbuf_printf(out, "the relay is asked again in %" PRId64 " s",
			      (place->resting_ms + 999) / 1000);
	else
		strbuf_adds(out, "it is sent as soon as those before it are");
}

void outbox_next(const struct outbox_row *row, const struct outbox_place *place, struct strbuf *out)
{
	switch (row->state) {
	case OUTBOX_DUE:
		due_next(row, place, out);
		return;
	case OUTBOX_CLAIMED:
		strbuf_adds(out, place->no_server ? "it is sent at the server's next start, as the same mail"
						  : "what the relay answers decides");
		return;
	case OUTBOX_FAILED:
		strbuf_printf(out, "nothing by itself: servelo queue retry %" PRId64 ", or cancel",
			      row->id.v);
		return;
	case OUTBOX_SENT:
		strbuf_adds(out, "nothing, unless a report says that it could not be delivered");
		return;
	case OUTBOX_CANCELLED:
	case OUTBOX_BOUNCED:
		strbuf_adds(out, "nothing");
		return;
	}
}

const char *outbox_when(const struct outbox_row *row, const struct outbox_place *place, char *buf)
{
	if (row->state == OUTBOX_DUE)
		return row->due_ms > place->now_ms ? display_time(row->due_ms, buf) : "now";
	return row->state == OUTBOX_CLAIMED ? "-" : display_time(row->settled_ms, buf);
}

/* ---- programs ---- */

static struct str or_null(struct str text)
{
	return text.len ? text : (struct str){NULL, 0};
}

static json_t *words(const struct outbox_row *row, const struct outbox_place *place,
		     void (*fn)(const struct outbox_row *, const struct outbox_place *, struct strbuf *))
{
	struct strbuf text;
	strbuf_init(&text, TEXT_MAX);
	fn(row, place, &text);
	json_t *value = json_str(strbuf_str(&text));
	strbuf_done(&text);
	return value;
}

json_t *outbox_json(const struct outbox_view *view, const struct outbox_place *place)
{
	const struct outbox_row *row = &view->row;
	json_t *o = json_object();
	json_object_set_new(o, "id", json_integer(row->id.v));
	json_object_set_new(o, "kind", json_string(outbox_kind_name(row->kind)));
	json_object_set_new(o, "state", json_string(outbox_state_name(row->state)));
	json_object_set_new(o, "tenant", json_str(or_null(view->tenant_slug)));
	json_object_set_new(o, "ticket", json_str(or_null(view->ticket_reference)));
	json_object_set_new(o, "recipient", json_str(row->recipient));
	json_object_set_new(o, "participant",
			    row->participant ? json_integer(row->participant) : json_null());
	json_object_set_new(o, "mailbox", json_str(or_null(row->mailbox)));
	json_object_set_new(o, "message_id", json_str(row->header_message_id));
	json_object_set_new(o, "created", json_time(row->created_ms));
	json_object_set_new(o, "due", json_time(row->due_ms));
	json_object_set_new(o, "settled", json_time(row->settled_ms));
	json_object_set_new(o, "tries", json_integer(row->tries));
	json_object_set_new(o, "why", json_str(or_null(row->why)));
	json_object_set_new(o, "waits", words(row, place, outbox_waits));
	json_object_set_new(o, "next", words(row, place, outbox_next));
	return o;
}
