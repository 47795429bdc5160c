/*
 * A relay that does what a script says, on the test's own loop: for every way a relay can behave, good or
 * bad.
 *
 *	static const char *const script[] = {"S 220 relay", "C EHLO *", "S 250 relay", "C QUIT", NULL};
 *	fake_relay_open(loop, certs);
 *	fake_relay_script(relay, script);     for the next connection; the last one for all others
 *	... fake_relay_address(relay) ...
 *	fake_relay_wrong(relay)               NULL, or what the client did otherwise
 *
 * A step is a letter, a blank, and the rest:
 *
 *	S text     say the line; CR LF is added
 *	B text     say the text as it is
 *	V text     say it 20000 times, as it is
 *	C text     the client must say this line; a '*' at its end stands for anything
 *	E          nothing else has come by now
 *	D          read mail data up to CR LF . CR LF, keep it
 *	W          wait until anything comes, and drop it
 *	T          TLS from here on (fake_relay_open's certs)
 *	X, R       close; close with a reset
 *	P          stop reading
 *	H          hang: go on reading, say nothing more
 *	@          begin the script anew
 *
 * After its last step the relay hangs until the client closes.
 */
#ifndef SERVELO_TESTS_LIB_FAKE_RELAY_H
#define SERVELO_TESTS_LIB_FAKE_RELAY_H

#include <sys/socket.h>
#include <uv.h>

#include "certs/certs.h"

struct fake_relay;

/* Listens on 127.0.0.1, any port. certs may be NULL when no script has a T; the relay takes no reference. */
struct fake_relay *fake_relay_open(uv_loop_t *loop, struct certs *certs);
/* Connections too; freed once the loop has run. */
void fake_relay_close(struct fake_relay *relay);
/* NULL-terminated; must outlive the relay. */
void fake_relay_script(struct fake_relay *relay, const char *const *script);
/* Everything is said octet by octet, one in each turn of the loop. */
void fake_relay_drip(struct fake_relay *relay, bool drip);

/* Closes the connections that hang now (fake_relay_counts). */
void fake_relay_drop(struct fake_relay *relay);

struct sockaddr_storage fake_relay_address(const struct fake_relay *relay);
/* What the client said that the script didn't expect, or NULL. */
const char *fake_relay_wrong(const struct fake_relay *relay);
/* Mail data of the last D, as it came, with the final dot; NUL-terminated. */
const char *fake_relay_data(const struct fake_relay *relay);
size_t fake_relay_data_len(const struct fake_relay *relay);

struct fake_relay_counts {
	unsigned accepted, open, open_max; /* connections: ever, now, at once */
	unsigned finished;                 /* scripts that came to their end */
	unsigned mails;                    /* Ds that came to their end */
	unsigned hanging;                  /* connections that are at an H, or after their last step, now */
};
struct fake_relay_counts fake_relay_counts(const struct fake_relay *relay);

#endif
