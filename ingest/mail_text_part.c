/*
 * See mail_text_part.h. A part is judged by its labels and its place in the tree, in a few steps up or to its siblings; its
 * octets are not read. Pure.
 */
#include "ingest/mail_text_part.h"

#include "ingest/mail_attachment.h"

static bool is_text_type(const struct mime_entity *entity)
{
	return str_eq(entity->media_type, STR("text/plain")) || str_eq(entity->media_type, STR("text/html"));
}

/* RFC 2046 4.1.4: a text of an unknown kind is shown as text, when it is all there is. */
static bool is_text_of_its_own(const struct mime_entity *entity)
{
	static const struct str data[] = {STR_INIT("text/calendar"), STR_INIT("text/vcard"),
					  STR_INIT("text/x-vcard"),  STR_INIT("text/directory"),
					  STR_INIT("text/csv"),      STR_INIT("text/xml")};

	if (entity->parent >= 0 || !mime_is(entity, STR("text/")))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(data); i++)
		if (str_eq(entity->media_type, data[i]))
			return false;
	return true;
}

bool mail_text_part_is_html(const struct mime_entity *entity)
{
	/* RFC 1896: text/enriched has tags of its own, which mean little to a reader of plain text */
	return str_eq(entity->media_type, STR("text/html")) ||
	       str_eq(entity->media_type, STR("text/enriched")) ||
	       str_eq(entity->media_type, STR("text/richtext"));
}

static bool has_name(struct arena *arena, const struct mime_entity *entity)
{
	return mail_attachment_given_name(arena, entity, STR("")).len > 0;
}

/*
 * Is the text the root of its multipart/related (RFC 2387)? The one that "start" names; and where the first part is
 * no text, as in pages that some programs save, the first text.
 */
static bool is_root(struct arena *arena, const struct mime_tree *tree, size_t index)
{
	const struct mime_entity *entity = &tree->entities[index], *parent = &tree->entities[entity->parent];

	if (parent->start.len && str_eq(parent->start, entity->content_id))
		return true;
	for (size_t i = (size_t)entity->parent + 1; i < index; i++)
		if (tree->entities[i].parent == entity->parent &&
		    (tree->entities[i].multipart || is_text_type(&tree->entities[i])))
			return false;
	return !has_name(arena, entity);
}

bool mail_text_part_is_body(struct arena *arena, const struct mime_tree *tree, size_t index)
{
	const struct mime_entity *entity = &tree->entities[index];

	if (entity->multipart || entity->not_text || entity->disposition == DISPOSITION_ATTACHMENT)
		return false;
	if (!is_text_type(entity))
		return is_text_of_its_own(entity);
	if (entity->parent < 0 || entity->number == 1)
		return true;
	bool related = str_eq(tree->entities[entity->parent].media_type, STR("multipart/related"));
	return related ? is_root(arena, tree, index) : !has_name(arena, entity);
}

bool mail_text_part_is_kept(const struct mime_tree *tree, size_t index)
{
	const struct mime_entity *entity = &tree->entities[index];

	if (!entity->cut_short || !str_trim(entity->body).len)
		return false;
	const struct mime_entity *parent = &tree->entities[entity->parent];
	return parent->children < 2 || !str_eq(parent->media_type, STR("multipart/alternative"));
}

bool mail_text_part_is_other_form(const struct mime_tree *tree, size_t index)
{
	static const struct str forms[] = {STR_INIT("text/x-amp-html"), STR_INIT("text/watch-html"),
					   STR_INIT("text/vnd.google.email-reaction+json")};
	const struct mime_entity *entity = &tree->entities[index];

	if (entity->parent < 0 || entity->disposition == DISPOSITION_ATTACHMENT)
		return false;
	const struct mime_entity *parent = &tree->entities[entity->parent];
	if (parent->children < 2 || !str_eq(parent->media_type, STR("multipart/alternative")))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (str_eq(entity->media_type, forms[i]))
			return true;
	return false;
}

int mail_text_part_alternative(const struct mime_tree *tree, size_t index)
{
	int found = -1;

	for (int i = tree->entities[index].parent; i >= 0; i = tree->entities[i].parent)
		if (str_eq(tree->entities[i].media_type, STR("multipart/alternative")))
			found = i;
	return found;
}
