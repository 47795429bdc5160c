/*
 * One session of any octets against the engine with the stub behind it, in one process, over a socket pair; judged by
 * session_witness.h, and afterwards nothing may be left: no session, no spooled mail. For fuzz targets.
 */
#ifndef SERVELO_TESTS_LIB_FUZZ_SESSION_H
#define SERVELO_TESTS_LIB_FUZZ_SESSION_H

#include "base/base.h"

enum fuzz_end {
	FUZZ_END_HALF,  /* the client shuts its sending side down and reads on */
	FUZZ_END_GONE,  /* it goes away; replies may be lost */
	FUZZ_END_LATE,  /* it falls silent until a deadline passes */
	FUZZ_END_DRAIN, /* the server drains */
};

struct fuzz_play {
	struct str octets; /* what the client sends */
	size_t step;       /* cut into segments of so many octets; 0: one */
	enum fuzz_end end;
	bool tls; /* inside of TLS */
};

/* Small limits: 4096 octets a mail, 1024 a line of it, 3 Received fields, 5 recipients. The stub's mailboxes are in
 * smtp_stub.h. Ends the process when something is wrong. */
void fuzz_session(const struct fuzz_play *play);

#endif
