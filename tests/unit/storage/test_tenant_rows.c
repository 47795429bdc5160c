/* Tenants as rows: what an administrator set at run time wins over what config.yaml declares. */
#include "fixture.h"

enum verb { ADD, UPDATE, DECLARE, CHECK };

struct step {
	enum verb verb;
	int result;
	bool declared;
	const char *name, *admin, *notify; /* NULL when declaring: stays */
	int64_t attachments_max;
};

static int step_fn(void *ctx, struct store_txn *txn)
{
	const struct step *step = ctx;
	struct tenant_row row = {
		.slug = STR("acme"),
		.name = str_from(step->name),
		.admin_email = str_from(step->admin),
		.notify_email = str_from(step->notify),
		.declared = step->declared,
		.attachments_max = step->attachments_max,
	};
	struct tenant_row now;
	struct tenant_id id;
	int r;
	switch (step->verb) {
	case ADD:
		row.reference_prefix = STR("ACME");
		return tenant_rows_add(txn, &row, &id);
	case DECLARE:
		return tenant_rows_update_declared(txn, &row) == step->result ? 0 : -EPROTO;
	case UPDATE:
		r = tenant_rows_find(txn, row.slug, &now);
		if (r < 0)
			return r;
		now.name = row.name;
		now.admin_email = row.admin_email;
		now.notify_email = row.notify_email;
		now.attachments_max = row.attachments_max;
		return tenant_rows_update(txn, &now);
	case CHECK:
	default:
		r = tenant_rows_find(txn, row.slug, &now);
		if (r < 0)
			return r;
		return str_eq(now.name, row.name) && str_eq(now.admin_email, row.admin_email) &&
				       str_eq(now.notify_email, row.notify_email) &&
				       now.attachments_max == row.attachments_max &&
				       str_eq(now.reference_prefix, STR("ACME")) && now.next_ticket == 1 &&
				       now.declared == row.declared
			       ? 0
			       : -EPROTO;
	}
}

static void run_time_wins_over_the_declaration(void **state)
{
	struct fixture *f = *state;
	struct step steps[] = {
		{DECLARE, -ENOENT, true, "A", "a@x", "", 0},
		{ADD, 0, true, "A", "a@x", "", 0},
		{ADD, -EEXIST, true, "A", "a@x", "", 0},
		{CHECK, 0, true, "A", "a@x", "", 0},
		/* the same again: nothing to do */
		{DECLARE, 0, true, "A", "a@x", NULL, 0},
		/* another declaration takes */
		{DECLARE, 1, true, "B", "a@x", "n@x", 5},
		{CHECK, 0, true, "B", "a@x", "n@x", 5},
		/* an administrator changes the name and the limit; the rest is still the file's */
		{UPDATE, 0, true, "Mine", "a@x", "n@x", 7},
		{DECLARE, 1, true, "C", "c@x", NULL, 9},
		{CHECK, 0, true, "Mine", "c@x", "n@x", 7},
		/* what the file does not mention stays */
		{DECLARE, 0, true, NULL, NULL, NULL, 0},
		{CHECK, 0, true, "Mine", "c@x", "n@x", 7},
	};
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		int r = run(f, step_fn, &steps[i]);
		if (r != (steps[i].verb == ADD ? steps[i].result : 0))
			fail_msg("step %zu: %d", i, r);
	}
}

static void a_tenant_made_by_hand_is_not_the_files(void **state)
{
	struct fixture *f = *state;
	struct step steps[] = {
		{ADD, 0, false, "Mine", "a@x", "", 3},
		{DECLARE, 0, false, "File", "f@x", "f@x", 4},
		{CHECK, 0, false, "Mine", "a@x", "", 3},
	};
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		assert_int_equal(run(f, step_fn, &steps[i]), 0);
}

static int status_fn(void *ctx, struct store_txn *txn)
{
	struct tenant_row row;
	int r = tenant_rows_find(txn, STR("acme"), &row);
	if (r == 0)
		r = tenant_rows_set_status(txn, row.id, *(enum tenant_status *)ctx);
	if (r == 0)
		r = tenant_rows_find(txn, STR("acme"), &row);
	if (r == 0 && row.status != *(enum tenant_status *)ctx)
		r = -EPROTO;
	return r;
}

static int unknown_fn(void *ctx, struct store_txn *txn)
{
	(void)ctx;
	struct tenant_row row = {.id = {4711}};
	if (tenant_rows_set_status(txn, row.id, TENANT_ACTIVE) != -ENOENT)
		return -EPROTO;
	if (tenant_rows_find(txn, STR("nobody"), &row) != -ENOENT)
		return -EPROTO;
	return tenant_rows_update(txn, &row) == -ENOENT ? 0 : -EPROTO;
}

static void a_status_is_set_and_unknown_tenants_are_enoent(void **state)
{
	struct fixture *f = *state;
	fixture_tenant(f);
	static const enum tenant_status statuses[] = {TENANT_SUSPENDED, TENANT_REMOVED, TENANT_ACTIVE};
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		enum tenant_status status = statuses[i];
		assert_int_equal(run(f, status_fn, &status), 0);
	}
	assert_int_equal(run(f, unknown_fn, NULL), 0);
	assert_string_equal(tenant_status_name(TENANT_SUSPENDED), "suspended");
}

static int rename_by_id_fn(void *ctx, struct store_txn *txn)
{
	struct fixture *f = ctx;
	struct tenant_row row, none;
	assert_int_equal(tenant_rows_get(txn, (struct tenant_id){4711}, &none), -ENOENT);
	int r = tenant_rows_get(txn, f->tenant, &row);
	if (r < 0)
		return r;
	assert_true(str_eq(row.slug, STR("acme")));
	row.name = STR("Acme & Sons");
	return tenant_rows_update(txn, &row); /* with the row's own views for the rest */
}

static void a_tenant_is_read_and_changed_by_id(void **state)
{
	struct fixture *f = *state;
	fixture_tenant(f);
	assert_int_equal(run(f, rename_by_id_fn, f), 0);
	assert_int_equal(ask(f,
			     "SELECT count(*) FROM tenant WHERE name = 'Acme & Sons' AND reference_prefix ="
			     " 'ACME' AND admin_email = 'admin@acme.example'"),
			 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_tenant_is_read_and_changed_by_id, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(run_time_wins_over_the_declaration, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_tenant_made_by_hand_is_not_the_files, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_status_is_set_and_unknown_tenants_are_enoent, fixture_setup,
						fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
