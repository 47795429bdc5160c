/* Rows of a mail: clients, numbers, references, tickets, comments, attachments; and tenants apart. */
#include "fixture.h"

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

/* ---- clients' and tenants' records ---- */

struct record {
	struct client_id client;
	struct tenant_id tenant;
	uint8_t bytes[QUOTA_RECORD_MAX];
	size_t len;
	char text[128];
};

static int get_records_fn(void *ctx, struct store_txn *txn)
{
	struct record *record = ctx;
	return record->tenant.v > 0 ? tenant_quota(txn, record->tenant, record->bytes, &record->len)
				    : client_quota(txn, record->client, record->bytes, &record->len);
}

static int set_records_fn(void *ctx, struct store_txn *txn)
{
	struct record *record = ctx;
	return record->tenant.v > 0 ? tenant_set_quota(txn, record->tenant, record->bytes, record->len)
				    : client_set_quota(txn, record->client, record->bytes, record->len);
}

static void records_of_confirmations_survive_a_restart(void **state)
{
	struct fixture *f = *state;
	struct mail_rows rows = add_mail(f, 10);
	const struct record owners[] = {{.client = rows.client}, {.tenant = f->tenant}};
	static const size_t lens[] = {1, QUOTA_RECORD_MAX, 0, 7};
	for (size_t o = 0; o < ARRAY_SIZE(owners); o++) {
		struct record record = owners[o];
		record.len = 99;
		assert_int_equal(run(f, get_records_fn, &record), 0);
		assert_int_equal(record.len, 0);
		for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
			memset(record.bytes, (int)(i + o), sizeof(record.bytes));
			record.len = lens[i];
			assert_int_equal(run(f, set_records_fn, &record), 0);
			fixture_close(f);
			fixture_open(f, NULL);
			struct record got = owners[o];
			assert_int_equal(run(f, get_records_fn, &got), 0);
			assert_int_equal(got.len, lens[i]);
			assert_memory_equal(got.bytes, record.bytes, got.len);
		}
	}
	struct record stranger = {.client = {4711}}, strange_tenant = {.tenant = {4711}};
	assert_int_equal(run(f, get_records_fn, &stranger), -ENOENT);
	assert_int_equal(run(f, set_records_fn, &stranger), -ENOENT);
	assert_int_equal(run(f, get_records_fn, &strange_tenant), -ENOENT);
	assert_int_equal(run(f, set_records_fn, &strange_tenant), -ENOENT);
	assert_int_equal(add_mail(f, 10).number, 2); /* the counter beside the record goes on */
}

static int client_fn(void *ctx, struct store_txn *txn)
{
	struct record *record = ctx;
	struct str address, name;
	int r = client_get(txn, record->client, &address, &name);
	if (r == 0)
		snprintf(record->text, sizeof(record->text), "%.*s|%.*s", STR_ARG(name), STR_ARG(address));
	return r;
}

static void a_client_is_read_by_id(void **state)
{
	struct fixture *f = *state;
	struct record record = {.client = add_mail(f, 10).client};
	assert_int_equal(run(f, client_fn, &record), 0);
	assert_string_equal(record.text, "Jane|jane@example.com");
	record.client.v = 4711;
	assert_int_equal(run(f, client_fn, &record), -ENOENT);
}

/* ---- what was said before ---- */

struct thread_look {
	struct tenant_id tenant;
	struct str id;
	struct ticket_id ticket;
};

static int thread_fn(void *ctx, struct store_txn *txn)
{
	struct thread_look *look = ctx;
	return comment_find_thread(txn, look->tenant, look->id, &look->ticket);
}

static struct ticket_id add_mail_with_id(struct fixture *f, struct tenant_id tenant, struct str id)
{
	struct mail_rows rows = {.tenant = tenant, .id = mail_id_make(), .header_message_id = id};
	rows.mail = make_mail(f->spool, &rows.id, 100);
	assert_int_equal(run(f, add_mail_rows, &rows), 0);
	rows.mail = spooled_mail_discard(rows.mail);
	return rows.ticket;
}

static void a_comment_is_found_by_its_message_id_in_its_tenant(void **state)
{
	struct fixture *f = *state;
	struct tenant_id other = {0};
	assert_int_equal(run(f, other_tenant_fn, &other), 0);
	struct ticket_id a = add_mail_with_id(f, f->tenant, STR("a@x"));
	struct ticket_id b = add_mail_with_id(f, other, STR("b@x"));
	add_mail_with_id(f, f->tenant, STR("a@x")); /* again: the first one is meant */
	add_mail_with_id(f, f->tenant, STR(""));
	/* one whose key is that of another text */
	struct ticket_id c = add_mail_with_id(f, f->tenant, STR("c@x"));
	tamper(f, "UPDATE comment SET thread_key = (SELECT thread_key FROM comment WHERE header_message_id ="
		  " 'c@x') WHERE id = 1");
	const struct {
		struct tenant_id tenant;
		const char *id;
		int result;
		struct ticket_id ticket;
	} cases[] = {
		{f->tenant, "c@x", 0, c},         {other, "b@x", 0, b},
		{other, "a@x", -ENOENT, {0}},     {f->tenant, "b@x", -ENOENT, {0}},
		{f->tenant, "C@x", -ENOENT, {0}}, {f->tenant, "", -ENOENT, {0}},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct thread_look look = {cases[i].tenant, str_from(cases[i].id), {0}};
		assert_int_equal(run(f, thread_fn, &look), cases[i].result);
		assert_int_equal(look.ticket.v, cases[i].ticket.v);
	}
	struct thread_look look = {f->tenant, STR("d@x"), {0}};
	struct ticket_id d = add_mail_with_id(f, f->tenant, STR("d@x"));
	add_mail_with_id(f, f->tenant, STR("d@x"));
	assert_int_equal(run(f, thread_fn, &look), 0);
	assert_int_equal(look.ticket.v, d.v);
	(void)a;
}

struct texts {
	struct ticket_id ticket;
	size_t max, text_max, arena_max;
	char text[512];
};

static int texts_fn(void *ctx, struct store_txn *txn)
{
	struct texts *texts = ctx;
	struct arena arena;
	struct str *list;
	size_t n, used = 0;
	arena_init(&arena, texts->arena_max);
	texts->text[0] = '\0';
	int r = comment_texts(txn, texts->ticket, texts->max, texts->text_max, &arena, &list, &n);
	for (size_t i = 0; r == 0 && i < n; i++)
		used += (size_t)snprintf(texts->text + used, sizeof(texts->text) - used, "%.*s|",
					 STR_ARG(list[i]));
	arena_done(&arena);
	return r;
}

static void public_texts_come_newest_first_and_cut(void **state)
{
	struct fixture *f = *state;
	struct ticket_id ticket = add_mail(f, 10).ticket;
	add_mail(f, 10);
	tamper(f,
	       "UPDATE comment SET text = 'one' WHERE id = 1;"
	       "INSERT INTO comment SELECT NULL, 1, tenant, NULL, 1, NULL, 0, 0, 5, NULL, '', '', '', 'new',"
	       " 'two b\xc3\xa9ta' FROM comment WHERE id = 1;"
	       "INSERT INTO comment SELECT NULL, 1, tenant, NULL, 1, NULL, 1, 0, 6, NULL, '', '', '', NULL,"
	       " 'secret' FROM comment WHERE id = 1;"
	       "INSERT INTO comment SELECT NULL, 1, tenant, NULL, 0, NULL, 0, 0, 7, NULL, '', '', '', NULL,"
	       " 'three' FROM comment WHERE id = 1");
	const struct {
		struct ticket_id ticket;
		size_t max, text_max, arena_max;
		int result;
		const char *text;
	} cases[] = {
		{ticket, 9, 99, 4096, 0, "three|two b\xc3\xa9ta|one|"},
		{ticket, 2, 99, 4096, 0, "three|two b\xc3\xa9ta|"},
		{ticket, 9, 6, 4096, 0, "three|two b|one|"},
		{ticket, 9, 7, 4096, 0, "three|two b\xc3\xa9|one|"},
		{ticket, 0, 99, 4096, 0, ""},
		{ticket, 2, 0, 4096, 0, "||"},
		{{4711}, 9, 99, 4096, 0, ""},
		{ticket, 3, 99, 3 * sizeof(struct str) + 16, 0, "three|"},
		{ticket, 3, 99, 8, -ENOBUFS, ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct texts texts = {cases[i].ticket, cases[i].max, cases[i].text_max, cases[i].arena_max,
				      ""};
		assert_int_equal(run(f, texts_fn, &texts), cases[i].result);
		assert_string_equal(texts.text, cases[i].text);
	}
	/* with 197 more internal ones the first one is the 201st */
	tamper(f,
	       "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 197)"
	       " INSERT INTO comment SELECT NULL, 1, tenant, NULL, 0, NULL, 1, 0, 6, NULL, '', '', '', NULL,"
	       " 'secret' FROM comment, n WHERE id = 1");
	struct texts texts = {ticket, 9, 99, 4096, ""};
	assert_int_equal(run(f, texts_fn, &texts), 0);
	assert_string_equal(texts.text, "three|two b\xc3\xa9ta|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbers_count_per_tenant, fixture_setup_tenant,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_failed_job_takes_no_number, fixture_setup_tenant,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_client_is_one_per_tenant_and_address, fixture_setup_tenant,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(
			a_ticket_is_found_by_number_in_its_tenant_only_whatever_its_status,
			fixture_setup_tenant, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_change_leaves_other_fields_alone, fixture_setup_tenant,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(attachments_belong_to_a_comment_by_position,
						fixture_setup_tenant, fixture_teardown),
		cmocka_unit_test_setup_teardown(records_of_confirmations_survive_a_restart,
						fixture_setup_tenant, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_client_is_read_by_id, fixture_setup_tenant,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_comment_is_found_by_its_message_id_in_its_tenant,
						fixture_setup_tenant, fixture_teardown),
		cmocka_unit_test_setup_teardown(public_texts_come_newest_first_and_cut, fixture_setup_tenant,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(the_rows_fit_together, fixture_setup_tenant,
						fixture_teardown),
		cmocka_unit_test(names_of_statuses_are_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
