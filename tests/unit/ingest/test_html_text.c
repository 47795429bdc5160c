/* HTML and the text that a reader gets, as pairs; hostile shapes; what the markup says about quotes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/mailaddr.h"
#include "ingest/html_elements.h"
#include "ingest/html_entities.h"
#include "ingest/html_text.h"

struct pair {
	const char *html, *text;
};

static void check(const struct pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct strbuf out;
		strbuf_init(&out, 1 << 20);
		assert_int_equal(html_to_text(str_from(pairs[i].html), &out, NULL), 0);
		if (!str_eq(strbuf_str(&out), str_from(pairs[i].text)))
			fail_msg("%s\ngot:    \"%.*s\"\nwanted: \"%s\"", pairs[i].html,
				 STR_ARG(strbuf_str(&out)), pairs[i].text);
		strbuf_done(&out);
	}
}

static void paragraphs_and_lines(void **state UNUSED)
{
	static const struct pair pairs[] = {
		{"", ""},
		{"hello", "hello"},
		{"  a \n b\t c ", "a b c"},
		{"<p>one</p><p>two</p>", "one\n\ntwo"},
		{"<p>one<p>two", "one\n\ntwo"},
		{"<div>one</div><div>two</div>", "one\ntwo"},
		{"<div>one<br></div><div>two</div>", "one\ntwo"},
		{"<div>one</div><div><br></div><div>two</div>", "one\n\ntwo"},
		{"one<br>two<br><br>three<br><br><br><br>four", "one\ntwo\n\nthree\n\nfour"},
		{"<p>one</p>\n\n<p>&nbsp;</p>\n<p>two</p>", "one\n\ntwo"},
		{"<b>bo</b>ld and <i>it</i>alic", "bold and italic"},
		{"<h1>Title</h1>text<h2>Next</h2>more", "Title\n\ntext\n\nNext\n\nmore"},
		{"a<hr>b", "a\n----------\nb"},
		{"one</p>two", "one\n\ntwo"},
		{"a</br>b", "a\nb"},
		{"<body>in</body></html> after", "in after"},
		{"<p>x</p>   ", "x"},
		{"<br><br><p></p>x", "x"},
	};
	check(pairs, ARRAY_SIZE(pairs));
}

static void what_is_not_shown(void **state UNUSED)
{
	static const struct pair pairs[] = {
		{"<head><title>T</title><style>p{a:b}</style></head>x", "x"},
		{"a<script>if (a<b) document.write('<p>no</p>')</script>b", "ab"},
		{"a<!-- no > no -->b", "ab"},
		{"a<!-->b", "ab"},
		{"a<!--[if mso]><p>outlook</p><![endif]-->b", "ab"},
		{"a<![if !mso]>b<![endif]>c", "abc"},
		{"a<?xml version='1'?>b<!DOCTYPE html>c", "abc"},
		{"a</ nothing>b</>c", "abc"},
		{"<div style='display: none'>hid<div>den</div>!</div>seen", "seen"},
		{"<span style=\"color:red;DISPLAY:NONE\">hidden</span>seen", "seen"},
		{"<p hidden>hidden</p>seen", "seen"},
		{"<div style='font-size:0px'>hidden</div>seen", "seen"},
		{"<div style='font-size:0.9em'>seen</div>", "seen"},
		{"<div style='mso-hide:all'>hidden</div>seen", "seen"},
		{"<div style='max-height:0;overflow:hidden'>hidden</div>seen", "seen"},
		{"<img src=t.gif width=1 height=1 alt=track>seen", "seen"},
		{"<img src=t.gif alt='A cat'> seen", "A cat seen"},
		{"<img src=t.gif>seen", "seen"},
		{"pre&#8203;header&zwnj; &zwnj;&nbsp;&#847; &shy;end", "preheader  end"},
		{"<xml><o:x>96</o:x></xml>seen", "seen"},
		{"<template>no</template><iframe>no</iframe>seen", "seen"},
		{"<o:p></o:p>seen<o:p>&nbsp;</o:p>", "seen"},
		{"x<style>unterminated", "x"},
		{"x<a href='unterminated", "x"},
		{"x<!-- unterminated <p>y</p>", "x"},
	};
	check(pairs, ARRAY_SIZE(pairs));
}

/* When nothing else is left, what was hidden by a program's mistake is better than nothing. */
static void nothing_is_lost(void **state UNUSED)
{
	static const struct pair pairs[] = {
		{"<div style='display:none'><p>all of it</p></div>", "all of it"},
		{"<div hidden><blockquote>a</blockquote>b</div>", "> a\n\nb"},
		{"<!-- no end <p>text</p>", "no end\n\ntext"},
		{"<!--", ""},
		{"<!-", ""},
		{"<!-- whole --><!-- <b>not whole", "not whole"},
		{"<style>p{}<p>text", "text"},
		{"<style>p{}", ""},
		{"<style>p{}</style><style>q{}<p>text", "text"},
		{"<script>var a = 1;<p>text</p><script>var b<p>more", "text\n\nmore"},
		{"<title>text", "text"},
		/* what ends as it should stays unseen */
		{"<title>t</title><style>p{}</style><!-- c --><script>s</script>", ""},
		{"<style>p{}</style><p hidden>text</p><!-- c -->", "text"},
		/* and where something is seen, nothing else is shown */
		{"<p>before</p><!-- no end <p>after</p>", "before"},
		{"<p>before</p><style>p{}<p>after</p>", "before"},
		{"<img alt=logo><p hidden>hidden</p>", "logo"},
	};
	struct strbuf out;
	check(pairs, ARRAY_SIZE(pairs));
	strbuf_init(&out, 100);
	strbuf_adds(&out, "text");
	assert_int_equal(html_to_text(STR("<p hidden>hidden</p>"), &out, NULL), 0);
	assert_true(str_eq(strbuf_str(&out), STR("text")));
	strbuf_done(&out);
}

static void characters(void **state UNUSED)
{
	static const struct pair pairs[] = {
		{"&lt;b&gt; &amp;amp; &quot;q&quot;", "<b> &amp; \"q\""},
		{"&copy 2024 &copy; &notit; &notin;", "© 2024 © ¬it; ∉"},
		{"&#8364;&#x20AC;&#128;&#x80", "€€€€"},
		{"&#0;&#xD800;&#x110000;&#99999999999;", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"&unknown; &; & &# &#x; &#xg", "&unknown; &; & &# &#x; &#xg"},
		{"3 < 4 and 5 > 4", "3 < 4 and 5 > 4"},
		{"a<3 b<", "a<3 b<"},
		{"write to <bob@example.com> please", "write to <bob@example.com> please"},
		{"a&nbsp;&nbsp;b", "a  b"},
		{"a&NotEqualTilde;b", "a\xe2\x89\x82\xcc\xb8"
				      "b"},
		{"nul\x01\x02 bell\x07", "nul bell"},
		{"Gr\xc3\xbc\xc3\x9f"
		 "e \xe4\xbd\xa0\xe5\xa5\xbd",
		 "Grüße 你好"},
	};
	check(pairs, ARRAY_SIZE(pairs));
}

static void lists_and_tables(void **state UNUSED)
{
	static const struct pair pairs[] = {
		{"a<ul><li>one<li>two</ul>b", "a\n- one\n- two\nb"},
		{"<ol><li>one</li><li>two</li></ol>", "1. one\n2. two"},
		{"<ol start=9><li>one<li>two<li value=20>three</ol>", "9. one\n10. two\n20. three"},
		{"<ul><li>one<ul><li>in</ul><li>two</ul>", "- one\n  - in\n- two"},
		{"<ul><li><p>one</p><p>more</p></li></ul>", "- one\n\n  more"},
		{"<li>alone", "- alone"},
		{"<ol start=-5><li>x</ol>", "1. x"},
		{"<ol start=9999999999><li>x</ol>", "1. x"},
		{"<dl><dt>term<dd>what it is</dl>", "term\nwhat it is"},
		{"<table><tr><td>a</td><td>b</td></tr><tr><td>1<td>2</table>", "a\tb\n1\t2"},
		{"<table><tr><td><p>a</p></td><td><div>b</div></td></tr></table>c", "a\tb\nc"},
		{"<table><tr><td>a<br>b</td><td>c</td></tr></table>", "a\nb\nc"},
		{"<table><tr><td><table><tr><td>in</td></tr></table></td><td>out</td></tr></table>",
		 "in\tout"},
		{"<p class=MsoListParagraph><![if !supportLists]><span style='mso-list:Ignore'>\xc2\xb7<span "
		 "style='font:7pt'>&nbsp;&nbsp; </span></span><![endif]>bullet</p>",
		 "- bullet"},
		{"<p class=MsoListParagraph><span style='mso-list:Ignore'>2.<span>&nbsp; "
		 "</span></span>two</p>",
		 "2. two"},
		{"<p class=MsoNormal>one</p><p class=MsoNormal>two</p><p "
		 "class=MsoNormal><o:p>&nbsp;</o:p></p><p class=MsoNormal>three</p>",
		 "one\ntwo\n\nthree"},
	};
	check(pairs, ARRAY_SIZE(pairs));
}

static void links(void **state UNUSED)
{
	static const struct pair pairs[] = {
		{"see <a href='https://x.example/a?b=1&amp;c=2'>here</a>.",
		 "see here <https://x.example/a?b=1&c=2>."},
		{"<a href='https://x.example/'>x.example</a>", "x.example"},
		{"<a href='https://www.x.example/p'>https://www.x.example/p</a>", "https://www.x.example/p"},
		{"<a href='mailto:bob@x.example?subject=hi'>bob@x.example</a>", "bob@x.example"},
		{"<a href='mailto:bob@x.example'>Bob</a>", "Bob <bob@x.example>"},
		{"<a href='tel:+4930123456'>+49 (30) 123-456</a>", "+49 (30) 123-456"},
		{"<a href='javascript:alert(1)'>x</a><a href='#top'>up</a><a name=x>y</a>", "xupy"},
		{"<a href='https://x.example/'><img src=a.png></a>y", "y"},
		{"<a href='https://x.example/'><img src=a.png alt=Logo></a>", "Logo <https://x.example/>"},
		{"<a href='https://a.example/'>a<a href='https://b.example/'>b</a>",
		 "a <https://a.example/>b <https://b.example/>"},
		{"<a href='https://x.example/'>never closed", "never closed <https://x.example/>"},
		{"<a href='https://x.example/ > evil'>x</a>", "x"},
	};
	check(pairs, ARRAY_SIZE(pairs));
}

static void quotes_and_pre(void **state UNUSED)
{
	static const struct pair pairs[] = {
		{"a<blockquote>b<p>c</blockquote>d", "a\n\n> b\n>\n> c\n\nd"},
		{"<blockquote>a<blockquote>b</blockquote></blockquote>", "> a\n>\n>> b"},
		{"<pre>a  b\n\tc</pre>d", "a  b\n        c\n\nd"},
		{"<div style='white-space: pre-wrap'>a\nb</div>", "a\nb"},
		{"He said <q>yes</q>.", "He said \"yes\"."},
		{"<blockquote><ul><li>x</ul></blockquote>", "> - x"},
	};
	check(pairs, ARRAY_SIZE(pairs));
}

static void the_markup_marks_quotes(void **state UNUSED)
{
	static const struct {
		const char *html, *marked;
		enum text_mark_kind kind;
	} cases[] = {
		{"hi<div class=gmail_quote>On x wrote:<blockquote class=gmail_quote>q</blockquote></div>",
		 "On x wrote:\n\n> q", MARK_REPLY},
		{"hi<div class='x_gmail_quote gmail_quote_container'>q</div>z", "q", MARK_REPLY},
		{"hi<div id=appendonsend></div><hr><div id=divRplyFwdMsg>From: x</div><div>q</div>",
		 "----------\nFrom: x\nq", MARK_REST},
		{"hi<div class=moz-cite-prefix>On x wrote:</div><blockquote type=cite>q</blockquote>",
		 "On x wrote:", MARK_REPLY},
		{"hi<div class='yahoo_quoted' id=yahoo_quoted_1>q</div>", "q", MARK_REPLY},
		{"hi<div class=moz-forward-container>f</div>", "f", MARK_FORWARD},
		{"hi<div class=gmail_signature>s</div>", "s", MARK_SIGNATURE},
		{"hi<blockquote type=CITE>q</blockquote>", "> q", MARK_REPLY},
		{"hi<blockquote>q</blockquote>", "> q", MARK_BLOCKQUOTE},
		{"hi<blockquote class=gmail_quote>q</blockquote>", "> q", MARK_INDENT},
		{"hi<div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm "
		 "0cm'>From:</div>q",
		 "From:\nq", MARK_REST},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct strbuf out;
		struct text_marks marks;
		strbuf_init(&out, 1 << 20);
		strbuf_adds(&out, "already here ");
		size_t base = out.len;
		assert_int_equal(html_to_text(str_from(cases[i].html), &out, &marks), 0);
		assert_true(marks.n > 0);
		struct str got =
			str_sub(strbuf_str(&out), base + marks.items[0].from, base + marks.items[0].to);
		if (!str_eq(got, str_from(cases[i].marked)) || marks.items[0].kind != cases[i].kind)
			fail_msg("%s: kind %d \"%.*s\"", cases[i].html, (int)marks.items[0].kind,
				 STR_ARG(got));
		strbuf_done(&out);
	}
}

static void the_entity_table_is_sorted(void **state UNUSED)
{
	assert_true(html_entities_n > 2000);
	for (size_t i = 1; i < html_entities_n; i++)
		assert_true(strcmp(html_entities[i - 1].name, html_entities[i].name) < 0);
}

static void every_element_is_found(void **state UNUSED)
{
	static const char *const names[] = {"a",     "blockquote", "BR",  "center", "dd",    "DIV",
					    "h6",    "hr",         "img", "li",     "ol",    "option",
					    "p",     "pre",        "td",  "Table",  "tbody", "template",
					    "title", "tr",         "ul",  "xml",    "wbr"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct html_element element;
		html_element_find(str_from(names[i]), &element);
		if (element.flags == 0)
			fail_msg("%s", names[i]);
	}
	struct html_element element;
	html_element_find(STR("span"), &element);
	assert_int_equal(element.flags, 0);
}

/* Whatever comes: valid UTF-8, no control characters, no blank at a line's end, a bounded growth. */
static void check_output(struct str html, size_t out_max)
{
	struct strbuf out;
	struct text_marks marks;
	strbuf_init(&out, out_max);
	int r = html_to_text(html, &out, &marks);
	assert_true(r == 0 || (r == -ENOBUFS && out.overflow));
	assert_true(utf8_valid(strbuf_str(&out)));
	struct str text = strbuf_str(&out);
	for (size_t i = 0; i < text.len; i++) {
		assert_true((unsigned char)text.ptr[i] >= ' ' || text.ptr[i] == '\n' || text.ptr[i] == '\t');
		if (text.ptr[i] == '\n' && i > 0)
			assert_true(text.ptr[i - 1] != ' ');
	}
	for (size_t i = 0; i < marks.n; i++)
		assert_true(marks.items[i].from < marks.items[i].to && marks.items[i].to <= text.len);
	strbuf_done(&out);
}

static void hostile_shapes(void **state UNUSED)
{
	static const char *const pieces[] = {
		"<div>",
		"<p a=b",
		"<blockquote>x",
		"<ul><li>x",
		"<table><tr><td>x",
		"<",
		"&",
		"<!--",
		"</div>",
		"<a href=x>",
		"<b><p>",
		"<pre>\n",
		"&#x",
		"<!--[if",
		"<script>",
		"</table>x",
		"<div class=gmail_quote>x",
		"<div hidden>",
		"<style>",
		"<title><style>x",
		"<q>",
		"<ol start=999999><li>y",
		"<span style='mso-list:Ignore'>x",
		"<td>x",
		"<li>",
		"<img alt=x>",
		"<br>\xc2\xa0",
	};
	size_t size = 300 * 1024;
	char *buf = xmalloc(size + 64);
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		size_t len = 0, piece = strlen(pieces[i]);
		for (; len + piece <= size; len += piece)
			memcpy(buf + len, pieces[i], piece);
		check_output((struct str){buf, len}, 16 * 1024 * 1024);
		check_output((struct str){buf, len}, 1000);
	}
	free(buf);
}

static void a_full_buffer_keeps_the_beginning(void **state UNUSED)
{
	struct strbuf out;
	strbuf_init(&out, 12);
	assert_int_equal(html_to_text(STR("<p>one two</p><p>three four"), &out, NULL), -ENOBUFS);
	assert_true(str_starts(STR("one two\n\nthree"), strbuf_str(&out)));
	assert_true(out.len >= 7);
	strbuf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paragraphs_and_lines),
		cmocka_unit_test(what_is_not_shown),
		cmocka_unit_test(nothing_is_lost),
		cmocka_unit_test(characters),
		cmocka_unit_test(lists_and_tables),
		cmocka_unit_test(links),
		cmocka_unit_test(quotes_and_pre),
		cmocka_unit_test(the_markup_marks_quotes),
		cmocka_unit_test(the_entity_table_is_sorted),
		cmocka_unit_test(every_element_is_found),
		cmocka_unit_test(hostile_shapes),
		cmocka_unit_test(a_full_buffer_keeps_the_beginning),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
