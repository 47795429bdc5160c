/* Changes of an administrator: what is refused before the database is asked, and what the database decides. */
#include "admin_fixture.h"

/* Settings: "good.key" is known, "fixed.key" can't be set at run time; the value "bad" does not fit. */
static int try_setting(void *ctx UNUSED, const char *key, const char *value, struct conf_error *reterr)
{
	snprintf(reterr->text, sizeof(reterr->text), "no");
	if (strcmp(key, "fixed.key") == 0)
		return -EPERM;
	if (strcmp(key, "good.key") != 0)
		return -ENOENT;
	return value && strcmp(value, "bad") == 0 ? -EINVAL : 0;
}

static const struct conf_pair forward_items[] = {{"sales", "sales@example.org"}};
static const struct conf_map forwards = {forward_items, 1};
static const struct admin_rules rules = {
	.forwards = &forwards, .domain = "desk.example", .try_setting = try_setting};

static int setup(void **state)
{
	struct admin_store *f = calloc(1, sizeof(*f));
	admin_store_open(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	admin_store_close(*state);
	free(*state);
	return 0;
}

static void expect(struct admin_store *f, const char *request, const char *part)
{
	admin_store_expect(f, request, &rules, part);
}

struct exchange {
	const char *request, *part;
};

static void play(struct admin_store *f, const struct exchange *exchanges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		expect(f, exchanges[i].request, exchanges[i].part);
}

static void nonsense_is_refused(void **state)
{
	static const struct exchange exchanges[] = {
		{"", "\"code\":\"usage\""},
		{"[]", "no JSON object"},
		{"{\"op\":\"tenant.ad\"}", "not known"},
		{"{\"op\":7}", "not known"},
		{"{\"op\":\"tenant.suspend\"}", "needs \\\"slug\\\""},
		{"{\"op\":\"tenant.suspend\",\"slug\":\"a\",\"x\":1}", "does not take"},
		{"{\"op\":\"tenant.set\",\"slug\":\"a\",\"name\":[]}", "must be a text"},
		{"{\"op\":\"tenant.set\",\"slug\":\"a\"}", "nothing to set"},
		{"{\"op\":\"ticket.set\",\"reference\":\"A-1\"}", "nothing to set"},
		{"{\"op\":\"setting.set\",\"key\":\"good.key\"}", "needs \\\"value\\\""},
	};
	play(*state, exchanges, ARRAY_SIZE(exchanges));
}

static void fields_are_checked(void **state)
{
	static const struct {
		const char *field, *value;
		bool good;
	} cases[] = {
		{"name", "\"Acme Ltd\"", true},
		{"name", "\"a\\nb\"", false},
		{"name", "\"\\u001b[31m\"", false},
		{"signature", "\"a\\nb\"", true},
		{"admin_email", "\"x@example.org\"", true},
		{"admin_email", "\"J\\u00fcrgen@ex\\u00e4mple.org\"", true},
		{"admin_email", "\"\"", false},
		{"admin_email", "\"x\"", false},
		{"admin_email", "\"x@y>\\r\\nRCPT TO:<z@y\"", false},
		{"notify_email", "\"\"", true},
		{"notify_email", "\"<x@y>\"", false},
		/* what we send to ourselves would become tickets */
		{"admin_email", "\"team@Desk.example\"", false},
		{"notify_email", "\"other@desk.example\"", false},
		{"notify_email", "\"other@sub.desk.example\"", true},
		{"locale", "\"de\"", true},
		{"locale", "\"en\"", true},
		{"locale", "\"es-MX\"", true},
		{"locale", "\"fr\"", true},
		{"locale", "\"tlh\"", false},
		{"locale", "\"\"", true},
		{"locale", "\"zh-Hant-TW\"", true},
		{"locale", "\"e\"", false},
		{"locale", "\"en-\"", false},
		{"locale", "\"../en\"", false},
		{"reference_prefix", "\"abc1\"", true},
		{"reference_prefix", "\"A-B\"", false},
		{"reference_prefix", "\"\"", false},
		{"reference_prefix", "\"ABCDEFGHIJK\"", false},
		{"logo_url", "\"https://example.org/a.png?x=1&y\"", true},
		{"logo_url", "\"javascript:alert(1)\"", false},
		{"logo_url", "\"https://x/\\\"onload=\"", false},
		{"confirm", "false", true},
		{"confirm", "\"maybe\"", false},
		{"attachments_max", "20", true},
		{"attachments_max", "-1", false},
		{"attachments_max", "1001", false},
		{"attachment_size_max", "\"25MiB\"", true},
		{"attachment_size_max", "\"25 parsecs\"", false},
		{"attachment_size_max", "\"3GiB\"", false},
		{"next_ticket", "200000001", false},
		{"blocked_extensions", "\"exe, .js\"", true},
		{"blocked_extensions", "\"none\"", true},
		{"blocked_extensions", "\"a;b\"", false},
	};
	struct admin_store *f = *state;
	expect(f, "{\"op\":\"tenant.add\",\"slug\":\"fields\",\"admin_email\":\"a@b.example\"}",
	       "\"ok\":true");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char request[512];
		snprintf(request, sizeof(request), "{\"op\":\"tenant.set\",\"slug\":\"fields\",\"%s\":%s}",
			 cases[i].field, cases[i].value);
		expect(f, request, cases[i].good ? "\"ok\":true" : "\"code\":\"invalid\"");
	}
}

static void a_tenant_lives(void **state)
{
	static const struct exchange exchanges[] = {
		{"{\"op\":\"tenant.add\",\"slug\":\"ACME\",\"admin_email\":\"a@b.example\"}",
		 "\"slug\":\"acme\",\"name\":\"acme\",\"reference_prefix\":\"ACME\""},
		{"{\"op\":\"tenant.add\",\"slug\":\"acme\",\"admin_email\":\"a@b.example\"}",
		 "\"code\":\"exists\""},
		{"{\"op\":\"tenant.add\",\"slug\":\"nomail\"}", "needs admin_email"},
		{"{\"op\":\"tenant.add\",\"slug\":\"reply\",\"admin_email\":\"a@b.example\"}",
		 "can't be a slug"},
		{"{\"op\":\"tenant.add\",\"slug\":\"sales\",\"admin_email\":\"a@b.example\"}",
		 "can't be a slug"},
		{"{\"op\":\"tenant.add\",\"slug\":\"-x\",\"admin_email\":\"a@b.example\"}",
		 "can't be a slug"},
		/* one owner per prefix: chosen ones are refused, made ones get a number */
		{"{\"op\":\"tenant.add\",\"slug\":\"other\",\"admin_email\":\"a@b.example\","
		 "\"reference_prefix\":\"acme\"}",
		 "belongs to tenant \\\"acme\\\""},
		{"{\"op\":\"tenant.add\",\"slug\":\"ac-me\",\"admin_email\":\"a@b.example\"}",
		 "\"reference_prefix\":\"ACME2\""},
		{"{\"op\":\"tenant.set\",\"slug\":\"ac-me\",\"reference_prefix\":\"ACME\"}",
		 "\"code\":\"exists\""},
		{"{\"op\":\"tenant.set\",\"slug\":\"acme\",\"reference_prefix\":\"acme\",\"name\":\"A\"}",
		 "\"name\":\"A\""},
		{"{\"op\":\"tenant.set\",\"slug\":\"acme\",\"name\":\"A\"}", "\"locale\":\"\""},
		/* numbers that were given stay given */
		{"{\"op\":\"tenant.set\",\"slug\":\"acme\",\"next_ticket\":500}", "\"next_ticket\":500"},
		{"{\"op\":\"tenant.set\",\"slug\":\"acme\",\"next_ticket\":\"499\"}",
		 "only goes up: it is 500"},
		{"{\"op\":\"tenant.set\",\"slug\":\"acme\",\"next_ticket\":\"0\"}", "\"code\":\"invalid\""},
		{"{\"op\":\"tenant.set\",\"slug\":\"acme\",\"next_ticket\":\"1e3\"}", "\"code\":\"invalid\""},
		{"{\"op\":\"tenant.set\",\"slug\":\"acme\",\"name\":\"A\"}", "\"next_ticket\":500"},
		{"{\"op\":\"tenant.add\",\"slug\":\"moved\",\"admin_email\":\"a@b.example\",\"next_ticket\":"
		 "\"7001\"}",
		 "\"next_ticket\":7001"},
		{"{\"op\":\"tenant.suspend\",\"slug\":\"Acme\"}", "\"status\":\"suspended\""},
		{"{\"op\":\"tenant.resume\",\"slug\":\"acme\"}", "\"status\":\"active\""},
		{"{\"op\":\"tenant.remove\",\"slug\":\"acme\"}", "\"status\":\"removed\""},
		{"{\"op\":\"tenant.suspend\",\"slug\":\"acme\"}", "resume it first"},
		{"{\"op\":\"tenant.add\",\"slug\":\"acme\",\"admin_email\":\"a@b.example\"}", "was removed"},
		{"{\"op\":\"tenant.resume\",\"slug\":\"acme\"}", "\"status\":\"active\""},
		{"{\"op\":\"tenant.resume\",\"slug\":\"nobody\"}", "\"code\":\"not_found\""},
	};
	play(*state, exchanges, ARRAY_SIZE(exchanges));
}

/* ---- tickets ---- */

struct ticket_job {
	struct store_job job;
	const char *slug;
};

static int add_ticket(struct store_job *job, struct store_txn *txn)
{
	char reference[TICKET_REFERENCE_SIZE];
	struct tenant_row tenant;
	struct ticket_row row = {
		.subject = STR("old"), .tag = STR(""), .addressed_to = STR(""), .assignee = STR("")};
	struct ticket_id id;
	int64_t number;
	int r = tenant_rows_find(txn, str_from(CONTAINER_OF(job, struct ticket_job, job)->slug), &tenant);
	if (r == 0) {
		row.tenant = tenant.id;
		r = client_upsert(txn, tenant.id, STR("c@example.org"), STR("C"), 1, &row.requester);
	}
	return r < 0 ? r : ticket_add(txn, &row, &id, &number, reference);
}

static void a_ticket_is_changed_by_reference(void **state)
{
	static const struct exchange exchanges[] = {
		{"{\"op\":\"ticket.set\",\"reference\":\"tick-00001\",\"status\":\"resolved\"}",
		 "\"reference\":\"TICK-00001\",\"status\":\"resolved\",\"subject\":\"old\""},
		{"{\"op\":\"ticket.set\",\"reference\":\"TICK-1\",\"subject\":\" new "
		 "\",\"assignee\":\"anna\"}",
		 "\"status\":\"resolved\",\"subject\":\"new\",\"tag\":\"\",\"assignee\":\"anna\""},
		{"{\"op\":\"ticket.set\",\"reference\":\"TICK-1\",\"status\":\"done\"}", "is not a status"},
		{"{\"op\":\"ticket.set\",\"reference\":\"TICK-1\",\"subject\":\" \"}", "needs a subject"},
		{"{\"op\":\"ticket.set\",\"reference\":\"TICK-1\",\"tag\":\"a\\r\\nb\"}", "one line"},
		{"{\"op\":\"ticket.set\",\"reference\":\"TICK-2\",\"tag\":\"x\"}", "\"code\":\"not_found\""},
		{"{\"op\":\"ticket.set\",\"reference\":\"NONE-1\",\"tag\":\"x\"}", "\"code\":\"not_found\""},
		{"{\"op\":\"ticket.set\",\"reference\":\"TICK1\",\"tag\":\"x\"}", "is not a reference"},
		{"{\"op\":\"ticket.set\",\"reference\":\"TICK-99999999999999999\",\"tag\":\"x\"}",
		 "is not a reference"},
	};
	struct admin_store *f = *state;
	struct ticket_job job = {.job = {.apply = add_ticket}, .slug = "tick"};
	list_node_init(&job.job.link);
	expect(f, "{\"op\":\"tenant.add\",\"slug\":\"tick\",\"admin_email\":\"a@b.example\"}", "\"ok\":true");
	assert_int_equal(store_run(f->store, &job.job), 0);
	play(f, exchanges, ARRAY_SIZE(exchanges));
}

/* ---- settings ---- */

static void settings_are_tried_before_they_are_stored(void **state)
{
	static const struct exchange exchanges[] = {
		{"{\"op\":\"setting.set\",\"key\":\"god.key\",\"value\":\"1\"}", "\"code\":\"not_found\""},
		{"{\"op\":\"setting.set\",\"key\":\"fixed.key\",\"value\":\"1\"}", "\"code\":\"invalid\""},
		{"{\"op\":\"setting.set\",\"key\":\"good.key\",\"value\":\"bad\"}", "\"code\":\"invalid\""},
		{"{\"op\":\"setting.unset\",\"key\":\"good.key\"}", "was not set"},
		{"{\"op\":\"setting.set\",\"key\":\"good.key\",\"value\":\"secret\"}",
		 "\"result\":{\"key\":\"good.key\",\"set\":true}"},
		{"{\"op\":\"setting.unset\",\"key\":\"good.key\"}", "\"set\":false"},
	};
	play(*state, exchanges, ARRAY_SIZE(exchanges));
}

static bool on_setting(void *ctx, struct str key, struct str value, int64_t updated_ms UNUSED)
{
	if (str_eq(key, STR("good.key")))
		snprintf(ctx, 64, "%.*s", STR_ARG(value));
	return true;
}

static void read_setting(struct admin_store *f, char *ret)
{
	struct reader *reader;
	struct conf_error error;
	snprintf(ret, 64, "(unset)");
	assert_int_equal(reader_open(&reader, &f->conf, &error), 0);
	assert_int_equal(reader_settings(reader, on_setting, ret), 0);
	reader_close(reader);
}

static void a_setting_can_be_put_back(void **state)
{
	static const struct {
		const char *before, *request, *after;
	} cases[] = {
		{NULL, "{\"op\":\"setting.set\",\"key\":\"good.key\",\"value\":\"two\"}", "(unset)"},
		{"one", "{\"op\":\"setting.set\",\"key\":\"good.key\",\"value\":\"two\"}", "one"},
		{"one", "{\"op\":\"setting.unset\",\"key\":\"good.key\"}", "one"},
	};
	struct admin_store *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct admin_op *op;
		struct strbuf answer;
		char value[64];
		strbuf_init(&answer, 4096);
		if (cases[i].before)
			expect(f, "{\"op\":\"setting.set\",\"key\":\"good.key\",\"value\":\"one\"}",
			       "\"ok\":true");
		assert_int_equal(admin_op_new(&op, str_from(cases[i].request), &rules, &answer), 0);
		assert_int_equal(admin_op_effect(op), ADMIN_CHANGES_SETTINGS);
		assert_int_equal(store_run(f->store, admin_op_job(op)), 0);
		struct admin_op *undo = admin_op_undo(op);
		admin_op_free(op);
		assert_int_equal(store_run(f->store, admin_op_job(undo)), 0);
		admin_op_free(undo);
		read_setting(f, value);
		assert_string_equal(value, cases[i].after);
		strbuf_done(&answer);
	}
}

static void sizes_and_references(void **state UNUSED)
{
	int64_t n;
	struct str prefix;
	assert_int_equal(admin_parse_size(STR(" 25 MiB "), &n), 0);
	assert_int_equal(n, 25 << 20);
	assert_int_equal(admin_parse_size(STR("4096"), &n), 0);
	assert_int_equal(n, 4096);
	assert_int_equal(admin_parse_size(STR("99999999999999999999"), &n), -EINVAL);
	assert_int_equal(admin_parse_size(STR("MiB"), &n), -EINVAL);
	assert_int_equal(admin_parse_reference(STR("acme-00042"), &prefix, &n), 0);
	assert_true(str_eq(prefix, STR("acme")));
	assert_int_equal(n, 42);
	assert_int_equal(admin_parse_reference(STR("-1"), &prefix, &n), -EINVAL);
	assert_int_equal(admin_parse_reference(STR("ACME-"), &prefix, &n), -EINVAL);
	assert_int_equal(admin_parse_reference(STR("AC ME-1"), &prefix, &n), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(fields_are_checked),
		cmocka_unit_test(a_tenant_lives),
		cmocka_unit_test(a_ticket_is_changed_by_reference),
		cmocka_unit_test(settings_are_tried_before_they_are_stored),
		cmocka_unit_test(a_setting_can_be_put_back),
		cmocka_unit_test(sizes_and_references),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
