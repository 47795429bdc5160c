/*
 * Slugs, reserved names, reference prefixes.
 *
 * Reserved are the names that SPEC gives a meaning of their own, and those that RFC 2142 and habit give one:
 * a tenant called "noreply" would get mail that was meant for nobody. Pure.
 */
#include "tenant/slug.h"

static const char *const reserved_names[] = {
	"abuse",      "bounce", "hostmaster", "legal",    "mailer-daemon", "no-reply",  "noreply",
	"postmaster", "reply",  "root",       "security", "support",       "webmaster",
};

bool slug_reserved(struct str name)
{
	for (size_t i = 0; i < ARRAY_SIZE(reserved_names); i++) {
		if (str_ieq(name, str_from(reserved_names[i])))
			return true;
	}
	return false;
}

static bool is_forward(struct str name, const struct conf_map *forwards)
{
	for (size_t i = 0; forwards && i < forwards->n; i++) {
		if (str_ieq(name, str_from(forwards->items[i].key)))
			return true;
	}
	return false;
}

static bool slug_char(char c)
{
	return ascii_alpha(c) || ascii_digit(c) || c == '-';
}

const char *slug_check(struct str slug, const struct conf_map *forwards)
{
	if (slug.len == 0)
		return "it is empty";
	if (slug.len > SLUG_MAX)
		return "it is longer than 32 characters";
	for (size_t i = 0; i < slug.len; i++) {
		if (!slug_char(slug.ptr[i]))
			return "only letters, digits and hyphens may be in it";
	}
	if (slug.ptr[0] == '-')
		return "it must begin with a letter or a digit";
	if (slug_reserved(slug))
		return "the name is reserved";
	return is_forward(slug, forwards) ? "the name is one of the operator's forwards" : NULL;
}

void slug_default_prefix(struct str slug, char *ret)
{
	size_t n = 0;
	for (size_t i = 0; i < slug.len && n < REFERENCE_PREFIX_MAX; i++) {
		char c = ascii_lower(slug.ptr[i]);
		if (c >= 'a' && c <= 'z')
			ret[n++] = (char)(c - 32);
		else if (ascii_digit(c))
			ret[n++] = c;
	}
	ret[n] = '\0';
}

bool reference_prefix_valid(struct str prefix)
{
	for (size_t i = 0; i < prefix.len; i++) {
		char c = prefix.ptr[i];
		if (!ascii_digit(c) && !(c >= 'A' && c <= 'Z'))
			return false;
	}
	return prefix.len > 0 && prefix.len <= REFERENCE_PREFIX_MAX;
}
