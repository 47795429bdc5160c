/*
 * ns per octet of html_to_text and quote_new_part by size, for hostile shapes: what is linear stays flat along
 * a row. bench_text [octets of the largest input, default 8 MiB]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "ingest/autoreply.h"
#include "ingest/html_text.h"

struct shape {
	const char *name;
	const char *head;  /* once */
	const char *piece; /* again and again */
	const char *tail;  /* once */
};

static const struct shape html_shapes[] = {
	{"attributes on one tag", "<p ", "a=b ", ">x</p>"},
	{"open <div>", "", "<div>", "x"},
	{"open <b>, then end tags of another", "<i><div><b><b><b><b>", "</i>", "x"},
	{"open <blockquote> with text", "", "<blockquote>x", ""},
	{"open <ul><li>", "", "<ul><li>x", ""},
	{"nested tables", "", "<table><tr><td>x", ""},
	{"plain words in one line", "", "word ", ""},
	{"one word", "", "wordwordword", ""},
	{"<", "", "<", ""},
	{"&", "", "&", ""},
	{"&#1", "", "&#1", ""},
	{"unterminated comments", "", "<!--", ""},
	{"ends of comments inside one", "<!--", "->", ""},
	{"unterminated <script>", "<script>", "</scrip", ""},
	{"links", "", "<a href=\"https://x.example/\">y</a> ", ""},
	{"link around all", "<a href=\"https://x.example/\">", "y ", "</a>"},
	{"marked divs", "", "<div class=gmail_quote>x</div>", ""},
	{"styles", "<p style=\"", "color:red;", "\">x"},
};

static const struct shape text_shapes[] = {
	{"words", "", "some words in a line\n", ""},
	{"empty lines", "x\n", "\n", "y"},
	{"one line", "", "some words ", ""},
	{"quoted lines", "On Mon, 1 Jan 2024 at 10:00, a@b.c wrote:\n", "> x\n", ""},
	{"quoted and not, by turns", "On Mon, 1 Jan 2024 at 10:00, a@b.c wrote:\n", "> x\ny\n", ""},
	{"attributions", "", "On Mon, 1 Jan 2024 at 10:00, Bob <a@b.c> wrote:\n", ""},
	{"wrapped attributions", "", "On Mon, 1 Jan 2024 at 10:00,\nBob\n", ""},
	{"colons", "", "as he said:\n\n", ""},
	{"header lines", "", "From: a@b.c\n", ""},
	{"dashes", "", "----------\n", ""},
	{"signature delimiters", "x\n", "-- \n", ""},
};

static double now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); /* others may run too */
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static struct str build(const struct shape *shape, size_t size, char *buf)
{
	size_t head = strlen(shape->head), piece = strlen(shape->piece), tail = strlen(shape->tail),
	       len = head;
	memcpy(buf, shape->head, head);
	while (len + piece + tail <= size) {
		memcpy(buf + len, shape->piece, piece);
		len += piece;
	}
	memcpy(buf + len, shape->tail, tail);
	return (struct str){buf, len + tail};
}

static void run_html(struct str in, struct strbuf *out)
{
	struct text_marks marks;
	if (html_to_text(in, out, &marks) < 0)
		printf(" (full)");
}

static void run_quote(struct str in, struct strbuf *out)
{
	struct quote_facts facts = {.text = in};
	if (quote_new_part(&facts, out, NULL) < 0)
		printf(" (full)");
}

static void measure(const char *what, const struct shape *shapes, size_t n, size_t size_max, char *buf,
		    void (*run)(struct str in, struct strbuf *out))
{
	for (size_t i = 0; i < n; i++) {
		printf("%-12s %-36s", what, shapes[i].name);
		for (size_t size = 64 * 1024; size <= size_max; size *= 2) {
			struct str in = build(&shapes[i], size, buf);
			struct strbuf out;
			strbuf_init(&out, 256 * 1024 * 1024);
			double start = now_ns();
			run(in, &out);
			printf(" %8.1f", (now_ns() - start) / (double)in.len);
			strbuf_done(&out);
		}
		printf("\n");
	}
}

int main(int argc, char **argv)
{
	size_t size_max = argc > 1 ? strtoul(argv[1], NULL, 10) : 8 * 1024 * 1024;
	if (size_max < 64 * 1024)
		size_max = 64 * 1024;
	char *buf = xmalloc(size_max + 256);
	printf("%-12s %-36s ns per octet, from 64 KiB, doubling\n", "", "");
	measure("html_to_text", html_shapes, ARRAY_SIZE(html_shapes), size_max, buf, run_html);
	measure("quote", text_shapes, ARRAY_SIZE(text_shapes), size_max, buf, run_quote);
	free(buf);
	return 0;
}
