/*
 * Time and memory of mail_parse against size, for mails that were made to hurt.
 *
 *	bench_bombs [--wide] [--only WORD] [FILE ...]
 *
 * Each shape is a mail whose core is one piece again and again; it is parsed in five sizes, each twice the one before,
 * every time in a process of its own. A row shows the octets and the count of pieces of the largest, CPU milliseconds
 * of all five, the ratio of the last doubling, ns per octet, and the most memory beyond the mail itself. Short times are
 * the best of several. FILEs are parsed as they are, four of them joined once more.
 *
 * --wide: without our limits on parts, fields, levels, text and addresses, so that what is behind them is seen too (what
 * the program never does). The exit code is 1 when a shape with more than noise takes 2.6 times as long for twice the
 * size, when one mail takes more than a second, or when parsing dies.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/strbuf.h"
#include "ingest/mail.h"

#define STEPS       5
#define MAIL_MAX    ((size_t)256 << 20)
#define ARENA_MAX   ((size_t)64 << 20) /* as in the parser's children */
#define RATIO_MAX   2.6
#define NOISE_MS    15.0 /* below it a ratio says nothing */
#define ENOUGH_MS   60.0 /* above it once is enough */
#define TRIES       5
#define TIME_MAX_MS 1000.0
#define NUMBER      "\1" /* in a piece: its number */
#define TOP         "From: Jane <jane@example.com>\nTo: acme@tickets.example\nSubject: x\nMIME-Version: 1.0\n"
#define PLAIN       "Content-Type: text/plain; charset=utf-8\n\n"
#define HTML        "Content-Type: text/html; charset=utf-8\n\n"
#define MIXED       "Content-Type: multipart/mixed; boundary=b\n\n"
#define K           ((size_t)1000)
#define MIB         ((size_t)1 << 20)

struct bomb {
	const char *name;
	const char *head;  /* behind TOP, once */
	const char *piece; /* n times */
	const char *back;  /* n times, numbered backwards; NULL: none */
	const char *tail;  /* once */
	size_t n_max;
	void (*make)(struct strbuf *out, size_t n); /* instead of pieces */
};

static void make_tnef(struct strbuf *out, size_t n);
static void make_tnef_files(struct strbuf *out, size_t n);

/* clang-format off */
static const struct bomb bombs[] = {
	/* structure */
	{"parts", MIXED, "--b\n\nx\n", NULL, "--b--\n", 1000 * K, NULL},
	{"parts that are files", MIXED, "--b\nContent-Type: image/png; name=a" NUMBER ".png\nContent-ID: <" NUMBER "@x>\n\nx\n", NULL, "--b--\n", 200 * K, NULL},
	{"parts that are HTML", MIXED, "--b\nContent-Type: text/html\n\n<p>x\n", NULL, "--b--\n", 200 * K, NULL},
	{"alternatives", "Content-Type: multipart/alternative; boundary=b\n\n", "--b\nContent-Type: text/html\n\n<p>x\n--b\n\nx\n", NULL, "--b--\n", 100 * K, NULL},
	{"parts, none closed", MIXED, "--b\nContent-Type: multipart/mixed; boundary=c" NUMBER "\n\n--c" NUMBER "\n\nx\n", NULL, "", 100 * K, NULL},
	{"nested multipart", MIXED, "--b\nContent-Type: multipart/mixed; boundary=n" NUMBER "\n\n--n" NUMBER "\n", "--n" NUMBER "--\n", "--b--\n", 10 * K, NULL},
	{"nested multipart, one boundary", MIXED, "--b\nContent-Type: multipart/mixed; boundary=b\n\n", NULL, "", 100 * K, NULL},
	{"nested multipart, no boundary", "", "Content-Type: multipart/mixed\n\n", NULL, "x", 100 * K, NULL},
	{"nested message/rfc822", "", "Content-Type: message/rfc822\n\n", NULL, "x", 10 * K, NULL},
	{"attached message/rfc822, nested", MIXED, "--b\nContent-Type: message/rfc822\n\nSubject: " NUMBER "\n" MIXED, NULL, "x", 10 * K, NULL},
	{"mails attached", MIXED, "--b\nContent-Type: message/rfc822\n\nSubject: " NUMBER "\n\nx\n", NULL, "--b--\n", 200 * K, NULL},
	{"boundary look-alikes", MIXED, "--bx\n", NULL, "--b--\n", 2 * MIB, NULL},
	{"two dashes", MIXED, "--\n", NULL, "--b--\n", 3 * MIB, NULL},
	{"closing lines", MIXED "--b\n\n", "--b--\n", NULL, "", 1 * MIB, NULL},
	{"boundary never comes", MIXED, "--c" NUMBER "\nx\n", NULL, "", 500 * K, NULL},
	{"a boundary of 1 MiB", "Content-Type: multipart/mixed; boundary=", "b", NULL, "\n\nx\n", 1 * MIB, NULL},
	/* header section */
	{"fields", "", "X-" NUMBER ": v\n", NULL, "\nx", 100 * K, NULL},
	{"folded lines of one field", "X: v\n", " v\n", NULL, "\nx", 3 * MIB, NULL},
	{"Subject in one line", "Subject: ", "word ", NULL, "\n\nx", 2 * MIB, NULL},
	{"Received", "", "Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\n", NULL, "\nx", 100 * K, NULL},
	{"From fields", "", "From: a" NUMBER "@example.com\n", NULL, "\nx", 100 * K, NULL},
	{"addresses in To", "To: a@b.c", ", Jane Doe <a" NUMBER "@b.c>", NULL, "\n\nx", 200 * K, NULL},
	{"To fields", "", "To: a" NUMBER "@b.c\n", NULL, "\nx", 100 * K, NULL},
	{"nested groups", "To: ", "a:", NULL, "\n\nx", 1 * MIB, NULL},
	{"groups", "To: ", "a:b@c;,", NULL, "\n\nx", 1 * MIB, NULL},
	{"comments in comments", "To: a@b.c ", "(", NULL, "\n\nx", 1 * MIB, NULL},
	{"comments", "To: ", "(x)", NULL, "a@b.c\n\nx", 1 * MIB, NULL},
	{"angle brackets", "To: ", "<", NULL, "\n\nx", 1 * MIB, NULL},
	{"quotes", "To: ", "\"", NULL, "\n\nx", 1 * MIB, NULL},
	{"at signs", "To: ", "@", NULL, "\n\nx", 1 * MIB, NULL},
	{"commas", "To: ", ",", NULL, "\n\nx", 1 * MIB, NULL},
	{"references", "References: ", "<" NUMBER "@example.com>\n ", NULL, "\n\nx", 200 * K, NULL},
	{"references never closed", "References: ", "<a", NULL, "\n\nx", 1 * MIB, NULL},
	{"encoded words", "Subject: ", "=?utf-8?q?a?= ", NULL, "\n\nx", 200 * K, NULL},
	{"encoded words in fields", "", "To: =?utf-8?b?w6Q=?= <a" NUMBER "@b.c>\n", NULL, "\nx", 100 * K, NULL},
	{"encoded words, no end", "Subject: ", "=?utf-8?q?a", NULL, "\n\nx", 1 * MIB, NULL},
	{"=?", "Subject: ", "=?", NULL, "\n\nx", 2 * MIB, NULL},
	{"encoded words, unknown charsets", "Subject: ", "=?x-" NUMBER "?q?=e4?= ", NULL, "\n\nx", 100 * K, NULL},
	{"encoded words, switching charsets", "Subject: ", "=?iso-2022-jp?b?GyRCJCIbKEI=?= =?big5?q?=a4=40?= ", NULL, "\n\nx", 100 * K, NULL},
	{"parameter continuations", "Content-Type: text/plain", "; name*" NUMBER "*=a%41", NULL, "\n\nx", 100 * K, NULL},
	{"continuations of one number", "Content-Type: text/plain", "; name*1=a", NULL, "\n\nx", 200 * K, NULL},
	{"parameters", "Content-Type: text/plain", "; a" NUMBER "=b", NULL, "\n\nx", 200 * K, NULL},
	{"continuations on every part", MIXED, "--b\nContent-Disposition: attachment; filename*0=a; filename*1=b; filename*2=c; filename*3=d; filename*4=e\n\nx\n", NULL, "", 50 * K, NULL},
	/* encodings and charsets */
	{"one line, plain", PLAIN, "word word ", NULL, "", 1 * MIB, NULL},
	{"one line, no blank", PLAIN, "wordword", NULL, "", 10 * MIB / 8, NULL},
	{"one line, base64", "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n", "d29yZCB3b3Jk", NULL, "", 10 * MIB / 12, NULL},
	{"base64 in pieces with padding", "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n", "YQ==\n", NULL, "", 2 * MIB, NULL},
	{"base64, equals signs only", "Content-Type: application/x\nContent-Transfer-Encoding: base64\n\nYQ", "=", NULL, "", 10 * MIB, NULL},
	{"one line, quoted-printable", "Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n", "=77ord word ", NULL, "", 10 * MIB / 12, NULL},
	{"quoted-printable, equals and blanks", "Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n", "=  ", NULL, "", 3 * MIB, NULL},
	{"one line, HTML", HTML, "word word ", NULL, "", 1 * MIB, NULL},
	{"no charset, 8-bit", "Content-Type: text/plain\n\n", "Gr\xf6\xdf""e und ", NULL, "", 1 * MIB, NULL},
	{"ISO-2022-JP switches", "Content-Type: text/plain; charset=iso-2022-jp\n\n", "\033$B$\"\033(B", NULL, "", 1 * MIB, NULL},
	{"ISO-2022-JP, escapes only", "Content-Type: text/plain; charset=iso-2022-jp\n\n", "\033", NULL, "", 8 * MIB, NULL},
	{"ISO-2022-KR switches", "Content-Type: text/plain; charset=iso-2022-kr\n\n\033$)C", "\0160!\017", NULL, "", 2 * MIB, NULL},
	{"ISO-2022-CN switches", "Content-Type: text/plain; charset=iso-2022-cn\n\n", "\033$)A\0160!\017", NULL, "", 1 * MIB, NULL},
	{"UTF-7 switches", "Content-Type: text/plain; charset=utf-7\n\n", "+AOQ-", NULL, "", 2 * MIB, NULL},
	{"UTF-8 broken everywhere", PLAIN, "\xc3\xe2\x82", NULL, "", 3 * MIB, NULL},
	{"UTF-16", "Content-Type: text/plain; charset=utf-16le\n\n", "\xd8\xd8", NULL, "", 4 * MIB, NULL},
	{"GB18030 broken", "Content-Type: text/plain; charset=gb18030\n\n", "\x81\x30\x81", NULL, "", 3 * MIB, NULL},
	{"parts of many charsets", MIXED, "--b\nContent-Type: text/plain; charset=x-" NUMBER "\n\n\xe4\n", NULL, "", 100 * K, NULL},
	{"format=flowed", "Content-Type: text/plain; format=flowed; delsp=yes\n\n", ">> a \n", NULL, "", 1 * MIB, NULL},
	{"uuencoded blocks", PLAIN, "begin 644 a\n#0V%T\n`\nend\n", NULL, "", 300 * K, NULL},
	{"uuencoded, no end", PLAIN, "begin 644 a\n#0V%T\n", NULL, "", 500 * K, NULL},
	{"begin", PLAIN, "begin 644 a\n", NULL, "end\n", 500 * K, NULL},
	{"begin-base64", PLAIN, "begin-base64 644 a\nQ2F0\n", NULL, "====\n", 300 * K, NULL},
	{"yEnc blocks", PLAIN, "=ybegin line=128 size=3 name=a\nabc\n=yend\n", NULL, "", 200 * K, NULL},
	{"yEnc, no end", PLAIN, "=ybegin line=128 size=3 name=a\n", NULL, "", 300 * K, NULL},
	{"uuencoded and yEnc by turns", PLAIN, "begin 644 a\n#0V%T\n`\nend\n=ybegin line=1 size=3 name=a\nabc\n=yend\n", NULL, "", 100 * K, NULL},
	{"uuencoded, one yEnc at the end", PLAIN, "begin 644 a\n#0V%T\n`\nend\n", NULL, "=ybegin line=1 name=a\nabc\n=yend\n", 300 * K, NULL},
	/* HTML */
	{"attributes on a tag", HTML "<p ", "a" NUMBER "=b ", NULL, ">x</p>", 200 * K, NULL},
	{"open tags", HTML, "<div>", NULL, "x", 100 * K, NULL},
	{"open tags, closed", HTML, "<div>", "</div>", "x", 100 * K, NULL},
	{"open tags of many names", HTML, "<x" NUMBER ">y", NULL, "x", 200 * K, NULL},
	{"open quotes", HTML, "<blockquote>x", NULL, "", 100 * K, NULL},
	{"open lists", HTML, "<ul><li>x", NULL, "", 100 * K, NULL},
	{"open tables", HTML, "<table><tr><td>x", NULL, "", 100 * K, NULL},
	{"cells", HTML "<table><tr>", "<td>x", NULL, "", 500 * K, NULL},
	{"end tags of others", HTML "<i><b><b><b><b>", "</i>", NULL, "", 1 * MIB, NULL},
	{"entities", HTML, "&amp;", NULL, "", 2 * MIB, NULL},
	{"entities, long names", HTML, "&CounterClockwiseContourIntegral;", NULL, "", 300 * K, NULL},
	{"entities, no end", HTML, "&#x1", NULL, "", 2 * MIB, NULL},
	{"ampersands", HTML, "&", NULL, "", 10 * MIB, NULL},
	{"comments, no end", HTML, "<!--", NULL, "", 2 * MIB, NULL},
	{"conditional comments", HTML, "<!--[if mso]>x<![endif]-->", NULL, "", 400 * K, NULL},
	{"less-than signs", HTML, "<", NULL, "", 10 * MIB, NULL},
	{"style attributes", HTML, "<p style=\"color:red;display:none\">x</p>", NULL, "", 200 * K, NULL},
	{"one style attribute", HTML "<p style=\"", "display:", NULL, "\">x</p>", 1 * MIB, NULL},
	{"style sheets", HTML, "<style>p{color:red}</style>", NULL, "", 300 * K, NULL},
	{"links", HTML, "<a href=\"https://x.example/" NUMBER "\">y</a>", NULL, "", 200 * K, NULL},
	{"cid: references and as many pictures", "Content-Type: multipart/related; boundary=b\n\n--b\n" HTML, "<img src=\"cid:" NUMBER "@x\">", "--b\nContent-Type: image/png\nContent-ID: <" NUMBER "@y>\n\nx\n", "\n", 20 * K, NULL},
	{"marked quotes", HTML, "<div class=gmail_quote>x</div>", NULL, "", 200 * K, NULL},
	/* what is new in a reply */
	{"lines nested 1000 deep", PLAIN, "\2", NULL, "", 1000, NULL},
	{"1 MiB of >", PLAIN, ">", NULL, "", 1 * MIB, NULL},
	{"> on lines of their own", PLAIN, ">\n", NULL, "", 1 * MIB, NULL},
	{"quoted and not, by turns", PLAIN "On Mon, 1 Jan 2024 at 10:00, a@b.c wrote:\n", "> x\ny\n", NULL, "", 170 * K, NULL},
	{"separators", PLAIN, "-----Original Message-----\n", NULL, "", 40 * K, NULL},
	{"separators, 1 MiB of dashes", PLAIN, "-", NULL, "", 1 * MIB, NULL},
	{"separators, underscores", PLAIN, "________________________________\n", NULL, "", 32 * K, NULL},
	{"attributions", PLAIN, "On Mon, 1 Jan 2024 at 10:00, Bob <a@b.c> wrote:\n", NULL, "", 20 * K, NULL},
	{"attributions never finished", PLAIN, "On Mon, 1 Jan 2024 at 10:00,\nBob\n", NULL, "", 30 * K, NULL},
	{"attributions in one line", PLAIN, "On Mon, 1 Jan 2024 at 10:00 ", NULL, "wrote:\n", 35 * K, NULL},
	{"signature delimiters", PLAIN "x\n", "-- \n", NULL, "", 250 * K, NULL},
	{"header lines quoted", PLAIN, "From: a@b.c\nSent: now\nTo: x\nSubject: y\n\n", NULL, "", 24 * K, NULL},
	{"forwarded blocks", "Subject: Fwd: x\n" PLAIN, "---------- Forwarded message ----------\nFrom: Bob <a" NUMBER "@b.c>\nDate: now\nSubject: y\nTo: z\n\nx\n", NULL, "", 10 * K, NULL},
	{"forwarded blocks, quoted deeper", "Subject: Fwd: x\n" PLAIN, "Begin forwarded message:\n> From: Bob\n", NULL, "", 25 * K, NULL},
	{"empty lines", PLAIN "x", "\n", NULL, "y", 1 * MIB, NULL},
	{"footers", PLAIN "x\n", "Sent from my iPhone\n", NULL, "", 50 * K, NULL},
	{"answers of calendars", "Content-Type: text/calendar; method=REPLY\n\nBEGIN:VCALENDAR\nBEGIN:VEVENT\n", "ATTENDEE;CN=a;PARTSTAT=ACCEPTED:mailto:a" NUMBER "@b.c\n", NULL, "END:VEVENT\nEND:VCALENDAR\n", 100 * K, NULL},
	{"folded lines in a calendar", "Content-Type: text/calendar\n\nBEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:x\n", " x\n", NULL, "", 1 * MIB, NULL},
	/* kind of mail */
	{"subject of machines", "Subject: ", "Automatic reply out of office ", NULL, "\n\nx", 100 * K, NULL},
	{"recipients of a bounce", "From: mailer-daemon@b.c\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n", "Final-Recipient: rfc822; a" NUMBER "@b.c\nAction: failed\nStatus: 5.1.1\n\n", NULL, "--b--\n", 50 * K, NULL},
	{"words of a bounce", "Return-Path: <>\nFrom: mailer-daemon@b.c\nSubject: Undelivered Mail Returned to Sender\n\nThis is the mail system\n\n", "<a" NUMBER "@b.c>: host x said: 550 5.1.1 user unknown\n", NULL, "", 20 * K, NULL},
	{"words of a bounce in one line", "Return-Path: <>\nFrom: mailer-daemon@b.c\nSubject: Undelivered Mail Returned to Sender\n\nThis is the mail system\n\n", "<a@b.c>: 550 user unknown ", NULL, "", 40 * K, NULL},
	{"diagnostic code of a bounce", "From: mailer-daemon@b.c\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@b.c\nAction: failed\nDiagnostic-Code: smtp; 550 ", "5.1.1 no such ", NULL, "\n--b--\n", 500 * K, NULL},
	/* winmail.dat */
	{"winmail.dat, properties", NULL, NULL, NULL, NULL, 300 * K, make_tnef},
	{"winmail.dat, files", NULL, NULL, NULL, NULL, 100 * K, make_tnef_files},
	/* octets */
	{"NUL", PLAIN, "\3", NULL, "", 10 * MIB, NULL},
	{"bare CR", "Content-Type: text/plain\r\r", "x\r", NULL, "", 5 * MIB, NULL},
	{"only line feeds", "", "\n", NULL, "", 10 * MIB, NULL},
	{"no header, one word", "x", "x", NULL, "", 10 * MIB, NULL},
};
/* clang-format on */

/* ---- making ---- */

static void add_piece(struct strbuf *out, const char *piece, size_t number)
{
	for (; *piece; piece++) {
		if (*piece == NUMBER[0]) {
			strbuf_printf(out, "%zu", number);
		} else if (*piece == '\2') {
			for (int i = 0; i < 1000; i++)
				strbuf_addc(out, '>');
			strbuf_adds(out, " text\n");
		} else {
			strbuf_addc(out, *piece == '\3' ? '\0' : *piece);
		}
	}
}

static void make_mail(const struct bomb *bomb, size_t n, struct strbuf *out)
{
	strbuf_adds(out, TOP);
	if (bomb->make) {
		bomb->make(out, n);
		return;
	}
	strbuf_adds(out, bomb->head);
	for (size_t i = 0; i < n; i++)
		add_piece(out, bomb->piece, i);
	strbuf_adds(out, bomb->tail);
	for (size_t i = n; bomb->back && i-- > 0;)
		add_piece(out, bomb->back, i);
}

static void add_number(struct strbuf *out, size_t value, size_t octets)
{
	for (; octets; octets--, value >>= 8)
		strbuf_addc(out, (char)(value & 0xff));
}

static void add_attribute(struct strbuf *out, size_t level, size_t number, struct str octets)
{
	add_number(out, level, 1);
	add_number(out, number, 2);
	add_number(out, 6, 2);
	add_number(out, octets.len, 4);
	strbuf_add(out, octets);
	add_number(out, 0, 2);
}

static void begin_tnef(struct strbuf *out)
{
	strbuf_adds(out, "Content-Type: application/ms-tnef; name=winmail.dat\n\n");
	add_number(out, 0x223e9f78, 4);
	add_number(out, 1, 2);
}

static void make_tnef(struct strbuf *out, size_t n)
{
	struct strbuf properties;

	begin_tnef(out);
	strbuf_init(&properties, MAIL_MAX);
	add_number(&properties, n, 4);
	for (size_t i = 0; i < n; i++) {
		add_number(&properties, 0x1e, 2);
		add_number(&properties, 0x1000 + i % 32, 2);
		add_number(&properties, 1, 4);
		add_number(&properties, 4, 4);
		strbuf_add(&properties, STR("abc\n"));
	}
	add_attribute(out, 1, 0x9003, strbuf_str(&properties));
	strbuf_done(&properties);
}

static void make_tnef_files(struct strbuf *out, size_t n)
{
	begin_tnef(out);
	for (size_t i = 0; i < n; i++) {
		add_attribute(out, 2, 0x9002, STR("\1\0\0\0\0\0\0\0\0\0\0\0\0\0"));
		add_attribute(out, 2, 0x8010, STR("a.txt\0"));
		add_attribute(out, 2, 0x800f, STR("octets"));
	}
}

/* ---- measuring ---- */

struct result {
	double ms;
	long peak_kib; /* beyond the mail */
	enum parse_status status;
};

static double cpu_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); /* others may run too */
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static long peak_kib(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static volatile unsigned touched; /* or the compiler drops the loop */

/* In a child: the mail is shared with the parent, and was touched before. */
static void measure_here(struct str mail, const struct mail_limits *limits, struct result *ret)
{
	struct arena arena;
	struct parsed_mail *parsed;
	unsigned sum = 0;

	for (size_t i = 0; i < mail.len; i += 4096)
		sum += (unsigned char)mail.ptr[i];
	long before_kib = peak_kib();
	double start_ms = cpu_ms();
	arena_init(&arena, ARENA_MAX);
	ret->status = mail_parse(&arena, mail, limits, &parsed);
	arena_done(&arena);
	ret->ms = cpu_ms() - start_ms;
	ret->peak_kib = peak_kib() - before_kib;
	touched = sum;
}

/* False: the child died of it. */
static bool measure_once(struct str mail, const struct mail_limits *limits, struct result *ret)
{
	int pipe_fd[2], status;

	if (pipe(pipe_fd) < 0)
		return false;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		struct result result = {.ms = 0};
		measure_here(mail, limits, &result);
		_exit(write(pipe_fd[1], &result, sizeof(result)) != sizeof(result));
	}
	close(pipe_fd[1]);
	bool told = pid > 0 && read(pipe_fd[0], ret, sizeof(*ret)) == sizeof(*ret);
	close(pipe_fd[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return told;
}

static bool measure(struct str mail, const struct mail_limits *limits, struct result *ret)
{
	struct result result;

	if (!measure_once(mail, limits, ret))
		return false;
	for (int i = 1; i < TRIES && ret->ms < ENOUGH_MS; i++) {
		if (!measure_once(mail, limits, &result))
			return false;
		if (result.ms < ret->ms)
			*ret = result;
	}
	return true;
}

/* ---- the table ---- */

static bool is_steep(const struct result *results)
{
	const struct result *last = &results[STEPS - 1];
	return last->ms > NOISE_MS && last->ms > RATIO_MAX * results[STEPS - 2].ms;
}

/* Is the row in order? Says what is wrong with it. */
static bool print_row(const char *name, size_t n, size_t size, const struct result *results)
{
	const struct result *last = &results[STEPS - 1];
	double ratio = results[STEPS - 2].ms > 0 ? last->ms / results[STEPS - 2].ms : 0;
	bool steep = is_steep(results), slow = last->ms > TIME_MAX_MS;

	printf("| %s | %zu | %.1f |", name, n, (double)size / (double)MIB);
	for (size_t i = 0; i < STEPS; i++)
		printf(" %.1f", results[i].ms);
	printf(" | %.2f | %.1f | %.1f | %s |%s%s\n", ratio, last->ms * 1e6 / (double)size,
	       (double)last->peak_kib / 1024, parse_status_name(last->status),
	       steep ? " grows faster than its size" : "", slow ? " takes too long" : "");
	return !steep && !slow;
}

static bool died(const char *name, size_t n)
{
	printf("| %s | %zu | dies |\n", name, n);
	return false;
}

/* The octets of the largest mail; 0: parsing one of them dies. */
static size_t measure_bomb(const struct bomb *bomb, const struct mail_limits *limits, struct result *results)
{
	size_t size = 0;

	for (size_t i = 0; i < STEPS; i++) {
		struct strbuf mail;
		size_t n = bomb->n_max >> (STEPS - 1 - i);
		strbuf_init(&mail, MAIL_MAX);
		make_mail(bomb, n, &mail);
		size = mail.len;
		bool told = measure(strbuf_str(&mail), limits, &results[i]);
		strbuf_done(&mail);
		if (!told)
			return 0;
	}
	return size;
}

/* Others may use the machine: what looks steep is measured again, and is steep when it always is. */
static bool run_bomb(const struct bomb *bomb, const struct mail_limits *limits)
{
	struct result results[STEPS];
	size_t size = measure_bomb(bomb, limits, results);

	for (int i = 1; size && i < TRIES && is_steep(results); i++)
		size = measure_bomb(bomb, limits, results);
	return size ? print_row(bomb->name, bomb->n_max, size, results) : died(bomb->name, bomb->n_max);
}

static bool read_file(const char *path, struct strbuf *out)
{
	FILE *file = fopen(path, "rb");
	char buf[65536];
	size_t n;

	if (!file)
		return false;
	while ((n = fread(buf, 1, sizeof(buf), file)) > 0)
		strbuf_add(out, (struct str){buf, n});
	fclose(file);
	return true;
}

/* The file as a text, 1 to 16 times. */
static bool run_file(const char *path, const struct mail_limits *limits)
{
	struct result results[STEPS];
	struct strbuf file, mail;
	const char *slash = strrchr(path, '/');
	bool told = true;

	strbuf_init(&file, MAIL_MAX);
	strbuf_init(&mail, MAIL_MAX);
	if (!read_file(path, &file)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	for (size_t i = 0; i < STEPS && told; i++) {
		strbuf_clear(&mail);
		for (size_t k = 0; k < (size_t)1 << i; k++)
			strbuf_add(&mail, strbuf_str(&file));
		told = measure(strbuf_str(&mail), limits, &results[i]);
	}
	bool good = told ? print_row(slash ? slash + 1 : path, 16, mail.len, results) : died(path, 16);
	strbuf_done(&file);
	strbuf_done(&mail);
	return good;
}

int main(int argc, char **argv)
{
	struct mail_limits limits = mail_limits_default;
	const char *only = NULL;
	bool good = true;
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--wide") == 0)
			limits = (struct mail_limits){MAIL_MAX, 10 * MIB, MAIL_MAX, 10 * MIB, 30,
						      64 * MIB, 10 * MIB, 10 * MIB, 10 * MIB};
		else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
			only = argv[++i];
		else
			return fprintf(stderr, "usage: bench_bombs [--wide] [--only WORD] [FILE ...]\n"), 2;
	}
	mail_parse_init();
	printf("| shape | pieces | MiB | CPU ms, five sizes | last ratio | ns/octet | MiB more | status |\n"
	       "| --- | --- | --- | --- | --- | --- | --- | --- |\n");
	for (size_t k = 0; k < ARRAY_SIZE(bombs); k++)
		if (!only || strstr(bombs[k].name, only))
			good &= run_bomb(&bombs[k], &limits);
	for (; i < argc; i++)
		good &= run_file(argv[i], &limits);
	return good ? 0 : 1;
}
