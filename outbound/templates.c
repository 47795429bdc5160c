/*
 * See templates.h. Each file is cut into its parts ("subject:", "text:", ...), each part is parsed once, when it is opened;
 * rendering cannot fail but for room. What is made in open is never changed again, so any thread may render.
 */
#include "outbound/templates.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/mailaddr.h"
#include "outbound/templates_private.h"

#define RENDER_MAX ((size_t)8 * 1024 * 1024) /* octets of one part, while it is made */

static const char *const locales[] = {"en", "de", "fr", "es", "zh"}; /* the first is for all others */

/* The parts of a file; the layout has CONTENT only. */
enum { PART_SUBJECT, PART_PREHEADER, PART_TEXT, PART_HTML, PART_FOOTER, PARTS };
static const struct part_kind {
	const char *line;
	enum template_place place;
	bool required;
} part_kinds[PARTS] = {
	[PART_SUBJECT] = {"subject:", PLACE_LINE, true}, [PART_PREHEADER] = {"preheader:", PLACE_HTML, false},
	[PART_TEXT] = {"text:", PLACE_TEXT, true},       [PART_HTML] = {"html:", PLACE_HTML, false},
	[PART_FOOTER] = {"footer:", PLACE_HTML, false},
};

#define KIND_ONE(id, name) +1
enum { KINDS = 0 OUTBOX_KINDS(KIND_ONE) };

struct template
{
	char *octets;
	bool there[PARTS];
	struct template_part parts[PARTS];
};

struct templates {
	atomic_int refs;
	struct template kinds[ARRAY_SIZE(locales)][KINDS];
	struct template layout; /* in PART_HTML */
};

/* ---- files */

static int fail(struct conf_error *reterr, const char *file, unsigned line, const char *what)
{
	snprintf(reterr->text, sizeof(reterr->text), "%s:%u: %s", file, line, what);
	return -EINVAL;
}

static int read_fd(int fd, char **ret, size_t *ret_len)
{
	struct strbuf buf;
	strbuf_init(&buf, TEMPLATE_FILE_MAX);
	ssize_t n = 1;
	while (n > 0) {
		char *room = strbuf_reserve(&buf, 4096);
		if (!room) {
			strbuf_done(&buf);
			return -EFBIG;
		}
		n = read(fd, room, 4096);
		buf.len += n > 0 ? (size_t)n : 0;
	}
	int r = n < 0 ? -errno : 0;
	*ret_len = buf.len;
	*ret = strbuf_detach(&buf);
	if (r < 0)
		free(*ret);
	return r;
}

/* The operator's file. -ENOENT: he has none. */
static int read_own(const char *folder, const char *name, char **ret, size_t *ret_len,
		    struct conf_error *reterr)
{
	char *path = xasprintf("%s/%s", folder, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : read_fd(fd, ret, ret_len);
	if (fd >= 0)
		close(fd);
	if (r < 0 && r != -ENOENT)
		snprintf(reterr->text, sizeof(reterr->text), "%s: %s", path, strerror(-r));
	free(path);
	return r;
}

static int read_builtin(const char *name, char **ret, size_t *ret_len)
{
	for (size_t i = 0; i < template_files_n; i++) {
		const struct template_file *file = &template_files[i];
		if (strcmp(file->name, name) != 0)
			continue;
		*ret = xstrndup((struct str){(const char *)file->bytes, file->len});
		*ret_len = file->len;
		return 0;
	}
	return -ENOENT;
}

/* CR LF becomes LF, in place. */
static size_t without_cr(char *octets, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		if (octets[i] != '\r' || i + 1 == len || octets[i + 1] != '\n')
			octets[n++] = octets[i];
	}
	return n;
}

static int read_file(const char *folder, const char *name, struct template *template, struct str *ret,
		     struct conf_error *reterr)
{
	size_t len = 0;
	int r = *folder ? read_own(folder, name, &template->octets, &len, reterr) : -ENOENT;
	if (r == -ENOENT)
		r = read_builtin(name, &template->octets, &len);
	if (r < 0)
		return r;
	*ret = (struct str){template->octets, without_cr(template->octets, len)};
	if (!utf8_valid(*ret) || str_find(*ret, '\0') < ret->len)
		return fail(reterr, name, 1, "this is no UTF-8 text");
	return 0;
}

/* ---- parts of a file */

static int find_part(struct str line)
{
	for (int i = 0; i < PARTS; i++) {
		if (str_eq(str_trim(line), str_from(part_kinds[i].line)))
			return i;
	}
	return -1;
}

static int parse_part(struct template *template, const char *file, int part, unsigned line, struct str text,
		      bool layout, struct conf_error *reterr)
{
	if (template->there[part])
		return fail(reterr, file, line, "this part was there before");
	while (text.len && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == ' '))
		text.len--;
	if (part == PART_SUBJECT && str_find(text, '\n') < text.len)
		return fail(reterr, file, line, "a subject is one line");
	const struct template_source source = {file, line, text, part_kinds[part].place, layout};
	int r = template_parse(&source, &template->parts[part], reterr);
	template->there[part] = r == 0;
	return r;
}

static int parse_mail(struct template *template, const char *file, struct str octets,
		      struct conf_error *reterr)
{
	int part = -1;
	unsigned line_no = 0, part_line = 0;
	struct str text = {octets.ptr, 0};
	for (struct str rest = octets; rest.len;) {
		struct str line = str_sub(rest, 0, str_find(rest, '\n'));
		int found = find_part(line);
		line_no++;
		if (found < 0 && part < 0 && str_trim(line).len && line.ptr[0] != '#')
			return fail(reterr, file, line_no, "a line before \"subject:\"");
		if (found >= 0) {
			int r = part < 0 ? 0
					 : parse_part(template, file, part, part_line, text, false, reterr);
			if (r < 0)
				return r;
			part = found;
			part_line = line_no + 1;
		}
		rest = str_sub(rest, line.len + 1, rest.len);
		if (found >= 0)
			text = (struct str){rest.ptr, 0};
		else
			text.len = (size_t)(rest.ptr - text.ptr);
	}
	int r = part < 0 ? 0 : parse_part(template, file, part, part_line, text, false, reterr);
	for (int i = 0; r == 0 && i < PARTS; i++) {
		if (part_kinds[i].required && !template->there[i])
			r = fail(reterr, file, line_no, i == PART_TEXT ? "no \"text:\"" : "no \"subject:\"");
	}
	return r;
}

static int open_mail(struct template *template, const char *folder, const char *locale, enum outbox_kind kind,
		     struct conf_error *reterr)
{
	char name[64];
	struct str octets;
	snprintf(name, sizeof(name), "%s/%s.mail", locale, outbox_kind_name(kind));
	int r = read_file(folder, name, template, &octets, reterr);
	return r < 0 ? r : parse_mail(template, name, octets, reterr);
}

static int open_layout(struct template *layout, const char *folder, struct conf_error *reterr)
{
	struct str octets;
	int r = read_file(folder, "layout.html", layout, &octets, reterr);
	return r < 0 ? r : parse_part(layout, "layout.html", PART_HTML, 1, octets, true, reterr);
}

static void template_done(struct template *template)
{
	for (size_t i = 0; i < PARTS; i++)
		template_part_done(&template->parts[i]);
	free(template->octets);
}

/* ---- life */

int templates_open(struct templates **ret, const char *folder, struct conf_error *reterr)
{
	struct templates *templates = XNEW(struct templates);
	atomic_init(&templates->refs, 1);
	int r = *folder ? templates_check_folder(folder, locales, ARRAY_SIZE(locales), reterr) : 0;
	if (r == 0)
		r = open_layout(&templates->layout, folder, reterr);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(locales); i++) {
		for (int kind = 0; r == 0 && kind < KINDS; kind++) {
			if (kind != OUTBOX_FORWARD)
				r = open_mail(&templates->kinds[i][kind], folder, locales[i],
					      (enum outbox_kind)kind, reterr);
		}
	}
	if (r < 0) {
		templates_unref(templates);
		return r;
	}
	*ret = templates;
	return 0;
}

struct templates *templates_ref(struct templates *templates)
{
	atomic_fetch_add(&templates->refs, 1);
	return templates;
}

struct templates *templates_unref(struct templates *templates)
{
	if (!templates || atomic_fetch_sub(&templates->refs, 1) > 1)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(locales); i++) {
		for (size_t kind = 0; kind < KINDS; kind++)
			template_done(&templates->kinds[i][kind]);
	}
	template_done(&templates->layout);
	free(templates);
	return NULL;
}

/* ---- languages */

/* Index of locales, or -1. */
static int find_locale(struct str locale)
{
	size_t n = 0;
	while (n < locale.len && locale.ptr[n] != '-' && locale.ptr[n] != '_' && locale.ptr[n] != '.')
		n++;
	for (size_t i = 0; i < ARRAY_SIZE(locales); i++) {
		if (str_ieq(str_sub(locale, 0, n), str_from(locales[i])))
			return (int)i;
	}
	return -1;
}

bool templates_has_locale(struct str locale)
{
	return find_locale(locale) >= 0;
}

/* ---- rendering */

static void render_part(const struct template *template, int part, const struct template_scope *scope,
			struct strbuf *out)
{
	strbuf_init(out, RENDER_MAX);
	if (template->there[part])
		template_render(&template->parts[part], scope, out);
}

/* The HTML of a template that has none: its text, in paragraphs. */
static void html_of_text(const struct template *template, const struct template_scope *scope,
			 struct strbuf *out)
{
	struct strbuf text;
	render_part(template, PART_TEXT, scope, &text);
	strbuf_init(out, RENDER_MAX);
	template_escape(out, strbuf_str(&text), PLACE_HTML, NAME_LINES);
	out->overflow |= text.overflow;
	strbuf_done(&text);
}

static int render_html(const struct templates *templates, const struct template *template,
		       struct template_scope *scope, struct strbuf *out)
{
	struct strbuf content, preheader, footer;
	if (template->there[PART_HTML])
		render_part(template, PART_HTML, scope, &content);
	else
		html_of_text(template, scope, &content);
	render_part(template, PART_PREHEADER, scope, &preheader);
	render_part(template, PART_FOOTER, scope, &footer);
	bool overflow = content.overflow || preheader.overflow || footer.overflow;
	scope->content = strbuf_str(&content);
	scope->preheader = strbuf_str(&preheader);
	scope->footer = strbuf_str(&footer);
	int r = overflow ? -ENOBUFS : template_render(&templates->layout.parts[PART_HTML], scope, out);
	strbuf_done(&content);
	strbuf_done(&preheader);
	strbuf_done(&footer);
	return r;
}

static struct template_scope scope_of(const struct template_values *values, const char *locale)
{
	struct template_scope scope = {
		.values = *values, .with_attachments = values->attachments_n > 0, .locale = str_from(locale)};
	for (size_t i = 0; i < values->attachments_n; i++)
		scope.with_left_out |= values->attachments[i].left_out.len > 0;
	if (!str_istarts(values->logo_url, STR("https://")))
		scope.values.logo_url = STR("");
	return scope;
}

int templates_render(const struct templates *templates, struct str locale, enum outbox_kind kind,
		     const struct template_values *values, struct strbuf *subject, struct strbuf *text,
		     struct strbuf *html)
{
	int at = find_locale(locale), r = 0;
	if ((unsigned)kind >= KINDS || kind == OUTBOX_FORWARD)
		return -ENOENT;
	const char *language = locales[at < 0 ? 0 : at];
	const struct template *template = &templates->kinds[at < 0 ? 0 : at][kind];
	struct template_scope scope = scope_of(values, language);
	if (subject)
		r = template_render(&template->parts[PART_SUBJECT], &scope, subject);
	if (r == 0 && text) {
		r = template_render(&template->parts[PART_TEXT], &scope, text);
		if (r == 0)
			r = strbuf_addc(text, '\n');
	}
	if (r == 0 && html)
		r = render_html(templates, template, &scope, html);
	return r;
}
