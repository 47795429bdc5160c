/*
 * The configuration loader with the tables of the real program. What loads must compare equal with itself, and
 * a refusal must say something.
 */
#include <stdlib.h>

#include "base/conf.h"
#include "smtpd/server_conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *ctx, const char *key, const struct conf_option *option, const char *value,
		  const char *origin)
{
	size_t *n = ctx;
	if (!key[0] || !option->help || !value || !origin)
		abort();
	++*n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_error error = {""};
	struct conf *conf;
	size_t n_tables, n = 0;
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
	conf_walk(conf, count, &n);
	conf_diff_restart(conf, conf, &changed);
	if (n == 0 || changed.len > 0)
		abort();
	strbuf_done(&changed);
	conf_free(conf);
	return 0;
}
