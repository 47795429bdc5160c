/*
 * The control socket, with a real store behind it and a real client in front: the server's loop runs on a thread of
 * its own, tests talk to it as the command line does.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "smtpd/cli/control_client.h"
#include "smtpd/control.h"
#include "smtpd/control_path.h"

struct house {
	char dir[64], conf_path[96], socket[128];
	struct server_conf *conf;
	uv_loop_t loop;
	uv_thread_t thread;
	uv_async_t stop;
	struct store *store;
	struct workers *workers;
	struct control *control;
	int tenants_result, settings_result;
	int tenants_changed, settings_changed, jobs_due, pauses, resumes; /* how often */
	int closed;
};

static const struct server_conf *on_conf(void *ctx)
{
	return ((struct house *)ctx)->conf;
}

static int on_tenants(void *ctx)
{
	struct house *house = ctx;
	house->tenants_changed++;
	return house->tenants_result;
}

static int on_settings(void *ctx, struct conf_error *reterr)
{
	struct house *house = ctx;
	house->settings_changed++;
	snprintf(reterr->text, sizeof(reterr->text), "the certificates went away");
	return house->settings_result;
}

static void on_jobs_due(void *ctx)
{
	((struct house *)ctx)->jobs_due++;
}

static void on_paused(void *ctx, bool paused)
{
	struct house *house = ctx;
	house->pauses += paused;
	house->resumes += !paused;
}

static void on_stats(void *ctx UNUSED, control_stat_fn *fn, void *fn_ctx)
{
	fn(fn_ctx, "answer", 42);
}

static void on_closed(void *ctx)
{
	((struct house *)ctx)->closed++;
}

static void on_stop(uv_async_t *async)
{
	struct house *house = CONTAINER_OF(async, struct house, stop);
	house->control = control_close(house->control, on_closed, house);
	uv_close((uv_handle_t *)async, NULL);
}

static void run_loop(void *arg)
{
	struct house *house = arg;
	/* the store's and the workers' own handles keep the loop alive: until everything of control has gone */
	while (!house->closed)
		uv_run(&house->loop, UV_RUN_ONCE);
}

static struct control_deps deps_of(struct house *house)
{
	return (struct control_deps){
		.loop = &house->loop,
		.store = house->store,
		.workers = house->workers,
		.conf_path = house->conf_path,
		.argv0 = "/nonexistent",
		.conf = on_conf,
		.tenants_changed = on_tenants,
		.settings_changed = on_settings,
		.jobs_due = on_jobs_due,
		.paused = on_paused,
		.stats = on_stats,
	};
}

/* Everything but the control. */
static struct house *house_new(void)
{
	struct house *house = calloc(1, sizeof(*house));
	struct conf_error error = {""};
	snprintf(house->dir, sizeof(house->dir), "/tmp/servelo-test-XXXXXX");
	assert_non_null(mkdtemp(house->dir));
	snprintf(house->conf_path, sizeof(house->conf_path), "%s/config.yaml", house->dir);
	FILE *file = fopen(house->conf_path, "w");
	fprintf(file, "mail: {domain: example.org, operator_address: ops@example.com}\n"
		      "storage: {data_dir: data}\nsmtp: {listen: ['127.0.0.1:0']}\n");
	fclose(file);
	if (server_conf_load(&house->conf, house->conf_path, false, NULL, &error) < 0)
		fail_msg("%s", error.text);
	snprintf(house->socket, sizeof(house->socket), "%s", house->conf->control_path);
	assert_int_equal(uv_loop_init(&house->loop), 0);
	assert_int_equal(store_open(&house->store, &house->loop, house->conf->storage, &error), 0);
	assert_int_equal(workers_open(&house->workers, &house->loop, 1, 16), 0);
	return house;
}

static int house_open(struct house *house, struct conf_error *error)
{
	const struct control_deps deps = deps_of(house);
	return control_open(&house->control, &deps, house, error);
}

static void house_start(struct house *house)
{
	struct conf_error error = {""};
	if (house_open(house, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(uv_async_init(&house->loop, &house->stop, on_stop), 0);
	assert_int_equal(uv_thread_create(&house->thread, run_loop, house), 0);
}

static void house_stop(struct house *house)
{
	uv_async_send(&house->stop);
	uv_thread_join(&house->thread);
	assert_int_equal(house->closed, 1);
	assert_int_equal(access(house->socket, F_OK), -1);
}

static void house_free(struct house *house)
{
	char command[128];
	workers_close(house->workers);
	store_close(house->store);
	uv_run(&house->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&house->loop), 0);
	server_conf_free(house->conf);
	snprintf(command, sizeof(command), "rm -rf '%s'", house->dir);
	assert_int_equal(system(command), 0);
	free(house);
}

static void expect(struct control_client *client, const char *request, const char *part)
{
	struct strbuf answer;
	strbuf_init(&answer, CONTROL_ANSWER_MAX);
	int r = control_client_ask(client, str_from(request), &answer);
	if (r < 0)
		fail_msg("%s: %s", request, strerror(-r));
	if (!strstr(answer.ptr, part))
		fail_msg("%s gave %s, not %s", request, answer.ptr, part);
	strbuf_done(&answer);
}

static void ask_once(struct house *house, const char *request, const char *part)
{
	struct control_client *client;
	assert_int_equal(control_client_open(&client, house->socket), 0);
	expect(client, request, part);
	control_client_close(client);
}

static void changes_are_answered_after_they_are_in_force(void **state UNUSED)
{
	struct house *house = house_new();
	struct control_client *client;
	struct stat st;
	house_start(house);
	assert_int_equal(stat(house->socket, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(control_client_open(&client, house->socket), 0);
	expect(client, "{\"op\":\"ping\"}", "\"ok\":true");
	expect(client, "{\"op\":\"stats\"}", "\"answer\":42");
	expect(client, "nonsense", "\"code\":\"usage\"");
	expect(client, "{\"op\":\"message.reprocess\",\"id\":\"../x\"}", "\"code\":\"usage\"");
	expect(client, "{\"op\":\"tenant.add\",\"slug\":\"acme\",\"admin_email\":\"a@b.example\"}",
	       "\"ok\":true");
	assert_int_equal(house->tenants_changed, 1);
	expect(client, "{\"op\":\"tenant.add\",\"slug\":\"acme\",\"admin_email\":\"a@b.example\"}", "exists");
	assert_int_equal(house->tenants_changed, 1);
	house->tenants_result = -EIO;
	expect(client, "{\"op\":\"tenant.suspend\",\"slug\":\"acme\"}", "stored, but not in force");
	expect(client, "{\"op\":\"setting.set\",\"key\":\"limits.message_size\",\"value\":\"10MiB\"}",
	       "\"ok\":true");
	assert_int_equal(house->settings_changed, 1);
	control_client_close(client);
	house_stop(house);
	house_free(house);
}

static void what_may_be_due_wakes_the_outbox(void **state UNUSED)
{
	struct house *house = house_new();
	house_start(house);
	ask_once(house, "{\"op\":\"queue.pause\"}", "\"paused\":true");
	assert_int_equal(house->pauses, 1);
	ask_once(house, "{\"op\":\"queue.resume\"}", "\"paused\":false");
	assert_int_equal(house->pauses, 1);
	assert_int_equal(house->resumes, 1);
	assert_int_equal(house->jobs_due, 0);
	ask_once(house, "{\"op\":\"queue.retry\",\"id\":\"failed\"}", "\"retried\":0");
	assert_int_equal(house->jobs_due, 1);
	/* no keys: declined before anything is touched */
	ask_once(house, "{\"op\":\"ticket.close\",\"reference\":\"ACME-1\"}", "\"code\":\"config\"");
	assert_int_equal(house->jobs_due, 1);
	house_stop(house);
	house_free(house);
}

static void a_setting_that_can_not_come_into_force_is_put_back(void **state UNUSED)
{
	struct house *house = house_new();
	struct conf_error error;
	struct server_conf *conf;
	house_start(house);
	ask_once(house, "{\"op\":\"setting.set\",\"key\":\"limits.message_size\",\"value\":\"10MiB\"}",
		 "\"ok\":true");
	house->settings_result = -EINVAL;
	ask_once(house, "{\"op\":\"setting.set\",\"key\":\"limits.message_size\",\"value\":\"20MiB\"}",
		 "put back as it was: the certificates went away");
	ask_once(house, "{\"op\":\"setting.unset\",\"key\":\"limits.message_size\"}", "\"code\":\"config\"");
	assert_int_equal(server_conf_load(&conf, house->conf_path, true, NULL, &error), 0);
	assert_int_equal(conf->limits->message_size, 10 << 20);
	server_conf_free(conf);
	house_stop(house);
	house_free(house);
}

static int raw_connect(const char *path)
{
	struct sockaddr_un address;
	assert_int_equal(control_address(path, &address), 0);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Reads up to the n-th LF; the number of LFs that came before the end. */
static int read_lines(int fd, int n)
{
	char c;
	int lines = 0;
	while (lines < n && read(fd, &c, 1) == 1)
		lines += c == '\n';
	return lines;
}

static void requests_come_in_any_pieces(void **state UNUSED)
{
	static const char ping[] = "{\"op\":\"ping\"}\n";
	struct house *house = house_new();
	house_start(house);
	int fd = raw_connect(house->socket);
	for (size_t i = 0; i < sizeof(ping) - 1; i++) {
		assert_int_equal(write(fd, ping + i, 1), 1);
		sched_yield();
	}
	assert_int_equal(read_lines(fd, 1), 1);
	for (int i = 0; i < 50; i++)
		assert_int_equal(write(fd, ping, sizeof(ping) - 1), (ssize_t)sizeof(ping) - 1);
	assert_int_equal(read_lines(fd, 50), 50);
	close(fd);
	house_stop(house);
	house_free(house);
}

static void what_is_too_much_is_cut_off(void **state UNUSED)
{
	struct house *house = house_new();
	int fds[CONTROL_CONNECTIONS_MAX + 4];
	int answered = 0;
	char *big = malloc(CONTROL_REQUEST_MAX + 100);
	house_start(house);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = raw_connect(house->socket);
		ssize_t n = send(fds[i], "{\"op\":\"ping\"}\n", 14, MSG_NOSIGNAL);
		answered += n == 14 && read_lines(fds[i], 1) == 1;
	}
	assert_int_equal(answered, CONTROL_CONNECTIONS_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	memset(big, 'x', CONTROL_REQUEST_MAX + 100);
	/* those that were closed leave the table a moment later */
	int fd = -1, lines = 0;
	while (lines == 0) {
		fd = raw_connect(house->socket);
		if (send(fd, "\n", 1, MSG_NOSIGNAL) == 1)
			lines = read_lines(fd, 1);
		if (lines == 0)
			close(fd);
	}
	for (size_t at = 0; at < CONTROL_REQUEST_MAX + 100;) {
		ssize_t n = send(fd, big + at, CONTROL_REQUEST_MAX + 100 - at, MSG_NOSIGNAL);
		if (n <= 0)
			break; /* the server has seen enough */
		at += (size_t)n;
	}
	assert_true(read_lines(fd, 2) <= 1); /* one refusal at most, and then the end */
	close(fd);
	free(big);
	house_stop(house);
	house_free(house);
}

static void only_a_stale_socket_is_replaced(void **state UNUSED)
{
	struct house *house = house_new();
	struct conf_error error = {""};
	struct sockaddr_un address;
	struct control *second = NULL;
	const struct control_deps deps = deps_of(house);
	/* left by a crash */
	assert_int_equal(control_address(house->socket, &address), 0);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	/* somebody answers on it */
	assert_int_equal(house_open(house, &error), -EADDRINUSE);
	close(fd);
	house_start(house);
	assert_int_equal(control_open(&second, &deps, house, &error), -EADDRINUSE);
	assert_null(second);
	ask_once(house, "{\"op\":\"ping\"}", "\"ok\":true");
	house_stop(house);
	/* a file that is no socket is somebody's */
	close(open(house->socket, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(control_open(&second, &deps, house, &error), -EEXIST);
	assert_int_equal(access(house->socket, F_OK), 0);
	house_free(house);
}

static void closing_waits_for_what_was_asked(void **state UNUSED)
{
	struct house *house = house_new();
	house_start(house);
	int fd = raw_connect(house->socket);
	static const char add[] =
		"{\"op\":\"tenant.add\",\"slug\":\"late\",\"admin_email\":\"a@b.example\"}\n";
	assert_int_equal(write(fd, add, sizeof(add) - 1), (ssize_t)sizeof(add) - 1);
	house_stop(house); /* whether it was read or not: one on_closed, nothing leaks */
	close(fd);
	house_free(house);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_are_answered_after_they_are_in_force),
		cmocka_unit_test(what_may_be_due_wakes_the_outbox),
		cmocka_unit_test(a_setting_that_can_not_come_into_force_is_put_back),
		cmocka_unit_test(requests_come_in_any_pieces),
		cmocka_unit_test(what_is_too_much_is_cut_off),
		cmocka_unit_test(only_a_stale_socket_is_replaced),
		cmocka_unit_test(closing_waits_for_what_was_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
