/*
 * Texts that administrators type: sizes, references, yes and no, lines. Pure.
 */
#include <errno.h>

#include "smtpd/admin_ops.h"
#include "smtpd/admin_private.h"
#include "tenant/slug.h"

int admin_parse_size(struct str text, int64_t *ret)
{
	static const struct {
		const char *unit;
		int shift;
	} units[] = {{"", 0},    {"b", 0},    {"k", 10}, {"kb", 10}, {"kib", 10}, {"m", 20},
		     {"mb", 20}, {"mib", 20}, {"g", 30}, {"gb", 30}, {"gib", 30}};
	int64_t n = 0;
	size_t i = 0;
	text = str_trim(text);
	while (i < text.len && ascii_digit(text.ptr[i])) {
		if (n > (INT64_C(1) << 31))
			return -EINVAL;
		n = n * 10 + (text.ptr[i++] - '0');
	}
	if (i == 0)
		return -EINVAL;
	struct str unit = str_trim(str_sub(text, i, text.len));
	for (size_t u = 0; u < ARRAY_SIZE(units); u++) {
		if (str_ieq(unit, str_from(units[u].unit))) {
			*ret = n << units[u].shift;
			return 0;
		}
	}
	return -EINVAL;
}

int admin_parse_reference(struct str reference, struct str *ret_prefix, int64_t *ret_number)
{
	size_t dash = str_find(reference, '-');
	int64_t number = 0;
	if (dash == 0 || dash > REFERENCE_PREFIX_MAX || dash + 1 >= reference.len ||
	    reference.len - dash > 1 + 15)
		return -EINVAL;
	for (size_t i = 0; i < dash; i++) {
		if (!ascii_alpha(reference.ptr[i]) && !ascii_digit(reference.ptr[i]))
			return -EINVAL;
	}
	for (size_t i = dash + 1; i < reference.len; i++) {
		if (!ascii_digit(reference.ptr[i]))
			return -EINVAL;
		number = number * 10 + (reference.ptr[i] - '0');
	}
	*ret_prefix = str_sub(reference, 0, dash);
	*ret_number = number;
	return 0;
}

int admin_parse_bool(struct str text, bool *ret)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {{"true", true},   {"yes", true}, {"on", true},   {"1", true},
		     {"false", false}, {"no", false}, {"off", false}, {"0", false}};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (str_ieq(text, str_from(words[i].word))) {
			*ret = words[i].value;
			return 0;
		}
	}
	return -EINVAL;
}

bool admin_has_control(struct str text, bool lines_allowed)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if ((c < 0x20 && !(lines_allowed && (c == '\n' || c == '\t'))) || c == 0x7f)
			return true;
	}
	return false;
}
