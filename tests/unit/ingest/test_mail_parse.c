/*
 * Whole mails: each tests/mail/X.eml is parsed and shown as text, which must be what X.want says. With
 * SERVELO_WRITE_WANT=1 the .want files are written instead (look at the difference before you commit it).
 *
 * Also: what was made to hurt is bounded in time, no result ever holds invalid UTF-8 (every mail of the
 * corpora, where they are), and a mail cut anywhere is still a mail.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "base/mailaddr.h"
#include "base/strbuf.h"
#include "ingest/mail.h"

#define ARENA_MAX ((size_t)64 * 1024 * 1024)
#define FILE_MAX  ((size_t)64 * 1024 * 1024)

/* ---- showing a mail ---- */

static void show(struct strbuf *out, const char *key, struct str value)
{
	if (value.len)
		strbuf_printf(out, "%s: %.*s\n", key, STR_ARG(value));
}

static void show_mailboxes(struct strbuf *out, const char *key, struct mail_mailboxes list)
{
	for (size_t i = 0; i < list.n; i++)
		strbuf_printf(out, "%s: %.*s <%.*s>\n", key, STR_ARG(list.items[i].name),
			      STR_ARG(list.items[i].address));
}

static void show_block(struct strbuf *out, const char *key, struct str value)
{
	strbuf_printf(out, "%s:\n", key);
	while (value.len) {
		size_t n = str_find(value, '\n');
		strbuf_printf(out, "\t%.*s\n", STR_ARG(str_sub(value, 0, n)));
		value = str_sub(value, n + 1, value.len);
	}
}

static void show_mail(struct strbuf *out, const struct parsed_mail *mail, enum parse_status status)
{
	strbuf_printf(out, "status: %s\n", parse_status_name(status));
	show(out, "subject", mail->subject);
	show_mailboxes(out, "from", mail->from);
	show_mailboxes(out, "sender", mail->sender);
	show_mailboxes(out, "reply-to", mail->reply_to);
	show_mailboxes(out, "to", mail->to);
	show_mailboxes(out, "cc", mail->cc);
	show(out, "message-id", mail->message_id);
	show(out, "in-reply-to", mail->in_reply_to);
	for (size_t i = 0; i < mail->references.n; i++)
		show(out, "reference", mail->references.items[i]);
	if (mail->date_ms)
		strbuf_printf(out, "date: %lld\n", (long long)(mail->date_ms / 1000));
	show(out, "addressed-to", mail->addressed_to);
	strbuf_printf(out, "class: %s\n", mail_class_name(mail->class));
	for (size_t i = 0; i < mail->reports_n; i++)
		strbuf_printf(out, "report: <%.*s> %s %.*s\n", STR_ARG(mail->reports[i].recipient),
			      mail_report_kind_name(mail->reports[i].kind), STR_ARG(mail->reports[i].status));
	show(out, "returned-message-id", mail->returned_message_id);
	show(out, "returned-reverse-path", mail->returned_reverse_path);
	if (mail->forwarded_author.address.len)
		show_mailboxes(out, "forwarded-author", (struct mail_mailboxes){&mail->forwarded_author, 1});
	show(out, "forwarded-subject", mail->forwarded_subject);
	show(out, "loop-mark", mail->loop_mark);
	show(out, "defects", mail->defects);
	for (size_t i = 0; i < mail->attachments_n; i++) {
		const struct mail_attachment *a = &mail->attachments[i];
		strbuf_printf(out, "attachment: %.*s \"%.*s\" %.*s %llu%s%s\n", STR_ARG(a->part),
			      STR_ARG(a->filename), STR_ARG(a->media_type), (unsigned long long)a->size,
			      a->disposition_inline ? " inline" : "", a->inline_image ? " shown" : "");
		if (a->sniffed_type.len && !str_eq(a->sniffed_type, a->media_type)) {
			out->len--; /* the line goes on */
			strbuf_printf(out, ", but %.*s\n", STR_ARG(a->sniffed_type));
		}
	}
	if (mail->summary.len && !str_eq(mail->summary, mail->text))
		show_block(out, "summary", mail->summary);
	show_block(out, "text", mail->text);
	if (mail->has_html)
		show_block(out, "html", mail->html_text);
}

/* ---- files ---- */

static int read_file(const char *path, struct strbuf *out)
{
	FILE *file = fopen(path, "rb");
	char buf[65536];
	size_t n;

	if (!file)
		return -1;
	while ((n = fread(buf, 1, sizeof(buf), file)) > 0)
		strbuf_add(out, (struct str){buf, n});
	fclose(file);
	return 0;
}

static void write_file(const char *path, struct str s)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(s.ptr, 1, s.len, file), s.len);
	assert_int_equal(fclose(file), 0);
}

static int is_eml(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);
	return n > 4 && strcmp(entry->d_name + n - 4, ".eml") == 0;
}

static void golden_mails(void **state)
{
	(void)state;
	struct dirent **names;
	int n = scandir(SERVELO_SOURCE_DIR "/tests/mail", &names, is_eml, alphasort), failed = 0;

	assert_true(n > 20);
	for (int i = 0; i < n; i++) {
		struct strbuf eml, want, got;
		struct arena arena;
		struct parsed_mail *mail;
		char path[4096];
		strbuf_init(&eml, FILE_MAX);
		strbuf_init(&want, FILE_MAX);
		strbuf_init(&got, FILE_MAX);
		snprintf(path, sizeof(path), SERVELO_SOURCE_DIR "/tests/mail/%s", names[i]->d_name);
		assert_int_equal(read_file(path, &eml), 0);
		arena_init(&arena, ARENA_MAX);
		enum parse_status status = mail_parse(&arena, strbuf_str(&eml), &mail_limits_default, &mail);
		show_mail(&got, mail, status);
		strcpy(path + strlen(path) - 4, ".want");
		if (getenv("SERVELO_WRITE_WANT"))
			write_file(path, strbuf_str(&got));
		assert_int_equal(read_file(path, &want), 0);
		if (!str_eq(strbuf_str(&got), strbuf_str(&want))) {
			print_error("%s\n--- got\n%s--- want\n%s", names[i]->d_name, got.ptr, want.ptr);
			failed++;
		}
		arena_done(&arena);
		strbuf_done(&eml);
		strbuf_done(&want);
		strbuf_done(&got);
		free(names[i]);
	}
	free(names);
	assert_int_equal(failed, 0);
}

/* ---- whatever comes in, what comes out is sound ---- */

static void check_str(struct str s)
{
	assert_non_null(s.ptr);
	assert_true(utf8_valid(s));
	assert_null(s.len ? memchr(s.ptr, 0, s.len) : NULL);
}

static void check_mailboxes(struct mail_mailboxes list)
{
	for (size_t i = 0; i < list.n; i++) {
		check_str(list.items[i].name);
		check_str(list.items[i].address);
		assert_true(list.items[i].address.len + list.items[i].name.len > 0);
	}
}

static enum parse_status check_mail(struct str data)
{
	struct arena arena;
	struct parsed_mail *mail = NULL;

	arena_init(&arena, ARENA_MAX);
	enum parse_status status = mail_parse(&arena, data, &mail_limits_default, &mail);
	assert_non_null(mail);
	const struct str strs[] = {mail->subject,    mail->message_id,   mail->in_reply_to,
				   mail->text,       mail->html_text,    mail->reply,
				   mail->class_rule, mail->addressed_to, mail->defects};
	for (size_t i = 0; i < ARRAY_SIZE(strs); i++)
		check_str(strs[i]);
	const struct str lines[] = {mail->returned_message_id,   mail->returned_reverse_path,
				    mail->forwarded_author.name, mail->forwarded_author.address,
				    mail->forwarded_subject,     mail->loop_mark};
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		check_str(lines[i]);
		assert_int_equal(str_find(lines[i], '\n'), lines[i].len);
	}
	check_mailboxes(mail->from);
	check_mailboxes(mail->to);
	check_mailboxes(mail->cc);
	check_mailboxes(mail->reply_to);
	for (size_t i = 0; i < mail->references.n; i++)
		check_str(mail->references.items[i]);
	for (size_t i = 0; i < mail->attachments_n; i++) {
		check_str(mail->attachments[i].filename);
		check_str(mail->attachments[i].content_id);
		check_str(mail->attachments[i].media_type);
		assert_true(mail->attachments[i].filename.len > 0);
	}
	assert_int_equal(mail->text.len > 0, mail->reply.len > 0);
	arena_done(&arena);
	return status;
}

static void a_mail_cut_anywhere_is_a_mail(void **state)
{
	(void)state;
	struct strbuf eml;

	strbuf_init(&eml, FILE_MAX);
	assert_int_equal(read_file(SERVELO_SOURCE_DIR "/tests/mail/attachment-names.eml", &eml), 0);
	for (size_t n = 0; n <= eml.len; n++)
		check_mail(str_sub(strbuf_str(&eml), 0, n));
	strbuf_done(&eml);
}

/* A tiny arena loses what does not fit, and says so by nothing worse. */
static void a_small_arena_is_no_crash(void **state)
{
	(void)state;
	struct strbuf eml;

	strbuf_init(&eml, FILE_MAX);
	assert_int_equal(read_file(SERVELO_SOURCE_DIR "/tests/mail/encoded-words.eml", &eml), 0);
	for (size_t size = 0; size < 4000; size += 16) {
		struct arena arena;
		struct parsed_mail *mail = NULL;
		arena_init(&arena, size);
		mail_parse(&arena, strbuf_str(&eml), &mail_limits_default, &mail);
		assert_non_null(mail);
		arena_done(&arena);
	}
	strbuf_done(&eml);
}

struct bomb {
	const char *name, *head, *piece, *tail;
	size_t times;
	enum parse_status status;
};

#define FIELDS "From: a@b.example\r\nSubject: x\r\n"
#define MIXED  FIELDS "Content-Type: multipart/mixed; boundary=b\r\n\r\n"

static const struct bomb bombs[] = {
	{"a million parts", MIXED, "--b\r\n\r\n", "--b--", 1000000, PARSE_LIMIT},
	{"100,000 fields", FIELDS, "X-Some: field\r\n", "\r\nbody", 100000, PARSE_LIMIT},
	{"10,000 levels", FIELDS, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", "\r\nx", 10000,
	 PARSE_LIMIT},
	{"boundary-like lines", MIXED "--b\r\n\r\n", "--bbbbbb\r\n", "", 1000000, PARSE_OK},
	{"one long line", FIELDS "\r\n", "0123456789", "", 1000000, PARSE_OK},
	{"one long field", FIELDS "X: ", "0123456789", "\r\n\r\nbody", 1000000, PARSE_LIMIT},
	{"nested groups", "From: ", "g:", "\r\n\r\n", 30000, PARSE_OK},
	{"many brackets", "From: ", "<a", "\r\n\r\n", 30000, PARSE_OK},
	{"many comments", "From: ", "(", "\r\n\r\n", 60000, PARSE_OK},
	{"many quotes", "From: ", "\"\\", "\r\n\r\n", 30000, PARSE_OK},
	{"unfinished words", "Subject: ", "=?utf-8?Q?a", "\r\n\r\n", 5900, PARSE_OK},
	{"many words", "Subject: ", "=?utf-8?Q?a?= ", "\r\n\r\n", 4600, PARSE_OK},
	{"a long parameter name", FIELDS "Content-Type: a/b; ", "xxxxxxxxxx", "=\xc3\xa4\r\n\r\n", 6000,
	 PARSE_OK},
	{"many parameter pieces", FIELDS "Content-Type: a/b; ", "name*9=a;", "\r\n\r\n", 7000, PARSE_OK},
	{"padding only", FIELDS "Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n", "QQ==", "",
	 1000000, PARSE_OK},
	{"mails in mails", FIELDS, "Content-Type: message/rfc822\r\n\r\n", "x", 10000, PARSE_OK},
	{"content of no charset", FIELDS "Content-Type: text/plain; charset=gb18030\r\n\r\n", "\xff\xfe\x80",
	 "", 1000000, PARSE_OK},
};

static void bombs_are_bounded(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bombs); i++) {
		struct strbuf mail;
		strbuf_init(&mail, FILE_MAX);
		strbuf_adds(&mail, bombs[i].head);
		for (size_t k = 0; k < bombs[i].times; k++)
			strbuf_adds(&mail, bombs[i].piece);
		strbuf_adds(&mail, bombs[i].tail);
		clock_t start = clock();
		enum parse_status status = check_mail(strbuf_str(&mail));
		double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
		/* processor time, with room for sanitizers and slow machines; quadratic ones took minutes */
		if (status != bombs[i].status || seconds > 20)
			fail_msg("%s: %s after %.2f s", bombs[i].name, parse_status_name(status), seconds);
		strbuf_done(&mail);
	}
}

static void check_folder(const char *path, size_t *ret_files, int depth)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char child[4096];
		struct stat st;
		snprintf(child, sizeof(child), "%s/%s", path, names[i]->d_name);
		bool hidden = names[i]->d_name[0] == '.';
		free(names[i]);
		if (hidden || stat(child, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < 4) {
			check_folder(child, ret_files, depth + 1);
		} else if (S_ISREG(st.st_mode) && st.st_size < 4 * 1024 * 1024) {
			struct strbuf data;
			strbuf_init(&data, FILE_MAX);
			assert_int_equal(read_file(child, &data), 0);
			check_mail(strbuf_str(&data));
			strbuf_done(&data);
			(*ret_files)++;
		}
	}
	if (n >= 0)
		free(names);
}

static void every_mail_of_the_corpora_is_sound(void **state)
{
	(void)state;
	const char *path = getenv("SERVELO_CORPORA");
	size_t files = 0;

	check_folder(path ? path : SERVELO_SOURCE_DIR "/../shared/corpora", &files, 0);
	if (!files) {
		print_message("no corpora at ../shared/corpora or $SERVELO_CORPORA: skipped\n");
		skip();
	}
	assert_true(files > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_mails),
		cmocka_unit_test(a_mail_cut_anywhere_is_a_mail),
		cmocka_unit_test(a_small_arena_is_no_crash),
		cmocka_unit_test(bombs_are_bounded),
		cmocka_unit_test(every_mail_of_the_corpora_is_sound),
	};
	mail_parse_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
