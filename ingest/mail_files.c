/*
 * See mail_files.h. Parts are taken in the order of the mail; of each first what is inside of it. A winmail.dat that
 * holds files is not listed, they are; a text that has files in it stays what it is, body or attachment, beside them. The list grows in the scratch
 * arena and is copied once. Attachments are decoded through a small buffer: for their size, and to sniff their beginning.
 * Pure.
 */
#include "ingest/mail_files.h"

#include "base/utf8.h"
#include "ingest/mail_attachment.h"
#include "ingest/mail_inner.h"
#include "ingest/mail_param.h"
#include "ingest/mail_summary.h"
#include "ingest/mail_text_part.h"
#include "ingest/mail_word.h"
#include "ingest/media_sniff.h"

#define SUMMARIES_MAX      4 /* parts that are summed up */
#define WRAPPER_PARTS_MAX  8 /* parts among which a signed or encrypted one is looked for */
#define SUMMARY_SOURCE_MAX ((size_t)256 * 1024)
#define NESTED_HEADER_MAX  ((size_t)64 * 1024) /* of a mail inside, where its subject is looked for */
#define SUBJECT_NAME_MAX   120

struct listing {
	struct arena *arena;
	const struct mail_files_source *source;
	struct mail_attachment *items; /* in scratch */
	size_t n, allocated;
	bool cut;
	unsigned flaws; /* enum mail_flaw */
};

/* NULL: there is no room. */
static struct mail_attachment *add_item(struct listing *listing)
{
	if (listing->n == listing->source->limits->attachments_max) {
		listing->cut = true;
		return NULL;
	}
	if (listing->n == listing->allocated) {
		size_t allocated = listing->allocated ? listing->allocated * 4 : 4;
		struct mail_attachment *items =
			arena_alloc(listing->source->scratch, allocated * sizeof(*items));
		if (!items) {
			listing->cut = true;
			return NULL;
		}
		if (listing->n)
			memcpy(items, listing->items, listing->n * sizeof(*items));
		listing->items = items;
		listing->allocated = allocated;
	}
	struct mail_attachment *item = &listing->items[listing->n++];
	*item = (struct mail_attachment){.size = 0};
	return item;
}

static struct str keep(struct listing *listing, struct str s)
{
	struct str copy;
	return s.len && arena_copy(listing->arena, s, &copy) == 0 ? copy : STR("");
}

/* ---- names ---- */

static bool is_mail(struct str media_type)
{
	return str_eq(media_type, STR("message/rfc822")) || str_eq(media_type, STR("message/global"));
}

/* "Printer broken.eml" of a mail inside; empty when it has no subject. */
static struct str nested_name(struct arena *scratch, const struct mime_entity *entity,
			      const struct mail_limits *limits)
{
	struct strbuf octets;
	struct mail_header header;
	struct str name = STR(""), subject = STR("");

	strbuf_init(&octets, NESTED_HEADER_MAX);
	mail_decode(entity->encoding, str_sub(entity->body, 0, 2 * NESTED_HEADER_MAX), &octets);
	mail_header_split(scratch, strbuf_str(&octets), '\n', limits, &header);
	if (mail_word_text(scratch, mail_header_value(&header, STR("Subject")), STR(""), &subject) == 0 &&
	    subject.len) {
		subject = utf8_cut(subject, SUBJECT_NAME_MAX);
		if (arena_printf(scratch, &name, "%.*s.eml", STR_ARG(subject)) < 0)
			name = STR("");
	}
	/* a subject is no path */
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] == '/' || name.ptr[i] == '\\')
			((char *)(uintptr_t)name.ptr)[i] = '_';
	strbuf_done(&octets);
	return name;
}

static struct str safe_name(struct listing *listing, struct str given, struct str media_type)
{
	struct str name = STR("");

	if (given.len && mail_attachment_safe_name(listing->arena, given, &name) == 0 && name.len)
		return name;
	if (mail_attachment_made_up_name(listing->arena, media_type, listing->n, &name) == 0)
		return name;
	return STR("attachment");
}

/* ---- octets ---- */

/* enum mail_flaw */
static unsigned measure(enum mail_encoding encoding, struct str raw, struct mail_attachment *item)
{
	char buf[MEDIA_SNIFF_SIZE];
	struct mail_decoder decoder;
	size_t n, sniffed = 0;

	mail_decoder_init(&decoder, encoding, raw);
	/* a decoder may stop a little before its buffer is full */
	while (sizeof(buf) - sniffed >= MAIL_DECODER_MIN &&
	       (n = mail_decoder_next(&decoder, buf + sniffed, sizeof(buf) - sniffed)) > 0)
		sniffed += n;
	item->sniffed_type = media_sniff((struct str){buf, sniffed});
	if (encoding == MAIL_ENCODING_IDENTITY) {
		item->size = raw.len;
		return 0;
	}
	item->size = sniffed;
	while ((n = mail_decoder_next(&decoder, buf, sizeof(buf))) > 0)
		item->size += n;
	return decoder.flaws;
}

/* ---- the list ---- */

static bool is_attachment(const struct mail_files_source *source, size_t index)
{
	const struct mime_entity *entity = &source->tree->entities[index];

	if (mail_text_part_is_kept(source->tree, index))
		return true;
	if (entity->multipart || mail_text_part_is_body(source->scratch, source->tree, index) ||
	    mail_text_part_is_other_form(source->tree, index))
		return false;
	/* a multipart without parts is kept as it is, unless it is empty */
	return str_trim(entity->body).len || !mime_is(entity, STR("multipart/"));
}

static void list_part(struct listing *listing, size_t index)
{
	const struct mail_files_source *source = listing->source;
	const struct mime_entity *entity = &source->tree->entities[index];
	struct mail_attachment *item = add_item(listing);

	if (!item)
		return;
	struct str given = mail_attachment_given_name(source->scratch, entity, source->hint);
	if (!given.len && is_mail(entity->media_type))
		given = nested_name(source->scratch, entity, source->limits);
	item->filename = safe_name(listing, given, entity->media_type);
	if (mime_section(listing->arena, source->tree, index, &item->part) < 0)
		item->part = STR("");
	item->media_type = keep(listing, entity->media_type);
	if (mail_word_text(listing->arena, str_sub(entity->content_id, 0, 998), STR(""), &item->content_id) <
	    0)
		item->content_id = STR("");
	listing->flaws |= measure(entity->encoding, entity->body, item);
	item->inline_image =
		mime_is(entity, STR("image/")) && mail_content_shows(source->content, entity->content_id);
	item->disposition_inline = entity->disposition == DISPOSITION_INLINE;
}

static void list_inner_file(struct listing *listing, struct str section, const struct inner_file *file,
			    size_t number)
{
	struct mail_attachment *item = add_item(listing);

	if (!item)
		return;
	measure(file->encoding, file->raw, item);
	struct str type = file->media_type;
	if (!type.len)
		type = item->sniffed_type.len ? item->sniffed_type : STR("application/octet-stream");
	item->filename = safe_name(listing, file->name, type);
	item->media_type = keep(listing, type);
	item->content_id = keep(listing, file->content_id);
	if (arena_printf(listing->arena, &item->part, "%.*s/%zu", STR_ARG(section), number) < 0)
		item->part = STR("");
	item->inline_image = str_starts(type, STR("image/")) &&
			     mail_content_shows(listing->source->content, file->content_id);
}

/* True: the files stand in the list instead of the part. */
static bool list_inner(struct listing *listing, size_t index)
{
	const struct mail_files_source *source = listing->source;
	struct mail_inner inner;
	struct str section;

	mail_inner_read(source->scratch, &source->tree->entities[index], &inner);
	bool any = inner.n > 0 && mime_section(source->scratch, source->tree, index, &section) == 0;
	for (size_t i = 0; any && i < inner.n; i++)
		list_inner_file(listing, section, &inner.files[i], i + 1);
	listing->cut |= inner.cut;
	if (inner.is_tnef && inner.tnef.cut)
		listing->flaws |= MAIL_FLAW_CUT;
	any = any && inner.is_tnef;
	mail_inner_done(&inner);
	return any;
}

unsigned mail_files_list(struct arena *arena, const struct mail_files_source *source,
			 struct parsed_mail *mail)
{
	struct listing listing = {.arena = arena, .source = source, .cut = source->tree->parts_limited};

	for (size_t i = 0; i < source->tree->n; i++)
		if (!list_inner(&listing, i) && is_attachment(source, i))
			list_part(&listing, i);
	struct mail_attachment *items = listing.n ? arena_alloc(arena, listing.n * sizeof(*items)) : NULL;
	mail->attachments_cut = listing.cut || (listing.n && !items);
	if (!items)
		return listing.flaws;
	memcpy(items, listing.items, listing.n * sizeof(*items));
	mail->attachments = items;
	mail->attachments_n = listing.n;
	return listing.flaws;
}

/* ---- words ---- */

bool mail_files_text(const struct mail_files_source *source, struct strbuf *out)
{
	bool found = false;

	for (size_t i = 0; i < source->tree->n && !found; i++) {
		struct mail_inner inner;
		if (source->tree->entities[i].multipart || mime_is(&source->tree->entities[i], STR("text/")))
			continue;
		mail_inner_read(source->scratch, &source->tree->entities[i], &inner);
		found = inner.is_tnef && tnef_text(&inner.tnef, out);
		mail_inner_done(&inner);
	}
	return found;
}

enum summary_kind { SUMMARY_NONE, SUMMARY_CALENDAR, SUMMARY_CONTACT };

static enum summary_kind kind_of(const struct mime_entity *entity)
{
	static const struct {
		struct str type;
		enum summary_kind kind;
	} kinds[] = {
		{STR_INIT("text/calendar"), SUMMARY_CALENDAR},
		{STR_INIT("application/ics"), SUMMARY_CALENDAR},
		{STR_INIT("text/vcard"), SUMMARY_CONTACT},
		{STR_INIT("text/x-vcard"), SUMMARY_CONTACT},
		{STR_INIT("text/directory"), SUMMARY_CONTACT},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds) && !entity->multipart; i++)
		if (str_eq(entity->media_type, kinds[i].type))
			return kinds[i].kind;
	return SUMMARY_NONE;
}

/* The method stands in the calendar and, RFC 6047 2.4, in the Content-Type; some leave out one of them. */
static bool says_reply(struct arena *scratch, const struct mime_entity *entity)
{
	struct str method;
	return mail_param_raw(scratch, entity->content_type, STR("method"), &method) == 0 &&
	       str_ieq(method, STR("REPLY"));
}

static void summarize(const struct mail_files_source *source, const struct mime_entity *entity,
		      struct strbuf *out, bool *ret_answer)
{
	struct strbuf octets, words;
	bool answer = false, found;

	strbuf_init(&octets, SUMMARY_SOURCE_MAX);
	strbuf_init(&words, SUMMARY_MAX);
	mail_decode(entity->encoding, entity->body, &octets);
	if (kind_of(entity) == SUMMARY_CALENDAR)
		found = calendar_summary(strbuf_str(&octets), &words, &answer);
	else
		found = contact_summary(strbuf_str(&octets), &words);
	/* an invitation comes as an alternative and as an attachment too */
	struct str line = strbuf_str(&words), all = strbuf_str(out);
	bool told = found && all.len && memmem(all.ptr, all.len, line.ptr, line.len);
	if (found && !told) {
		strbuf_adds(out, all.len ? "\n" : "");
		strbuf_add(out, line);
	}
	if (answer || (found && says_reply(source->scratch, entity)))
		*ret_answer = true;
	strbuf_done(&words);
	strbuf_done(&octets);
}

/* ---- signed and encrypted ---- */

/* What is said of a part that is a cryptographic wrapper; NULL: it is none. We hold no keys, and verify nothing. */
static const char *wrapper_words(struct arena *scratch, const struct mime_entity *entity)
{
	static const struct {
		struct str type, param, value; /* value empty: whatever it is */
		const char *words;
	} wrappers[] = {
		{STR_INIT("multipart/encrypted"), STR_INIT("protocol"), STR_INIT(""),
		 "Encrypted with OpenPGP: only who has the key can read it."},
		{STR_INIT("application/pkcs7-mime"), STR_INIT("smime-type"), STR_INIT("signed-data"),
		 "Signed with S/MIME in a way that only mail programs can open; not verified."},
		{STR_INIT("application/pkcs7-mime"), STR_INIT("smime-type"), STR_INIT(""),
		 "Encrypted with S/MIME: only who has the key can read it."},
		{STR_INIT("multipart/signed"), STR_INIT("protocol"), STR_INIT("application/pgp-signature"),
		 "Signed with OpenPGP; not verified."},
		{STR_INIT("multipart/signed"), STR_INIT("protocol"), STR_INIT(""),
		 "Signed with S/MIME; not verified."},
	};
	struct str type = entity->media_type, given = STR("");

	if (str_eq(type, STR("application/x-pkcs7-mime")))
		type = STR("application/pkcs7-mime");
	for (size_t i = 0; i < ARRAY_SIZE(wrappers); i++) {
		if (!str_eq(type, wrappers[i].type))
			continue;
		if (!wrappers[i].value.len)
			return wrappers[i].words;
		if (mail_param_raw(scratch, entity->content_type, wrappers[i].param, &given) == 0 &&
		    str_ieq(given, wrappers[i].value))
			return wrappers[i].words;
	}
	return NULL;
}

/* Of the outermost only: what is wrapped twice is said once. */
static void add_wrapper(const struct mail_files_source *source, struct strbuf *out)
{
	const char *words = NULL;

	for (size_t i = 0; i < source->tree->n && i < WRAPPER_PARTS_MAX && !words; i++)
		words = wrapper_words(source->scratch, &source->tree->entities[i]);
	if (words)
		strbuf_printf(out, "%s%s", out->len ? "\n" : "", words);
}

void mail_files_summary(const struct mail_files_source *source, struct strbuf *out, bool *ret_answer)
{
	size_t n = 0;

	for (size_t i = 0; i < source->tree->n && n < SUMMARIES_MAX; i++) {
		const struct mime_entity *entity = &source->tree->entities[i];
		if (kind_of(entity) == SUMMARY_NONE)
			continue;
		summarize(source, entity, out, ret_answer);
		n++;
	}
	add_wrapper(source, out);
}
