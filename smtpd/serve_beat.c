/*
 * The loop's heartbeat. Every few seconds, when the loop turns at all, it tells the service manager that we live
 * (WatchdogSec=): a loop that hangs is killed and started again, and nothing that got a 250 is lost by that. The same
 * beat keeps samples of the counters, so that `servelo status` can say what happened during the last minute.
 *
 * Loop thread.
 */
#include "smtpd/serve_private.h"
#include "smtpd/service_manager.h"

#define BEAT_MS     5000
#define BEAT_MS_MIN 10

static void on_beat(uv_timer_t *timer)
{
	struct serve *serve = timer->data;
	if (serve->watched)
		service_notify("WATCHDOG=1");
	if (!serve->smtp)
		return;
	serve_note_relay(serve);
	serve->samples[serve->samples_n++ % SAMPLES_MAX] =
		(struct serve_sample){(int64_t)uv_now(&serve->loop), smtp_server_stats(serve->smtp)};
}

void serve_start_beat(struct serve *serve)
{
	int64_t watchdog_ms = service_watchdog_ms();
	int64_t beat_ms = watchdog_ms > 0 && watchdog_ms / 2 < BEAT_MS ? watchdog_ms / 2 : BEAT_MS;
	serve->watched = watchdog_ms > 0;
	uv_timer_init(&serve->loop, &serve->beat);
	serve->beat.data = serve;
	uv_timer_start(&serve->beat, on_beat, 0, (uint64_t)(beat_ms > BEAT_MS_MIN ? beat_ms : BEAT_MS_MIN));
}

struct serve_sample serve_minute_ago(const struct serve *serve)
{
	const int64_t since_ms = (int64_t)uv_now(&serve->loop) - 60000;
	struct serve_sample oldest = {(int64_t)uv_now(&serve->loop), smtp_server_stats(serve->smtp)};
	size_t n = serve->samples_n < SAMPLES_MAX ? serve->samples_n : SAMPLES_MAX;
	for (size_t i = 0; i < n; i++) {
		if (serve->samples[i].at_ms >= since_ms && serve->samples[i].at_ms < oldest.at_ms)
			oldest = serve->samples[i];
	}
	return oldest;
}
