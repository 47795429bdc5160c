/*
 * A mail that is to leave, and what became of it: what the relay client and those who use it share. Values
 * only.
 *
 * The mail is its maker's. From smtp_client_send() or relay_submit() until done() is called it may not be
 * touched but by read(); done() is called exactly once, and the mail is free afterwards.
 *
 * read() is the stream of mail data, as it stands (dots and line ends are seen to): *ret is a view of any
 * size, also of a whole mail, valid until the next call or done(); empty at the end. -EAGAIN: none now,
 * there will be (say smtp_client_data_ready() then). Any other -errno ends the connection before the final
 * dot, for nothing else can take back a DATA. start() is called before the first read() of each attempt, to
 * go to the beginning.
 */
#ifndef SERVELO_OUTBOUND_SMTP_MAIL_H
#define SERVELO_OUTBOUND_SMTP_MAIL_H

#include "base/list.h"
#include "base/mailaddr.h"

enum smtp_outcome {
	SMTP_DELIVERED, /* the relay has it: 250 to the final dot */
	SMTP_DEFERRED,  /* not now: 4yz, a timeout, a connection lost before the final dot was out */
	SMTP_FAILED,    /* not ever: 5yz, or something that this relay can't be asked */
	SMTP_UNKNOWN,   /* no answer to the final dot: perhaps it has it. Repeat with the same Message-ID */
};
const char *smtp_outcome_name(enum smtp_outcome outcome);

/* Where it was decided. */
enum smtp_stage {
	SMTP_STAGE_CONNECT,
	SMTP_STAGE_TLS,
	SMTP_STAGE_GREETING,
	SMTP_STAGE_EHLO,
	SMTP_STAGE_STARTTLS,
	SMTP_STAGE_AUTH,
	SMTP_STAGE_IDLE,
	SMTP_STAGE_MAIL,
	SMTP_STAGE_RCPT,
	SMTP_STAGE_DATA,
	SMTP_STAGE_BODY, /* mail data, up to the final dot */
	SMTP_STAGE_END,  /* after it */
	SMTP_STAGE_RSET,
	SMTP_STAGE_QUIT,
};
const char *smtp_stage_name(enum smtp_stage stage);

#define SMTP_RESULT_TEXT_SIZE 512

struct smtp_result {
	enum smtp_outcome outcome;
	enum smtp_stage stage;
	int code;                         /* the reply's, or what we say in its stead; 0: there was none */
	int klass, subject, detail;       /* RFC 3463, or 0 */
	int error;                        /* -errno when the connection failed, else 0 */
	char text[SMTP_RESULT_TEXT_SIZE]; /* the reply's, or ours; UTF-8, may hold "\n" */
};

struct smtp_rcpt {
	struct mailaddr address;
	struct smtp_result result; /* filled before done() */
};

struct smtp_mail {
	struct list_node link;        /* whose hands it is in */
	struct mailaddr reverse_path; /* null: "<>" */
	struct smtp_rcpt *rcpts;
	size_t rcpts_n; /* at least 1 */
	int64_t size;   /* octets of mail data, about; 0: not known */
	bool eight_bit; /* there are octets above 0x7f in it: 8BITMIME is needed */
	bool utf8; /* in its header section too: SMTPUTF8 is needed (an address with some needs it anyway) */
	void (*start)(struct smtp_mail *mail);
	int (*read)(struct smtp_mail *mail, struct str *ret);
	/* The result is that of the mail as a whole: of its recipients the one with most left to do (unknown,
	 * then deferred, failed, delivered). */
	void (*done)(struct smtp_mail *mail, const struct smtp_result *result);
};

#endif
