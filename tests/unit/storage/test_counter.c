/*
 * Counters are held by the transaction: whatever is undone around them, numbers have no gaps, records are those of jobs
 * that stayed, and whoever looks at the table sees what was counted. Also what a job remembers of its own rows.
 */
#include "fixture.h"

#include "storage/pace.h"

#define JOBS 24

struct work {
	uv_loop_t loop;
	uv_mutex_t gate; /* held by the test until everything is queued */
	struct fixture *f;
	struct tenant_id tenants[2];
	size_t done;
	struct counted {
		struct store_job job;
		struct work *work;
		int64_t place; /* in the batch */
		size_t tenant;
		int result; /* what apply answers after it counted */
		int64_t number;
		int applied;
	} jobs[JOBS];
};

static int add_tenants_fn(void *ctx, struct store_txn *txn)
{
	struct work *work = ctx;
	struct tenant_row row = {.slug = STR("beta"),
				 .name = STR("Beta"),
				 .reference_prefix = STR("BETA"),
				 .admin_email = STR("admin@beta.example"),
				 .locale = STR("en")};
	work->tenants[0] = work->f->tenant;
	return tenant_rows_add(txn, &row, &work->tenants[1]);
}

/* A client of its own, a ticket, and the place as the tenant's record. */
static int count_one(struct store_txn *txn, struct tenant_id tenant, int64_t place, int64_t *ret_number,
		     char *ret_reference)
{
	char address[64];
	uint8_t record[QUOTA_RECORD_MAX];
	size_t len = 0;
	struct ticket_row row = {
		.tenant = tenant, .subject = STR("s"), .tag = STR(""), .addressed_to = STR("")};
	snprintf(address, sizeof(address), "jane.%lld@example.com", (long long)place);
	int r = client_upsert(txn, tenant, str_from(address), STR("Jane"), 1, &row.requester);
	if (r == 0)
		r = ticket_add(txn, &row, &row.id, ret_number, ret_reference);
	if (r == 0)
		r = tenant_quota(txn, tenant, record, &len);
	if (r < 0)
		return r;
	record[0] = (uint8_t)place;
	return tenant_set_quota(txn, tenant, record, len > 1 ? len : 1);
}

static int counted_apply(struct store_job *job, struct store_txn *txn)
{
	struct counted *c = CONTAINER_OF(job, struct counted, job);
	char reference[TICKET_REFERENCE_SIZE];
	uv_mutex_lock(&c->work->gate);
	uv_mutex_unlock(&c->work->gate);
	c->applied++;
	int r = count_one(txn, c->work->tenants[c->tenant], c->place, &c->number, reference);
	return r < 0 ? r : c->result;
}

static void counted_done(struct store_job *job, int status)
{
	struct counted *c = CONTAINER_OF(job, struct counted, job);
	assert_int_equal(status, c->result);
	c->work->done++;
}

struct batch_case {
	bool repeatable;
	int64_t fails_each;   /* every so-manieth job fails; 0: none */
	int64_t tenants_turn; /* so many jobs for one tenant, then for the other */
};

static void run_batch(struct work *work, const struct batch_case *c)
{
	uv_mutex_lock(&work->gate);
	for (int64_t i = 0; i < JOBS; i++) {
		struct counted *job = &work->jobs[i];
		*job = (struct counted){
			.job = {.apply = counted_apply, .done = counted_done, .repeatable = c->repeatable},
			.work = work,
			.place = i + 1,
			.tenant = (size_t)(i / c->tenants_turn % 2),
			.result = c->fails_each && i % c->fails_each == c->fails_each - 1 ? -EINVAL : 0,
		};
		assert_int_equal(store_submit(work->f->store, &job->job), 0);
	}
	uv_mutex_unlock(&work->gate);
	for (work->done = 0; work->done < JOBS;)
		uv_run(&work->loop, UV_RUN_ONCE);
}

/* In the order of the batch the numbers of those that stayed are next, next + 1, ...; returns the next. */
static int64_t check_numbers(const struct work *work, size_t tenant, int64_t next, int64_t *ret_last_place)
{
	for (size_t i = 0; i < JOBS; i++) {
		const struct counted *job = &work->jobs[i];
		if (job->tenant != tenant || job->result < 0)
			continue;
		assert_int_equal(job->number, next);
		next++;
		*ret_last_place = job->place;
	}
	return next;
}

struct stored_counter {
	struct tenant_id tenant;
	int64_t next, place, tickets;
};

static int stored_fn(void *ctx, struct store_txn *txn)
{
	struct stored_counter *stored = ctx;
	static const char sql[] = "SELECT c.next, c.quota, (SELECT count(*) FROM ticket WHERE tenant = ?1)"
				  " FROM ticket_counter c WHERE c.tenant = ?1";
	struct stmt *s = stmt_use(txn->db, sql);
	stmt_int(s, 1, stored->tenant.v);
	int r = stmt_step(s);
	if (r > 0) {
		struct str quota = stmt_col_blob(s, 1);
		stored->next = stmt_col_int(s, 0);
		stored->place = quota.len ? (uint8_t)quota.ptr[0] : 0;
		stored->tickets = stmt_col_int(s, 2);
	}
	stmt_reset(s);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

static void work_open(struct work *work, struct fixture *f)
{
	work->f = f;
	uv_loop_init(&work->loop);
	uv_mutex_init(&work->gate);
	fixture_close(f);
	fixture_open(f, &work->loop);
}

static void work_close(struct work *work)
{
	fixture_close(work->f);
	uv_run(&work->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&work->loop), 0);
	uv_mutex_destroy(&work->gate);
	fixture_open(work->f, NULL);
}

static void numbers_have_no_gaps_whatever_fails_between(void **state)
{
	struct fixture *f = *state;
	static const struct batch_case cases[] = {
		{false, 0, 1}, {true, 0, 1}, {true, 0, 5},  {false, 3, 1}, {true, 3, 1},
		{true, 3, 5},  {true, 1, 1}, {false, 1, 7}, {true, 24, 1}, {false, 5, 24},
	};
	struct work *work = XNEW(struct work);
	work->f = f;
	assert_int_equal(run(f, add_tenants_fn, work), 0);
	int64_t next[2] = {1, 1}, place[2] = {0, 0};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		work_open(work, f);
		run_batch(work, &cases[i]);
		work_close(work);
		for (size_t tenant = 0; tenant < 2; tenant++) {
			struct stored_counter stored = {.tenant = work->tenants[tenant]};
			next[tenant] = check_numbers(work, tenant, next[tenant], &place[tenant]);
			assert_int_equal(run(f, stored_fn, &stored), 0);
			assert_int_equal(stored.next, next[tenant]);
			assert_int_equal(stored.tickets, next[tenant] - 1);
			assert_int_equal(stored.place, place[tenant]);
		}
	}
	free(work);
}

/* ---- alone ---- */

static int count_and_fail_fn(void *ctx, struct store_txn *txn)
{
	struct fixture *f = ctx;
	char reference[TICKET_REFERENCE_SIZE];
	int64_t number;
	int r = count_one(txn, f->tenant, 9, &number, reference);
	return r < 0 ? r : -ENOBUFS;
}

static void a_lone_job_that_fails_counts_nothing(void **state)
{
	struct fixture *f = *state;
	struct stored_counter stored = {.tenant = f->tenant};
	assert_int_equal(run(f, count_and_fail_fn, f), -ENOBUFS);
	assert_int_equal(run(f, stored_fn, &stored), 0);
	assert_int_equal(stored.next, 1);
	assert_int_equal(stored.place, 0);
	assert_int_equal(add_mail(f, 100).number, 1);
}

static int look_between_fn(void *ctx, struct store_txn *txn)
{
	struct fixture *f = ctx;
	struct tenant_row row;
	char reference[TICKET_REFERENCE_SIZE];
	int64_t number;
	assert_int_equal(count_one(txn, f->tenant, 1, &number, reference), 0);
	assert_string_equal(reference, "ACME-00001");
	assert_int_equal(tenant_rows_get(txn, f->tenant, &row), 0);
	assert_int_equal(row.next_ticket, 2);
	row.reference_prefix = STR("NEW");
	assert_int_equal(tenant_rows_update(txn, &row), 0);
	assert_int_equal(count_one(txn, f->tenant, 2, &number, reference), 0);
	assert_string_equal(reference, "NEW-00002");
	assert_int_equal(tenant_rows_raise_next_ticket(txn, f->tenant, 3), -EINVAL);
	assert_int_equal(tenant_rows_raise_next_ticket(txn, f->tenant, 70), 0);
	assert_int_equal(count_one(txn, f->tenant, 3, &number, reference), 0);
	assert_string_equal(reference, "NEW-00070");
	assert_int_equal(tenant_rows_find(txn, STR("acme"), &row), 0);
	assert_int_equal(row.next_ticket, 71);
	assert_int_equal(count_one(txn, (struct tenant_id){999}, 3, &number, reference), -ENOENT);
	assert_int_equal(count_one(txn, f->tenant, 4, &number, reference), 0);
	assert_string_equal(reference, "NEW-00071");
	return 0;
}

static void who_looks_between_sees_what_was_counted(void **state)
{
	struct fixture *f = *state;
	struct stored_counter stored = {.tenant = f->tenant};
	assert_int_equal(run(f, look_between_fn, f), 0);
	assert_int_equal(run(f, stored_fn, &stored), 0);
	assert_int_equal(stored.next, 72);
	assert_int_equal(stored.place, 4);
}

/* ---- what a job remembers ---- */

static int new_client_fn(void *ctx, struct store_txn *txn)
{
	struct fixture *f = ctx;
	struct ticket_row row = {
		.tenant = f->tenant, .subject = STR("s"), .tag = STR(""), .addressed_to = STR("")};
	struct client_id client, again;
	uint8_t record[QUOTA_RECORD_MAX] = "abc";
	size_t len = 99;
	bool many = true;
	char reference[TICKET_REFERENCE_SIZE];
	assert_int_equal(client_upsert(txn, f->tenant, STR("new@example.com"), STR("N"), 5, &client), 0);
	assert_int_equal(pace_tickets(txn, client, 1, 0, &many), 0);
	assert_false(many);
	row.requester = client;
	row.created_ms = 5;
	assert_int_equal(ticket_add(txn, &row, &row.id, &row.number, reference), 0);
	assert_int_equal(pace_tickets(txn, client, 1, 0, &many), 0);
	assert_true(many);
	assert_int_equal(client_quota(txn, client, record, &len), 0);
	assert_int_equal(len, 0);
	assert_int_equal(client_set_quota(txn, client, (const uint8_t *)"abc", 3), 0);
	assert_int_equal(client_quota(txn, client, record, &len), 0);
	assert_int_equal(len, 3);
	assert_int_equal(client_upsert(txn, f->tenant, STR("NEW@example.com"), STR("N"), 6, &again), 0);
	assert_int_equal(again.v, client.v);
	return 0;
}

static void a_new_client_has_nothing_until_he_has(void **state)
{
	assert_int_equal(run(*state, new_client_fn, *state), 0);
}

static struct repeat_key key_of(uint8_t identity, uint8_t body)
{
	struct repeat_key key = {.tenant = {1}};
	memset(key.identity, identity, sizeof(key.identity));
	memset(key.body, body, sizeof(key.body));
	return key;
}

static int repeats_fn(void *ctx, struct store_txn *txn)
{
	const struct repeat_key first = key_of(1, 1), second = key_of(1, 2), third = key_of(1, 3),
				other = key_of(2, 1);
	const struct mail_id ids[3] = {mail_id_make(), mail_id_make(), mail_id_make()};
	struct repeat found;
	(void)ctx;
	assert_int_equal(repeat_find(txn, &first, &found), -ENOENT);
	assert_int_equal(repeat_add(txn, &first, (struct ticket_id){10}, &ids[0], 1), 0);
	assert_int_equal(repeat_find(txn, &first, &found), 0);
	assert_true(found.same_body);
	/* what was found of one key is not taken for another's */
	assert_int_equal(repeat_add(txn, &other, (struct ticket_id){30}, &ids[2], 1), 0);
	assert_int_equal(repeat_find(txn, &other, &found), 0);
	assert_int_equal(found.ticket.v, 30);
	/* added without a look, and one behind the other: both name the first */
	assert_int_equal(repeat_add(txn, &second, (struct ticket_id){20}, &ids[1], 2), 0);
	assert_int_equal(repeat_add(txn, &third, (struct ticket_id){21}, &ids[1], 2), 0);
	/* looked for once, added twice */
	const struct repeat_key late = key_of(5, 1), later = key_of(5, 2);
	assert_int_equal(repeat_find(txn, &late, &found), -ENOENT);
	assert_int_equal(repeat_add(txn, &late, (struct ticket_id){50}, &ids[2], 3), 0);
	assert_int_equal(repeat_add(txn, &later, (struct ticket_id){51}, &ids[2], 3), 0);
	const struct repeat_key unseen = key_of(1, 4);
	assert_int_equal(repeat_find(txn, &unseen, &found), 0);
	assert_false(found.same_body);
	assert_int_equal(found.ticket.v, 10);
	assert_string_equal(found.mail_id.text, ids[0].text);
	return 0;
}

static void repeats_of_one_job_are_told_apart(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(run(f, repeats_fn, f), 0);
	assert_int_equal(ask(f, "SELECT count(*) FROM repeat WHERE first IS NULL"), 3);
	assert_int_equal(ask(f, "SELECT count(*) FROM repeat WHERE first = 1"), 2);
	assert_int_equal(ask(f, "SELECT count(*) FROM repeat WHERE first = 5"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup_tenant, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(numbers_have_no_gaps_whatever_fails_between),
		TEST(a_lone_job_that_fails_counts_nothing),
		TEST(who_looks_between_sees_what_was_counted),
		TEST(a_new_client_has_nothing_until_he_has),
		TEST(repeats_of_one_job_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
