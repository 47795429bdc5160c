/*
 * The addresses of smtp.listen: "192.0.2.1:25", "[2001:db8::1]:25". Pure.
 */
#ifndef SERVELO_SMTPD_LISTEN_ADDRESS_H
#define SERVELO_SMTPD_LISTEN_ADDRESS_H

#include <sys/socket.h>

#include "base/base.h"

/* NULL, or what is wrong with the text; then nothing is set. Port 0 is fine: the system chooses one. */
const char *listen_address_parse(struct str text, struct sockaddr_storage *ret, socklen_t *ret_len);
/* "192.0.2.1:25", "[2001:db8::1]:25"; buf holds at least LISTEN_ADDRESS_SIZE. Returns buf. */
#define LISTEN_ADDRESS_SIZE 64
char *listen_address_text(const struct sockaddr_storage *address, char *buf);
/* In host order. */
unsigned listen_address_port(const struct sockaddr_storage *address);

#endif
