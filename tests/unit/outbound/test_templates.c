/* Templates: what is refused, and where; how a value is written in each place; every language and kind. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "outbound/templates.h"
#include "outbound/templates_private.h"
#include "outbound/templates_words.h"

static const char *const locales[] = {"en", "de", "fr", "es", "zh"};

/* ---- the language of templates */

static int parse(enum template_place place, struct str text, struct template_part *ret,
		 struct conf_error *error)
{
	const struct template_source source = {"x.mail", 3, text, place, false};
	return template_parse(&source, ret, error);
}

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		enum template_place place;
		struct str text;
		const char *want;
	} cases[] = {
		{PLACE_TEXT, STR_INIT("a\n{{subjekt}}"), "x.mail:4: unknown name \"subjekt\""},
		{PLACE_TEXT, STR_INIT("{{}}"), "x.mail:3: unknown name \"{{}}\""},
		{PLACE_TEXT, STR_INIT("{{{subject}}}"), "x.mail:3: unknown name \"{subject\""},
		{PLACE_TEXT, STR_INIT("{{&subject}}"), "x.mail:3: unknown name \"&subject\""},
		{PLACE_TEXT, STR_INIT("{{> file}}"), "x.mail:3: unknown name \"> file\""},
		{PLACE_TEXT, STR_INIT("{{subject"), "x.mail:3: \"{{\" without \"}}\""},
		{PLACE_TEXT, STR_INIT("{{subject\n}}"), "x.mail:3: \"{{\" without \"}}\""},
		{PLACE_TEXT, STR_INIT("{{#note}}a"), "x.mail:3: not closed: \"note\""},
		{PLACE_TEXT, STR_INIT("a{{/note}}"),
		 "x.mail:3: nothing was opened that this closes: \"note\""},
		{PLACE_TEXT, STR_INIT("{{#note}}{{#text}}{{/note}}"),
		 "x.mail:3: another section must be closed before \"note\""},
		{PLACE_TEXT, STR_INIT("{{internal}}"),
		 "x.mail:3: can be asked for with {{#...}} only: \"internal\""},
		{PLACE_TEXT, STR_INIT("{{attachments}}"),
		 "x.mail:3: can be asked for with {{#...}} only: \"attachments\""},
		{PLACE_TEXT, STR_INIT("{{filename}}"), "x.mail:3: unknown name \"filename\""},
		{PLACE_TEXT, STR_INIT("{{content}}"), "x.mail:3: unknown name \"content\""},
		{PLACE_TEXT, STR_INIT("{{#attachments}}{{#attachments}}"),
		 "x.mail:3: a list inside of itself: \"attachments\""},
		{PLACE_TEXT,
		 STR_INIT(
			 "{{#note}}{{#note}}{{#note}}{{#note}}{{#note}}{{#note}}{{#note}}{{#note}}{{#note}}"),
		 "x.mail:3: too many sections inside of one another"},
		{PLACE_HTML, STR_INIT("<p class={{note}}>"),
		 "x.mail:3: a value in a tag stands inside quotes, not so \"note\""},
		{PLACE_HTML, STR_INIT("<p {{note}}>"),
		 "x.mail:3: a value in a tag stands inside quotes, not so \"note\""},
		{PLACE_HTML, STR_INIT("<script>{{note}}</script>"),
		 "x.mail:3: no value may stand in a script or style, as here \"note\""},
		{PLACE_HTML, STR_INIT("<STYLE>\n{{note}}"),
		 "x.mail:4: no value may stand in a script or style, as here \"note\""},
		{PLACE_HTML, STR_INIT("<p onclick=\"{{note}}\">"),
		 "x.mail:3: no value may stand in this attribute, as here \"note\""},
		{PLACE_HTML, STR_INIT("<p style='color:{{note}}'>"),
		 "x.mail:3: no value may stand in this attribute, as here \"note\""},
		{PLACE_HTML, STR_INIT("<a href=\"{{note}}\">"),
		 "x.mail:3: an address can't begin with \"note\""},
		{PLACE_HTML, STR_INIT("<a HREF = '{{text}}'>"),
		 "x.mail:3: an address can't begin with \"text\""},
		{PLACE_HTML, STR_INIT("{{#note}}<p title=\"{{/note}}x"),
		 "x.mail:3: this section ends inside of a tag in which it did not begin: \"note\""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct template_part part;
		struct conf_error error = {""};
		assert_int_equal(parse(cases[i].place, cases[i].text, &part, &error), -EINVAL);
		assert_string_equal(error.text, cases[i].want);
	}
}

static void test_rendered(void **state)
{
	(void)state;
	static const struct template_attachment attachments[] = {
		{STR_INIT("a<b"), STR_INIT("1 B"), STR_INIT("")},
		{STR_INIT("c\r\nd"), STR_INIT("2 B"), STR_INIT("big")}};
	const struct template_scope scope = {
		.values = {.subject = STR("a <b> & \"c\"\r\nBcc: d"),
			   .text = STR("One & two\r\nthree\n\n  four  <x>\nhttp://a.example/?a=1&b=\"2 "
				       "(https://b.example/c). javascript:alert(1)"),
			   .customer_address = STR("a+b@c\">d"),
			   .logo_url = STR("https://a.example/l.png?\"><script>"),
			   .internal = true,
			   .attachments = attachments,
			   .attachments_n = 2},
		.with_attachments = true,
	};
	static const struct {
		enum template_place place;
		struct str text;
		const char *want;
	} cases[] = {
		{PLACE_LINE, STR_INIT("[{{subject}}]"), "[a <b> & \"c\" Bcc: d]"},
		{PLACE_LINE, STR_INIT("{{text}}"),
		 "One & two three four <x> http://a.example/?a=1&b=\"2 (https://b.example/c). "
		 "javascript:alert(1)"},
		{PLACE_TEXT, STR_INIT("{{subject}} {{ reference }}."), "a <b> & \"c\" Bcc: d ."},
		{PLACE_HTML, STR_INIT("<b title=\"{{subject}}\">{{subject}}</b>"),
		 "<b title=\"a &#60;b&#62; &#38; &#34;c&#34; Bcc: d\">a &#60;b&#62; &#38; &#34;c&#34; Bcc: "
		 "d</b>"},
		{PLACE_HTML, STR_INIT("<i title='{{text}}'>"),
		 "<i title='One &#38; two three four &#60;x&#62; http://a.example/?a=1&#38;b=&#34;2 "
		 "(https://b.example/c). javascript:alert(1)'>"},
		{PLACE_HTML, STR_INIT("{{text}}"),
		 "<p style=\"margin:0 0 14px 0;\">One &#38; two<br>\nthree</p>\n<p style=\"margin:0 0 14px "
		 "0;\">&nbsp; four&nbsp; &#60;x&#62;<br>\n"
		 "<a href=\"http://a.example/?a=1&#38;b=\" rel=\"noopener noreferrer nofollow\" "
		 "style=\"color:#1a5fb4;\">http://a.example/?a=1&#38;b=</a>"
		 "&#34;2 (<a href=\"https://b.example/c\" rel=\"noopener noreferrer nofollow\" "
		 "style=\"color:#1a5fb4;\">https://b.example/c</a>"
		 "). javascript:alert(1)</p>"},
		{PLACE_HTML, STR_INIT("<a href=\"mailto:{{customer_address}}\">"),
		 "<a href=\"mailto:a%2Bb@c%22%3Ed\">"},
		{PLACE_HTML, STR_INIT("<img src=\"{{logo_url}}\">"),
		 "<img src=\"https://a.example/l.png?&#34;&#62;&#60;script&#62;\">"},
		{PLACE_HTML, STR_INIT("<!-- it's --><b>{{reference}}</b>"), "<!-- it's --><b></b>"},
		{PLACE_TEXT,
		 STR_INIT("a{{#internal}}b{{/internal}}{{^internal}}c{{/internal}}{{#automatic}}d{{/"
			  "automatic}}"),
		 "ab"},
		{PLACE_TEXT,
		 STR_INIT("a\n{{#internal}}\nb\n  {{/internal}}  \n{{^internal}}\nc\n{{/internal}}\nd"),
		 "a\nb\nd"},
		{PLACE_TEXT,
		 STR_INIT("{{#attachments}}\n- {{filename}}{{#left_out}} ({{left_out}}, "
			  "{{size}}){{/left_out}}\n{{/attachments}}"),
		 "- a<b\n- c d (big, 2 B)\n"},
		{PLACE_TEXT,
		 STR_INIT("{{^attachments}}none{{/attachments}}{{#with_attachments}}some{{/"
			  "with_attachments}}"),
		 "some"},
		{PLACE_TEXT, STR_INIT("} }} { {a}"), "} }} { {a}"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct template_part part;
		struct conf_error error = {""};
		struct strbuf out;
		strbuf_init(&out, 10000);
		if (parse(cases[i].place, cases[i].text, &part, &error) < 0)
			fail_msg("case %zu: %s", i, error.text);
		assert_int_equal(template_render(&part, &scope, &out), 0);
		assert_string_equal(strbuf_str(&out).ptr, cases[i].want);
		strbuf_done(&out);
		template_part_done(&part);
	}
}

/* ---- files */

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static char dir[64];

static int setup_dir(void **state)
{
	(void)state;
	char sub[96];
	snprintf(dir, sizeof(dir), "/tmp/servelo-templates-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(sub, sizeof(sub), "%s/de", dir);
	assert_int_equal(mkdir(sub, 0700), 0);
	return 0;
}

static int teardown_dir(void **state)
{
	(void)state;
	static const char *const names[] = {"de/confirm.mail", "layout.html", "de", "."};
	char path[256];
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		remove(path);
	}
	return rmdir(dir) == 0 || errno == ENOENT ? 0 : -1;
}

static void test_folder(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want; /* NULL: taken */
	} cases[] = {
		{"subject:\nS {{reference}}\ntext:\nT\n", NULL},
		{"# ours\r\n\r\nsubject:\r\nS {{reference}}\r\ntext:\r\nT\r\n", NULL},
		{"", "de/confirm.mail:0: no \"subject:\""},
		{"subject:\nS\n", "de/confirm.mail:2: no \"text:\""},
		{"Hello\nsubject:\nS\n", "de/confirm.mail:1: a line before \"subject:\""},
		{"subject:\nS\nT\ntext:\nT\n", "de/confirm.mail:2: a subject is one line"},
		{"subject:\nS\ntext:\nT\ntext:\nT\n", "de/confirm.mail:6: this part was there before"},
		{"subject:\nS\ntext:\nT\n{{nmae}}\n", "de/confirm.mail:5: unknown name \"nmae\""},
		{"subject:\nS\ntext:\n\xff\n", "de/confirm.mail:1: this is no UTF-8 text"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct templates *templates = NULL;
		struct conf_error error = {""};
		write_file(dir, "de/confirm.mail", cases[i].text);
		int r = templates_open(&templates, dir, &error);
		assert_string_equal(error.text, cases[i].want ? cases[i].want : "");
		assert_int_equal(r, cases[i].want ? -EINVAL : 0);
		if (r == 0) {
			struct strbuf subject, html;
			const struct template_values values = {.reference = STR("A-1"),
							       .tenant_name = STR("Acme")};
			strbuf_init(&subject, 1000);
			strbuf_init(&html, 100000);
			assert_int_equal(templates_render(templates, STR("de-AT"), OUTBOX_CONFIRM, &values,
							  &subject, NULL, &html),
					 0);
			assert_string_equal(subject.ptr, "S A-1");
			/* no html: the text */
			assert_non_null(strstr(html.ptr, "<p style=\"margin:0 0 14px 0;\">T</p>"));
			strbuf_clear(&subject);
			assert_int_equal(templates_render(templates, STR("fr"), OUTBOX_CONFIRM, &values,
							  &subject, NULL, NULL),
					 0);
			assert_non_null(strstr(subject.ptr, "nous avons"));
			strbuf_done(&subject);
			strbuf_done(&html);
		}
		templates_unref(templates);
	}
	struct templates *templates;
	struct conf_error error = {""};
	write_file(dir, "de/confirm.mail", "subject:\nS\ntext:\nT\n");
	write_file(dir, "layout.html", "<p>\n<a href=\"{{text}}\">{{content}}");
	assert_int_equal(templates_open(&templates, dir, &error), -EINVAL);
	assert_string_equal(error.text, "layout.html:2: an address can't begin with \"text\"");
}

static void test_files_that_nobody_would_read(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int want;
	} cases[] = {
		{"de/confrim.mail", -EINVAL},
		{"de/forward.mail", -EINVAL},
		{"it", -EINVAL},
		{"confirm.mail", -EINVAL},
		{"README.md", 0},
		{".git", 0},
	};
	struct templates *templates = NULL;
	struct conf_error error = {""};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char path[256];
		write_file(dir, cases[i].name, "x");
		int r = templates_open(&templates, dir, &error);
		snprintf(path, sizeof(path), "%s/%s", dir, cases[i].name);
		remove(path);
		assert_int_equal(r, cases[i].want);
		if (r == 0)
			templates_unref(templates);
		else
			assert_int_equal(strncmp(error.text, path, strlen(path)), 0);
	}
	assert_int_equal(templates_open(&templates, "/nonexistent/folder", &error), -ENOENT);
	assert_non_null(strstr(error.text, "/nonexistent/folder"));
}

static void test_too_big_a_file(void **state)
{
	(void)state;
	struct templates *templates;
	struct conf_error error = {""};
	char *big = malloc(300 * 1024 + 1);
	memset(big, 'a', 300 * 1024);
	big[300 * 1024] = '\0';
	write_file(dir, "layout.html", big);
	free(big);
	assert_int_equal(templates_open(&templates, dir, &error), -EFBIG);
	assert_non_null(strstr(error.text, "layout.html"));
}

/* ---- the built-in ones */

static void test_built_in(void **state)
{
	(void)state;
	static const struct template_attachment attachments[] = {
		{STR_INIT("FILE"), STR_INIT("1 B"), STR_INIT("LEFT")}};
	const struct template_values values = {.tenant_name = STR("TENANT"),
					       .tenant_address = STR("t@x"),
					       .signature = STR("SIGNATURE"),
					       .logo_url = STR("https://x.example/LOGO"),
					       .reference = STR("REF-1"),
					       .subject = STR("SUBJECT"),
					       .customer_name = STR("CUSTOMER"),
					       .customer_address = STR("c@x"),
					       .addressed_to = STR("TO"),
					       .author_name = STR("AUTHOR"),
					       .author_address = STR("a@x"),
					       .text = STR("TEXT"),
					       .note = STR("NOTE"),
					       .status = STR("STATUS"),
					       .recipient = STR("RECIPIENT"),
					       .why = STR("WHY"),
					       .provider = STR("PROVIDER"),
					       .internal = true,
					       .attachments = attachments,
					       .attachments_n = 1};
	static const char *const must[OUTBOX_FORWARDING + 1][8] = {
		[OUTBOX_NOTIFY_TICKET] = {"REF-1", "SUBJECT", "CUSTOMER", "c@x", "TO", "TEXT", "NOTE",
					  "LEFT"},
		[OUTBOX_CONFIRM] = {"REF-1", "TENANT", "SIGNATURE"},
		[OUTBOX_NOTIFY_COMMENT] = {"REF-1", "AUTHOR", "a@x", "TEXT", "NOTE", "CUSTOMER", "STATUS",
					   "FILE"},
		[OUTBOX_ANSWER] = {"TEXT", "SIGNATURE", "LEFT"},
		[OUTBOX_NOTIFY_FAILURE] = {"REF-1", "SUBJECT", "RECIPIENT", "WHY"},
		[OUTBOX_NOTIFY_ASSIGNED] = {"REF-1", "SUBJECT", "CUSTOMER", "TEXT"},
		[OUTBOX_FORWARDING] = {"PROVIDER", "TEXT", "t@x"},
	};
	struct templates *templates;
	struct conf_error error = {""};
	if (templates_open(&templates, "", &error) < 0)
		fail_msg("%s", error.text);
	for (size_t i = 0; i < ARRAY_SIZE(locales); i++) {
		for (int kind = OUTBOX_NOTIFY_TICKET; kind <= OUTBOX_FORWARDING; kind++) {
			struct strbuf subject, text, html;
			strbuf_init(&subject, 1000);
			strbuf_init(&text, 100000);
			strbuf_init(&html, 100000);
			assert_int_equal(templates_render(templates, str_from(locales[i]),
							  (enum outbox_kind)kind, &values, &subject, &text,
							  &html),
					 0);
			for (size_t k = 0; k < 8 && must[kind][k]; k++) {
				if (!strstr(text.ptr, must[kind][k]) || !strstr(html.ptr, must[kind][k]))
					fail_msg("%s/%s: %s", locales[i],
						 outbox_kind_name((enum outbox_kind)kind), must[kind][k]);
			}
			char lang[16];
			snprintf(lang, sizeof(lang), "lang=\"%s\"", locales[i]);
			assert_non_null(strstr(html.ptr, lang));
			assert_non_null(strstr(html.ptr, "src=\"https://x.example/LOGO\" alt=\"TENANT\""));
			assert_null(strstr(text.ptr, "\n\n\n"));
			assert_null(strchr(subject.ptr, '\n'));
			if (kind != OUTBOX_FORWARDING)
				assert_non_null(strstr(subject.ptr, "[REF-1]"));
			strbuf_done(&subject);
			strbuf_done(&text);
			strbuf_done(&html);
		}
	}
	struct strbuf small;
	strbuf_init(&small, 10);
	assert_int_equal(templates_render(templates, STR("en"), OUTBOX_FORWARD, &values, &small, NULL, NULL),
			 -ENOENT);
	assert_int_equal(templates_render(templates, STR("en"), OUTBOX_CONFIRM, &values, NULL, &small, NULL),
			 -ENOBUFS);
	strbuf_clear(&small);
	assert_int_equal(templates_render(templates, STR("en"), OUTBOX_CONFIRM, &values, NULL, NULL, &small),
			 -ENOBUFS);
	strbuf_done(&small);
	struct templates *again = templates_ref(templates);
	assert_null(templates_unref(again));
	assert_null(templates_unref(templates));
	assert_null(templates_unref(NULL));
}

static void test_no_logo_but_https(void **state)
{
	(void)state;
	struct templates *templates;
	struct conf_error error = {""};
	const struct template_values values = {.tenant_name = STR("TENANT"),
					       .logo_url = STR("http://x.example/l.png")};
	struct strbuf html;
	strbuf_init(&html, 100000);
	assert_int_equal(templates_open(&templates, "", &error), 0);
	assert_int_equal(templates_render(templates, STR("xx"), OUTBOX_CONFIRM, &values, NULL, NULL, &html),
			 0);
	assert_null(strstr(html.ptr, "<img"));
	assert_non_null(strstr(html.ptr, "lang=\"en\""));
	strbuf_done(&html);
	templates_unref(templates);
}

static void test_languages(void **state)
{
	(void)state;
	static const struct {
		struct str locale;
		bool has;
	} cases[] = {{STR_INIT("en"), true},   {STR_INIT("de-AT"), true},    {STR_INIT("zh_CN"), true},
		     {STR_INIT("FR"), true},   {STR_INIT("es.UTF-8"), true}, {STR_INIT(""), false},
		     {STR_INIT("den"), false}, {STR_INIT("d"), false},       {STR_INIT("it"), false}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(templates_has_locale(cases[i].locale), cases[i].has);
	for (size_t i = 0; i < ARRAY_SIZE(locales); i++) {
		for (int status = TICKET_OPEN; status <= TICKET_REOPENED; status++)
			assert_true(template_status(str_from(locales[i]), (enum ticket_status)status).len >
				    0);
		for (int word = WORD_TEXT_CUT; word <= WORD_NOT_AVAILABLE; word++)
			assert_true(template_word(str_from(locales[i]), (enum template_word)word).len > 0);
	}
	assert_true(str_eq(template_status(STR("de-CH"), TICKET_OPEN), STR("offen")));
	assert_true(str_eq(template_left_out(STR("den"), STR("too big")), STR("the file is too large")));
	assert_true(str_eq(template_left_out(STR("fr"), STR("too many")), STR("il y a trop de fichiers")));
	assert_true(str_eq(template_left_out(STR("fr"), STR("other")), STR("other")));
	assert_int_equal(template_left_out(STR("fr"), STR("")).len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_rendered),
		cmocka_unit_test_setup_teardown(test_folder, setup_dir, teardown_dir),
		cmocka_unit_test_setup_teardown(test_files_that_nobody_would_read, setup_dir, teardown_dir),
		cmocka_unit_test_setup_teardown(test_too_big_a_file, setup_dir, teardown_dir),
		cmocka_unit_test(test_built_in),
		cmocka_unit_test(test_no_logo_but_https),
		cmocka_unit_test(test_languages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
