/*
 * A plain text beside HTML that only says "your program can't show this", in the languages of the world.
 */
#ifndef SERVELO_INGEST_MAIL_STUB_H
#define SERVELO_INGEST_MAIL_STUB_H

#include "base/base.h"

/* What a plain text is worth beside the HTML. */
enum plain_worth {
	PLAIN_NOTHING,  /* "Your mail program can't show HTML": short, and most of its sentences say so */
	PLAIN_DOUBTFUL, /* short, and a third of it says so: both are shown, nothing is lost */
	PLAIN_GOOD,
};

/* text: UTF-8. Linear; only texts of a few hundred octets are read. Pure; any thread. */
enum plain_worth mail_stub_worth(struct str text);

#endif
