/*
 * The layout of readable text. Invariants: out never ends in a blank or a line end between calls; `content`
 * is false exactly while no character was written since the last break; depth and indent that are shown are
 * capped, so each input octet costs a bounded number of output octets. Pure.
 */
#include "ingest/text_writer.h"

#define QUOTE_SHOWN_MAX  8
#define INDENT_SHOWN_MAX 16
#define BLANKS_MAX       32

static void write_quote(struct text_writer *writer, unsigned depth)
{
	for (unsigned i = 0; i < depth && i < QUOTE_SHOWN_MAX; i++)
		strbuf_addc(writer->out, '>');
}

static void begin_line(struct text_writer *writer)
{
	bool first = writer->out->len == writer->base;
	if (!first) {
		strbuf_addc(writer->out, '\n');
		writer->lines++;
		if (writer->breaks > 1) {
			write_quote(writer,
				    writer->quote < writer->line_quote ? writer->quote : writer->line_quote);
			strbuf_addc(writer->out, '\n');
			writer->lines++;
		}
	}
	writer->breaks = 0;
	writer->line_start = writer->out->len;
	writer->line_quote = writer->quote;
	write_quote(writer, writer->quote);
	if (writer->quote)
		strbuf_addc(writer->out, ' ');
	unsigned indent = writer->indent > INDENT_SHOWN_MAX ? INDENT_SHOWN_MAX : writer->indent;
	indent -= writer->marker_len > indent ? indent : (unsigned)writer->marker_len;
	for (unsigned i = 0; i < indent; i++)
		strbuf_addc(writer->out, ' ');
}

void text_writer_init(struct text_writer *writer, struct strbuf *out)
{
	*writer = (struct text_writer){.out = out, .base = out->len, .line_start = out->len};
}

void text_writer_word(struct text_writer *writer, struct str word)
{
	if (writer->marker_len && writer->content)
		text_writer_break(writer, 1);
	if (!writer->content)
		begin_line(writer);
	else if (writer->tab)
		strbuf_addc(writer->out, '\t');
	if (writer->marker_len)
		strbuf_add(writer->out, (struct str){writer->marker, writer->marker_len});
	if (!writer->tab || !writer->content)
		for (unsigned i = 0; i < writer->blanks; i++)
			strbuf_addc(writer->out, ' ');
	writer->marker_len = 0;
	writer->blanks = 0;
	writer->tab = writer->cell_fresh = writer->blank_line = false;
	writer->content = true;
	strbuf_add(writer->out, word);
}

void text_writer_blank(struct text_writer *writer)
{
	if (writer->content && writer->blanks == 0)
		writer->blanks = 1;
}

void text_writer_hard_blank(struct text_writer *writer, unsigned n)
{
	writer->blanks = writer->blanks + n > BLANKS_MAX ? BLANKS_MAX : writer->blanks + n;
	if (!writer->content)
		writer->blank_line = true;
}

void text_writer_break(struct text_writer *writer, unsigned n)
{
	if (writer->cell_fresh)
		return;
	if (writer->blank_line && !writer->content)
		n = 2;
	writer->blank_line = writer->tab = false;
	writer->blanks = 0;
	if (writer->out->len == writer->base)
		return;
	writer->content = false;
	if (writer->breaks < n)
		writer->breaks = n;
}

void text_writer_line_end(struct text_writer *writer)
{
	text_writer_break(writer, !writer->content && writer->breaks ? 2 : 1);
}

void text_writer_marker(struct text_writer *writer, struct str marker)
{
	writer->marker_len = marker.len > WRITER_MARKER_MAX ? WRITER_MARKER_MAX : marker.len;
	memcpy(writer->marker, marker.ptr, writer->marker_len);
	writer->blanks = 0;
}

size_t text_writer_cell(struct text_writer *writer)
{
	writer->tab = writer->content;
	writer->cell_fresh = true;
	writer->blanks = 0;
	return writer->lines + writer->breaks;
}

void text_writer_cell_end(struct text_writer *writer, size_t line)
{
	bool fresh = writer->cell_fresh;
	writer->cell_fresh = writer->blank_line = false;
	writer->blanks = 0;
	if (fresh || writer->out->len == writer->base)
		return;
	/* After a cell of one line the next stands beside it. */
	if (writer->lines != line) {
		text_writer_break(writer, 1);
		return;
	}
	writer->breaks = 0;
	writer->content = true;
}
