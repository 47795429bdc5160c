/*
 * What a job of the outbox waits for, in words: the truth needs more than its row. Is the outbox paused, is there a
 * relay, does a server run, is the relay left alone at the moment?
 */
#ifndef SERVELO_SMTPD_CLI_OUTBOX_TEXT_H
#define SERVELO_SMTPD_CLI_OUTBOX_TEXT_H

#include "base/strbuf.h"
#include "smtpd/cli/cli.h"

struct json_t;

struct outbox_place {
	bool paused;
	bool no_relay;      /* relay.host is empty */
	bool no_server;     /* nobody runs who could send; false when that is not known */
	int64_t resting_ms; /* the server leaves a relay that can't be used alone for so long; 0: it does not */
	int64_t now_ms;
};

/* With cli->reader. 0, or an exit code after saying what is wrong. */
int outbox_place_find(struct cli *cli, struct outbox_place *ret);
/* What holds up all of them, a line each; nothing when nothing does. */
void outbox_place_print(const struct outbox_place *place, FILE *file);

/* Why it is where it is: "450 4.2.1 mailbox busy", "no relay is configured". Appended; never empty. */
void outbox_waits(const struct outbox_row *row, const struct outbox_place *place, struct strbuf *out);
/* What will happen to it, and what could be done. Appended. */
void outbox_next(const struct outbox_row *row, const struct outbox_place *place, struct strbuf *out);
/* When: of a job that is due later its time, "now", or when it was settled; buf: DISPLAY_TIME_MAX. */
const char *outbox_when(const struct outbox_row *row, const struct outbox_place *place, char *buf);

/* All of it, for programs. A new reference. */
struct json_t *outbox_json(const struct outbox_view *view, const struct outbox_place *place);

#endif
