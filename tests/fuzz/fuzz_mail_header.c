/*
 * Header sections and everything that is read out of a value: whatever the octets are, what comes out is valid
 * UTF-8 on one line without NUL, and lists keep their limits.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/mailaddr.h"
#include "ingest/mail_address.h"
#include "ingest/mail_attachment.h"
#include "ingest/mail_date.h"
#include "ingest/mail_header.h"
#include "ingest/mail_param.h"
#include "ingest/mail_word.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(struct str s)
{
	assert(utf8_valid(s));
	for (size_t i = 0; i < s.len; i++)
		assert((unsigned char)s.ptr[i] >= 0x20 && s.ptr[i] != 0x7f);
}

static void check_value(struct arena *arena, struct str value)
{
	static const struct str names[] = {STR_INIT("name"), STR_INIT("filename"), STR_INIT("charset")};
	struct mail_mailboxes list = {0};
	struct mail_strs ids = {0};
	struct str text;

	if (mail_word_text(arena, value, STR("koi8-r"), &text) == 0)
		check_line(text);
	mail_address_list(arena, value, STR("euc-jp"), 20, &list);
	assert(list.n <= 20);
	for (size_t i = 0; i < list.n; i++) {
		check_line(list.items[i].name);
		check_line(list.items[i].address);
		/* an address; or the only one, then it may be a name */
		assert(str_find(list.items[i].address, '@') < list.items[i].address.len ||
		       (list.n == 1 && list.items[i].address.len + list.items[i].name.len));
	}
	mail_header_ids(arena, value, 5, &ids);
	assert(ids.n <= 5);
	for (size_t i = 0; i < ids.n; i++)
		check_line(ids.items[i]);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (mail_param(arena, value, names[i], STR(""), &text) == 0) {
			check_line(text);
			if (mail_attachment_safe_name(arena, text, &text) == 0) {
				check_line(text);
				assert(text.len <= ATTACHMENT_NAME_MAX && str_find(text, '/') == text.len);
			}
		}
		(void)mail_param_raw(arena, value, names[i], &text);
	}
	int64_t date = mail_date_parse(value);
	assert(date >= 0);
	(void)mail_header_token(arena, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct mail_header header;

	arena_init(&arena, (size_t)16 * 1024 * 1024);
	mail_header_split(&arena, (struct str){(const char *)data, size}, '\n', &mail_limits_default,
			  &header);
	assert(header.size <= size);
	for (size_t i = 0; i < header.n && i < 50; i++) {
		assert(header.fields[i].name.len);
		check_value(&arena, header.fields[i].value);
	}
	arena_done(&arena);
	return 0;
}
