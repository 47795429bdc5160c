/* Rows of a mail: clients, numbers, references, tickets, comments, attachments; and tenants apart. */
#include "fixture.h"

static int setup(void **state)
{
	struct fixture *f = XNEW(struct fixture);
	fixture_init(f);
	fixture_open(f, NULL);
	fixture_tenant(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fixture_done(*state);
	free(*state);
	return 0;
}

static int other_tenant_fn(void *ctx, struct store_txn *txn)
{
	struct tenant_row row = {.slug = STR("b-tech"), .name = STR("B"), .reference_prefix = STR("BTECH")};
	return tenant_rows_add(txn, &row, ctx);
}

static void numbers_count_per_tenant(void **state)
{
	struct fixture *f = *state;
	struct tenant_id acme = f->tenant, other = {0};
	assert_int_equal(run(f, other_tenant_fn, &other), 0);
	static const struct {
		bool other;
		const char *reference;
	} cases[] = {
		{false, "ACME-00001"}, {true, "BTECH-00001"}, {false, "ACME-00002"},
		{false, "ACME-00003"}, {true, "BTECH-00002"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		f->tenant = cases[i].other ? other : acme;
		struct mail_rows rows = add_mail(f, 100);
		assert_string_equal(rows.reference, cases[i].reference);
	}
}

static void a_failed_job_takes_no_number(void **state)
{
	struct fixture *f = *state;
	struct mail_rows rows = add_mail(f, 100);
	struct mail_rows again = rows; /* the same mail id: refused by its unique index */
	again.mail = make_mail(f->spool, &again.id, 100);
	assert_int_equal(run(f, add_mail_rows, &again), -EEXIST);
	spooled_mail_discard(again.mail);
	assert_int_equal(add_mail(f, 100).number, 2);
}

struct upsert {
	struct tenant_id tenant;
	struct str address, name;
	struct client_id id;
};

static int upsert_fn(void *ctx, struct store_txn *txn)
{
	struct upsert *u = ctx;
	return client_upsert(txn, u->tenant, u->address, u->name, 1, &u->id);
}

static void a_client_is_one_per_tenant_and_address(void **state)
{
	struct fixture *f = *state;
	struct tenant_id other = {0};
	assert_int_equal(run(f, other_tenant_fn, &other), 0);
	const struct {
		struct tenant_id tenant;
		const char *address;
		int64_t id;
	} cases[] = {
		{f->tenant, "jane@example.com", 1}, {f->tenant, "Jane@example.com", 1},
		{f->tenant, "jan@example.com", 2},  {other, "jane@example.com", 3},
		{other, "JANE@example.com", 3},     {f->tenant, "jane@example.com", 1},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct upsert u = {cases[i].tenant, str_from(cases[i].address), STR("N"), {0}};
		assert_int_equal(run(f, upsert_fn, &u), 0);
		assert_int_equal(u.id.v, cases[i].id);
	}
	assert_int_equal(ask(f, "SELECT count(*) FROM client"), 3);
}

struct find {
	struct tenant_id tenant;
	int64_t number;
	struct ticket_id id;
	struct ticket_change change;
	char reference[TICKET_REFERENCE_SIZE];
};

static int find_fn(void *ctx, struct store_txn *txn)
{
	struct find *find = ctx;
	return ticket_find(txn, find->tenant, find->number, &find->id);
}

static int update_fn(void *ctx, struct store_txn *txn)
{
	struct find *find = ctx;
	return ticket_update(txn, find->id, &find->change, 77);
}

static int reference_fn(void *ctx, struct store_txn *txn)
{
	struct find *find = ctx;
	return ticket_reference(txn, find->id, find->reference);
}

static void a_ticket_is_found_by_number_in_its_tenant_only_whatever_its_status(void **state)
{
	struct fixture *f = *state;
	struct mail_rows rows = add_mail(f, 100);
	for (int status = TICKET_OPEN; status <= TICKET_REOPENED; status++) {
		struct find find = {.tenant = f->tenant, .number = 1, .id = rows.ticket};
		find.change.status = status;
		assert_int_equal(run(f, update_fn, &find), 0);
		find.id.v = 0;
		assert_int_equal(run(f, find_fn, &find), 0);
		assert_int_equal(find.id.v, rows.ticket.v);
		assert_int_equal(run(f, reference_fn, &find), 0);
		assert_string_equal(find.reference, "ACME-00001");
	}
	struct find stranger = {.tenant = {f->tenant.v + 1}, .number = 1};
	assert_int_equal(run(f, find_fn, &stranger), -ENOENT);
	struct find unknown = {.tenant = f->tenant, .number = 2};
	assert_int_equal(run(f, find_fn, &unknown), -ENOENT);
	unknown.id.v = 4711;
	assert_int_equal(run(f, update_fn, &unknown), -ENOENT);
	assert_int_equal(run(f, reference_fn, &unknown), -ENOENT);
}

static void a_change_leaves_other_fields_alone(void **state)
{
	struct fixture *f = *state;
	struct mail_rows rows = add_mail(f, 100);
	struct find find = {.id = rows.ticket, .change = {.status = -1, .assignee = STR("ann@acme.example")}};
	assert_int_equal(run(f, update_fn, &find), 0);
	assert_int_equal(ask(f,
			     "SELECT count(*) FROM ticket WHERE status = 0 AND subject = 'It does not work'"
			     " AND assignee = 'ann@acme.example' AND updated_ms = 77"),
			 1);
}

static int attachments_fn(void *ctx, struct store_txn *txn)
{
	struct mail_rows *rows = ctx;
	for (int64_t i = 1; i <= 3; i++) {
		struct attachment_row row = {
			.position = i, .part = STR("2.1"), .filename = STR("a.pdf"), .size = i};
		int r = attachment_add(txn, rows->comment, &row);
		if (r < 0)
			return r;
	}
	return 0;
}

static void attachments_belong_to_a_comment_by_position(void **state)
{
	struct fixture *f = *state;
	struct mail_rows rows = add_mail(f, 100);
	assert_int_equal(run(f, attachments_fn, &rows), 0);
	assert_int_equal(ask(f, "SELECT sum(position * size) FROM attachment"), 14);
	assert_int_equal(run(f, attachments_fn, &rows), -EEXIST);
	assert_int_equal(ask(f, "SELECT count(*) FROM attachment"), 3);
}

static void names_of_statuses_are_read_back(void **state)
{
	(void)state;
	for (int status = TICKET_OPEN; status <= TICKET_REOPENED; status++) {
		enum ticket_status parsed;
		const char *name = ticket_status_name((enum ticket_status)status);
		assert_int_equal(ticket_status_parse(str_from(name), &parsed), 0);
		assert_int_equal(parsed, status);
	}
	enum ticket_status parsed;
	assert_int_equal(ticket_status_parse(STR("Open"), &parsed), -EINVAL);
	assert_int_equal(ticket_status_parse(STR(""), &parsed), -EINVAL);
}

static void the_rows_fit_together(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 5; i++)
		add_mail(f, 300);
	assert_int_equal(ask(f, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	assert_int_equal(ask(f, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbers_count_per_tenant, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failed_job_takes_no_number, setup, teardown),
		cmocka_unit_test_setup_teardown(a_client_is_one_per_tenant_and_address, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_ticket_is_found_by_number_in_its_tenant_only_whatever_its_status, setup, teardown),
		cmocka_unit_test_setup_teardown(a_change_leaves_other_fields_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(attachments_belong_to_a_comment_by_position, setup, teardown),
		cmocka_unit_test_setup_teardown(the_rows_fit_together, setup, teardown),
		cmocka_unit_test(names_of_statuses_are_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
