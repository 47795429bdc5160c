/*
 * See loop_mark.h. The KIND is signed as part of the context, so a forward's mark is not an answer's. A mark is ours
 * only in the very letters that minting would print; whatever else has the shape of a mark is foreign: to be quiet
 * once too often is the cheap mistake. Pure; any thread.
 */
#include "tenant/loop_mark.h"

#include <assert.h>
#include <errno.h>

#include "tenant/token_private.h"

#define KIND_MAX      16  /* characters of a word that is still a kind, of whatever server */
#define TOKEN_LEN_MIN 16  /* less than a MAC is nothing like a mark */
#define TOKEN_LEN_MAX 128 /* of another server's */

static const struct {
	struct str word, context;
} kinds[] = {
	/* CONTEXT NUL KIND: the NUL keeps it apart from every other context */
	[LOOP_ANSWER] = {STR_INIT("answer"), STR_INIT(LOOP_MARK_CONTEXT "\0answer")},
	[LOOP_NOTICE] = {STR_INIT("notice"), STR_INIT(LOOP_MARK_CONTEXT "\0notice")},
	[LOOP_FORWARD] = {STR_INIT("forward"), STR_INIT(LOOP_MARK_CONTEXT "\0forward")},
};

int loop_mark_mint(const struct key_ring *keys, enum loop_kind kind, struct outbox_id job,
		   char ret[LOOP_MARK_TEXT_MAX + 1])
{
	struct token_fields fields;
	struct str word = kinds[kind].word;
	if (job.v <= 0)
		return -ERANGE;
	token_begin(&fields, keys, 0);
	token_put_number(&fields, job.v);
	memcpy(ret, word.ptr, word.len);
	ret[word.len] = '.';
	size_t len = token_seal(keys, 0, kinds[kind].context, &fields, ret + word.len + 1);
	assert(word.len + 1 + len <= LOOP_MARK_TEXT_MAX);
	(void)len;
	return 0;
}

static bool is_word(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!ascii_alpha(s.ptr[i]) && !ascii_digit(s.ptr[i]) && s.ptr[i] != '-' && s.ptr[i] != '_')
			return false;
	}
	return true;
}

/* The shape of a mark, whoever made it. */
static bool mark_split(struct str value, struct str *ret_word, struct str *ret_token)
{
	struct str mark = str_trim(value);
	size_t dot = str_find(str_sub(mark, 0, KIND_MAX + 1), '.');
	struct str word = str_sub(mark, 0, dot), token = str_sub(mark, dot + 1, mark.len);
	if (word.len == 0 || word.len > KIND_MAX || token.len < TOKEN_LEN_MIN || token.len > TOKEN_LEN_MAX ||
	    !is_word(word) || !is_word(token))
		return false;
	*ret_word = word;
	*ret_token = token;
	return true;
}

static bool token_fits(const struct key_ring *keys, struct str context, struct str token)
{
	struct token_fields fields;
	int64_t job;
	if (token_open(keys, context, token, &fields) < 0)
		return false;
	struct str in = {(const char *)fields.octets, fields.len};
	return token_take_number(&in, 63, &job) && in.len == 0 && job > 0;
}

enum loop_origin loop_mark_check(const struct key_ring *keys, struct str value, enum loop_kind *ret_kind)
{
	struct str word, token;
	if (!mark_split(value, &word, &token))
		return LOOP_NONE;
	*ret_kind = LOOP_NOTICE;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!str_eq(word, kinds[i].word))
			continue;
		*ret_kind = (enum loop_kind)i;
		return token_fits(keys, kinds[i].context, token) ? LOOP_OURS : LOOP_FOREIGN;
	}
	return LOOP_FOREIGN;
}
