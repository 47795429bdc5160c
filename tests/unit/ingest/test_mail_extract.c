/*
 * One part of a mail, decoded: by itself, and by a child of its own (this program, run as "parser"). What the list of
 * attachments names can be taken out, with the size that the list says.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/strbuf.h"
#include "ingest/mail_extract.h"
#include "ingest/parser_child.h"
#include "ingest/parser_frame.h"
#include "ingest/part_reader.h"

#define OUT_MAX ((size_t)64 * 1024 * 1024)

static const char mail_text[] = "From: jane@example.com\n"
				"Subject: parts\n"
				"Content-Type: multipart/mixed; boundary=m\n"
				"\n"
				"--m\n"
				"\n"
				"See below.\n"
				"=ybegin line=128 size=3 name=cat.txt\n"
				"\x6d\x8b\x9e\n"
				"=yend size=3\n"
				"--m\n"
				"Content-Type: image/png\n"
				"Content-Transfer-Encoding: base64\n"
				"\n"
				"iVBORw0KGgo=\n"
				"--m\n"
				"Content-Type: multipart/mixed; boundary=inner\n"
				"\n"
				"--inner\n"
				"Content-Disposition: attachment; filename=a.txt\n"
				"Content-Transfer-Encoding: quoted-printable\n"
				"\n"
				"a=3Db=\n"
				"c\n"
				"--inner--\n"
				"--m\n"
				"Content-Type: message/rfc822\n"
				"\n"
				"Subject: inner\n"
				"\n"
				"text\n"
				"--m--\n";

static const struct {
	const char *part;
	struct str want; /* ptr NULL: there is no such part */
} cases[] = {
	{"1/1", STR_INIT("Cat")},
	{"2", STR_INIT("\x89PNG\r\n\x1a\n")},
	{"3.1", STR_INIT("a=bc")},
	{"4", STR_INIT("Subject: inner\n\ntext")},
	{"1/2", {NULL, 0}},
	{"1/0", {NULL, 0}},
	{"1/", {NULL, 0}},
	{"1/x", {NULL, 0}},
	{"1/99999999999999999999", {NULL, 0}},
	{"2/1", {NULL, 0}},
	{"3", {NULL, 0}}, /* a multipart */
	{"5", {NULL, 0}},
	{"", {NULL, 0}},
	{"1.1.1", {NULL, 0}},
};

static int collect(void *ctx, struct str piece)
{
	return strbuf_add(ctx, piece);
}

static void check(struct strbuf *out, int r, size_t i)
{
	if (!cases[i].want.ptr) {
		assert_int_equal(r, -ENOENT);
		assert_int_equal(out->len, 0);
	} else {
		assert_int_equal(r, 0);
		assert_int_equal(out->len, cases[i].want.len);
		assert_memory_equal(out->ptr, cases[i].want.ptr, out->len);
	}
	strbuf_done(out);
}

static void parts_by_their_path(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct strbuf out;
		strbuf_init(&out, OUT_MAX);
		int r = mail_extract((struct str){mail_text, sizeof(mail_text) - 1}, &mail_limits_default,
				     str_from(cases[i].part), collect, &out);
		check(&out, r, i);
	}
}

static void what_is_listed_can_be_taken_out(void **state)
{
	struct arena arena;
	struct parsed_mail *mail;
	struct str data = {mail_text, sizeof(mail_text) - 1};

	(void)state;
	arena_init(&arena, OUT_MAX);
	assert_int_equal(mail_parse(&arena, data, &mail_limits_default, &mail), PARSE_OK);
	assert_int_equal(mail->attachments_n, 4);
	for (size_t i = 0; i < mail->attachments_n; i++) {
		struct strbuf out;
		strbuf_init(&out, OUT_MAX);
		assert_int_equal(
			mail_extract(data, &mail_limits_default, mail->attachments[i].part, collect, &out),
			0);
		assert_int_equal(out.len, mail->attachments[i].size);
		strbuf_done(&out);
	}
	arena_done(&arena);
}

/* ---- by a child ---- */

static int file_of(struct str octets)
{
	int fd = memfd_create("mail", MFD_CLOEXEC);

	assert_true(fd >= 0);
	while (octets.len) {
		ssize_t n = write(fd, octets.ptr, octets.len);
		assert_true(n > 0);
		octets = str_sub(octets, (size_t)n, octets.len);
	}
	return fd;
}

static struct part_request request_of(int fd, size_t offset, size_t size, const char *part)
{
	return (struct part_request){.argv0 = "/proc/self/exe",
				     .deadline_ms = 30000,
				     .limits = mail_limits_default,
				     .fd = fd,
				     .offset = offset,
				     .size = size,
				     .part = str_from(part)};
}

static void a_child_hands_them_out(void **state)
{
	struct strbuf file;

	(void)state;
	strbuf_init(&file, OUT_MAX);
	strbuf_adds(&file, "Received: by us\r\n");
	size_t offset = file.len;
	strbuf_add(&file, (struct str){mail_text, sizeof(mail_text) - 1});
	int fd = file_of(strbuf_str(&file));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct strbuf out;
		struct part_request request = request_of(fd, offset, sizeof(mail_text) - 1, cases[i].part);
		strbuf_init(&out, OUT_MAX);
		int r = part_read(&request, collect, &out);
		check(&out, r, i);
	}
	close(fd);
	strbuf_done(&file);
}

struct counted {
	size_t pieces, octets, longest;
	int stop_after;
};

static int count(void *ctx, struct str piece)
{
	struct counted *counted = ctx;

	counted->pieces++;
	counted->octets += piece.len;
	counted->longest = piece.len > counted->longest ? piece.len : counted->longest;
	return counted->stop_after && counted->pieces == (size_t)counted->stop_after ? -ENOSPC : 0;
}

static void a_big_one_comes_in_pieces(void **state)
{
	const char head[] = "Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n";
	size_t size = (size_t)8 * 1024 * 1024;
	char *text = malloc(size);
	struct counted counted = {.pieces = 0}, stopped = {.stop_after = 2};

	(void)state;
	memset(text, 'A', size);
	memcpy(text, head, sizeof(head) - 1);
	int fd = file_of((struct str){text, size});
	struct part_request request = request_of(fd, 0, size, "1");
	assert_int_equal(part_read(&request, count, &counted), 0);
	assert_int_equal(counted.octets, (size - sizeof(head) + 1) * 3 / 4);
	assert_in_range(counted.longest, 1024, EXTRACT_PIECE_SIZE);
	assert_int_equal(part_read(&request, count, &stopped), -ENOSPC);
	assert_int_equal(stopped.pieces, 2);
	/* beyond the file, and no file at all */
	request = request_of(fd, size, 1, "1");
	assert_int_equal(part_read(&request, count, &stopped), -ECONNRESET);
	request = request_of(-1, 0, 1, "1");
	assert_true(part_read(&request, count, &stopped) < 0);
	close(fd);
	free(text);
}

/* A child that was taken over may say anything. */
static void a_lying_child_is_not_believed(void **state)
{
	static const struct {
		const char *what;
		int r;
	} lies[] = {{"too much", -EBADMSG}, {"another type", -EBADMSG},  {"another id", -EBADMSG},
		    {"a good end", 0},      {"a strange end", -EBADMSG}, {"nothing", -ECONNRESET}};
	int fd = file_of(STR("x"));

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		struct counted counted = {.pieces = 0};
		struct part_request request = request_of(fd, 0, 1, lies[i].what);
		request.limits.parts_max = 7; /* the sign for our own child, see main() */
		assert_int_equal(part_read(&request, count, &counted), lies[i].r);
		assert_int_equal(counted.octets, 0);
	}
	close(fd);
}

static void tell(uint16_t type, uint32_t id, struct str payload)
{
	struct frame frame = frame_make(FRAME_END, id, payload.len);

	frame.type = type;
	if (write(PARSER_CHILD_FD, &frame, sizeof(frame)) != sizeof(frame) ||
	    write(PARSER_CHILD_FD, payload.ptr, payload.len) != (ssize_t)payload.len)
		abort();
}

static int lying_child(const char *what)
{
	int32_t good = 0, strange = 5;
	struct str end = {(const char *)&good, sizeof(good)};

	tell(FRAME_READY, 0, STR(""));
	if (strcmp(what, "too much") == 0)
		tell(FRAME_PIECE, 1, STR("xx"));
	else if (strcmp(what, "another type") == 0)
		tell(FRAME_ANSWER, 1, STR("x"));
	else if (strcmp(what, "another id") == 0)
		tell(FRAME_END, 2, end);
	else if (strcmp(what, "a good end") == 0)
		tell(FRAME_END, 1, end);
	else if (strcmp(what, "a strange end") == 0)
		tell(FRAME_END, 1, (struct str){(const char *)&strange, sizeof(strange)});
	return 0;
}

/* The first frames are looked at without being taken: an honest child reads them again. */
static int child_main(void)
{
	char bytes[sizeof(struct frame) * 2 + sizeof(struct frame_conf) + sizeof(struct frame_file) + 64];
	struct frame_conf conf;
	ssize_t n = recv(PARSER_CHILD_FD, bytes, sizeof(struct frame) + sizeof(conf), MSG_PEEK | MSG_WAITALL);

	if (n != (ssize_t)(sizeof(struct frame) + sizeof(conf)))
		return 1;
	memcpy(&conf, bytes + sizeof(struct frame), sizeof(conf));
	if (conf.limits.parts_max != 7)
		return parser_child_main(PARSER_CHILD_FD);
	struct frame part;
	size_t before = sizeof(struct frame) + sizeof(conf) + sizeof(part) + sizeof(struct frame_file);
	if (recv(PARSER_CHILD_FD, bytes, sizeof(struct frame) + sizeof(conf), MSG_WAITALL) < 0 ||
	    recv(PARSER_CHILD_FD, &part, sizeof(part), MSG_WAITALL) != sizeof(part) ||
	    part.length > sizeof(bytes) - 1 || before > sizeof(bytes))
		return 1;
	n = recv(PARSER_CHILD_FD, bytes, part.length, MSG_WAITALL);
	if (n != (ssize_t)part.length)
		return 1;
	bytes[n] = '\0';
	return lying_child(bytes + sizeof(struct frame_file));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_by_their_path),
		cmocka_unit_test(what_is_listed_can_be_taken_out),
		cmocka_unit_test(a_child_hands_them_out),
		cmocka_unit_test(a_big_one_comes_in_pieces),
		cmocka_unit_test(a_lying_child_is_not_believed),
	};

	if (argc == 2 && strcmp(argv[1], "parser") == 0)
		return child_main();
	mail_parse_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
