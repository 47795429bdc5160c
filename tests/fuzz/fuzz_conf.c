/*
 * The configuration loader with the tables of the real program. What loads must compare equal with itself, what a value
 * is shown as must be accepted for it again, and a refusal must say something.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/conf.h"
#include "smtpd/server_conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct walk {
	const struct conf *conf;
	size_t n;
};

static void count(void *ctx, const char *key, const struct conf_option *option, const char *value,
		  const char *origin)
{
	struct walk *walk = ctx;
	struct conf_error error = {""};
	size_t n_tables;
	unsigned line = 1, column = 1;
	const struct conf_table *const *tables = server_conf_tables(&n_tables);
	if (!key[0] || !option->help || !value || !origin)
		abort();
	if (conf_position(walk->conf, str_from(key), &line, &column) && (line == 0 || column == 0))
		abort();
	if (!(option->flags & CONF_SECRET) &&
	    conf_check_setting(tables, n_tables, key, value, &error) == -EINVAL)
		abort();
	walk->n++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_error error = {""};
	struct conf *conf;
	size_t n_tables;
	const struct conf_table *const *tables = server_conf_tables(&n_tables);
	struct str yaml = {(const char *)data, size};
	int r = conf_load_memory(&conf, yaml, "fuzz.yaml", tables, n_tables, NULL, NULL, NULL, 0, NULL,
				 &error);
	if (r < 0) {
		if (!error.text[0])
			abort();
		return 0;
	}
	struct strbuf changed;
	strbuf_init(&changed, 65536);
	struct walk walk = {conf, 0};
	conf_walk(conf, count, &walk);
	conf_diff_restart(conf, conf, &changed);
	if (walk.n == 0 || changed.len > 0)
		abort();
	strbuf_done(&changed);
	conf_free(conf);
	return 0;
}
