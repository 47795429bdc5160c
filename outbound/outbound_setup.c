/*
 * One set of settings (outbound_private.h). A reload makes another one: new mails take that, the old one's relay is
 * drained and goes when its last mail is done. Loop thread; what other threads read of it never changes.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "certs/tls_channel.h"
#include "outbound/outbound_private.h"

/* A relay that may not be asked often is not worth claiming for long before. */
static size_t prefetch(const struct relay_settings *relay)
{
	int64_t per_second = relay->per_minute / 60;
	if (relay->per_minute == 0 || per_second > OUTBOUND_PREFETCH)
		return OUTBOUND_PREFETCH;
	return (size_t)per_second;
}

static void on_room(struct relay *relay UNUSED, void *ctx)
{
	outbound_kick(((struct outbound_setup *)ctx)->outbound);
}

static void on_drained(struct relay *relay UNUSED, void *ctx)
{
	struct outbound_setup *setup = ctx;
	setup->drained = true;
	outbound_kick(setup->outbound);
}

static int open_relay(struct outbound_setup *setup, const struct outbound_settings *settings,
		      struct conf_error *reterr)
{
	static const struct relay_events events = {on_room, on_drained};
	struct relay_settings relay;
	char *password = NULL;
	if (settings->relay->host[0] == '\0')
		return 0;
	int r = relay_conf_settings(settings->relay, settings->hostname, &relay, &password, reterr);
	if (r < 0)
		return r;
	r = relay_open(&setup->relay, setup->outbound->deps.loop, &relay, &events, setup, reterr);
	if (r == 0) {
		setup->where = xasprintf("%s:%u", relay.host, relay.port);
		setup->claimed_max = 2 * relay.connections + prefetch(&relay);
	}
	relay_password_free(password);
	return r;
}

int outbound_setup_open(struct outbound_setup **ret, struct outbound *outbound,
			const struct outbound_settings *settings, struct conf_error *reterr)
{
	struct outbound_setup *setup = XNEW(struct outbound_setup);
	setup->outbound = outbound;
	setup->refs = 1;
	list_node_init(&setup->link);
	setup->domain = xstrdup(settings->domain);
	setup->hostname = xstrdup(settings->hostname);
	setup->attachments_max = settings->conf->attachments_max;
	setup->keys = settings->keys ? key_ring_ref(settings->keys) : NULL;
	int r = templates_open(&setup->templates, settings->conf->templates, reterr);
	if (r == 0)
		r = open_relay(setup, settings, reterr);
	if (r < 0) {
		outbound_setup_free(setup);
		return r;
	}
	list_push_back(&outbound->setups, &setup->link);
	*ret = setup;
	return 0;
}

/* A CA file is read by whoever opens TLS; the connection is not made. */
static int check_relay(const struct outbound_settings *settings, struct conf_error *reterr)
{
	struct relay_settings relay;
	struct tls_client *client = NULL;
	char *password = NULL;
	if (settings->relay->host[0] == '\0')
		return 0;
	int r = relay_conf_settings(settings->relay, settings->hostname, &relay, &password, reterr);
	if (r < 0)
		return r;
	relay_password_free(password);
	if (relay.tls == SMTP_TLS_NONE)
		return 0;
	const struct tls_client_conf conf = {.ca_file = relay.ca_file, .verify = true};
	r = tls_client_open(&client, &conf, reterr);
	tls_client_close(client);
	return r;
}

int outbound_check(const struct outbound_settings *settings, struct conf_error *reterr)
{
	struct templates *templates = NULL;
	int r = check_relay(settings, reterr);
	if (r == 0)
		r = templates_open(&templates, settings->conf->templates, reterr);
	templates_unref(templates);
	return r;
}

struct outbound_setup *outbound_setup_ref(struct outbound_setup *setup)
{
	setup->refs++;
	return setup;
}

struct outbound_setup *outbound_setup_unref(struct outbound_setup *setup)
{
	if (!setup)
		return NULL;
	assert(setup->refs > 0);
	if (--setup->refs == 0 && setup->outbound)
		outbound_kick(setup->outbound);
	return NULL;
}

void outbound_setup_drain(struct outbound_setup *setup)
{
	if (setup->relay)
		relay_drain(setup->relay);
	else
		setup->drained = true;
}

void outbound_setup_free(struct outbound_setup *setup)
{
	list_remove(&setup->link);
	setup->relay = relay_close(setup->relay);
	key_ring_unref(setup->keys);
	templates_unref(setup->templates);
	free(setup->where);
	free(setup->domain);
	free(setup->hostname);
	free(setup);
}

void outbound_setups_sweep(struct outbound *outbound)
{
	LIST_FOREACH_SAFE(node, tmp, &outbound->setups) {
		struct outbound_setup *setup = CONTAINER_OF(node, struct outbound_setup, link);
		if (setup->refs == 0 && setup->drained)
			outbound_setup_free(setup);
	}
}

/* A line when it stops working, when it has been down for a while, and when it works again. */
void outbound_setup_log(struct outbound_setup *setup)
{
	struct relay_stats stats;
	char why[OUTCOME_WHY_SIZE];
	if (!setup->relay)
		return;
	relay_stats(setup->relay, &stats);
	bool worse = stats.failures > setup->failures_logged &&
		     (setup->failures_logged == 0 || stats.failures == OUTCOME_RELAY_DOWN);
	if (stats.failures == 0 && setup->failures_logged > 0) {
		LOG(LOG_LEVEL_INFO, "relay-works", lf_id("relay", setup->where));
		setup->failures_logged = 0;
	} else if (worse) {
		outcome_why(&stats.last_failure, setup->where, why);
		LOG(LOG_LEVEL_WARN, "relay-failed", lf_id("relay", setup->where), lf_cstr("why", why),
		    lf_int("failures", stats.failures), lf_int("again_in_ms", stats.resting_ms));
		setup->failures_logged = stats.failures;
	}
}
