/* See mime_writer.h: entities, their bodies and the parameters of their fields. */
#include <stdio.h>

#include "outbound/clean_text.h"
#include "outbound/mime_writer.h"

/* ---- quoted-printable ---- */

static bool qp_plain(unsigned char c, bool at_line_end)
{
	return (c >= 0x21 && c <= 0x7e && c != '=') || ((c == ' ' || c == '\t') && !at_line_end);
}

void mime_quoted_printable(struct strbuf *out, struct str text)
{
	size_t column = 0;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if (c == '\n') {
			strbuf_add(out, STR("\r\n"));
			column = 0;
			continue;
		}
		bool plain = qp_plain(c, i + 1 == text.len || text.ptr[i + 1] == '\n');
		size_t n = plain ? 1 : 3;
		if (column + n > MIME_LINE_MAX - 1) {
			strbuf_add(out, STR("=\r\n"));
			column = 0;
		}
		if (plain)
			strbuf_addc(out, (char)c);
		else
			strbuf_printf(out, "=%02X", c);
		column += n;
	}
	if (column > 0)
		strbuf_add(out, STR("\r\n"));
}

static size_t qp_len(struct str text)
{
	size_t n = 0;
	for (size_t i = 0; i < text.len; i++)
		n += text.ptr[i] == '\n' || qp_plain((unsigned char)text.ptr[i], false) ? 1 : 3;
	return n;
}

/* ---- base64 ---- */

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void base64_three(char ret[4], const unsigned char *in, size_t n)
{
	uint32_t bits = (uint32_t)in[0] << 16 | (n > 1 ? (uint32_t)in[1] << 8 : 0) | (n > 2 ? in[2] : 0);
	ret[0] = base64_alphabet[bits >> 18];
	ret[1] = base64_alphabet[bits >> 12 & 63];
	ret[2] = n > 1 ? base64_alphabet[bits >> 6 & 63] : '=';
	ret[3] = n > 2 ? base64_alphabet[bits & 63] : '=';
}

void mime_base64(struct strbuf *out, struct str octets)
{
	const size_t per_line = MIME_LINE_MAX / 4 * 3;
	for (size_t i = 0; i < octets.len; i += per_line) {
		struct str in = str_sub(octets, i, i + per_line);
		char line[MIME_LINE_MAX + 2];
		size_t n = 0;
		for (size_t k = 0; k < in.len; k += 3, n += 4)
			base64_three(line + n, (const unsigned char *)in.ptr + k,
				     in.len - k < 3 ? in.len - k : 3);
		line[n++] = '\r';
		line[n++] = '\n';
		strbuf_add(out, (struct str){line, n});
	}
}

/* ---- multipart ---- */

void mime_boundary_make(char ret[MIME_BOUNDARY_MAX], const char *tag, int64_t number)
{
	snprintf(ret, MIME_BOUNDARY_MAX, "=_%.16s_%lld", tag, (long long)number);
}

void mime_multipart(struct strbuf *out, const char *subtype, const char *boundary)
{
	strbuf_printf(out, "Content-Type: multipart/%s; boundary=\"%s\"\r\n\r\n", subtype, boundary);
}

void mime_boundary(struct strbuf *out, const char *boundary)
{
	strbuf_printf(out, "--%s\r\n", boundary);
}

void mime_multipart_end(struct strbuf *out, const char *boundary)
{
	strbuf_printf(out, "--%s--\r\n", boundary);
}

/* ---- entities ---- */

void mime_text(struct strbuf *out, const char *subtype, struct str text)
{
	bool base64 = qp_len(text) > (text.len + 2) / 3 * 4;
	strbuf_printf(out,
		      "Content-Type: text/%s; charset=utf-8\r\n"
		      "Content-Transfer-Encoding: %s\r\n\r\n",
		      subtype, base64 ? "base64" : "quoted-printable");
	if (!base64) {
		mime_quoted_printable(out, text);
		return;
	}
	/* RFC 2045 6.8: line ends of text are CR LF in base64 too */
	struct strbuf lines;
	strbuf_init(&lines, 2 * text.len + 1);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\n')
			strbuf_addc(&lines, '\r');
		strbuf_addc(&lines, text.ptr[i]);
	}
	mime_base64(out, strbuf_str(&lines));
	strbuf_done(&lines);
}

/* RFC 2045 5.1 token, without what RFC 2231 gives another meaning. */
static bool token_char(char c)
{
	return c > 0x20 && c < 0x7f && !strchr("()<>@,;:\\\"/[]?=*'%", c);
}

static bool media_type_valid(struct str type)
{
	size_t slash = str_find(type, '/');
	if (type.len > 100 || slash == 0 || slash + 1 >= type.len)
		return false;
	for (size_t i = 0; i < type.len; i++) {
		if (i != slash && !token_char(type.ptr[i]))
			return false;
	}
	return true;
}

/* RFC 2046 5.1 and 5.2.1 allow these no base64. */
static bool media_type_composite(struct str type)
{
	return str_istarts(type, STR("message/")) || str_istarts(type, STR("multipart/"));
}

/* At most MIME_FILENAME_MAX octets; what is cut is cut before the ending. */
static void clean_filename(struct str filename, struct strbuf *ret)
{
	struct strbuf line;
	strbuf_init(&line, 4 * MIME_TEXT_MAX);
	clean_line(filename, 3 * MIME_TEXT_MAX, &line);
	struct str name = strbuf_str(&line), ending = STR("");
	for (size_t i = name.len; i > 0 && name.len - i < 12; i--) {
		if (name.ptr[i - 1] == '.') {
			ending = str_sub(name, i - 1, name.len);
			break;
		}
	}
	if (name.len > MIME_FILENAME_MAX) {
		strbuf_add(ret, utf8_cut(name, MIME_FILENAME_MAX - ending.len));
		strbuf_add(ret, ending);
	} else {
		strbuf_add(ret, name);
	}
	strbuf_done(&line);
}

/* Can it be a quoted string as it is? Without '=' it is no encoded word, and no boundary. */
static bool plain_filename(struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] < 0x20 || name.ptr[i] > 0x7e || strchr("\"\\=", name.ptr[i]))
			return false;
	}
	return name.len <= 60;
}

/* RFC 2231 3 and 4: percent-encoded, in numbered pieces when it is long. */
static void extended_filename(struct strbuf *out, struct str name)
{
	const size_t piece_max = 54;
	struct strbuf encoded;
	strbuf_init(&encoded, 3 * name.len + 1);
	for (size_t i = 0; i < name.len; i++) {
		if (token_char(name.ptr[i]))
			strbuf_addc(&encoded, name.ptr[i]);
		else
			strbuf_printf(&encoded, "%%%02X", (unsigned char)name.ptr[i]);
	}
	struct str rest = strbuf_str(&encoded);
	if (rest.len <= piece_max) {
		strbuf_printf(out, ";\r\n filename*=utf-8''%.*s", STR_ARG(rest));
		rest = STR("");
	}
	for (unsigned n = 0; rest.len; n++) {
		size_t take = rest.len < piece_max ? rest.len : piece_max;
		/* not inside of a "%C3" */
		for (size_t back = 1; take < rest.len && back <= 2; back++) {
			if (rest.ptr[take - back] == '%') {
				take -= back;
				break;
			}
		}
		strbuf_printf(out, ";\r\n filename*%u*=%s%.*s", n, n == 0 ? "utf-8''" : "",
			      STR_ARG(str_sub(rest, 0, take)));
		rest = str_sub(rest, take, rest.len);
	}
	strbuf_done(&encoded);
}

void mime_file(struct strbuf *out, struct str type, struct str filename, struct str octets)
{
	if (!media_type_valid(type) || media_type_composite(type))
		type = STR("application/octet-stream");
	struct strbuf name;
	strbuf_init(&name, MIME_FILENAME_MAX + 16);
	clean_filename(filename, &name);
	strbuf_printf(out, "Content-Type: %.*s\r\nContent-Transfer-Encoding: base64\r\n", STR_ARG(type));
	strbuf_adds(out, "Content-Disposition: attachment");
	if (name.len && plain_filename(strbuf_str(&name)))
		strbuf_printf(out, ";\r\n filename=\"%.*s\"", STR_ARG(strbuf_str(&name)));
	else if (name.len)
		extended_filename(out, strbuf_str(&name));
	strbuf_adds(out, "\r\n\r\n");
	mime_base64(out, octets);
	strbuf_done(&name);
}
