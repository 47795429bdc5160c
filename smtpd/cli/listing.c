/*
 * Lists. JSON goes out element by element, a table when it is complete, because its columns are as wide as their
 * widest cell. After a full page people are told how to go on; programs know by the number of elements.
 */
#include "smtpd/cli/listing.h"

#include <inttypes.h>
#include <string.h>

#define PAGE_DEFAULT 50

int listing_page(struct listing *listing, int64_t *ret_limit, int64_t *ret_before)
{
	const struct args *args = &listing->cli->args;
	struct conf_error error;
	listing->limit = listing->count ? 0 : PAGE_DEFAULT;
	if (args_int(args, "limit", 0, INT64_MAX, &listing->limit, &error) < 0 ||
	    args_int(args, "before", 1, INT64_MAX, ret_before, &error) < 0)
		return cli_fail(EX_USAGE, "%s", error.text);
	*ret_limit = listing->limit ? listing->limit : INT64_MAX;
	return 0;
}

static bool writes_json(const struct listing *listing)
{
	return listing->cli->json && !listing->count;
}

int listing_begin(struct listing *listing, const struct table_column *columns, size_t n)
{
	int r = cli_reader(listing->cli);
	if (r)
		return r;
	listing->table = table_new(columns, n);
	if (writes_json(listing))
		json_list_begin(&listing->json, stdout);
	return 0;
}

int listing_begin_of_tenant(struct listing *listing, const struct table_column *columns, size_t n)
{
	struct cli *cli = listing->cli;
	int r = cli_reader(cli);
	if (r == 0)
		r = cli_tenant_known(cli, args_value(&cli->args, "tenant"));
	return r ? r : listing_begin(listing, columns, n);
}

bool listing_wants(struct listing *listing, int64_t id)
{
	listing->n++;
	listing->last = id;
	return !listing->count;
}

void listing_json(struct listing *listing, struct json_t *value)
{
	json_list_add(&listing->json, value);
}

void listing_row(struct listing *listing, const struct str *cells)
{
	table_row(listing->table, cells);
}

static void print_count(const struct listing *listing)
{
	printf(listing->cli->json ? "{\"count\": %" PRId64 "}\n" : "%" PRId64 "\n", listing->n);
}

int listing_end(struct listing *listing, int r, const char *what)
{
	if (writes_json(listing))
		json_list_end(&listing->json);
	else if (r == 0 && listing->count)
		print_count(listing);
	else if (r == 0)
		table_print(listing->table, stdout);
	if (!listing->cli->json && !listing->count && listing->limit && listing->n == listing->limit)
		printf("more: --before %" PRId64 "\n", listing->last);
	listing->table = table_free(listing->table);
	return r < 0 ? cli_fail(cli_exit_code(r), "%s: %s", what, strerror(-r)) : 0;
}
