/*
 * The engine with the stub behind it, as a program, for scripts that talk to it and for measurements:
 *
 *	smtp_stub_server [--port N] [--tls] [--forget] [--set LIMIT=NUMBER]... [--reject-bare] [--log LEVEL]
 *
 * Prints "127.0.0.1:PORT" and runs until SIGTERM or SIGINT.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "tests/lib/dialogue.h"

static struct smtp_stub stub;

static void on_drained(void *ctx)
{
	uv_stop(ctx);
}

static void on_signal(uv_signal_t *handle, int number UNUSED)
{
	smtp_server_drain(stub.server, 1000, on_drained, handle->loop);
	uv_signal_stop(handle);
}

static void on_prepare(uv_prepare_t *handle UNUSED)
{
	log_flush();
}

static int usage(void)
{
	fprintf(stderr, "usage: smtp_stub_server [--port N] [--tls] [--forget] [--set LIMIT=NUMBER]... "
			"[--reject-bare] [--log LEVEL]\n");
	return 64;
}

static int read_options(int argc, char **argv, char *address, size_t size, bool *ret_tls)
{
	static const struct option options[] = {{"port", required_argument, NULL, 'p'},
						{"tls", no_argument, NULL, 't'},
						{"forget", no_argument, NULL, 'f'},
						{"set", required_argument, NULL, 's'},
						{"reject-bare", no_argument, NULL, 'r'},
						{"log", required_argument, NULL, 'l'},
						{NULL, 0, NULL, 0}};
	enum log_level level = LOG_LEVEL_ERROR;
	int c;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		char *equals;
		switch (c) {
		case 'p':
			snprintf(address, size, "127.0.0.1:%d", atoi(optarg));
			break;
		case 't':
			*ret_tls = true;
			break;
		case 'f':
			stub.forget = true;
			break;
		case 'r':
			stub.smtp.bare_newline = 1;
			break;
		case 'l':
			if (log_level_parse(str_from(optarg), &level) < 0)
				return usage();
			break;
		case 's':
			equals = strchr(optarg, '=');
			if (!equals || !dialogue_set(&stub, (struct str){optarg, (size_t)(equals - optarg)},
						     atoll(equals + 1)))
				return usage();
			break;
		default:
			return usage();
		}
	}
	log_setup(2, LOG_FORMAT_TEXT, level, true);
	return optind < argc ? usage() : 0;
}

int main(int argc, char **argv)
{
	char address[64] = "127.0.0.1:0";
	uv_loop_t loop;
	uv_signal_t signals[2];
	uv_prepare_t flusher;
	bool tls = false;
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&loop);
	smtp_stub_init(&stub, &loop);
	int r = read_options(argc, argv, address, sizeof(address), &tls);
	if (r)
		return r;
	smtp_stub_open(&stub, address, tls);
	for (int i = 0; i < 2; i++) {
		uv_signal_init(&loop, &signals[i]);
		uv_signal_start(&signals[i], on_signal, i ? SIGINT : SIGTERM);
	}
	uv_prepare_init(&loop, &flusher);
	uv_prepare_start(&flusher, on_prepare);
	printf("%s\n", smtp_server_address(stub.server, 0));
	fflush(stdout);
	uv_run(&loop, UV_RUN_DEFAULT);
	for (int i = 0; i < 2; i++)
		uv_close((uv_handle_t *)&signals[i], NULL);
	uv_close((uv_handle_t *)&flusher, NULL);
	smtp_stub_close(&stub);
	uv_loop_close(&loop);
	log_flush();
	return 0;
}
