/*
 * From the file to the database to the view to an address: declared tenants, the view's look-ups and hints, and
 * whose mailbox an address is.
 */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "storage/store.h"
#include "storage/tenant_rows.h"
#include "tenant/directory.h"
#include "tenant/slug.h"

#define MANY 3000

struct house {
	char dir[64];
	struct storage_conf storage;
	struct store *store;
};

/* A job that is a function. */
struct task {
	struct store_job job;
	int (*fn)(struct store_txn *txn, void *ctx);
	void *ctx;
};

static int apply_task(struct store_job *job, struct store_txn *txn)
{
	struct task *task = CONTAINER_OF(job, struct task, job);
	return task->fn(txn, task->ctx);
}

static int run(struct house *house, int (*fn)(struct store_txn *txn, void *ctx), void *ctx)
{
	struct task task = {.job = {.apply = apply_task}, .fn = fn, .ctx = ctx};
	return store_run(house->store, &task.job);
}

static int remove_entry(const char *path, const struct stat *info UNUSED, int type UNUSED,
			struct FTW *ftw UNUSED)
{
	return remove(path);
}

static int setup(void **state)
{
	struct house *house = calloc(1, sizeof(*house));
	struct conf_error error = {""};
	snprintf(house->dir, sizeof(house->dir), "/tmp/servelo-tenant-XXXXXX");
	assert_non_null(mkdtemp(house->dir));
	house->storage = (struct storage_conf){house->dir, 4096, 1 << 20, 100, 100, 1 << 20};
	assert_int_equal(store_open(&house->store, NULL, &house->storage, &error), 0);
	*state = house;
	return 0;
}

static int teardown(void **state)
{
	struct house *house = *state;
	store_close(house->store);
	nftw(house->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(house);
	return 0;
}

static const struct declared_tenant two[] = {
	{"Acme", "Acme Inc", "admin@acme.example", "", "de", ""},
	{"globex", "", "boss@globex.example", "desk@globex.example", "", "GLX"},
};

static struct tenant_conf conf_of(const struct declared_tenant *tenants, size_t n)
{
	return (struct tenant_conf){
		.attachments_max = 20,
		.attachment_size_max = 1 << 20,
		.blocked_extensions = "exe",
		.locale = "en",
		.declare = {tenants, n},
	};
}

struct apply {
	struct tenant_conf conf;
	size_t changed;
};

static int apply_conf(struct store_txn *txn, void *ctx)
{
	struct apply *apply = ctx;
	return tenant_conf_apply(txn, &apply->conf, &apply->changed);
}

static size_t declare(struct house *house, const struct declared_tenant *tenants, size_t n)
{
	struct apply apply = {conf_of(tenants, n), 999};
	assert_int_equal(run(house, apply_conf, &apply), 0);
	return apply.changed;
}

static struct tenants *view(struct house *house)
{
	struct tenant_conf conf = conf_of(NULL, 0);
	struct tenants *tenants;
	struct conf_error error;
	struct reader *reader;
	assert_int_equal(reader_open(&reader, &house->storage, &error), 0);
	assert_int_equal(tenants_build(&tenants, reader, &conf), 0);
	reader_close(reader);
	return tenants;
}

static void test_declared_tenants_are_made_and_resolved(void **state)
{
	struct house *house = *state;
	assert_int_equal(declare(house, two, 2), 2);
	assert_int_equal(declare(house, two, 2), 0);
	struct tenants *tenants = view(house);
	assert_int_equal(tenants_count(tenants), 2);
	const struct tenant *acme = tenants_find(tenants, STR("ACME")),
			    *globex = tenants_find(tenants, STR("globex"));
	assert_non_null(acme);
	assert_string_equal(acme->slug.ptr, "acme");
	assert_string_equal(acme->name.ptr, "Acme Inc");
	assert_string_equal(acme->reference_prefix.ptr, "ACME");
	assert_string_equal(acme->locale.ptr, "de");
	assert_string_equal(acme->blocked_extensions.ptr, "exe");
	assert_int_equal(acme->attachments_max, 20);
	assert_int_equal(acme->attachment_size_max, 1 << 20);
	assert_true(acme->confirm && !acme->suspended);
	assert_string_equal(globex->name.ptr, "globex");
	assert_string_equal(globex->locale.ptr, "en");
	assert_string_equal(globex->notify_email.ptr, "desk@globex.example");
	assert_string_equal(globex->reference_prefix.ptr, "GLX");
	assert_ptr_equal(tenants_ref(tenants), tenants);
	assert_null(tenants_unref(tenants));
	assert_ptr_equal(tenants_find(tenants, STR("acme")), acme);
	tenants_unref(tenants);
	assert_null(tenants_unref(NULL));
}

static int rename_acme(struct store_txn *txn, void *ctx UNUSED)
{
	struct tenant_row row;
	int r = tenant_rows_find(txn, STR("acme"), &row);
	if (r < 0)
		return r;
	char locale[] = "fr";
	struct tenant_row next = {.id = row.id,
				  .slug = STR("acme"),
				  .name = STR("Acme Inc"),
				  .reference_prefix = STR("ACME"),
				  .admin_email = STR("admin@acme.example"),
				  .notify_email = STR(""),
				  .locale = {locale, 2},
				  .signature = STR(""),
				  .logo_url = STR(""),
				  .blocked_extensions = STR("none"),
				  .attachments_max = 3,
				  .confirm = true,
				  .status = TENANT_ACTIVE};
	return tenant_rows_update(txn, &next);
}

static void test_what_was_set_at_run_time_wins(void **state)
{
	struct house *house = *state;
	declare(house, two, 2);
	assert_int_equal(run(house, rename_acme, NULL), 0);
	struct declared_tenant again = two[0];
	again.locale = "it";
	again.name = "Acme Limited";
	assert_int_equal(declare(house, &again, 1), 1);
	struct tenants *tenants = view(house);
	const struct tenant *acme = tenants_find(tenants, STR("acme"));
	assert_string_equal(acme->locale.ptr, "fr");
	assert_string_equal(acme->name.ptr, "Acme Limited");
	assert_string_equal(acme->blocked_extensions.ptr, "none");
	assert_int_equal(acme->attachments_max, 3);
	tenants_unref(tenants);
}

static void test_a_prefix_has_one_owner(void **state)
{
	static const struct declared_tenant alike[] = {
		{"acme-corporation", "", "a@b", "", "", ""},
		{"acme-corporate", "", "a@b", "", "", ""},
		{"acmecorporal", "", "a@b", "", "", ""},
	};
	static const struct declared_tenant taken[] = {{"other", "", "a@b", "", "", "ACMECORPOR"}};
	struct house *house = *state;
	assert_int_equal(declare(house, alike, 3), 3);
	struct apply apply = {conf_of(taken, 1), 0};
	assert_int_equal(run(house, apply_conf, &apply), -EEXIST);
	struct tenants *tenants = view(house);
	assert_int_equal(tenants_count(tenants), 3);
	assert_string_equal(tenants_find(tenants, STR("acme-corporation"))->reference_prefix.ptr,
			    "ACMECORPOR");
	assert_string_equal(tenants_find(tenants, STR("acme-corporate"))->reference_prefix.ptr, "ACMECORP2");
	assert_string_equal(tenants_find(tenants, STR("acmecorporal"))->reference_prefix.ptr, "ACMECORP3");
	tenants_unref(tenants);
}

static int add_many(struct store_txn *txn, void *ctx UNUSED)
{
	for (int i = 0; i < MANY; i++) {
		char slug[32], prefix[16];
		snprintf(slug, sizeof(slug), "tenant-%05d", i * 7);
		snprintf(prefix, sizeof(prefix), "T%05d", i);
		struct tenant_row row = {.slug = str_from(slug),
					 .name = STR("x"),
					 .reference_prefix = str_from(prefix),
					 .admin_email = STR("a@b"),
					 .notify_email = STR(""),
					 .locale = STR("en"),
					 .signature = STR(""),
					 .logo_url = STR(""),
					 .blocked_extensions = STR("")};
		struct tenant_id id;
		int r = tenant_rows_add(txn, &row, &id);
		if (r < 0)
			return r;
	}
	return 0;
}

static void test_each_of_many_is_found_and_no_other(void **state)
{
	struct house *house = *state;
	assert_int_equal(run(house, add_many, NULL), 0);
	struct tenants *tenants = view(house);
	assert_int_equal(tenants_count(tenants), MANY);
	for (int i = 0; i < MANY * 7; i++) {
		char slug[32];
		snprintf(slug, sizeof(slug), "tenant-%05d", i);
		const struct tenant *tenant = tenants_find(tenants, str_from(slug));
		assert_int_equal(tenant != NULL, i % 7 == 0);
		if (tenant)
			assert_string_equal(tenant->slug.ptr, slug);
	}
	tenants_unref(tenants);
}

static int suspend_globex(struct store_txn *txn, void *ctx UNUSED)
{
	struct tenant_row row;
	int r = tenant_rows_find(txn, STR("globex"), &row);
	return r < 0 ? r : tenant_rows_set_status(txn, row.id, TENANT_SUSPENDED);
}

static void test_hints_are_one_edit_away(void **state)
{
	static const struct declared_tenant tenants_declared[] = {{"acme", "", "a@b", "", "", ""},
								  {"globex", "", "a@b", "", "", ""},
								  {"ab", "", "a@b", "", "", ""}};
	static const struct {
		struct str slug;
		const char *want;
	} cases[] = {
		{STR_INIT("amce"), "acme"},
		{STR_INIT("ACM"), "acme"},
		{STR_INIT("acmee"), "acme"},
		{STR_INIT("cme"), "acme"},
		{STR_INIT("acne"), "acme"},
		{STR_INIT("acme1"), "acme"},
		{STR_INIT("ac.me"), "acme"},
		{STR_INIT("glob-ex"), "globex"},
		{STR_INIT("gl\xc3obex"), "globex"},
		{STR_INIT("ame"), "acme"},
		{STR_INIT("emca"), NULL},
		{STR_INIT("am"), NULL},
		{STR_INIT("abc"), NULL},
		{STR_INIT(""), NULL},
		{STR_INIT("a"), NULL},
		{STR_INIT("globe"), "globex"},
		{STR_INIT("abcdefghijklmnopqrstuvwxyz0123456"), NULL},
		{STR_INIT("abcdefghijklmnopqrstuvwxyz01234567890"), NULL},
	};
	struct house *house = *state;
	declare(house, tenants_declared, 3);
	struct tenants *tenants = view(house);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct tenant *near = tenants_near(tenants, cases[i].slug);
		if ((near == NULL) != (cases[i].want == NULL))
			fail_msg("%.*s", STR_ARG(cases[i].slug));
		if (near)
			assert_string_equal(near->slug.ptr, cases[i].want);
	}
	tenants_unref(tenants);
}

static void test_whose_mailbox_is_it(void **state)
{
	static const struct {
		const char *local, *domain;
		enum directory_verdict verdict;
		enum mailbox_role role;
		const char *name, *detail, *forward_to, *near;
	} cases[] = {
		{"acme", "serveloapp.com", DIRECTORY_FOUND, MAILBOX_TENANT, "acme", "", NULL, NULL},
		{"AcMe", "serveloapp.com", DIRECTORY_FOUND, MAILBOX_TENANT, "acme", "", NULL, NULL},
		{"acme+Tag+2", "serveloapp.com", DIRECTORY_FOUND, MAILBOX_TENANT, "acme", "Tag+2", NULL,
		 NULL},
		{"acme+", "serveloapp.com", DIRECTORY_FOUND, MAILBOX_TENANT, "acme", "", NULL, NULL},
		{"globex", "serveloapp.com", DIRECTORY_SUSPENDED, MAILBOX_TENANT, "globex", "", NULL, NULL},
		{"reply+AbC-_9", "serveloapp.com", DIRECTORY_FOUND, MAILBOX_REPLY, "reply", "AbC-_9", NULL,
		 NULL},
		{"Bounce+x", "serveloapp.com", DIRECTORY_FOUND, MAILBOX_BOUNCE, "bounce", "x", NULL, NULL},
		{"reply", "serveloapp.com", DIRECTORY_UNKNOWN, 0, NULL, NULL, NULL, NULL},
		{"reply+", "serveloapp.com", DIRECTORY_UNKNOWN, 0, NULL, NULL, NULL, NULL},
		{"postmaster", "serveloapp.com", DIRECTORY_FOUND, MAILBOX_OPERATOR, "postmaster", "", "ops@x",
		 NULL},
		{"PostMaster", "", DIRECTORY_FOUND, MAILBOX_OPERATOR, "postmaster", "", "ops@x", NULL},
		{"abuse+1", "serveloapp.com", DIRECTORY_FOUND, MAILBOX_OPERATOR, "abuse", "1", "ops@x", NULL},
		{"Support", "serveloapp.com", DIRECTORY_FOUND, MAILBOX_OPERATOR, "support", "", "desk@x",
		 NULL},
		{"amce", "serveloapp.com", DIRECTORY_UNKNOWN, 0, NULL, NULL, NULL, "acme"},
		{"amce+tag", "serveloapp.com", DIRECTORY_UNKNOWN, 0, NULL, NULL, NULL, "acme"},
		{"nobody", "serveloapp.com", DIRECTORY_UNKNOWN, 0, NULL, NULL, NULL, NULL},
		{"", "serveloapp.com", DIRECTORY_UNKNOWN, 0, NULL, NULL, NULL, NULL},
		{"+acme", "serveloapp.com", DIRECTORY_UNKNOWN, 0, NULL, NULL, NULL, NULL},
		{"acme", "example.org", DIRECTORY_FOREIGN, 0, NULL, NULL, NULL, NULL},
		{"postmaster", "example.org", DIRECTORY_FOREIGN, 0, NULL, NULL, NULL, NULL},
		{"acme", "x.serveloapp.com", DIRECTORY_FOREIGN, 0, NULL, NULL, NULL, NULL},
		{"acme", "", DIRECTORY_FOREIGN, 0, NULL, NULL, NULL, NULL},
	};
	static const struct conf_pair pairs[] = {{"support", "desk@x"}};
	static const struct forwards_conf forwards = {{pairs, 1}};
	static const struct mail_conf mail = {"serveloApp.com", "", "ops@x"};
	const struct directory directory = {&mail, &forwards};
	struct house *house = *state;
	declare(house, two, 2);
	assert_int_equal(run(house, suspend_globex, NULL), 0);
	struct tenants *tenants = view(house);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mailaddr addr = {str_from(cases[i].local), str_from(cases[i].domain)};
		struct tenant_mailbox box = {.role = MAILBOX_TENANT};
		const struct tenant *near = NULL;
		if (directory_lookup(&directory, tenants, &addr, &box, &near) != cases[i].verdict)
			fail_msg("%s@%s", cases[i].local, cases[i].domain);
		assert_true(near ? cases[i].near && str_eq(near->slug, str_from(cases[i].near))
				 : !cases[i].near);
		if (!cases[i].name)
			continue;
		assert_int_equal(box.role, cases[i].role);
		assert_true(str_eq(box.name, str_from(cases[i].name)));
		assert_true(str_eq(box.detail, str_from(cases[i].detail)));
		assert_int_equal(box.tenant != NULL, box.role == MAILBOX_TENANT);
		assert_true(str_eq(box.forward_to, str_from(cases[i].forward_to)));
		assert_int_equal(directory_lookup(&directory, tenants, &addr, &box, NULL), cases[i].verdict);
	}
	tenants_unref(tenants);
}

static void test_sections_that_contradict_each_other(void **state)
{
	(void)state;
	static const struct declared_tenant twice[] = {{"a1", "", "", "", "", ""},
						       {"A1", "", "", "", "", ""}};
	static const struct declared_tenant same_prefix[] = {{"a1", "", "", "", "", "X"},
							     {"a2", "", "", "", "", "X"}};
	static const struct declared_tenant forward[] = {{"sales", "", "", "", "", ""}};
	static const struct {
		const char *domain, *operator_address, *name, *address;
		const struct declared_tenant *tenants;
		size_t n;
		const char *want;
	} cases[] = {
		{"x", "o@x", "sales", "a@b", two, 2, NULL},
		{"", "o@x", "sales", "a@b", two, 2, "mail.domain is missing"},
		{"x", "", "sales", "a@b", two, 2, "mail.operator_address is missing"},
		{"x", "o@x", "Sales", "a@b", two, 2, "\"Sales\" can't be a name"},
		{"x", "o@x", "a+b", "a@b", two, 2, "\"a+b\" can't be a name"},
		{"x", "o@x", "reply", "a@b", two, 2, "\"reply\" has a meaning of its own"},
		{"x", "o@x", "abuse", "a@b", two, 2, "goes to mail.operator_address"},
		{"x", "o@x", "sales", "", two, 2, "\"sales\" has no address"},
		{"x", "o@x", "sales", "a@b", twice, 2, "\"A1\" is there twice"},
		{"x", "o@x", "sales", "a@b", same_prefix, 2,
		 "\"a1\" and \"a2\" have the same reference_prefix"},
		{"x", "o@x", "sales", "a@b", forward, 1, "\"sales\" can't be a slug: the name is one of"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mail_conf mail = {cases[i].domain, "", cases[i].operator_address};
		struct conf_pair pair = {cases[i].name, cases[i].address};
		struct forwards_conf forwards = {{&pair, 1}};
		struct tenant_conf tenants = conf_of(cases[i].tenants, cases[i].n);
		struct conf_error error = {""};
		int r = tenant_conf_check(&mail, &forwards, &tenants, &error);
		assert_int_equal(r, cases[i].want ? -EINVAL : 0);
		if (cases[i].want && !strstr(error.text, cases[i].want))
			fail_msg("%s", error.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_declared_tenants_are_made_and_resolved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_was_set_at_run_time_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_prefix_has_one_owner, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_of_many_is_found_and_no_other, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hints_are_one_edit_away, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whose_mailbox_is_it, setup, teardown),
		cmocka_unit_test(test_sections_that_contradict_each_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
