/*
 * Stored originals through today's code: what differs is told and corrected, what does not is left alone. This program
 * is its own parser child.
 */
#include "tests/unit/storage/fixture.h"

#include <jansson.h>

#include "ingest/ingest.h"
#include "ingest/parser_child.h"
#include "ingest/parser_frame.h"
#include "smtpd/reprocess.h"
#include "storage/reader.h"

#define TRACE "Trace: x\r\n" /* ten octets, as the fixture's rows say */
#define MAIL                                                                   \
	"From: Jane <jane@example.com>\r\nSubject: x\r\nMIME-Version: 1.0\r\n" \
	"Content-Type: multipart/mixed; boundary=b\r\n\r\n"                    \
	"--b\r\nContent-Type: text/plain\r\n\r\nthe real text\r\n"             \
	"--b\r\nContent-Type: application/pdf\r\n"                             \
	"Content-Disposition: attachment; filename=a.pdf\r\n\r\n%PDF\r\n"      \
	"--b\r\nContent-Type: application/octet-stream\r\n"                    \
	"Content-Disposition: attachment; filename=evil.exe\r\n\r\nMZ\r\n--b--\r\n"

struct world {
	struct fixture f;
	struct mail_rows rows;
	struct tenant_conf tenants;
	struct ingest_conf ingest;
	struct server_conf conf;
	struct reprocess *reprocess;
};

static void store_mail(struct world *w, const char *mail, size_t times)
{
	w->rows = (struct mail_rows){.tenant = w->f.tenant, .id = mail_id_make()};
	assert_int_equal(spool_create(w->f.spool, &w->rows.id, &w->rows.mail), 0);
	assert_int_equal(spooled_mail_append(w->rows.mail, str_from(TRACE)), 0);
	for (size_t i = 0; i < times; i++)
		assert_int_equal(spooled_mail_append(w->rows.mail, str_from(mail)), 0);
	assert_int_equal(spooled_mail_seal(w->rows.mail), 0);
	assert_int_equal(run(&w->f, add_mail_rows, &w->rows), 0);
	w->rows.mail = spooled_mail_discard(w->rows.mail);
}

static void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	fixture_init(&w->f);
	fixture_open(&w->f, NULL);
	fixture_tenant(&w->f);
	w->tenants = (struct tenant_conf){.attachments_max = 20,
					  .attachment_size_max = 1 << 20,
					  .blocked_extensions = "exe",
					  .locale = "en"};
	w->ingest = (struct ingest_conf){.parse_deadline_ms = 30000,
					 .text_max = 1 << 20,
					 .mime_parts_max = 100,
					 .mime_depth_max = 10,
					 .header_fields_max = 100,
					 .header_field_max = 8192,
					 .header_max = 65536};
	w->conf = (struct server_conf){.tenants = &w->tenants, .ingest = &w->ingest, .storage = &w->f.conf};
	w->reprocess = reprocess_new(&w->conf, "/proc/self/exe");
}

static void world_done(struct world *w)
{
	reprocess_free(w->reprocess);
	fixture_done(&w->f);
}

static struct reparsed *read_anew(struct world *w)
{
	struct reparsed *reparsed = NULL;
	struct conf_error error;
	if (reprocess_read(w->reprocess, &w->rows.id, true, &reparsed, &error) < 0)
		fail_msg("%s", error.text);
	return reparsed;
}

/* The changes of the only comment, by field. */
static json_t *change_of(const json_t *report, const char *field)
{
	size_t i;
	json_t *change;
	json_t *comment = json_array_get(json_object_get(report, "comments"), 0);
	json_array_foreach(json_object_get(comment, "changes"), i, change)
	{
		if (strcmp(json_string_value(json_object_get(change, "field")), field) == 0)
			return change;
	}
	return NULL;
}

static json_t *report_of(const struct reparsed *reparsed)
{
	struct strbuf text;
	strbuf_init(&text, 1 << 20);
	reparsed_report(reparsed, &text);
	json_t *report = json_loadb(text.ptr, text.len, 0, NULL);
	assert_non_null(report);
	strbuf_done(&text);
	return report;
}

struct seen {
	char text[256], note[256], names[256];
};

static bool on_comment(void *ctx, const struct comment_view *view)
{
	struct seen *seen = ctx;
	snprintf(seen->text, sizeof(seen->text), "%.*s", STR_ARG(str_trim(view->row.text)));
	snprintf(seen->note, sizeof(seen->note), "%.*s", STR_ARG(view->row.note));
	return true;
}

static bool on_attachment(void *ctx, const struct attachment_row *row)
{
	struct seen *seen = ctx;
	size_t len = strlen(seen->names);
	snprintf(seen->names + len, sizeof(seen->names) - len, "%.*s%s ", STR_ARG(row->filename),
		 row->left_out.len ? "!" : "");
	return true;
}

static void see(struct world *w, struct seen *ret)
{
	struct reader *reader;
	struct conf_error error;
	memset(ret, 0, sizeof(*ret));
	assert_int_equal(reader_open(&reader, &w->f.conf, &error), 0);
	assert_int_equal(reader_comments(reader, w->rows.ticket, on_comment, ret), 0);
	assert_int_equal(reader_attachments(reader, w->rows.comment, on_attachment, ret), 0);
	reader_close(reader);
}

static void what_differs_is_told_and_corrected(void **state)
{
	(void)state;
	struct world w;
	struct seen before, after;
	world_init(&w);
	store_mail(&w, MAIL, 1);
	see(&w, &before);
	struct reparsed *reparsed = read_anew(&w);
	assert_true(reparsed_changed(reparsed));
	json_t *report = report_of(reparsed);
	assert_string_equal(json_string_value(json_object_get(report, "status")), "ok");
	const char *diff = json_string_value(json_object_get(change_of(report, "text"), "diff"));
	assert_non_null(strstr(diff, "+the real text"));
	assert_int_equal(json_integer_value(json_object_get(change_of(report, "attachments"), "after")), 2);
	json_decref(report);

	/* reading changed nothing yet */
	see(&w, &after);
	assert_memory_equal(&before, &after, sizeof(before));

	/* the job stands for itself: what read it may be gone */
	w.reprocess = reprocess_free(w.reprocess);
	assert_int_equal(store_run(w.f.store, reparsed_job(reparsed)), 0);
	reparsed_free(reparsed);
	see(&w, &after);
	assert_string_equal(after.text, "the real text");
	assert_string_equal(after.names, "a.pdf evil.exe! ");
	assert_string_equal(after.note, "1 attachment is left out; the original holds it.");

	/* and the second time there is nothing to do */
	w.reprocess = reprocess_new(&w.conf, "/proc/self/exe");
	reparsed = read_anew(&w);
	assert_false(reparsed_changed(reparsed));
	assert_null(reparsed_job(reparsed));
	reparsed_free(reparsed);
	world_done(&w);
}

static void what_can_not_be_read_says_so(void **state)
{
	(void)state;
	struct world w;
	struct seen after;
	world_init(&w);
	store_mail(&w, "X-Field: more than the limits allow\r\n", 200);
	struct reparsed *reparsed = read_anew(&w);
	assert_int_equal(store_run(w.f.store, reparsed_job(reparsed)), 0);
	reparsed_free(reparsed);
	see(&w, &after);
	assert_string_equal(after.names, "original.eml ");
	assert_non_null(strstr(after.note, "could not be read in full"));
	world_done(&w);
}

static void originals_in_files_are_read_too(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	store_mail(&w, "a line of a body that begins without any header, and goes on\r\n", 40000);
	assert_true(w.f.conf.memory_max < 40000 * 60);
	struct reparsed *reparsed = read_anew(&w);
	assert_true(reparsed_changed(reparsed));
	reparsed_free(reparsed);
	world_done(&w);
}

static void no_such_original(void **state)
{
	(void)state;
	struct world w;
	struct reparsed *reparsed = NULL;
	struct conf_error error;
	const struct mail_id id = mail_id_make();
	world_init(&w);
	assert_int_equal(reprocess_read(w.reprocess, &id, false, &reparsed, &error), -ENOENT);
	assert_null(reparsed);
	world_done(&w);
}

struct forwarded_row {
	struct comment_id id;
	const char *text;
};

static int set_forwarded(void *ctx, struct store_txn *txn)
{
	const struct forwarded_row *row = ctx;
	return comment_reparse(txn, row->id, str_from(row->text), (struct str){NULL, 0},
			       STR("Forwarded by bob@acme.example. So he says."));
}

/* What an agent forwarded by hand: a comment that holds his words as well, as it was once stored, keeps them. */
static void an_agents_words_are_not_lost(void **state)
{
	(void)state;
	static const char words[] = "He is angry.";
	static const char customers[] = "It is broken.";
	static const char mail[] =
		"From: Bob <bob@acme.example>\r\nSubject: Fwd: x\r\n\r\nHe is angry.\r\n\r\n"
		"---------- Forwarded message ---------\r\nFrom: Jane <jane@example.com>\r\nSubject: x\r\n"
		"\r\nIt is broken.\r\n";
	static const struct {
		const char *stored;
		bool changed;
	} cases[] = {{words, true}, {customers, false}, {"It was", true}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world w;
		struct seen seen;
		world_init(&w);
		store_mail(&w, mail, 1);
		struct forwarded_row row = {w.rows.comment, cases[i].stored};
		assert_int_equal(run(&w.f, set_forwarded, &row), 0);
		struct reparsed *reparsed = read_anew(&w);
		assert_int_equal(reparsed_changed(reparsed), cases[i].changed);
		if (cases[i].changed)
			assert_int_equal(store_run(w.f.store, reparsed_job(reparsed)), 0);
		reparsed_free(reparsed);
		see(&w, &seen);
		assert_non_null(strstr(seen.text, customers));
		assert_int_equal(strstr(seen.text, words) != NULL, cases[i].stored == words);
		world_done(&w);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "parser") == 0)
		return parser_child_main(PARSER_CHILD_FD);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_differs_is_told_and_corrected),
		cmocka_unit_test(what_can_not_be_read_says_so),
		cmocka_unit_test(originals_in_files_are_read_too),
		cmocka_unit_test(no_such_original),
		cmocka_unit_test(an_agents_words_are_not_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
