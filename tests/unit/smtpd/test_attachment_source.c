/* Octets of attachments out of stored originals, through a parser child; this program is its own. */
#include "tests/unit/storage/fixture.h"

#include <pthread.h>

#include "ingest/ingest.h"
#include "ingest/parser_child.h"
#include "ingest/parser_frame.h"
#include "smtpd/attachment_source.h"

#define TRACE "Trace: x\r\n" /* ten octets, as the fixture's rows say */
#define MAIL                                                     \
	"From: Jane <jane@example.com>\r\nMIME-Version: 1.0\r\n" \
	"Content-Type: multipart/mixed; boundary=b\r\n\r\n"      \
	"--b\r\nContent-Type: text/plain\r\n\r\nthe text\r\n"    \
	"--b\r\nContent-Type: application/pdf\r\n"               \
	"Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQ=\r\n--b--\r\n"

struct world {
	struct fixture f;
	struct mail_rows rows;
	struct attachment_source *source;
	struct ingest_conf ingest;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	fixture_init(&w->f);
	fixture_open(&w->f, NULL);
	fixture_tenant(&w->f);
	w->rows = (struct mail_rows){.tenant = w->f.tenant, .id = mail_id_make()};
	assert_int_equal(spool_create(w->f.spool, &w->rows.id, &w->rows.mail), 0);
	assert_int_equal(spooled_mail_append(w->rows.mail, STR(TRACE MAIL)), 0);
	assert_int_equal(spooled_mail_seal(w->rows.mail), 0);
	assert_int_equal(run(&w->f, add_mail_rows, &w->rows), 0);
	w->rows.mail = spooled_mail_discard(w->rows.mail);
	w->ingest = (struct ingest_conf){.parse_deadline_ms = 30000,
					 .text_max = 1 << 20,
					 .mime_parts_max = 100,
					 .mime_depth_max = 10,
					 .header_fields_max = 100,
					 .header_field_max = 8192,
					 .header_max = 65536};
	const struct server_conf conf = {.ingest = &w->ingest, .storage = &w->f.conf};
	w->source = attachment_source_new(&conf, "/proc/self/exe");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	assert_null(attachment_source_free(w->source));
	fixture_done(&w->f);
	free(w);
	return 0;
}

static void parts_are_decoded_and_appended(void **state)
{
	struct world *w = *state;
	struct strbuf out;
	strbuf_init(&out, 1000);
	strbuf_adds(&out, "before:");
	assert_int_equal(attachment_source_read(w->source, &w->rows.id, STR("2"), &out), 0);
	assert_string_equal(out.ptr, "before:%PDF-1.4");
	assert_int_equal(attachment_source_read(w->source, &w->rows.id, STR("1"), &out), 0);
	assert_string_equal(out.ptr, "before:%PDF-1.4the text");
	strbuf_done(&out);
}

static void a_failure_leaves_what_was_there(void **state)
{
	struct world *w = *state;
	const struct mail_id other = mail_id_make();
	const struct {
		const struct mail_id *id;
		struct str part;
		int want;
	} cases[] = {
		{&w->rows.id, STR("3"), -ENOENT},
		{&w->rows.id, STR("../etc"), -ENOENT},
		{&other, STR("2"), -ENOENT},
		{&w->rows.id, STR("2"), -EMSGSIZE}, /* 8 octets, of which one does not fit */
	};
	struct strbuf out;
	strbuf_init(&out, 14);
	strbuf_adds(&out, "before:");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = attachment_source_read(w->source, cases[i].id, cases[i].part, &out);
		if (r != cases[i].want)
			fail_msg("case %zu: %d", i, r);
		assert_string_equal(out.ptr, "before:");
		assert_false(out.overflow);
	}
	strbuf_done(&out);
}

static void *on_thread(void *ctx)
{
	struct world *w = ctx;
	struct strbuf out;
	strbuf_init(&out, 1000);
	int r = attachment_source_read(w->source, &w->rows.id, STR("2"), &out);
	bool right = r == 0 && str_eq(strbuf_str(&out), STR("%PDF-1.4"));
	strbuf_done(&out);
	return right ? w : NULL;
}

/* As workers do it, while the loop reloads. */
static void several_at_once(void **state)
{
	struct world *w = *state;
	pthread_t threads[4];
	void *right;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, on_thread, w), 0);
	for (size_t i = 0; i < 100; i++)
		attachment_source_use(w->source, &w->ingest);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &right), 0);
		assert_non_null(right);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "parser") == 0)
		return parser_child_main(PARSER_CHILD_FD);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(parts_are_decoded_and_appended, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failure_leaves_what_was_there, setup, teardown),
		cmocka_unit_test_setup_teardown(several_at_once, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
