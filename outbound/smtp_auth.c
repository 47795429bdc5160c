/*
 * See smtp_auth.h.
 *
 *	PLAIN    one response: NUL user NUL password
 *	LOGIN    two: user, password; whatever the server's questions say
 *	XOAUTH2  one: "user=" user ^A "auth=Bearer " token ^A ^A; a 334 after it tells of a failure, and is
 *	         answered with an empty line, upon which the server says 535
 *
 * A response goes with the command when the line stays within 512 octets (RFC 4954 section 4), else it waits
 * for the server's 334. Pure.
 */
#include "outbound/smtp_auth.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/mac.h"

#define COMMAND_LINE_MAX 512

static void put_response(const struct smtp_auth *auth, struct strbuf *out);

unsigned smtp_auth_choose(unsigned offered, unsigned wanted)
{
	static const unsigned order[] = {AUTH_PLAIN, AUTH_LOGIN, AUTH_XOAUTH2};
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		if (offered & wanted & order[i])
			return order[i];
	}
	return 0;
}

/* RFC 4648 section 4, with padding. */
static void put_base64(struct strbuf *out, const char *bytes, size_t len)
{
	char *text = xmalloc(BASE64URL_LEN(len) + 1);
	size_t n = base64url_encode(bytes, len, text);
	for (size_t i = 0; i < n; i++)
		text[i] = (char)(text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]);
	strbuf_add(out, (struct str){text, n});
	strbuf_add(out, str_sub(STR("=="), 0, (4 - n % 4) % 4));
	explicit_bzero(text, n);
	free(text);
}

static void put_pieces(struct strbuf *out, const struct str *pieces, size_t n)
{
	size_t len = 0, at = 0;
	for (size_t i = 0; i < n; i++)
		len += pieces[i].len;
	char *bytes = xmalloc(len + 1);
	for (size_t i = 0; i < n; i++) {
		memcpy(bytes + at, pieces[i].ptr, pieces[i].len);
		at += pieces[i].len;
	}
	put_base64(out, bytes, len);
	explicit_bzero(bytes, len);
	free(bytes);
}

static void put_plain(const struct smtp_auth *auth, struct strbuf *out)
{
	const struct str pieces[] = {STR("\0"), str_from(auth->user), STR("\0"), str_from(auth->password)};
	put_pieces(out, pieces, ARRAY_SIZE(pieces));
}

static void put_xoauth2(const struct smtp_auth *auth, struct strbuf *out)
{
	const struct str pieces[] = {STR("user="), str_from(auth->user),
				     STR("\x01"
					 "auth=Bearer "),
				     str_from(auth->password), STR("\x01\x01")};
	put_pieces(out, pieces, ARRAY_SIZE(pieces));
}

static const char *name_of(enum smtp_auth_mechanism mechanism)
{
	return mechanism == AUTH_PLAIN ? "PLAIN" : mechanism == AUTH_LOGIN ? "LOGIN" : "XOAUTH2";
}

int smtp_auth_begin(struct smtp_auth *auth, enum smtp_auth_mechanism mechanism, const char *user,
		    const char *password, struct strbuf *out)
{
	if (strlen(user) > AUTH_SECRET_MAX || strlen(password) > AUTH_SECRET_MAX)
		return -EMSGSIZE;
	*auth = (struct smtp_auth){.mechanism = mechanism, .user = user, .password = password};
	size_t start = out->len;
	strbuf_printf(out, "AUTH %s ", name_of(mechanism));
	size_t command_len = out->len - start - 1;
	if (mechanism != AUTH_LOGIN)
		put_response(auth, out);
	auth->response_sent = mechanism != AUTH_LOGIN && out->len - start + 2 <= COMMAND_LINE_MAX;
	if (!auth->response_sent) {
		explicit_bzero(out->ptr + start + command_len, out->len - start - command_len);
		out->len = start + command_len;
	}
	return strbuf_adds(out, "\r\n");
}

static void put_response(const struct smtp_auth *auth, struct strbuf *out)
{
	if (auth->mechanism == AUTH_PLAIN)
		put_plain(auth, out);
	else
		put_xoauth2(auth, out);
}

int smtp_auth_next(struct smtp_auth *auth, struct strbuf *out)
{
	unsigned answer = auth->answers++ + auth->response_sent;
	if (auth->mechanism == AUTH_LOGIN && answer < 2) {
		const char *text = answer == 0 ? auth->user : auth->password;
		put_base64(out, text, strlen(text));
	} else if (auth->mechanism != AUTH_LOGIN && answer == 0) {
		put_response(auth, out);
	} else if (auth->mechanism != AUTH_XOAUTH2 || answer != 1) {
		return -EPROTO;
	}
	return strbuf_adds(out, "\r\n");
}
