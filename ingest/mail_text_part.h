/*
 * Which parts of a mail are its body (RFC 8621 4.1.4), which are files, and which are both or neither.
 *
 * A text is an attachment by its disposition, or when it has a name and is not the first of its multipart. Of a
 * multipart/related the root is body. Functions of a tree and an index of an entity in it. Pure.
 */
#ifndef SERVELO_INGEST_MAIL_TEXT_PART_H
#define SERVELO_INGEST_MAIL_TEXT_PART_H

#include "ingest/mime_split.h"

/* Is the entity part of the body (else it is an attachment, or a multipart)? */
bool mail_text_part_is_body(struct arena *arena, const struct mime_tree *tree, size_t index);

/*
 * Is it a text of the body that is a file as well? The mail ends inside of it, or its end is damaged: what is read of
 * it may not be all, so it can be fetched as it came. Not where it is one of several alternatives: the others are whole.
 */
bool mail_text_part_is_kept(const struct mime_tree *tree, size_t index);

/* Is it the body once more, for programs of another kind (AMP, watches)? */
bool mail_text_part_is_other_form(const struct mime_tree *tree, size_t index);

/* text/html and its relatives: tags to be read. */
bool mail_text_part_is_html(const struct mime_entity *entity);

/* The index of the outermost multipart/alternative around it; -1: none. */
int mail_text_part_alternative(const struct mime_tree *tree, size_t index);

#endif
