/*
 * Finds the verb, reads its options, prints its help. The tables of nouns and verbs are all there is to know:
 * usage lines, help screens and hints for typing errors are made of them.
 */
#include "smtpd/cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define NAMES_MAX 32

/* Every verb takes these. */
static const struct arg_option common_options[] = {
	{"config", "FILE", "configuration file (default: $SERVELO_CONFIG, then /etc/servelo/config.yaml)"},
	{"json", NULL, "one JSON document instead of text for people"},
	{"help", NULL, "this text"},
};

int cli_fail(int exit_code, const char *fmt, ...)
{
	va_list ap;
	fflush(stdout);
	fputs("servelo: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return exit_code;
}

int cli_exit_code(int r)
{
	static const struct {
		int err, code;
	} codes[] = {
		{ENOENT, EX_NOINPUT},        {EINVAL, EX_DATAERR},
		{EBADMSG, EX_DATAERR},       {EEXIST, EX_CANTCREAT},
		{EACCES, EX_NOPERM},         {EPERM, EX_NOPERM},
		{EROFS, EX_IOERR},           {EIO, EX_IOERR},
		{ENOSPC, EX_IOERR},          {EBUSY, EX_TEMPFAIL},
		{EAGAIN, EX_TEMPFAIL},       {ECONNREFUSED, EX_UNAVAILABLE},
		{ETIMEDOUT, EX_UNAVAILABLE}, {ECONNRESET, EX_UNAVAILABLE},
		{EPIPE, EX_UNAVAILABLE},     {ESHUTDOWN, EX_UNAVAILABLE},
	};
	if (r == 0)
		return EX_OK;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		if (codes[i].err == -r)
			return codes[i].code;
	}
	return EX_SOFTWARE;
}

int cli_conf(struct cli *cli)
{
	struct conf_error error = {""};
	if (cli->conf)
		return 0;
	/* warnings are for `servelo check` and for the server's log, not for every look at a ticket */
	int r = server_conf_load(&cli->conf, cli->config, true, NULL, &error);
	return r < 0 ? cli_fail(r == -EACCES ? EX_NOPERM : EX_CONFIG, "%s",
				error.text[0] ? error.text : strerror(-r))
		     : 0;
}

int cli_places(struct cli *cli)
{
	struct conf_error error = {""}, ignored;
	if (cli->conf)
		return 0;
	int r = server_conf_load(&cli->conf, cli->config, true, NULL, &error);
	if (r == 0)
		return 0;
	if (r != -EINVAL || server_conf_load_places(&cli->conf, cli->config, &ignored) < 0)
		return cli_fail(r == -EACCES ? EX_NOPERM : EX_CONFIG, "%s",
				error.text[0] ? error.text : strerror(-r));
	cli->mistaken = true;
	cli_fail(0, "%s", error.text);
	cli_fail(0, "the configuration has a mistake; going on with the data in %s",
		 cli->conf->storage->data_dir);
	return 0;
}

int cli_reader(struct cli *cli)
{
	struct conf_error error = {""};
	int r = cli_places(cli);
	if (r || cli->reader)
		return r;
	r = reader_open(&cli->reader, cli->conf->storage, &error);
	if (r == 0)
		return 0;
	if (r == -ENOENT)
		return cli_fail(EX_NOINPUT,
				"there is no database in %s yet; it is made by `servelo serve` or `servelo "
				"tenant add`",
				cli->conf->storage->data_dir);
	return cli_fail(cli_exit_code(r), "%s", error.text[0] ? error.text : strerror(-r));
}

struct looked_for {
	struct str slug;
	bool found;
};

static bool on_known_tenant(void *ctx, const struct tenant_row *row, int64_t tickets UNUSED)
{
	struct looked_for *looked_for = ctx;
	looked_for->found = str_eq(row->slug, looked_for->slug);
	return !looked_for->found;
}

int cli_tenant_known(struct cli *cli, const char *slug)
{
	struct looked_for looked_for = {.slug = str_from(slug)};
	if (!slug)
		return 0;
	int r = reader_tenants(cli->reader, true, false, on_known_tenant, &looked_for);
	if (r < 0)
		return cli_fail(cli_exit_code(r), "reading tenants: %s", strerror(-r));
	return looked_for.found ? 0 : cli_fail(EX_NOINPUT, "there is no tenant \"%.64s\"", slug);
}

int cli_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EX_OK;
	if (errno == EPIPE) /* `servelo ticket list | head` has what it wanted */
		return EX_IOERR;
	return cli_fail(EX_IOERR, "writing the output: %s", strerror(errno));
}

/* ---- help ---- */

static void print_options(const struct arg_option *options, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char left[64];
		snprintf(left, sizeof(left), "--%s%s%s", options[i].name, options[i].value ? " " : "",
			 options[i].value ? options[i].value : "");
		printf("  %-26s %s\n", left, options[i].help);
	}
}

static void help_verb(const struct cli_noun *noun, const struct cli_verb *verb)
{
	printf("servelo %s%s%s%s%s [options]\n\n%s.\n", noun->name ? noun->name : "", noun->name ? " " : "",
	       verb->name, verb->words ? " " : "", verb->words ? verb->words : "", verb->summary);
	if (verb->details)
		printf("\n%s", verb->details);
	printf("\nOptions:\n");
	print_options(verb->options, verb->options_n);
	print_options(common_options, ARRAY_SIZE(common_options));
}

static void list_verbs(const struct cli_noun *noun)
{
	for (size_t i = 0; i < noun->n; i++) {
		const struct cli_verb *verb = &noun->verbs[i];
		char left[64];
		snprintf(left, sizeof(left), "%s%s%s", verb->name, verb->words ? " " : "",
			 verb->words ? verb->words : "");
		printf("  %-26s %s\n", left, verb->summary);
	}
}

static void help_noun(const struct cli_noun *noun)
{
	printf("servelo %s VERB\n\n%s.\n\nVerbs:\n", noun->name, noun->summary);
	list_verbs(noun);
	printf("\nMore: servelo %s VERB --help\n", noun->name);
}

static void help_all(const struct cli_noun *const *nouns, size_t n)
{
	printf("servelo [--config FILE] NOUN VERB [options]\n\n"
	       "Servelo MX: a mail exchanger that turns mail into helpdesk tickets.\n\n");
	for (size_t i = 0; i < n; i++) {
		if (!nouns[i]->name)
			list_verbs(nouns[i]);
	}
	printf("\n");
	for (size_t i = 0; i < n; i++) {
		if (!nouns[i]->name)
			continue;
		struct strbuf verbs;
		strbuf_init(&verbs, 1024);
		for (size_t v = 0; v < nouns[i]->n; v++)
			strbuf_printf(&verbs, "%s%s", v ? "|" : "", nouns[i]->verbs[v].name);
		printf("  %-10s %s\n", nouns[i]->name, verbs.ptr ? verbs.ptr : "");
		strbuf_done(&verbs);
	}
	printf("\nMore: servelo NOUN --help, servelo NOUN VERB --help, man 8 servelo\n");
}

/* ---- dispatch ---- */

static const struct cli_verb *verb_find(const struct cli_noun *noun, const char *name)
{
	for (size_t i = 0; i < noun->n; i++) {
		if (strcmp(noun->verbs[i].name, name) == 0)
			return &noun->verbs[i];
	}
	return NULL;
}

static int unknown_word(const char *kind, const char *word, const char *const *names, size_t n)
{
	const char *near = nearest_name(str_from(word), names, n);
	fprintf(stderr, "servelo: unknown %s \"%.64s\"", kind, word);
	if (near)
		fprintf(stderr, "; did you mean \"%s\"?\n", near);
	else
		fprintf(stderr, "; see servelo help\n");
	return EX_USAGE;
}

static int run_verb(struct cli *cli, const struct cli_noun *noun, const struct cli_verb *verb, int argc,
		    const char **argv)
{
	struct arg_option options[ARGS_OPTIONS_MAX];
	struct conf_error error;
	size_t n = verb->options_n;
	const char *global = cli->config;
	for (size_t i = 0; i < n; i++)
		options[i] = verb->options[i];
	for (size_t i = 0; i < ARRAY_SIZE(common_options); i++)
		options[n++] = common_options[i];
	if (args_parse(&cli->args, options, n, argc, argv, &error) < 0)
		return cli_fail(EX_USAGE, "%s", error.text);
	if (args_flag(&cli->args, "help")) {
		help_verb(noun, verb);
		return cli_flush();
	}
	if (cli->args.words_n < verb->words_min || cli->args.words_n > verb->words_max)
		return cli_fail(EX_USAGE, "usage: servelo %s%s%s%s%s [options]   (more: --help)",
				noun->name ? noun->name : "", noun->name ? " " : "", verb->name,
				verb->words ? " " : "", verb->words ? verb->words : "");
	cli->config = args_value(&cli->args, "config") ? args_value(&cli->args, "config") : global;
	cli->json = args_flag(&cli->args, "json");
	int code = verb->run(cli);
	cli->reader = reader_close(cli->reader);
	cli->conf = server_conf_free(cli->conf);
	int flushed = cli_flush();
	return code ? code : flushed;
}

static int run_noun(struct cli *cli, const struct cli_noun *noun, int argc, const char **argv)
{
	const char *names[NAMES_MAX];
	size_t n = 0;
	/* `servelo ticket --config FILE list` is fine too */
	while (argc >= 2 && strcmp(argv[0], "--config") == 0) {
		cli->config = argv[1];
		argc -= 2;
		argv += 2;
	}
	if (argc == 0 || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "help") == 0) {
		help_noun(noun);
		return argc == 0 ? EX_USAGE : cli_flush();
	}
	const struct cli_verb *verb = verb_find(noun, argv[0]);
	if (verb)
		return run_verb(cli, noun, verb, argc - 1, argv + 1);
	for (size_t i = 0; i < noun->n && n < NAMES_MAX; i++)
		names[n++] = noun->verbs[i].name;
	return unknown_word("verb", argv[0], names, n);
}

static int help_about(const struct cli_noun *const *nouns, size_t n, int argc, const char **argv)
{
	for (size_t i = 0; argc > 0 && i < n; i++) {
		const struct cli_noun *noun = nouns[i];
		const struct cli_verb *verb;
		if (!noun->name && (verb = verb_find(noun, argv[0])))
			help_verb(noun, verb);
		else if (noun->name && strcmp(noun->name, argv[0]) == 0 && argc > 1 &&
			 (verb = verb_find(noun, argv[1])))
			help_verb(noun, verb);
		else if (noun->name && strcmp(noun->name, argv[0]) == 0 && argc > 1)
			return cli_fail(EX_USAGE, "servelo %s has no verb \"%.64s\"; see servelo help %s",
					noun->name, argv[1], noun->name);
		else if (noun->name && strcmp(noun->name, argv[0]) == 0)
			help_noun(noun);
		else
			continue;
		return cli_flush();
	}
	if (argc > 0)
		return cli_fail(EX_USAGE, "there is no noun or verb \"%.64s\"; see servelo help", argv[0]);
	help_all(nouns, n);
	return cli_flush();
}

/* The first word decides: a noun, or a verb that stands alone. */
static int dispatch(struct cli *cli, const struct cli_noun *const *nouns, size_t n, int argc,
		    const char **argv)
{
	const char *names[NAMES_MAX];
	size_t names_n = 0;
	for (size_t i = 0; i < n; i++) {
		if (nouns[i]->name) {
			if (strcmp(nouns[i]->name, argv[0]) == 0) {
				cli->noun = nouns[i]->name;
				return run_noun(cli, nouns[i], argc - 1, argv + 1);
			}
			names[names_n++] = nouns[i]->name;
			continue;
		}
		const struct cli_verb *verb = verb_find(nouns[i], argv[0]);
		if (verb)
			return run_verb(cli, nouns[i], verb, argc - 1, argv + 1);
		for (size_t v = 0; v < nouns[i]->n && names_n + n < NAMES_MAX; v++)
			names[names_n++] = nouns[i]->verbs[v].name;
	}
	return unknown_word("command", argv[0], names, names_n);
}

int cli_main(int argc, char **argv, const struct cli_noun *const *nouns, size_t n)
{
	struct cli cli = {0};
	const char **words = xcalloc((size_t)argc + 1, sizeof(*words));
	int left = 0;
	int i = 1;
	int code;
	for (; i < argc && strncmp(argv[i], "--config", 8) == 0; i++) {
		if (argv[i][8] == '=')
			cli.config = argv[i] + 9;
		else if (argv[i][8] == 0 && i + 1 < argc)
			cli.config = argv[++i];
		else
			break;
	}
	for (; i < argc; i++)
		words[left++] = argv[i];
	if (left == 0) {
		help_all(nouns, n);
		code = EX_USAGE;
	} else if (strcmp(words[0], "help") == 0 || strcmp(words[0], "--help") == 0 ||
		   strcmp(words[0], "-h") == 0) {
		code = help_about(nouns, n, left - 1, words + 1);
	} else if (strcmp(words[0], "--version") == 0) {
		words[0] = "version";
		code = dispatch(&cli, nouns, n, left, words);
	} else {
		code = dispatch(&cli, nouns, n, left, words);
	}
	free(words);
	return code;
}
