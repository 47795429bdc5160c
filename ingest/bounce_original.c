/*
 * The mail that a report is about, as far as it came back: a part of its own, or a copy in the text. Runs in the parser
 * child.
 */
#include "ingest/bounce_private.h"

#include <errno.h>

#include "ingest/mail_address.h"

void bounce_read_original(struct bounce_reader *reader)
{
	struct mail_header header;
	struct mail_mailboxes list = {0};
	bounce_split_fields(reader, reader->facts->original, &header);
	mail_address_list(&reader->scratch, mail_header_value(&header, STR("To")), STR(""), 1, &list);
	if (list.n && bounce_is_address(list.items[0].address))
		bounce_add(reader, list.items[0].address);
}

/* The copy in the text, where there is one: behind the line that announces it, or from its first field on. */
static struct str original_in_text(struct str text)
{
	size_t from = bounce_cut_original(text).len;
	text = str_sub(text, from, BOUNCE_TEXT_MAX);
	size_t pos = 0;
	struct str line = bounce_next_line(text, &pos);
	bool field = str_istarts(str_trim(line), STR("received:")) ||
		     str_istarts(str_trim(line), STR("return-path:"));
	return field ? text : str_sub(text, pos, text.len);
}

/* The first of these fields that holds an address. */
static struct str address_in(struct bounce_reader *reader, const struct mail_header *header, struct str name)
{
	struct str value = mail_header_value(header, name);
	return value.len ? bounce_typed_address(reader, value) : STR("");
}

int bounce_original_read(struct arena *arena, const struct bounce_facts *facts,
			 const struct mail_limits *limits, struct bounce_original *ret)
{
	struct bounce_reader reader = {.arena = arena, .facts = facts, .limits = limits};
	struct mail_header feedback, status, original;
	struct mail_strs ids = {0};
	arena_init(&reader.scratch, BOUNCE_SCRATCH_SIZE);
	bounce_split_fields(&reader, facts->feedback, &feedback);
	bounce_split_fields(&reader, facts->status, &status);
	bounce_split_fields(&reader, facts->original.len ? facts->original : original_in_text(facts->text),
			    &original);
	const struct str paths[] = {
		address_in(&reader, &feedback, STR("Original-Mail-From")),
		address_in(&reader, &original, STR("Return-Path")),
		address_in(&reader, &status, STR("X-Postfix-Sender")),
	};
	struct str path = STR("");
	for (size_t i = 0; i < ARRAY_SIZE(paths) && !path.len; i++)
		path = paths[i];
	mail_header_ids(&reader.scratch, mail_header_value(&original, STR("Message-ID")), 1, &ids);
	ret->reverse_path = bounce_keep(&reader, path);
	ret->message_id = ids.n ? bounce_keep_line(&reader, ids.items[0]) : STR("");
	arena_done(&reader.scratch);
	return reader.full ? -ENOBUFS : 0;
}
