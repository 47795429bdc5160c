/*
 * Address and port of a listener, both ways. The last colon parts them; an IPv6 address stands in brackets, as in a
 * URL, for its own colons would be ambiguous. The configuration's check, the server and `servelo check` all read with
 * this one function, so what the one takes the others do.
 */
#include "smtpd/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#define PORT_DIGITS_MAX 5

static const char *parse_port(struct str text, in_port_t *ret)
{
	unsigned port = 0;
	if (text.len == 0 || text.len > PORT_DIGITS_MAX)
		return "port expected";
	for (size_t i = 0; i < text.len; i++) {
		if (!ascii_digit(text.ptr[i]))
			return "port expected";
		port = port * 10 + (unsigned)(text.ptr[i] - '0');
	}
	if (port > UINT16_MAX)
		return "port is too big";
	*ret = htons((uint16_t)port);
	return NULL;
}

static bool parse_host(int family, struct str host, void *ret)
{
	char text[INET6_ADDRSTRLEN];
	if (host.len == 0 || host.len >= sizeof(text) || memchr(host.ptr, '\0', host.len))
		return false;
	memcpy(text, host.ptr, host.len);
	text[host.len] = '\0';
	return inet_pton(family, text, ret) == 1;
}

const char *listen_address_parse(struct str text, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	size_t colon = text.len;
	while (colon > 0 && text.ptr[colon - 1] != ':')
		colon--;
	if (colon == 0)
		return "address:port expected";
	struct str host = str_sub(text, 0, colon - 1);
	bool bracketed = host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
	if (bracketed && !parse_host(AF_INET6, str_sub(host, 1, host.len - 1), &v6.sin6_addr))
		return "not an IPv6 address";
	if (!bracketed && !parse_host(AF_INET, host, &v4.sin_addr))
		return "not an IPv4 address (IPv6 goes in brackets)";
	const char *wrong =
		parse_port(str_sub(text, colon, text.len), bracketed ? &v6.sin6_port : &v4.sin_port);
	if (wrong)
		return wrong;
	*ret = (struct sockaddr_storage){0};
	*ret_len = bracketed ? sizeof(v6) : sizeof(v4);
	memcpy(ret, bracketed ? (const void *)&v6 : (const void *)&v4, *ret_len);
	return NULL;
}

unsigned listen_address_port(const struct sockaddr_storage *address)
{
	struct sockaddr_in v4;
	memcpy(&v4, address, sizeof(v4)); /* both families have the port in the same place */
	_Static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port),
		       "the port of IPv4 and of IPv6");
	return ntohs(v4.sin_port);
}

char *listen_address_text(const struct sockaddr_storage *address, char *buf)
{
	bool six = address->ss_family == AF_INET6;
	char ip[INET6_ADDRSTRLEN] = "";
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;
	memcpy(&v6, address, sizeof(v6));
	memcpy(&v4, address, sizeof(v4));
	if (six || address->ss_family == AF_INET)
		inet_ntop(address->ss_family, six ? (const void *)&v6.sin6_addr : (const void *)&v4.sin_addr,
			  ip, sizeof(ip));
	snprintf(buf, LISTEN_ADDRESS_SIZE, six ? "[%s]:%u" : "%s:%u", ip, listen_address_port(address));
	return buf;
}
