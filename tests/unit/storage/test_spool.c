/* Mail data at rest: where it is when, what it costs, and that a file goes unless it is kept. */
#include <dirent.h>

#include "fixture.h"

#define MEMORY_MAX 20000
#define TOTAL_MAX  100000

struct place {
	char dir[64], spool_dir[80];
	struct spool *spool;
};

static int setup(void **state)
{
	struct place *p = XNEW(struct place);
	snprintf(p->dir, sizeof(p->dir), "/tmp/servelo-spool-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->spool_dir, sizeof(p->spool_dir), "%s/spool", p->dir);
	struct spool_conf conf = {
		.dir = p->spool_dir, .run = 7, .memory_max = MEMORY_MAX, .memory_total_max = TOTAL_MAX};
	assert_int_equal(spool_open(&p->spool, &conf), 0);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	struct spool_stats stats = spool_stats(p->spool);
	assert_int_equal(stats.memory, 0);
	assert_int_equal(stats.mails, 0);
	assert_int_equal(stats.files, 0);
	spool_close(p->spool);
	nftw(p->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(p);
	return 0;
}

static size_t files_in(struct place *p)
{
	char path[128];
	size_t n = 0;
	snprintf(path, sizeof(path), "%s/7", p->spool_dir);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		if (entry->d_name[0] != '.')
			n++;
	closedir(dir);
	return n;
}

static struct spooled_mail *begin(struct place *p)
{
	struct mail_id id = mail_id_make();
	struct spooled_mail *mail = NULL;
	assert_int_equal(spool_create(p->spool, &id, &mail), 0);
	return mail;
}

static char octet(size_t at)
{
	return (char)(at * 31 + at / 251);
}

static void append(struct spooled_mail *mail, size_t from, size_t n)
{
	char *piece = xmalloc(n ? n : 1);
	for (size_t i = 0; i < n; i++)
		piece[i] = octet(from + i);
	assert_int_equal(spooled_mail_append(mail, (struct str){piece, n}), 0);
	free(piece);
}

static void what_is_appended_is_what_is_there(void **state)
{
	struct place *p = *state;
	static const struct {
		size_t size, piece;
		bool in_file;
	} cases[] = {
		{0, 1, false},
		{1, 1, false},
		{8191, 100, false},
		{8192, 8192, false},
		{8193, 8192, false},
		{MEMORY_MAX, 7, false},
		{MEMORY_MAX, MEMORY_MAX, false},
		{MEMORY_MAX + 1, MEMORY_MAX, true},
		{MEMORY_MAX + 1, MEMORY_MAX + 1, true},
		{MEMORY_MAX * 5, 1000, true},
		{1000000, 65536, true},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct spooled_mail *mail = begin(p);
		for (size_t at = 0; at < cases[i].size; at += cases[i].piece) {
			size_t left = cases[i].size - at;
			append(mail, at, left < cases[i].piece ? left : cases[i].piece);
		}
		assert_int_equal(spooled_mail_seal(mail), 0);
		assert_int_equal(spooled_mail_size(mail), cases[i].size);
		assert_int_equal(spooled_mail_in_file(mail), cases[i].in_file);
		assert_int_equal(files_in(p), cases[i].in_file);
		assert_int_equal(spool_stats(p->spool).files, cases[i].in_file);
		if (cases[i].in_file) {
			struct stat st;
			assert_int_equal(fstat(spooled_mail_fd(mail), &st), 0);
			assert_int_equal(st.st_mode & 07777, 0600);
			assert_int_equal(st.st_size, cases[i].size);
			assert_int_equal(spool_stats(p->spool).memory, 0);
		}
		struct str view;
		assert_int_equal(spooled_mail_view(mail, &view), 0);
		assert_int_equal(view.len, cases[i].size);
		for (size_t at = 0; at < view.len; at++)
			if (view.ptr[at] != octet(at))
				fail_msg("octet %zu of %zu", at, view.len);
		spooled_mail_view_end(mail, view);
		assert_null(spooled_mail_discard(mail));
		assert_int_equal(files_in(p), 0);
	}
}

/* Memory of all mails together never passes the total; what does not fit goes to files. */
static void many_small_mails_cannot_pass_the_total(void **state)
{
	struct place *p = *state;
	struct spooled_mail *mails[40];
	size_t in_files = 0;
	for (size_t i = 0; i < ARRAY_SIZE(mails); i++) {
		mails[i] = begin(p);
		append(mails[i], 0, 9000);
		assert_true(spool_stats(p->spool).memory <= TOTAL_MAX);
		in_files += spooled_mail_in_file(mails[i]);
	}
	assert_int_equal(in_files, spool_stats(p->spool).files);
	assert_true(in_files >= ARRAY_SIZE(mails) - TOTAL_MAX / 9000);
	assert_true(in_files < ARRAY_SIZE(mails)); /* the first ones did fit */
	for (size_t i = 0; i < ARRAY_SIZE(mails); i++)
		spooled_mail_discard(mails[i]);
	/* room again */
	struct spooled_mail *mail = begin(p);
	append(mail, 0, 9000);
	assert_false(spooled_mail_in_file(mail));
	spooled_mail_discard(mail);
}

static void a_kept_file_stays_and_has_the_name_of_its_row(void **state)
{
	struct place *p = *state;
	struct spooled_mail *mail = begin(p);
	append(mail, 0, MEMORY_MAX + 1);
	assert_int_equal(spooled_mail_seal(mail), 0);
	char path[200];
	snprintf(path, sizeof(path), "%s/%s", p->spool_dir, spooled_mail_file(mail));
	assert_non_null(strstr(path, "/spool/7/"));
	spooled_mail_kept(mail);
	spooled_mail_discard(mail);
	assert_int_equal(access(path, R_OK), 0);
}

static void discard_is_legal_at_any_moment(void **state)
{
	struct place *p = *state;
	static const size_t sizes[] = {0, 10, MEMORY_MAX + 1};
	for (size_t i = 0; i < ARRAY_SIZE(sizes) * 2; i++) {
		struct spooled_mail *mail = begin(p);
		append(mail, 0, sizes[i / 2]);
		if (i % 2)
			assert_int_equal(spooled_mail_seal(mail), 0);
		spooled_mail_discard(mail);
		assert_int_equal(files_in(p), 0);
	}
	assert_null(spooled_mail_discard(NULL));
}

/* A file of that name is there already: nobody's file is overwritten, and the error sticks. */
static void an_error_sticks(void **state)
{
	struct place *p = *state;
	struct mail_id id = mail_id_make();
	struct spooled_mail *first = NULL, *second = NULL;
	assert_int_equal(spool_create(p->spool, &id, &first), 0);
	assert_int_equal(spool_create(p->spool, &id, &second), 0);
	append(first, 0, MEMORY_MAX + 1);
	char *big = xcalloc(1, MEMORY_MAX + 1);
	assert_int_equal(spooled_mail_append(second, (struct str){big, MEMORY_MAX + 1}), -EEXIST);
	assert_int_equal(spooled_mail_append(second, STR("x")), -EEXIST);
	assert_int_equal(spooled_mail_seal(second), -EEXIST);
	spooled_mail_discard(second);
	assert_int_equal(files_in(p), 1); /* the first one's is still there */
	assert_int_equal(spooled_mail_seal(first), 0);
	spooled_mail_discard(first);
	free(big);
}

static void mail_ids_sort_by_time_and_are_checked(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool valid;
	} cases[] = {
		{"01jd2q8z0abcdefghj", true},   {"01jd2q8z0abcdefgh", false},
		{"01jd2q8z0abcdefghjk", false}, {"01jd2q8z0abcdefghi", false},
		{"01JD2Q8Z0ABCDEFGHJ", false},  {"../../../etc/passwd", false},
		{"01jd2q8z0abcdefg/j", false},  {"", false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(mail_id_valid(str_from(cases[i].text)), cases[i].valid);
	struct mail_id last = mail_id_make();
	for (int i = 0; i < 1000; i++) {
		struct mail_id id = mail_id_make();
		assert_true(mail_id_valid(str_from(id.text)));
		assert_true(memcmp(id.text, last.text, MAIL_ID_LEN / 2) >= 0);
		assert_string_not_equal(id.text, last.text);
		last = id;
	}
	assert_false(mail_id_valid((struct str){"01jd2q8z0abcdefgh\0", 18}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_appended_is_what_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(many_small_mails_cannot_pass_the_total, setup, teardown),
		cmocka_unit_test_setup_teardown(a_kept_file_stays_and_has_the_name_of_its_row, setup,
						teardown),
		cmocka_unit_test_setup_teardown(discard_is_legal_at_any_moment, setup, teardown),
		cmocka_unit_test_setup_teardown(an_error_sticks, setup, teardown),
		cmocka_unit_test(mail_ids_sort_by_time_and_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
