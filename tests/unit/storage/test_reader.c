/* What readers see: lists and their pages, single rows, originals; and that the balance finds planted damage. */
#include <dirent.h>

#include "fixture.h"
#include "storage/reader.h"

struct world {
	struct fixture f;
	struct reader *reader;
};

static int setup(void **state)
{
	struct world *w = XNEW(struct world);
	struct conf_error error = {.text = ""};
	fixture_init(&w->f);
	fixture_open(&w->f, NULL);
	fixture_tenant(&w->f);
	if (reader_open(&w->reader, &w->f.conf, &error) < 0)
		fail_msg("%s", error.text);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	reader_close(w->reader);
	fixture_done(&w->f);
	free(w);
	return 0;
}

/* ---- tickets ---- */

struct seen {
	size_t n;
	int64_t ids[64];
	char references[64][TICKET_REFERENCE_SIZE];
	char addresses[64][64];
};

static bool see_ticket(void *ctx, const struct ticket_view *view)
{
	struct seen *seen = ctx;
	assert_true(seen->n < 64);
	seen->ids[seen->n] = view->row.id.v;
	snprintf(seen->references[seen->n], TICKET_REFERENCE_SIZE, "%.*s", STR_ARG(view->row.reference));
	snprintf(seen->addresses[seen->n], 64, "%.*s", STR_ARG(view->requester_address));
	assert_int_equal(view->comments, 1);
	seen->n++;
	return true;
}

static int second_tenant_fn(void *ctx, struct store_txn *txn)
{
	struct tenant_row row = {.slug = STR("bolt"), .name = STR("Bolt"), .reference_prefix = STR("BOLT")};
	return tenant_rows_add(txn, &row, ctx);
}

struct status_change {
	struct ticket_id id;
	int status;
};

static int status_fn(void *ctx, struct store_txn *txn)
{
	struct status_change *c = ctx;
	struct ticket_change change = {.status = c->status};
	return ticket_update(txn, c->id, &change, 5);
}

/* 30 tickets: odd ones acme's, even ones bolt's; every third is closed; two requesters in turn. */
static void fill(struct world *w)
{
	struct tenant_id acme = w->f.tenant, bolt = {0};
	assert_int_equal(run(&w->f, second_tenant_fn, &bolt), 0);
	for (int i = 1; i <= 30; i++) {
		struct mail_rows rows = {.tenant = i % 2 ? acme : bolt,
					 .id = mail_id_make(),
					 .author = i % 4 < 2 ? STR("Jane@example.com")
							     : STR("joe@example.com")};
		rows.mail = make_mail(w->f.spool, &rows.id, 200);
		assert_int_equal(run(&w->f, add_mail_rows, &rows), 0);
		spooled_mail_discard(rows.mail);
		assert_int_equal(rows.ticket.v, i);
		struct status_change change = {rows.ticket, i % 3 ? TICKET_OPEN : TICKET_CLOSED};
		assert_int_equal(run(&w->f, status_fn, &change), 0);
	}
}

static bool wanted(const struct ticket_filter *filter, int i)
{
	if (filter->tenant_slug.ptr && str_eq(filter->tenant_slug, STR("acme")) != (i % 2 == 1))
		return false;
	if (filter->status >= 0 && (filter->status == TICKET_CLOSED) != (i % 3 == 0))
		return false;
	if (filter->requester.ptr && str_ieq(filter->requester, STR("jane@example.com")) != (i % 4 < 2))
		return false;
	return true;
}

/* Every kind of filter, read page by page, gives the wanted tickets, newest first, each once. */
static void tickets_are_listed_by_filter_and_page(void **state)
{
	struct world *w = *state;
	fill(w);
	static const struct {
		const char *slug;
		int status;
		const char *requester;
	} cases[] = {
		{NULL, -1, NULL},
		{NULL, TICKET_OPEN, NULL},
		{NULL, TICKET_CLOSED, NULL},
		{"acme", -1, NULL},
		{"bolt", -1, NULL},
		{"acme", TICKET_CLOSED, NULL},
		{"bolt", TICKET_OPEN, NULL},
		{NULL, -1, "jane@example.com"},
		{NULL, TICKET_CLOSED, "JOE@example.com"},
		{"acme", -1, "joe@example.com"},
		{"acme", TICKET_OPEN, "jane@EXAMPLE.com"},
	};
	static const int64_t limits[] = {0, 1, 4, 7};
	for (size_t i = 0; i < ARRAY_SIZE(cases) * ARRAY_SIZE(limits); i++) {
		const int64_t limit = limits[i % ARRAY_SIZE(limits)];
		struct ticket_filter filter = {.tenant_slug = str_from(cases[i / 4].slug),
					       .status = cases[i / 4].status,
					       .requester = str_from(cases[i / 4].requester),
					       .limit = limit};
		struct seen seen = {.n = 0};
		for (size_t before = 1; before != seen.n;) {
			before = seen.n;
			filter.before_id = seen.n ? seen.ids[seen.n - 1] : 0;
			assert_int_equal(reader_tickets(w->reader, &filter, see_ticket, &seen), 0);
			assert_true(limit == 0 || (int64_t)(seen.n - before) <= limit);
		}
		size_t n = 0;
		for (int id = 30; id >= 1; id--)
			if (wanted(&filter, id)) {
				assert_true(n < seen.n);
				assert_int_equal(seen.ids[n++], id);
			}
		assert_int_equal(seen.n, n);
	}
}

/* A page can begin at any id, also one of another tenant. */
static void a_page_may_begin_at_a_ticket_of_another_tenant(void **state)
{
	struct world *w = *state;
	fill(w);
	struct seen seen = {.n = 0};
	struct ticket_filter filter = {.tenant_slug = STR("acme"), .status = -1, .before_id = 10, .limit = 3};
	assert_int_equal(reader_tickets(w->reader, &filter, see_ticket, &seen), 0);
	assert_int_equal(seen.n, 3);
	assert_int_equal(seen.ids[0], 9);
	assert_int_equal(seen.ids[2], 5);
}

/* With every way to walk: the limit counts only what is young enough. */
static void tickets_are_listed_since_a_time(void **state)
{
	struct world *w = *state;
	fill(w);
	tamper(&w->f, "UPDATE ticket SET created_ms = id * 10000000");
	static const struct {
		struct ticket_filter filter;
		size_t n;
	} cases[] = {
		{{.status = -1, .since_ms = 200000000}, 11},
		{{.status = -1, .since_ms = 200000000, .limit = 4}, 4},
		{{.status = -1, .since_ms = 200000000, .before_id = 25}, 5},
		{{.status = -1, .since_ms = 300000001}, 0},
		{{.status = TICKET_CLOSED, .since_ms = 200000000}, 4},
		{{.status = -1, .since_ms = 200000000, .tenant_slug = STR_INIT("acme")}, 5},
		{{.status = TICKET_CLOSED,
		  .since_ms = 200000000,
		  .tenant_slug = STR_INIT("acme"),
		  .limit = 1},
		 1},
		{{.status = -1, .since_ms = 200000000, .requester = STR_INIT("jane@example.com")}, 6},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seen seen = {.n = 0};
		assert_int_equal(reader_tickets(w->reader, &cases[i].filter, see_ticket, &seen), 0);
		assert_int_equal(seen.n, cases[i].n);
	}
}

static void an_unknown_tenant_is_enoent_not_all_tickets(void **state)
{
	struct world *w = *state;
	struct seen seen = {.n = 0};
	fill(w);
	struct ticket_filter filter = {.tenant_slug = STR("nobody"), .status = -1};
	assert_int_equal(reader_tickets(w->reader, &filter, see_ticket, &seen), -ENOENT);
	filter = (struct ticket_filter){.requester = STR("nobody@example.com"), .status = -1};
	assert_int_equal(reader_tickets(w->reader, &filter, see_ticket, &seen), 0);
	assert_int_equal(seen.n, 0);
}

static void a_ticket_is_found_by_its_reference(void **state)
{
	struct world *w = *state;
	fill(w);
	static const struct {
		const char *reference;
		int result;
		int64_t id;
	} cases[] = {
		{"ACME-00001", 0, 1},
		{"acme-00002", 0, 3},
		{"Bolt-00015", 0, 30},
		{"BOLT-15", 0, 30},
		{"ACME-00016", -ENOENT, 0},
		{"NOPE-00001", -ENOENT, 0},
		{"ACME-", -ENOENT, 0},
		{"-00001", -ENOENT, 0},
		{"ACME", -ENOENT, 0},
		{"", -ENOENT, 0},
		{"ACME-0000x", -ENOENT, 0},
		{"ACME-99999999999999999999", -ENOENT, 0},
		{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-1", -ENOENT, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seen seen = {.n = 0};
		assert_int_equal(reader_ticket(w->reader, str_from(cases[i].reference), see_ticket, &seen),
				 cases[i].result);
		assert_int_equal(seen.n, cases[i].result == 0);
		if (seen.n)
			assert_int_equal(seen.ids[0], cases[i].id);
	}
}

/* ---- comments, originals ---- */

static int attachment_fn_add(void *ctx, struct store_txn *txn)
{
	struct attachment_row row = {.position = 1,
				     .part = STR("2"),
				     .filename = STR("a.pdf"),
				     .media_type = STR("application/pdf"),
				     .size = 9};
	return attachment_add(txn, ((struct mail_rows *)ctx)->comment, &row);
}

static bool see_comment(void *ctx, const struct comment_view *view)
{
	struct mail_rows *rows = ctx;
	assert_int_equal(view->row.id.v, rows->comment.v);
	assert_string_equal(view->mail_id.text, rows->id.text);
	assert_true(str_eq(view->author_name, STR("Jane")));
	assert_true(str_eq(view->row.text, STR("Hello,\n\nit does not work.\n")));
	assert_null(view->row.reply.ptr);
	rows->number = -1; /* seen */
	return true;
}

static bool see_attachment(void *ctx, const struct attachment_row *row)
{
	assert_true(str_eq(row->filename, STR("a.pdf")));
	assert_int_equal(row->size, 9);
	++*(int *)ctx;
	return true;
}

static void comments_come_with_author_original_and_attachments(void **state)
{
	struct world *w = *state;
	struct mail_rows rows = add_mail(&w->f, 100);
	int attachments = 0;
	assert_int_equal(run(&w->f, attachment_fn_add, &rows), 0);
	assert_int_equal(reader_comments(w->reader, rows.ticket, see_comment, &rows), 0);
	assert_int_equal(rows.number, -1);
	assert_int_equal(reader_attachments(w->reader, rows.comment, see_attachment, &attachments), 0);
	assert_int_equal(attachments, 1);
}

struct octets {
	size_t n;
	bool right;
};

static int see_bytes(void *ctx, struct str bytes)
{
	struct octets *octets = ctx;
	for (size_t i = 0; i < bytes.len; i++) /* as make_mail wrote them */
		if (bytes.ptr[i] != (char)('a' + (octets->n + i) % 1024 % 26))
			octets->right = false;
	octets->n += bytes.len;
	return 0;
}

static bool see_message(void *ctx, const struct message_row *row)
{
	assert_string_equal(row->mail_id.text, ((struct mail_rows *)ctx)->id.text);
	((struct mail_rows *)ctx)->number = row->file.len > 0 ? -2 : -1;
	return true;
}

static void originals_come_back_whole_from_rows_and_files(void **state)
{
	struct world *w = *state;
	static const size_t sizes[] = {10, 4096, 65536, 128 * 1024, 128 * 1024 + 1, 3000000};
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct mail_rows rows = add_mail(&w->f, sizes[i]);
		struct octets octets = {.right = true};
		assert_int_equal(reader_original(w->reader, &rows.id, see_bytes, &octets), 0);
		assert_int_equal(octets.n, sizes[i]);
		assert_true(octets.right);
		assert_int_equal(reader_message(w->reader, &rows.id, see_message, &rows), 0);
		assert_int_equal(rows.number, sizes[i] > 128 * 1024 ? -2 : -1);
	}
	struct mail_id unknown = mail_id_make();
	struct octets octets = {.n = 0};
	assert_int_equal(reader_original(w->reader, &unknown, see_bytes, &octets), -ENOENT);
	assert_int_equal(reader_message(w->reader, &unknown, see_message, NULL), -ENOENT);
}

static int refuse_bytes(void *ctx, struct str bytes)
{
	(void)ctx;
	(void)bytes;
	return -EPIPE;
}

static void the_taker_of_an_original_can_stop_it(void **state)
{
	struct world *w = *state;
	struct mail_rows small = add_mail(&w->f, 100), big = add_mail(&w->f, 300000);
	assert_int_equal(reader_original(w->reader, &small.id, refuse_bytes, NULL), -EPIPE);
	assert_int_equal(reader_original(w->reader, &big.id, refuse_bytes, NULL), -EPIPE);
}

static bool count_message(void *ctx, const struct message_row *row)
{
	(void)row;
	++*(int *)ctx;
	return true;
}

static void messages_are_filtered_by_time_and_message_id(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 6; i++)
		add_mail(&w->f, 50);
	tamper(&w->f,
	       "UPDATE message SET received_ms = id * 10000000, header_message_id = 'm' || id || '@x'");
	static const struct {
		struct message_filter filter;
		int n;
	} cases[] = {
		{{.limit = 0}, 6},
		{{.limit = 4}, 4},
		{{.before_id = 3}, 2},
		{{.since_ms = 40000000}, 3},
		{{.since_ms = 500000000}, 0},
		{{.header_message_id = STR_INIT("m5@")}, 1},
		{{.header_message_id = STR_INIT("@x"), .limit = 2}, 2},
		{{.header_message_id = STR_INIT("nope")}, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int n = 0;
		assert_int_equal(reader_messages(w->reader, &cases[i].filter, count_message, &n), 0);
		assert_int_equal(n, cases[i].n);
	}
}

/* ---- audit ---- */

static int audit_fn_add(void *ctx, struct store_txn *txn)
{
	return audit_add(txn, ctx);
}

static bool count_audit(void *ctx, const struct audit_view *view)
{
	(void)view;
	++*(int *)ctx;
	return true;
}

static void audit_rows_are_filtered(void **state)
{
	struct world *w = *state;
	struct mail_rows rows = add_mail(&w->f, 50);
	add_mail(&w->f, 50);
	struct audit_row refused = {.mail_id = mail_id_make(), .outcome = AUDIT_REFUSED, .received_ms = 1};
	for (int i = 0; i < 3; i++)
		assert_int_equal(run(&w->f, audit_fn_add, &refused), 0);
	const struct {
		struct audit_filter filter;
		int result, n;
	} cases[] = {
		{{.outcome = -1}, 0, 5},
		{{.outcome = -1, .limit = 2}, 0, 2},
		{{.outcome = AUDIT_CREATED}, 0, 2},
		{{.outcome = AUDIT_REFUSED}, 0, 3},
		{{.outcome = AUDIT_REFUSED, .before_id = 4}, 0, 1},
		{{.outcome = AUDIT_FAILED}, 0, 0},
		{{.outcome = -1, .mail_id = str_from(rows.id.text)}, 0, 1},
		{{.outcome = AUDIT_REFUSED, .mail_id = str_from(rows.id.text)}, 0, 0},
		{{.outcome = -1, .tenant_slug = STR("acme")}, 0, 2},
		{{.outcome = -1, .tenant_slug = STR("none")}, -ENOENT, 0},
		{{.outcome = -1, .since_ms = 1000}, 0, 2},
		{{.outcome = -1, .until_ms = 1000}, 0, 3},
		{{.outcome = -1, .until_ms = 1}, 0, 0},
		{{.outcome = -1, .from = STR("JANE@")}, 0, 2},
		{{.outcome = -1, .from = STR("joe@")}, 0, 0},
		{{.outcome = -1, .to = STR("Acme@")}, 0, 2},
		{{.outcome = -1, .to = STR("acme@serveloapp.com"), .limit = 1}, 0, 1},
		{{.outcome = AUDIT_REFUSED, .to = STR("acme")}, 0, 0},
		{{.outcome = -1, .header_message_id = STR("x")}, 0, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int n = 0;
		assert_int_equal(reader_audit(w->reader, &cases[i].filter, count_audit, &n), cases[i].result);
		assert_int_equal(n, cases[i].n);
	}
}

static bool see_audit(void *ctx, const struct audit_view *view)
{
	*(size_t *)ctx = view->row.error.len;
	return true;
}

static void audit_texts_are_cut_between_characters(void **state)
{
	struct world *w = *state;
	static const struct {
		size_t ascii;
		size_t kept; /* of ascii letters and then two-octet characters */
	} cases[] = {{0, 1000}, {1, 999}, {999, 999}, {1000, 1000}};
	char text[4000];
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(text, 'a', cases[i].ascii);
		for (size_t at = cases[i].ascii; at + 1 < sizeof(text); at += 2)
			memcpy(text + at, "\xc3\xa9", 2);
		struct audit_row row = {.mail_id = mail_id_make(), .outcome = AUDIT_FAILED};
		row.error = (struct str){text, 3000};
		assert_int_equal(run(&w->f, audit_fn_add, &row), 0);
		struct audit_filter filter = {.outcome = -1, .mail_id = str_from(row.mail_id.text)};
		size_t len = 0;
		assert_int_equal(reader_audit(w->reader, &filter, see_audit, &len), 0);
		assert_int_equal(len, cases[i].kept);
	}
}

/* ---- the balance ---- */

static void count_problem(void *ctx, const char *kind, struct str what)
{
	(void)kind;
	assert_true(what.len > 0);
	++*(int *)ctx;
}

static int forward_fn(void *ctx, struct store_txn *txn)
{
	struct mail_rows *rows = ctx;
	struct audit_row audit = {.mail_id = rows->id, .outcome = AUDIT_FORWARDED, .message = rows->message};
	struct outbox_row job = {
		.kind = OUTBOX_FORWARD, .message = rows->message, .recipient = STR("op@example.com")};
	struct outbox_id id;
	int r = audit_add(txn, &audit);
	return r < 0 ? r : outbox_add(txn, &job, &id);
}

/* The only file of the spool, opened. */
static int the_file(struct world *w, char *path, size_t size)
{
	char folder[160];
	snprintf(folder, sizeof(folder), "%s/spool/1", w->f.data_dir);
	DIR *dir = opendir(folder);
	assert_non_null(dir);
	path[0] = '\0';
	for (struct dirent *entry; (entry = readdir(dir));)
		if (entry->d_name[0] != '.')
			snprintf(path, size, "%s/%s", folder, entry->d_name);
	closedir(dir);
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	return fd;
}

static void remove_the_file(struct world *w)
{
	char path[512];
	close(the_file(w, path, sizeof(path)));
	assert_int_equal(unlink(path), 0);
}

static void cut_the_file(struct world *w)
{
	char path[512];
	int fd = the_file(w, path, sizeof(path));
	assert_int_equal(ftruncate(fd, 1000), 0);
	close(fd);
}

static void change_the_file(struct world *w)
{
	char path[512];
	int fd = the_file(w, path, sizeof(path));
	assert_int_equal(pwrite(fd, "Z", 1, 5000), 1);
	close(fd);
}

static void the_balance_finds_planted_damage(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		void (*file)(struct world *w);
		bool deep;
		struct audit_balance want;
	} cases[] = {
		{NULL, NULL, false, {.unaccounted = 0}},
		{NULL, NULL, true, {.unaccounted = 0}},
		{"DELETE FROM ticket WHERE id = 1", NULL, false, {.unaccounted = 1, .missing_tickets = 1}},
		{"DELETE FROM comment WHERE id = 2", NULL, false, {.unaccounted = 1, .missing_tickets = 1}},
		{"UPDATE comment SET ticket = 3 WHERE id = 2",
		 NULL,
		 false,
		 {.unaccounted = 1, .missing_tickets = 1}},
		{"UPDATE audit SET ticket = NULL WHERE id = 2",
		 NULL,
		 false,
		 {.unaccounted = 2, .missing_tickets = 1, .orphan_tickets = 1}},
		{"DELETE FROM message WHERE id = 1", NULL, false, {.unaccounted = 1, .missing_originals = 1}},
		{"DELETE FROM original WHERE message = 1",
		 NULL,
		 false,
		 {.unaccounted = 1, .missing_originals = 1}},
		{"UPDATE original SET bytes = substr(bytes, 2) WHERE message = 1",
		 NULL,
		 false,
		 {.unaccounted = 1, .missing_originals = 1}},
		{"UPDATE original SET bytes = zeroblob(length(bytes)) WHERE message = 1",
		 NULL,
		 false,
		 {.unaccounted = 0}},
		{"UPDATE original SET bytes = zeroblob(length(bytes)) WHERE message = 1",
		 NULL,
		 true,
		 {.unaccounted = 1, .damaged = 1}},
		{"DELETE FROM audit WHERE id = 1",
		 NULL,
		 false,
		 {.unaccounted = 2, .orphan_messages = 1, .orphan_tickets = 1}},
		{"DELETE FROM outbox WHERE id = 1",
		 NULL,
		 false,
		 {.unaccounted = 0}}, /* the other one has it */
		{"UPDATE outbox SET state = 4 WHERE id = 1", NULL, false, {.unaccounted = 0}},
		{"UPDATE outbox SET message = 1", NULL, false, {.unaccounted = 2, .missing_jobs = 2}},
		{"DELETE FROM outbox", NULL, false, {.unaccounted = 2, .missing_jobs = 2}},
		/* what an administrator wrote has no mail and no audit row */
		{"INSERT INTO comment SELECT 100, ticket, tenant, NULL, 1, NULL, 0, 0, created_ms, NULL, "
		 "'a@x', '',"
		 " '', NULL, 'By hand.' FROM comment WHERE id = 1",
		 NULL,
		 false,
		 {.unaccounted = 0}},
		{"INSERT INTO ticket SELECT 100, tenant, 100, 0, requester, 0, NULL, 1, 1, 's', '', '', '' "
		 "FROM ticket"
		 " WHERE id = 1; INSERT INTO comment SELECT 100, 100, tenant, NULL, 1, NULL, 0, 0, "
		 "created_ms, NULL,"
		 " 'a@x', '', '', NULL, 'By hand.' FROM comment WHERE id = 1",
		 NULL,
		 false,
		 {.unaccounted = 0}},
		/* with a comment by hand after it, a ticket of a mail is still one of a mail */
		{"DELETE FROM audit WHERE id = 1; INSERT INTO comment SELECT 100, 1, tenant, NULL, 1, NULL, "
		 "0, 0,"
		 " created_ms, NULL, 'a@x', '', '', NULL, 'By hand.' FROM comment WHERE id = 1",
		 NULL,
		 false,
		 {.unaccounted = 2, .orphan_messages = 1, .orphan_tickets = 1}},
		{"INSERT INTO ticket SELECT 100, tenant, 100, 0, requester, 0, NULL, 1, 1, 's', '', '', '' "
		 "FROM ticket"
		 " WHERE id = 1",
		 NULL,
		 false,
		 {.unaccounted = 1, .orphan_tickets = 1}},
		/* outcomes have what they claim: 1 commented, 3 event, 5 bounce_report, 6 quarantined */
		{"UPDATE audit SET outcome = 1 WHERE id = 1", NULL, false, {.unaccounted = 0}},
		{"UPDATE audit SET outcome = 3 WHERE id = 1", NULL, false, {.unaccounted = 0}},
		{"UPDATE audit SET outcome = 1, comment = NULL WHERE id = 1",
		 NULL,
		 false,
		 {.unaccounted = 1, .missing_tickets = 1}},
		{"UPDATE audit SET outcome = 3, comment = NULL WHERE id = 1",
		 NULL,
		 false,
		 {.unaccounted = 1, .missing_tickets = 1}},
		{"UPDATE audit SET outcome = 5, ticket = NULL, comment = NULL WHERE id = 1; DELETE FROM "
		 "comment WHERE"
		 " id = 1; DELETE FROM ticket WHERE id = 1",
		 NULL,
		 false,
		 {.unaccounted = 0}},
		{"UPDATE audit SET outcome = 5, ticket = NULL, comment = NULL, message = NULL WHERE id = 1; "
		 "DELETE FROM"
		 " comment WHERE id = 1; DELETE FROM ticket WHERE id = 1",
		 NULL,
		 false,
		 {.unaccounted = 2, .missing_originals = 1, .orphan_messages = 1}},
		{"UPDATE audit SET outcome = 6, ticket = NULL, comment = NULL WHERE id = 1; DELETE FROM "
		 "comment WHERE"
		 " id = 1; DELETE FROM ticket WHERE id = 1; DELETE FROM message WHERE id = 1",
		 NULL,
		 false,
		 {.unaccounted = 1, .missing_originals = 1}},
		{NULL, remove_the_file, false, {.unaccounted = 1, .missing_originals = 1}},
		{NULL, cut_the_file, false, {.unaccounted = 1, .missing_originals = 1}},
		{NULL, change_the_file, false, {.unaccounted = 0}},
		{NULL, change_the_file, true, {.unaccounted = 1, .damaged = 1}},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		void *made = NULL;
		setup(&made);
		struct world *w = made;
		struct mail_rows forwarded = {0};
		for (int m = 0; m < 3; m++)
			forwarded = add_mail(&w->f, 500);
		add_mail(&w->f, 200000);
		/* one mail for two mailboxes of the operator */
		assert_int_equal(run(&w->f, forward_fn, &forwarded), 0);
		assert_int_equal(run(&w->f, forward_fn, &forwarded), 0);
		if (cases[i].sql)
			tamper(&w->f, cases[i].sql);
		if (cases[i].file)
			cases[i].file(w);
		struct audit_balance got;
		int problems = 0;
		assert_int_equal(reader_balance(w->reader, cases[i].deep, &got, count_problem, &problems), 0);
		assert_int_equal(problems, got.unaccounted);
		assert_int_equal(got.unaccounted, cases[i].want.unaccounted);
		assert_int_equal(got.missing_tickets, cases[i].want.missing_tickets);
		assert_int_equal(got.missing_originals, cases[i].want.missing_originals);
		assert_int_equal(got.missing_jobs, cases[i].want.missing_jobs);
		assert_int_equal(got.orphan_messages, cases[i].want.orphan_messages);
		assert_int_equal(got.orphan_tickets, cases[i].want.orphan_tickets);
		assert_int_equal(got.damaged, cases[i].want.damaged);
		if (!cases[i].sql) {
			assert_int_equal(got.by_outcome[AUDIT_CREATED], 4);
			assert_int_equal(got.by_outcome[AUDIT_FORWARDED], 2);
			assert_int_equal(got.messages, 4);
			assert_int_equal(got.tickets, 4);
			assert_int_equal(got.comments, 4);
			assert_int_equal(got.files, 1);
		}
		teardown(&made);
	}
}

static void outcomes_are_read_back(void **state)
{
	(void)state;
	for (int outcome = AUDIT_CREATED; outcome <= AUDIT_FAILED; outcome++) {
		enum audit_outcome parsed;
		const char *name = audit_outcome_name((enum audit_outcome)outcome);
		assert_int_equal(audit_outcome_parse(str_from(name), &parsed), 0);
		assert_int_equal(parsed, outcome);
	}
	enum audit_outcome parsed;
	assert_int_equal(audit_outcome_parse(STR("lost"), &parsed), -EINVAL);
}

/* ---- tenants, settings, jobs; opening ---- */

struct tenants_seen {
	size_t n;
	char slugs[8][40];
	int64_t tickets[8];
};

static bool see_tenant(void *ctx, const struct tenant_row *row, int64_t tickets)
{
	struct tenants_seen *seen = ctx;
	snprintf(seen->slugs[seen->n], sizeof(seen->slugs[0]), "%.*s", STR_ARG(row->slug));
	seen->tickets[seen->n++] = tickets;
	return true;
}

static int remove_bolt_fn(void *ctx, struct store_txn *txn)
{
	(void)ctx;
	struct tenant_row row;
	int r = tenant_rows_find(txn, STR("bolt"), &row);
	return r < 0 ? r : tenant_rows_set_status(txn, row.id, TENANT_REMOVED);
}

static void tenants_are_listed_by_slug(void **state)
{
	struct world *w = *state;
	fill(w);
	struct tenants_seen seen = {.n = 0};
	assert_int_equal(reader_tenants(w->reader, false, true, see_tenant, &seen), 0);
	assert_int_equal(seen.n, 2);
	assert_string_equal(seen.slugs[0], "acme");
	assert_int_equal(seen.tickets[0], 15);
	assert_int_equal(run(&w->f, remove_bolt_fn, NULL), 0);
	seen.n = 0;
	assert_int_equal(reader_tenants(w->reader, false, false, see_tenant, &seen), 0);
	assert_int_equal(seen.n, 1);
	seen.n = 0;
	assert_int_equal(reader_tenants(w->reader, true, false, see_tenant, &seen), 0);
	assert_int_equal(seen.n, 2);
	seen.n = 0;
	assert_int_equal(reader_tenant(w->reader, STR("bolt"), see_tenant, &seen), 0);
	assert_int_equal(seen.tickets[0], 15);
	assert_int_equal(reader_tenant(w->reader, STR("b"), see_tenant, &seen), -ENOENT);
}

static int settings_fn(void *ctx, struct store_txn *txn)
{
	(void)ctx;
	int r = setting_set(txn, STR("limits.message_size"), STR("10MiB"), 1);
	if (r == 0)
		r = setting_set(txn, STR("a.b"), STR("x"), 2);
	if (r == 0)
		r = setting_set(txn, STR("limits.message_size"), STR("20MiB"), 3);
	return r;
}

static int unset_fn(void *ctx, struct store_txn *txn)
{
	(void)ctx;
	return setting_unset(txn, STR("a.b"));
}

static bool see_setting(void *ctx, struct str key, struct str value, int64_t updated_ms)
{
	if (str_eq(key, STR("limits.message_size"))) {
		assert_true(str_eq(value, STR("20MiB")));
		assert_int_equal(updated_ms, 3);
	}
	++*(int *)ctx;
	return true;
}

static void settings_are_set_replaced_and_unset(void **state)
{
	struct world *w = *state;
	int n = 0;
	assert_int_equal(run(&w->f, settings_fn, NULL), 0);
	assert_int_equal(reader_settings(w->reader, see_setting, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(run(&w->f, unset_fn, NULL), 0);
	assert_int_equal(run(&w->f, unset_fn, NULL), -ENOENT);
	n = 0;
	assert_int_equal(reader_settings(w->reader, see_setting, &n), 0);
	assert_int_equal(n, 1);
}

static bool see_job(void *ctx, const struct outbox_view *view)
{
	const struct outbox_row *row = &view->row;
	assert_int_equal(row->kind, OUTBOX_FORWARD);
	assert_true(str_eq(row->recipient, STR("op@example.com")));
	++*(int *)ctx;
	return true;
}

static void jobs_are_listed(void **state)
{
	struct world *w = *state;
	struct mail_rows rows = add_mail(&w->f, 10);
	int n = 0;
	struct outbox_filter filter = {.state = -1};
	assert_int_equal(run(&w->f, forward_fn, &rows), 0);
	assert_int_equal(run(&w->f, forward_fn, &rows), 0);
	assert_int_equal(reader_outbox(w->reader, &filter, see_job, &n), 0);
	assert_int_equal(n, 2);
	filter.limit = 1;
	assert_int_equal(reader_outbox(w->reader, &filter, see_job, &n), 0);
	assert_int_equal(n, 3);
}

static void a_reader_works_without_a_server_and_leaves_the_file_alone(void **state)
{
	struct world *w = *state;
	struct conf_error error = {.text = ""};
	add_mail(&w->f, 10);
	w->reader = reader_close(w->reader);
	fixture_close(&w->f);
	assert_int_equal(reader_open(&w->reader, &w->f.conf, &error), 0);
	struct audit_balance balance;
	assert_int_equal(reader_balance(w->reader, true, &balance, NULL, NULL), 0);
	assert_int_equal(balance.tickets, 1);
	assert_int_equal(balance.unaccounted, 0);
}

static void a_reader_says_what_is_wrong(void **state)
{
	struct world *w = *state;
	struct conf_error error = {.text = ""};
	struct reader *reader = NULL;
	struct storage_conf nowhere = {.data_dir = "/nonexistent/servelo"};
	assert_int_equal(reader_open(&reader, &nowhere, &error), -ENOENT);
	assert_non_null(strstr(error.text, "/nonexistent/servelo"));
	tamper(&w->f, "PRAGMA user_version = 0");
	assert_int_equal(reader_open(&reader, &w->f.conf, &error), -EINVAL);
	assert_non_null(strstr(error.text, "older"));
	tamper(&w->f, "PRAGMA user_version = 99");
	assert_int_equal(reader_open(&reader, &w->f.conf, &error), -EINVAL);
	assert_non_null(strstr(error.text, "newer"));
	assert_null(reader);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tickets_are_listed_by_filter_and_page),
		TEST(a_page_may_begin_at_a_ticket_of_another_tenant),
		TEST(tickets_are_listed_since_a_time),
		TEST(an_unknown_tenant_is_enoent_not_all_tickets),
		TEST(a_ticket_is_found_by_its_reference),
		TEST(comments_come_with_author_original_and_attachments),
		TEST(originals_come_back_whole_from_rows_and_files),
		TEST(the_taker_of_an_original_can_stop_it),
		TEST(messages_are_filtered_by_time_and_message_id),
		TEST(audit_rows_are_filtered),
		TEST(audit_texts_are_cut_between_characters),
		cmocka_unit_test(the_balance_finds_planted_damage),
		cmocka_unit_test(outcomes_are_read_back),
		TEST(tenants_are_listed_by_slug),
		TEST(settings_are_set_replaced_and_unset),
		TEST(jobs_are_listed),
		TEST(a_reader_works_without_a_server_and_leaves_the_file_alone),
		TEST(a_reader_says_what_is_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
