/*
 * The SMTP engine with a stub for an application, for tests, fuzzing and measurements: one tenant, acme, at
 * serveloapp.com; what is delivered is kept in memory.
 *
 *	struct smtp_stub stub;
 *	smtp_stub_init(&stub, loop);		defaults; change stub.smtp, stub.limits, ...
 *	smtp_stub_open(&stub, with_tls);	listens on a free port of 127.0.0.1
 *	...
 *	smtp_stub_close(&stub);			runs the loop until everything has gone
 *
 * Local parts (a detail after "+" is ignored, case too): acme, abuse, postmaster are accepted; slow and
 * slowno are accepted and unknown a little later; held is answered by smtp_stub_release(); suspended,
 * tempfail as they say; acne is unknown with a hint; everything else is unknown. What is delivered to tempfail
 * etc. of the list in smtp_stub.c comes back with that status, "late" a little later, "kept" when
 * smtp_stub_release() is called.
 */
#ifndef SERVELO_TESTS_LIB_SMTP_STUB_H
#define SERVELO_TESTS_LIB_SMTP_STUB_H

#include "smtpd/smtp_server.h"

struct stub_mail {
	char *from, *to; /* printed; recipients joined by "," */
	char *trace;     /* our Received field */
	char *data;      /* what follows it */
	size_t size;
	char *protocol;
	enum body_type body;
};

struct smtp_stub {
	uv_loop_t *loop;
	struct smtp_server *server;
	struct smtp_conf smtp;
	struct limits_conf limits;
	struct certs_conf tls;
	const char *hostname;
	bool forget; /* keep nothing of what is delivered (measurements) */
	/* what came */
	struct stub_mail *mails;
	size_t mails_n, begun, refused_n, under_way;
	char refused[1024]; /* the last one: "recipient|reply" */
	uint64_t held_session;
	struct delivery *kept;
	/* its own */
	struct spool *spool;
	struct certs *certs;
	char *dir;
	const char *address;
	unsigned later_ms; /* what "a little later" is; 0: 5 */
	int spool_files;   /* mails bigger than this many octets go to a file; 0: 64 KiB */
};

void smtp_stub_init(struct smtp_stub *stub, uv_loop_t *loop);
/* address: "127.0.0.1:0"; NULL: does not listen. Ends the process when it can't. */
void smtp_stub_open(struct smtp_stub *stub, const char *address, bool with_tls);
void smtp_stub_reconfigure(struct smtp_stub *stub);
int smtp_stub_port(const struct smtp_stub *stub);
/* Answers what is held or kept. False when there is nothing. */
bool smtp_stub_release(struct smtp_stub *stub);
void smtp_stub_forget(struct smtp_stub *stub);
void smtp_stub_close(struct smtp_stub *stub);

#endif
