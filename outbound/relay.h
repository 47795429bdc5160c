/*
 * The relay: all our connections to it, and which mail goes over which.
 *
 *	relay_open(&relay, loop, &conf, &events, ctx, &error);
 *	while (relay_room(relay) && there is a mail that is due)
 *		relay_submit(relay, mail);                  mail->done() comes, exactly once
 *	on_room:      there is room again
 *	relay_drain(relay); on_drained; relay_close(relay);
 *
 * Mails leave in the order in which they were given, over as many connections as there is work for,
 * `connections` at most. A connection is used again until it has carried `mails_per_connection`, or was idle
 * for `idle_timeout_ms`. No more than `per_minute` mails begin in a minute. A mail to whose MAIL a used
 * connection had no answer but its own end (421, or lost) goes over another one at once: nothing of it has
 * been looked at.
 *
 * Back-pressure: the relay holds twice as many mails as it has connections; so what is claimed from the
 * outbox is soon sent, and what is not stays there.
 *
 * A relay that is dead is noticed once, for all. A connection that ends without having carried one mail
 * through (not reached, greets with 554, offers no STARTTLS, shows a wrong certificate, refuses AUTH, hangs,
 * says 421 to each first MAIL) makes the relay be left alone for a while, which grows (backoff.h). Unless
 * another connection works, what waits here is given back at once: done() with SMTP_DEFERRED and the stage at
 * which it failed; a stage before SMTP_STAGE_MAIL says that it was not the mail's fault, and those that waited
 * always have one: what a connection did to its own mail was nothing of theirs. There is no room then. Afterwards one connection tries, and the others follow when it has carried a mail.
 *
 * Time is clock_mono_ms(); a timer of our own looks at it, and tests call relay_tick(). Callbacks come from
 * the loop and from relay_tick() and relay_close() only. Loop thread.
 */
#ifndef SERVELO_OUTBOUND_RELAY_H
#define SERVELO_OUTBOUND_RELAY_H

#include "outbound/smtp_client.h"

struct relay;

struct relay_settings {
	const char *host; /* a name, or an address */
	uint16_t port;
	enum smtp_tls tls;
	const char *ca_file; /* "": the system's */
	const char *ehlo_name;
	const char *user, *password;
	unsigned auth; /* enum smtp_auth_mechanism */
	size_t connections, mails_per_connection;
	int64_t per_minute; /* 0: no limit */
	int64_t idle_timeout_ms;
	struct smtp_timeouts timeouts;
};

struct relay_events {
	void (*on_room)(struct relay *relay, void *ctx);
	void (*on_drained)(struct relay *relay,
			   void *ctx); /* after relay_drain(): no connection and no mail is left */
};

/* Copies settings and strings. -EINVAL (with reterr) when ca_file can't be used. Connects when there is a
 * mail. */
int relay_open(struct relay **ret, uv_loop_t *loop, const struct relay_settings *settings,
	       const struct relay_events *events, void *ctx, struct conf_error *reterr);

/* How many mails it would take now. */
size_t relay_room(const struct relay *relay);
/* Takes the mail; -EAGAIN when there is no room: nothing was taken. */
int relay_submit(struct relay *relay, struct smtp_mail *mail);
/* Nothing is sent until resumed: those that wait are given back (SMTP_DEFERRED, -ECANCELED), those under way come to
 * their end, and there is no room. */
void relay_pause(struct relay *relay, bool paused);
/* No more mails: those that wait are given back (SMTP_DEFERRED, -ECANCELED), those under way come to their
 * end. */
void relay_drain(struct relay *relay);
/* At once; every mail still here is done before this returns. Returns NULL; NULL is fine. */
struct relay *relay_close(struct relay *relay);

struct relay_stats {
	size_t connections, busy, waiting; /* now */
	uint64_t mails, connects;          /* ever: begun, opened */
	unsigned failures;                 /* in a row */
	int64_t resting_ms;                /* how long it will still be left alone; 0: it is not */
	bool works;                        /* there is a connection that has carried a mail */
	struct smtp_result last_failure;   /* why, if failures > 0 */
};
void relay_stats(const struct relay *relay, struct relay_stats *ret);

/* Looks at the clock; for tests that have replaced it. relay_deadline(): when that is due; INT64_MAX: not at
 * all. */
void relay_tick(struct relay *relay);
int64_t relay_deadline(const struct relay *relay);

#endif
