/* See smtp_caps.h: a table of keywords over the lines of the reply. Pure. */
#include "outbound/smtp_caps.h"

/* The next word, taken off; empty at the end. */
static struct str take_word(struct str *in)
{
	while (in->len && ascii_space(in->ptr[0]))
		*in = str_sub(*in, 1, in->len);
	size_t n = 0;
	while (n < in->len && !ascii_space(in->ptr[n]))
		n++;
	struct str word = str_sub(*in, 0, n);
	*in = str_sub(*in, n, in->len);
	return word;
}

static void cap_starttls(struct smtp_caps *caps, struct str rest UNUSED)
{
	caps->starttls = true;
}

static void cap_pipelining(struct smtp_caps *caps, struct str rest UNUSED)
{
	caps->pipelining = true;
}

static void cap_eight_bit(struct smtp_caps *caps, struct str rest UNUSED)
{
	caps->eight_bit = true;
}

static void cap_utf8(struct smtp_caps *caps, struct str rest UNUSED)
{
	caps->utf8 = true;
}

/* RFC 1870 section 4: no number, or 0, is no limit; so is one that is none. */
static void cap_size(struct smtp_caps *caps, struct str rest)
{
	struct str word = take_word(&rest);
	int64_t size = 0;
	for (size_t i = 0; i < word.len; i++) {
		if (!ascii_digit(word.ptr[i]) || __builtin_mul_overflow(size, 10, &size) ||
		    __builtin_add_overflow(size, word.ptr[i] - '0', &size)) {
			size = 0;
			break;
		}
	}
	caps->size = true;
	caps->size_max = size;
}

static void cap_auth(struct smtp_caps *caps, struct str rest)
{
	static const struct {
		struct str name;
		enum smtp_auth_mechanism mechanism;
	} mechanisms[] = {
		{STR_INIT("PLAIN"), AUTH_PLAIN},
		{STR_INIT("LOGIN"), AUTH_LOGIN},
		{STR_INIT("XOAUTH2"), AUTH_XOAUTH2},
	};
	for (struct str word = take_word(&rest); word.len; word = take_word(&rest)) {
		for (size_t i = 0; i < ARRAY_SIZE(mechanisms); i++) {
			if (str_ieq(word, mechanisms[i].name))
				caps->auth |= mechanisms[i].mechanism;
		}
	}
}

static const struct {
	struct str keyword;
	void (*take)(struct smtp_caps *caps, struct str rest);
} keywords[] = {
	{STR_INIT("STARTTLS"), cap_starttls},  {STR_INIT("PIPELINING"), cap_pipelining},
	{STR_INIT("8BITMIME"), cap_eight_bit}, {STR_INIT("SMTPUTF8"), cap_utf8},
	{STR_INIT("SIZE"), cap_size},          {STR_INIT("AUTH"), cap_auth},
};

static void take_line(struct smtp_caps *caps, struct str line)
{
	/* "AUTH=LOGIN PLAIN" was said before RFC 2554, and some still say it */
	bool old_auth = str_istarts(line, STR("AUTH="));
	struct str rest = old_auth ? str_sub(line, 5, line.len) : line;
	struct str keyword = old_auth ? STR("AUTH") : take_word(&rest);
	for (size_t i = 0; i < ARRAY_SIZE(keywords); i++) {
		if (str_ieq(keyword, keywords[i].keyword))
			keywords[i].take(caps, rest);
	}
}

struct smtp_caps smtp_caps_parse(struct str text)
{
	struct smtp_caps caps = {0};
	size_t end = str_find(text, '\n');
	while (end < text.len) {
		text = str_sub(text, end + 1, text.len);
		end = str_find(text, '\n');
		take_line(&caps, str_sub(text, 0, end));
	}
	return caps;
}
