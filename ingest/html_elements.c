/*
 * Tables of elements, styles and mail programs' marks. Attribute values are looked at in a bounded, folded copy:
 * what stands behind the first few hundred octets of a style or class is not seen. Pure.
 */
#include "ingest/html_elements.h"

#include "ingest/text_fold.h"

#define BLOCK (HTML_BLOCK | HTML_CLOSES_P)

/* Sorted by name. What is not here is inline and means nothing to us. */
static const struct {
	const char *name;
	unsigned flags;
	uint8_t breaks;
} elements[] = {
	{"a", HTML_LINK, 0},
	{"address", BLOCK, 1},
	{"area", HTML_VOID, 0},
	{"article", BLOCK, 1},
	{"aside", BLOCK, 1},
	{"base", HTML_VOID, 0},
	{"basefont", HTML_VOID, 0},
	{"bgsound", HTML_VOID, 0},
	{"blockquote", BLOCK | HTML_QUOTE, 2},
	{"body", HTML_IGNORED, 0},
	{"br", HTML_VOID | HTML_LINE_END, 0},
	{"button", HTML_BLOCK | HTML_SCOPE, 0},
	{"caption", HTML_BLOCK | HTML_SCOPE, 1},
	{"center", BLOCK, 1},
	{"col", HTML_VOID, 0},
	{"datalist", HTML_UNSEEN | HTML_BLOCK, 0},
	{"dd", BLOCK, 1},
	{"details", BLOCK, 1},
	{"dialog", BLOCK, 1},
	{"dir", BLOCK | HTML_LIST, 1},
	{"div", BLOCK, 1},
	{"dl", BLOCK, 2},
	{"dt", BLOCK, 1},
	{"embed", HTML_VOID, 0},
	{"fieldset", BLOCK, 1},
	{"figcaption", BLOCK, 1},
	{"figure", BLOCK, 1},
	{"footer", BLOCK, 1},
	{"form", BLOCK, 1},
	{"h1", BLOCK, 2},
	{"h2", BLOCK, 2},
	{"h3", BLOCK, 2},
	{"h4", BLOCK, 2},
	{"h5", BLOCK, 2},
	{"h6", BLOCK, 2},
	{"head", HTML_IGNORED, 0},
	{"header", BLOCK, 1},
	{"hgroup", BLOCK, 1},
	{"hr", HTML_VOID | HTML_RULE | HTML_CLOSES_P, 1},
	{"html", HTML_IGNORED, 0},
	{"iframe", HTML_UNSEEN | HTML_BLOCK, 0},
	{"image", HTML_VOID | HTML_IMAGE, 0},
	{"img", HTML_VOID | HTML_IMAGE, 0},
	{"input", HTML_VOID, 0},
	{"keygen", HTML_VOID, 0},
	{"legend", BLOCK, 1},
	{"li", BLOCK | HTML_ITEM, 1},
	{"link", HTML_VOID, 0},
	{"listing", BLOCK | HTML_PRE, 2},
	{"main", BLOCK, 1},
	{"menu", BLOCK | HTML_LIST, 1},
	{"meta", HTML_VOID, 0},
	{"nav", BLOCK, 1},
	{"noembed", HTML_UNSEEN | HTML_BLOCK, 0},
	{"noframes", HTML_UNSEEN | HTML_BLOCK, 0},
	{"object", HTML_BLOCK | HTML_SCOPE, 0},
	{"ol", BLOCK | HTML_LIST | HTML_ORDERED, 1},
	{"optgroup", HTML_BLOCK, 1},
	{"option", HTML_BLOCK, 1},
	{"p", BLOCK, 2},
	{"param", HTML_VOID, 0},
	{"plaintext", BLOCK | HTML_PRE, 2},
	{"pre", BLOCK | HTML_PRE, 2},
	{"q", HTML_QUOTATION_MARKS, 0},
	{"script", HTML_UNSEEN | HTML_BLOCK, 0},
	{"search", BLOCK, 1},
	{"section", BLOCK, 1},
	{"select", HTML_BLOCK, 1},
	{"source", HTML_VOID, 0},
	{"style", HTML_UNSEEN | HTML_BLOCK, 0},
	{"summary", BLOCK, 1},
	{"table", BLOCK | HTML_SCOPE | HTML_TABLE, 1},
	{"tbody", HTML_BLOCK | HTML_TABLE_PART, 1},
	{"td", HTML_BLOCK | HTML_TABLE_PART | HTML_CELL | HTML_SCOPE, 0},
	{"template", HTML_UNSEEN | HTML_BLOCK, 0},
	{"textarea", HTML_BLOCK | HTML_PRE, 1},
	{"tfoot", HTML_BLOCK | HTML_TABLE_PART, 1},
	{"th", HTML_BLOCK | HTML_TABLE_PART | HTML_CELL | HTML_SCOPE, 0},
	{"thead", HTML_BLOCK | HTML_TABLE_PART, 1},
	{"title", HTML_UNSEEN | HTML_BLOCK, 0},
	{"tr", HTML_BLOCK | HTML_TABLE_PART, 1},
	{"track", HTML_VOID, 0},
	{"ul", BLOCK | HTML_LIST, 1},
	{"wbr", HTML_VOID, 0},
	{"xml", HTML_UNSEEN | HTML_BLOCK, 0},
	{"xmp", BLOCK | HTML_PRE, 2},
};

/* Start tags that end an element whose end tag may be left out. */
static const struct {
	const char *name;
	const char *closes[2];
	unsigned barrier;
} implied_ends[] = {
	{"li", {"li", NULL}, HTML_LIST | HTML_SCOPE},
	{"dt", {"dd", "dt"}, HTML_SCOPE},
	{"dd", {"dd", "dt"}, HTML_SCOPE},
	{"option", {"option", NULL}, HTML_SCOPE},
	{"tr", {"tr", NULL}, HTML_TABLE},
	{"td", {"td", "th"}, HTML_TABLE},
	{"th", {"td", "th"}, HTML_TABLE},
	{"tbody", {"thead", "tbody"}, HTML_TABLE},
	{"tfoot", {"thead", "tbody"}, HTML_TABLE},
};

uint32_t html_name_hash(struct str name)
{
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (size_t i = 0; i < name.len && i < 64; i++)
		hash = (hash ^ (unsigned char)ascii_lower(name.ptr[i])) * 16777619u;
	return hash ? hash : 1;
}

#define NAME_MAX_LOOKED_AT 12

static int element_index(struct str name)
{
	size_t low = 0, high = ARRAY_SIZE(elements);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct str other = str_from(elements[middle].name);
		int order = strncasecmp(name.ptr, other.ptr, name.len < other.len ? name.len : other.len);
		if (order == 0 && name.len == other.len)
			return (int)middle;
		if (order < 0 || (order == 0 && name.len < other.len))
			high = middle;
		else
			low = middle + 1;
	}
	return -1;
}

void html_element_find(struct str name, struct html_element *ret)
{
	*ret = (struct html_element){.hash = html_name_hash(name), .end_barrier = HTML_SCOPE};
	int index = name.len <= NAME_MAX_LOOKED_AT ? element_index(name) : -1;
	if (index < 0)
		return;
	ret->flags = elements[index].flags;
	ret->breaks = elements[index].breaks;
	if (ret->flags & HTML_TABLE)
		ret->end_barrier = 0;
	if (ret->flags & HTML_ITEM)
		ret->end_barrier = HTML_LIST | HTML_SCOPE;
	if (ret->flags & HTML_TABLE_PART)
		ret->end_barrier = HTML_TABLE;
	for (size_t i = 0; i < ARRAY_SIZE(implied_ends); i++) {
		if (!str_ieq(name, str_from(implied_ends[i].name)))
			continue;
		ret->closes[0] = implied_ends[i].closes[0];
		ret->closes[1] = implied_ends[i].closes[1];
		ret->closes_barrier = implied_ends[i].barrier;
	}
}

/* ---- styles ---- */

#define STYLE_MAX 768

/* The style without blanks, in lower case, with a ';' at both ends: "display: none" is ";display:none;". */
static struct str fold_style(const struct html_token *token, char *buf)
{
	struct str style = token->attributes[HTML_STYLE];
	size_t len = 0;
	if (style.len == 0)
		return (struct str){NULL, 0};
	buf[len++] = ';';
	for (size_t i = 0; i < style.len && len + 1 < STYLE_MAX; i++)
		if ((unsigned char)style.ptr[i] > ' ')
			buf[len++] = ascii_lower(style.ptr[i]);
	buf[len++] = ';';
	return (struct str){buf, len};
}

/* ";font-size:0;", "0px", "0.0pt": a length of nothing. */
static bool style_is_zero(struct str style, struct str property)
{
	size_t at = str_search(style, property);
	if (at == style.len)
		return false;
	size_t i = at + property.len, digits = 0;
	for (; i < style.len && (ascii_digit(style.ptr[i]) || style.ptr[i] == '.'); i++, digits++)
		if (style.ptr[i] != '0' && style.ptr[i] != '.')
			return false;
	return digits > 0;
}

bool html_hides(const struct html_token *token)
{
	static const struct str hiding[] = {STR_INIT(";display:none"), STR_INIT(";visibility:hidden"),
					    STR_INIT(";mso-hide:all"), STR_INIT(";opacity:0;")};
	char buf[STYLE_MAX];
	if (token->attributes[HTML_HIDDEN].ptr)
		return true;
	struct str style = fold_style(token, buf);
	if (style.len == 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(hiding); i++)
		if (str_has(style, hiding[i]))
			return true;
	if (style_is_zero(style, STR(";font-size:")))
		return true;
	return str_has(style, STR(";overflow:hidden")) &&
	       (style_is_zero(style, STR(";max-height:")) || style_is_zero(style, STR(";height:")));
}

bool html_preformats(const struct html_token *token)
{
	char buf[STYLE_MAX];
	struct str style = fold_style(token, buf);
	return style.len &&
	       (str_has(style, STR(";white-space:pre")) || str_has(style, STR(";white-space:break-spaces")));
}

bool html_is_bullet(const struct html_token *token)
{
	char buf[STYLE_MAX];
	struct str style = fold_style(token, buf);
	return style.len && str_has(style, STR(";mso-list:ignore"));
}

uint8_t html_breaks(const struct html_token *token, const struct html_element *element)
{
	char buf[STYLE_MAX];
	if (element->breaks == 0 || element->hash != html_name_hash(STR("p")))
		return element->breaks;
	struct str class = token->attributes[HTML_CLASS];
	if (str_istarts(class, STR("MsoNormal")) || str_istarts(class, STR("MsoPlainText")) ||
	    str_istarts(class, STR("MsoListParagraph")))
		return 1;
	struct str style = fold_style(token, buf);
	if (style.len &&
	    (style_is_zero(style, STR(";margin:")) || style_is_zero(style, STR(";margin-bottom:")) ||
	     style_is_zero(style, STR(";margin-top:"))))
		return 1;
	return element->breaks;
}

/* ---- marks of mail programs ---- */

#define VALUE_MAX 256

enum match { EXACT, PREFIX };

static const struct {
	enum html_attribute attribute;
	enum match match;
	struct str value; /* lower case */
	enum text_mark_kind kind;
	enum html_mark_reach reach;
} marks[] = {
	/* Gmail */
	{HTML_CLASS, PREFIX, STR_INIT("gmail_quote"), MARK_REPLY, MARK_REACH_ELEMENT},
	{HTML_CLASS, EXACT, STR_INIT("gmail_attr"), MARK_REPLY, MARK_REACH_ELEMENT},
	{HTML_CLASS, PREFIX, STR_INIT("gmail_signature"), MARK_SIGNATURE, MARK_REACH_ELEMENT},
	/* Thunderbird */
	{HTML_CLASS, EXACT, STR_INIT("moz-cite-prefix"), MARK_REPLY, MARK_REACH_ELEMENT},
	{HTML_CLASS, EXACT, STR_INIT("moz-forward-container"), MARK_FORWARD, MARK_REACH_ELEMENT},
	{HTML_CLASS, EXACT, STR_INIT("moz-signature"), MARK_SIGNATURE, MARK_REACH_ELEMENT},
	/* Outlook on the web, for phones, for Mac, Windows Mail, Hotmail */
	{HTML_ID, EXACT, STR_INIT("divrplyfwdmsg"), MARK_REST, MARK_REACH_REST},
	{HTML_ID, EXACT, STR_INIT("appendonsend"), MARK_REST, MARK_REACH_REST},
	{HTML_ID, EXACT, STR_INIT("stopspelling"), MARK_REST, MARK_REACH_REST},
	{HTML_ID, EXACT, STR_INIT("olk_src_body_section"), MARK_REPLY, MARK_REACH_ELEMENT},
	{HTML_CLASS, EXACT, STR_INIT("outlookmessageheader"), MARK_REST, MARK_REACH_REST},
	{HTML_ID, EXACT, STR_INIT("mail-editor-reference-message-container"), MARK_REPLY, MARK_REACH_ELEMENT},
	{HTML_ID, EXACT, STR_INIT("ms-outlook-mobile-reference-message"), MARK_REST, MARK_REACH_REST},
	{HTML_ID, EXACT, STR_INIT("ms-outlook-mobile-signature"), MARK_SIGNATURE, MARK_REACH_ELEMENT},
	{HTML_ID, EXACT, STR_INIT("signature"), MARK_SIGNATURE, MARK_REACH_ELEMENT},
	{HTML_CLASS, EXACT, STR_INIT("hmquote"), MARK_REPLY, MARK_REACH_ELEMENT},
	/* Yahoo, Zimbra, Zoho, Yandex, Mail.ru, GMX */
	{HTML_CLASS, PREFIX, STR_INIT("yahoo_quoted"), MARK_REPLY, MARK_REACH_ELEMENT},
	{HTML_ID, PREFIX, STR_INIT("yahoo_quoted"), MARK_REPLY, MARK_REACH_ELEMENT},
	{HTML_CLASS, EXACT, STR_INIT("yahooquoted"), MARK_REPLY, MARK_REACH_ELEMENT},
	{HTML_ID, EXACT, STR_INIT("zwchr"), MARK_REST, MARK_REACH_REST},
	{HTML_DATA_MARKER, EXACT, STR_INIT("__divider__"), MARK_REST, MARK_REACH_REST},
	{HTML_DATA_MARKER, EXACT, STR_INIT("__headers__"), MARK_REST, MARK_REACH_REST},
	{HTML_DATA_MARKER, EXACT, STR_INIT("__quoted_text__"), MARK_REPLY, MARK_REACH_ELEMENT},
	{HTML_CLASS, EXACT, STR_INIT("zmail_extra"), MARK_REPLY, MARK_REACH_ELEMENT},
	{HTML_CLASS, EXACT, STR_INIT("mailru-blockquote"), MARK_REPLY, MARK_REACH_ELEMENT},
	{HTML_NAME, EXACT, STR_INIT("quote"), MARK_REPLY, MARK_REACH_ELEMENT},
	/* Proton, Tutanota, Airmail, Front, Roundcube, NetEase, Spark, others */
	{HTML_CLASS, PREFIX, STR_INIT("protonmail_quote"), MARK_REPLY, MARK_REACH_ELEMENT},
	{HTML_CLASS, PREFIX, STR_INIT("protonmail_signature"), MARK_SIGNATURE, MARK_REACH_ELEMENT},
	{HTML_CLASS, EXACT, STR_INIT("tutanota_quote"), MARK_REPLY, MARK_REACH_ELEMENT},
	{HTML_CLASS, EXACT, STR_INIT("airmail_ext_on"), MARK_REPLY, MARK_REACH_ELEMENT},
	{HTML_CLASS, EXACT, STR_INIT("airmail_on"), MARK_REPLY, MARK_REACH_ELEMENT},
	{HTML_CLASS, PREFIX, STR_INIT("front-blockquote"), MARK_REPLY, MARK_REACH_ELEMENT},
	{HTML_ID, EXACT, STR_INIT("reply-intro"), MARK_REPLY, MARK_REACH_ELEMENT},
	{HTML_ID, EXACT, STR_INIT("isreplycontent"), MARK_REPLY, MARK_REACH_ELEMENT},
	{HTML_CLASS, EXACT, STR_INIT("freebirdquote"), MARK_REPLY, MARK_REACH_ELEMENT},
	{HTML_ID, EXACT, STR_INIT("applemailsignature"), MARK_SIGNATURE, MARK_REACH_ELEMENT},
};

/* What a program that quotes puts before the names of what it quotes ("x_gmail_quote", "ecxgmail_quote"). */
static struct str skip_requoted(struct str word)
{
	while (str_starts(word, STR("x_")))
		word = str_sub(word, 2, word.len);
	return str_starts(word, STR("ecx")) ? str_sub(word, 3, word.len) : word;
}

static bool word_marks(enum html_attribute attribute, struct str word, enum text_mark_kind *ret_kind,
		       enum html_mark_reach *ret_reach)
{
	word = skip_requoted(word);
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		if (marks[i].attribute != attribute ||
		    !(marks[i].match == EXACT ? str_eq(word, marks[i].value)
					      : str_starts(word, marks[i].value)))
			continue;
		*ret_kind = marks[i].kind;
		*ret_reach = marks[i].reach;
		return true;
	}
	return false;
}

static bool attribute_marks(const struct html_token *token, enum html_attribute attribute,
			    enum text_mark_kind *ret_kind, enum html_mark_reach *ret_reach)
{
	char buf[VALUE_MAX];
	struct str value = {buf,
			    text_fold(str_sub(token->attributes[attribute], 0, VALUE_MAX), buf, sizeof(buf))};
	while (value.len) {
		size_t end = str_find(value, ' ');
		if (word_marks(attribute, str_sub(value, 0, end), ret_kind, ret_reach))
			return true;
		value = str_sub(value, end + 1, value.len);
	}
	return false;
}

bool html_marks(const struct html_token *token, const struct html_element *element,
		enum text_mark_kind *ret_kind, enum html_mark_reach *ret_reach)
{
	static const enum html_attribute looked_at[] = {HTML_CLASS, HTML_ID, HTML_NAME, HTML_DATA_MARKER};
	char buf[STYLE_MAX];
	if (element->flags & (HTML_LINK | HTML_IMAGE))
		return false;
	if (element->flags & HTML_QUOTE) {
		/* Gmail's "indent more" makes a <blockquote class="gmail_quote"> too: what stands above tells (quote.c). */
		bool gmail = attribute_marks(token, HTML_CLASS, ret_kind, ret_reach);
		*ret_reach = MARK_REACH_ELEMENT;
		*ret_kind = str_ieq(token->attributes[HTML_TYPE], STR("cite")) ? MARK_REPLY
			    : gmail                                            ? MARK_INDENT
									       : MARK_BLOCKQUOTE;
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(looked_at); i++)
		if (token->attributes[looked_at[i]].len &&
		    attribute_marks(token, looked_at[i], ret_kind, ret_reach))
			return true;
	if (element->hash != html_name_hash(STR("div")))
		return false;
	/* Outlook's box of From, Sent, To, Subject has a line above in one of these colours, in every language. */
	struct str style = fold_style(token, buf);
	if (style.len && str_has(style, STR("border-top:solid")) && str_has(style, STR("padding:3.0pt0")) &&
	    (str_has(style, STR("#b5c4df")) || str_has(style, STR("#e1e1e1")))) {
		*ret_kind = MARK_REST;
		*ret_reach = MARK_REACH_REST;
		return true;
	}
	return false;
}
