/* Forwards: the original octet for octet, out of the database or its file, with our fields on top of it. */
#include "tests/unit/storage/fixture.h"

#include "storage/reader.h"
#include "tests/lib/sample_mail.h"

struct world {
	struct fixture f;
	struct reader *reader;
	struct sample sample;
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
	sample_init(&w->sample, "");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	reader_close(w->reader);
	sample_done(&w->sample);
	fixture_done(&w->f);
	free(w);
	return 0;
}

/* A stored original with a ticket that nobody needs here. */
static void store(struct world *w, const char *start, size_t size)
{
	struct mail_rows rows = {
		.tenant = w->f.tenant, .id = mail_id_make(), .header_message_id = STR("m@x")};
	struct spooled_mail *mail = NULL;
	assert_int_equal(spool_create(w->f.spool, &rows.id, &mail), 0);
	assert_int_equal(spooled_mail_append(mail, str_from(start)), 0);
	for (size_t n = strlen(start); n < size; n += 50)
		assert_int_equal(
			spooled_mail_append(mail, STR("0123456789012345678901234567890123456789012345678\n")),
			0);
	assert_int_equal(spooled_mail_seal(mail), 0);
	rows.mail = mail;
	assert_int_equal(run(&w->f, add_mail_rows, &rows), 0);
	sample_job(&w->sample, OUTBOX_CONFIRM, "en");
	struct outgoing *out = &w->sample.outgoing;
	*out = (struct outgoing){.job = out->job};
	out->job.kind = OUTBOX_FORWARD;
	out->job.recipient = STR("operator@example.org");
	out->job.mailbox = STR("support");
	out->original.id = rows.message;
	out->original.mail_id = rows.id;
	out->original.reverse_path = STR("jane@example.com");
	out->original.protocol = STR("ESMTPS");
	out->original.size = (int64_t)spooled_mail_size(mail);
	char *file = xstrdup(spooled_mail_in_file(mail) ? spooled_mail_file(mail) : "");
	static char kept[64];
	snprintf(kept, sizeof(kept), "%s", file);
	free(file);
	out->original.file = str_from(kept);
	spooled_mail_discard(mail);
}

static int make(struct world *w, struct composed *ret)
{
	const char *why = "";
	return compose(&w->sample.composer, w->reader, &w->sample.outgoing, ret, &why);
}

static void test_fields(void **state)
{
	struct world *w = *state;
	struct composed composed;
	char want[1000];
	store(w, "Received: x\r\nFrom: jane@example.com\r\nDKIM-Signature: x\r\n\r\n.\r\nbare\nx\r\n", 0);
	assert_int_equal(make(w, &composed), 0);
	const char *mark = strstr(composed.head.ptr, "X-Servelo-Loop: forward.");
	assert_ptr_equal(mark, composed.head.ptr);
	snprintf(want, sizeof(want), "%s",
		 "Resent-Date: Mon, 21 Sep 2026 14:13:20 +0000\r\nResent-From: "
		 "<support@serveloapp.example>\r\n"
		 "Resent-To: <operator@example.org>\r\nResent-Message-ID: "
		 "<QAAqAAAAAAAAAGMzQ1Fq@serveloapp.example>\r\n");
	assert_string_equal(strstr(composed.head.ptr, "\r\n") + 2, want);
	assert_true(str_eq(
		composed.body,
		STR("Received: x\r\nFrom: jane@example.com\r\nDKIM-Signature: x\r\n\r\n.\r\nbare\nx\r\n")));
	assert_true(str_starts(composed.reverse_path, STR("bounce+")));
	assert_true(str_eq(composed.recipient, STR("operator@example.org")));
	assert_true(!composed.eight_bit && !composed.utf8);
	composed_done(&composed);
}

static void test_null_reverse_path_stays_null(void **state)
{
	struct world *w = *state;
	struct composed composed;
	store(w, "Received: x\r\n\r\nx", 0);
	w->sample.outgoing.original.reverse_path = STR("");
	assert_int_equal(make(w, &composed), 0);
	assert_int_equal(composed.reverse_path.len, 0);
	composed_done(&composed);
}

static void test_what_it_needs(void **state)
{
	struct world *w = *state;
	struct composed composed;
	store(w, "Received: x\r\n\r\nabcdefgh\xe4", 0);
	assert_int_equal(make(w, &composed), 0);
	assert_true(composed.eight_bit && !composed.utf8);
	composed_done(&composed);
	w->sample.outgoing.original.protocol = STR("UTF8SMTPS");
	assert_int_equal(make(w, &composed), 0);
	assert_true(composed.utf8);
	composed_done(&composed);
	w->sample.outgoing.job.mailbox = STR("legal@other.example");
	assert_int_equal(make(w, &composed), 0);
	assert_non_null(strstr(composed.head.ptr, "\r\nResent-From: <legal@other.example>\r\n"));
	composed_done(&composed);
	w->sample.outgoing.job.mailbox = STR("x\r\nBcc: y");
	assert_int_equal(make(w, &composed), -EINVAL);
}

static int read_all(struct original_file *file, struct strbuf *out)
{
	struct str piece = STR("x");
	int r = 0;
	while (r == 0 && piece.len) {
		r = original_file_next(file, &piece);
		if (r == 0)
			strbuf_add(out, piece);
	}
	return r;
}

static void test_needs_of_a_big_one(void **state)
{
	struct world *w = *state;
	struct composed composed;
	store(w, "Received: x\r\n\r\nabcdefgh\xe4", 300 * 1024);
	assert_int_equal(make(w, &composed), 0);
	assert_true(composed.eight_bit);
	composed_done(&composed);
}

/* What becomes shorter while it leaves does not end like a whole mail. */
static void test_big_one_that_gets_shorter(void **state)
{
	struct world *w = *state;
	struct composed composed;
	struct strbuf read;
	char path[512];
	store(w, "Received: x\r\n\r\n", 300 * 1024);
	assert_int_equal(make(w, &composed), 0);
	snprintf(path, sizeof(path), "%s/spool/%.*s", w->f.data_dir,
		 STR_ARG(w->sample.outgoing.original.file));
	assert_int_equal(truncate(path, 100 * 1024), 0);
	strbuf_init(&read, SIZE_MAX / 2);
	original_file_rewind(composed.body_file);
	assert_int_equal(read_all(composed.body_file, &read), -EIO);
	assert_int_equal(read.len, 100 * 1024);
	strbuf_done(&read);
	composed_done(&composed);
	assert_int_equal(make(w, &composed), -EIO);
}

static void test_big_one_stays_in_its_file(void **state)
{
	struct world *w = *state;
	struct composed composed;
	store(w, "Received: x\r\n\r\n", 300 * 1024);
	assert_true(w->sample.outgoing.original.file.len > 0);
	assert_int_equal(make(w, &composed), 0);
	assert_int_equal(composed.body.len, 0);
	assert_int_equal(original_file_size(composed.body_file), w->sample.outgoing.original.size);
	assert_true(!composed.eight_bit);
	for (int time = 0; time < 2; time++) { /* a relay that hangs up is told it again */
		struct strbuf read;
		strbuf_init(&read, SIZE_MAX / 2);
		original_file_rewind(composed.body_file);
		assert_int_equal(read_all(composed.body_file, &read), 0);
		assert_int_equal(read.len, w->sample.outgoing.original.size);
		assert_true(str_starts(strbuf_str(&read), STR("Received: x\r\n\r\n0123")));
		assert_string_equal(read.ptr + read.len - 6, "45678\n");
		strbuf_done(&read);
	}
	composed_done(&composed);
	/* a file that is not what its row says is not sent */
	w->sample.outgoing.original.size++;
	assert_int_equal(make(w, &composed), -EIO);
	w->sample.outgoing.original.file = STR("1/nothing");
	assert_int_equal(make(w, &composed), -EIO);
	w->sample.outgoing.original.file = STR("1/a-name-that-is-much-longer-than-any-file-of-the-spool");
	assert_true(make(w, &composed) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_null_reverse_path_stays_null, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_it_needs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_needs_of_a_big_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_big_one_that_gets_shorter, setup, teardown),
		cmocka_unit_test_setup_teardown(test_big_one_stays_in_its_file, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
