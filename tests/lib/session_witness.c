/*
 * The simple client. It walks through what was sent once: a line up to its LF, or the octets that a DATA or BDAT before it
 * made data; for each it takes the next reply. Nothing of the engine is used, so that it can't be wrong in the same way.
 *
 *	pos   octets of seen->sent that are explained
 *	at    octets of seen->said that are explained
 *	mail  the chunks of the mail under way
 */
#include "tests/lib/session_witness.h"

#include "tests/unit/certs/fixture.h"

struct witness {
	const struct smtp_stub *stub;
	const struct witnessed *seen;
	size_t pos, at;
	struct strbuf mail;
	size_t mails;
	bool over;    /* the server hung up, or what follows can't be told */
	bool may_end; /* it may have hung up behind its last reply, without a word */
	bool tls;     /* what follows is TLS */
};

/* ---- replies ---- */

static struct str next_line(struct str s, size_t at)
{
	struct str rest = str_sub(s, at, s.len);
	return str_sub(rest, 0, str_find(rest, '\n') + 1);
}

static void check_reply_line(struct str line)
{
	MUST(line.len >= 5 && line.len <= 512);
	MUST(line.ptr[line.len - 2] == '\r' && line.ptr[line.len - 1] == '\n');
	for (size_t i = 0; i < line.len - 2; i++)
		MUST(line.ptr[i] >= ' ' && line.ptr[i] <= '~');
	MUST(line.ptr[0] >= '2' && line.ptr[0] <= '5' && ascii_digit(line.ptr[1]) &&
	     ascii_digit(line.ptr[2]));
	MUST(line.ptr[3] == ' ' || line.ptr[3] == '-' || line.len == 5);
	/* RFC 2034: the class of the enhanced status code is that of the code */
	if (line.len > 9 && ascii_digit(line.ptr[4]) && line.ptr[5] == '.' && ascii_digit(line.ptr[6]))
		MUST(line.ptr[4] == line.ptr[0]);
}

/* The code of the next reply, 0 when nothing more was said. */
static int next_reply(struct witness *witness)
{
	int code = 0;
	for (bool last = false; !last;) {
		struct str line = next_line(witness->seen->said, witness->at);
		if (line.len == 0 || line.ptr[line.len - 1] != '\n') {
			/* cut off in a reply: only by a client that went away */
			MUST(witness->seen->cut || (line.len == 0 && code == 0));
			return 0;
		}
		check_reply_line(line);
		int this_code = (line.ptr[0] - '0') * 100 + (line.ptr[1] - '0') * 10 + (line.ptr[2] - '0');
		MUST(code == 0 || code == this_code);
		code = this_code;
		last = line.ptr[3] != '-';
		witness->at += line.len;
	}
	if (code == 421 || code == 221)
		witness->over = true;
	return code;
}

/* The reply that is due for something whole. */
static int due_reply(struct witness *witness)
{
	int code = next_reply(witness);
	if (code == 0) {
		MUST(witness->may_end || witness->seen->cut);
		witness->over = true;
	}
	witness->may_end = false;
	return code;
}

/* ---- mails ---- */

static size_t count_recipients(const char *to)
{
	size_t n = 1;
	for (; *to; to++)
		n += *to == ',';
	return n;
}

static void check_limits(const struct smtp_stub *stub, const struct stub_mail *mail)
{
	int64_t line = 0, received = 0;
	bool in_header = true;
	for (size_t i = 0; i < mail->size; i++) {
		char c = mail->data[i];
		MUST(c != '\0' && (c != '\r' || (i + 1 < mail->size && mail->data[i + 1] == '\n')));
		MUST(c != '\n' || (i > 0 && mail->data[i - 1] == '\r'));
		if (in_header && line == 0 &&
		    str_istarts((struct str){mail->data + i, mail->size - i}, STR("received:")))
			received++;
		in_header &= !(c == '\n' && line == 1);
		line = c == '\n' ? 0 : line + 1;
		MUST(line <= stub->limits.data_line_length + 1); /* its CR */
	}
	MUST((int64_t)mail->size <= stub->limits.message_size && received <= stub->limits.received_fields);
	MUST((int64_t)count_recipients(mail->to) <= stub->limits.recipients && mail->to[0]);
}

static void check_trace(struct str trace)
{
	MUST(str_starts(trace, STR("Received: ")) && trace.ptr[trace.len - 1] == '\n');
	for (size_t i = 0; i < trace.len; i++) {
		unsigned char c = (unsigned char)trace.ptr[i];
		MUST(c >= ' ' || c == '\t' || c == '\r' || c == '\n');
		MUST(c != '\r' || trace.ptr[i + 1] == '\n');
		/* one field */
		MUST(c != '\n' || i + 1 == trace.len || trace.ptr[i + 1] == ' ' || trace.ptr[i + 1] == '\t');
	}
}

static void one_mail(struct witness *witness)
{
	MUST(witness->mails < witness->stub->mails_n);
	const struct stub_mail *mail = &witness->stub->mails[witness->mails++];
	MUST(str_eq((struct str){mail->data, mail->size}, strbuf_str(&witness->mail)));
	check_limits(witness->stub, mail);
	check_trace(str_from(mail->trace));
}

/* ---- what was sent ---- */

static struct str left(const struct witness *witness)
{
	return str_sub(witness->seen->sent, witness->pos, witness->seen->sent.len);
}

/* Mail data behind a 354. False when it has no end. */
static bool take_data(struct witness *witness)
{
	struct str in = left(witness);
	bool line_start = true;
	strbuf_clear(&witness->mail);
	for (size_t i = 0; i < in.len; i++) {
		if (line_start && str_starts(str_sub(in, i, in.len), STR(".\r\n"))) {
			witness->pos += i + 3;
			return true;
		}
		if (!line_start || in.ptr[i] != '.')
			strbuf_addc(&witness->mail, in.ptr[i]);
		line_start = i > 0 && in.ptr[i - 1] == '\r' && in.ptr[i] == '\n';
	}
	witness->pos = witness->seen->sent.len;
	return false;
}

static void after_data(struct witness *witness)
{
	if (!take_data(witness)) {
		(void)next_reply(witness); /* it may have been too much already */
		witness->over = true;
	} else if (due_reply(witness) == 250) {
		one_mail(witness);
	}
}

/* "SIZE [LAST]": -1, or the octets of the chunk. */
static int64_t chunk_size(struct str argument, bool *ret_last)
{
	size_t digits = 0;
	int64_t size = 0;
	for (; digits < argument.len && ascii_digit(argument.ptr[digits]); digits++) {
		int64_t digit = argument.ptr[digits] - '0';
		size = size > (INT64_MAX - digit) / 10 ? INT64_MAX : size * 10 + digit;
	}
	struct str word = str_trim(str_sub(argument, digits, argument.len));
	*ret_last = word.len > 0;
	if (digits == 0 || digits > 20 || (digits < argument.len && argument.ptr[digits] != ' '))
		return -1;
	return word.len == 0 || str_ieq(word, STR("LAST")) ? size : -1;
}

/* The octets of a chunk are data whatever became of the command (RFC 3030 section 2). */
static void after_bdat(struct witness *witness, int64_t size, bool last)
{
	struct str chunk = left(witness);
	bool whole = (uint64_t)size <= chunk.len;
	chunk = str_sub(chunk, 0, whole ? (size_t)size : chunk.len);
	witness->pos += chunk.len;
	int code = whole ? due_reply(witness) : next_reply(witness);
	MUST(whole || code == 0 || code >= 400);
	witness->may_end = code >= 400;
	if (code == 250)
		strbuf_add(&witness->mail, chunk);
	if (code == 250 && last)
		one_mail(witness);
}

static bool is_line(struct str line, size_t line_max)
{
	for (size_t i = 0; i < line.len; i++)
		if (((unsigned char)line.ptr[i] < ' ' && line.ptr[i] != '\t') || line.ptr[i] == 0x7f)
			return false;
	return line.len <= line_max;
}

static void run_line(struct witness *witness, struct str line)
{
	size_t blank = 0;
	while (blank < line.len && line.ptr[blank] != ' ' && line.ptr[blank] != '\t')
		blank++;
	struct str verb = str_sub(line, 0, blank), argument = str_trim(str_sub(line, blank, line.len));
	bool last;
	if (str_ieq(verb, STR("BDAT")) && chunk_size(argument, &last) >= 0) {
		after_bdat(witness, chunk_size(argument, &last), last);
		return;
	}
	int code = due_reply(witness);
	bool data = str_ieq(verb, STR("DATA")) || str_ieq(verb, STR("BDAT"));
	witness->may_end = code == 554 || (data && code != 354);
	if (str_ieq(verb, STR("DATA")) && code == 354) {
		after_data(witness);
	} else if (str_ieq(verb, STR("STARTTLS")) && code == 220) {
		MUST(!witness->seen->tls);
		witness->over = witness->tls = true;
	} else {
		MUST(code == 0 || (code != 220 && code != 334 && code != 354)); /* no AUTH here */
	}
	if (str_ieq(verb, STR("MAIL")) && code == 250)
		strbuf_clear(&witness->mail);
}

static void take_line(struct witness *witness)
{
	const size_t line_max = (size_t)witness->stub->limits.line_length - 2;
	struct str line = next_line(left(witness), 0);
	bool whole = line.ptr[line.len - 1] == '\n';
	witness->pos += line.len;
	if (whole)
		line.len--;
	if (!whole) {
		/* too long is told before the line ends */
		if (line.len > line_max + 1)
			(void)due_reply(witness);
		return;
	}
	bool crlf = line.len && line.ptr[line.len - 1] == '\r';
	line.len -= crlf;
	if (crlf && is_line(line, line_max)) {
		run_line(witness, line);
		return;
	}
	/* refused, but its client may believe that "DATA" was heard */
	int code = due_reply(witness);
	MUST(code == 500 || code == 421 || code == 0);
	witness->may_end = str_istarts(line, STR("DATA")) || str_istarts(line, STR("BDAT"));
}

void session_witness(const struct smtp_stub *stub, const struct witnessed *seen)
{
	struct witness witness = {.stub = stub, .seen = seen};
	strbuf_init(&witness.mail, seen->sent.len + 1);
	if (seen->greeting && next_reply(&witness) != 220)
		witness.over = true;
	while (!witness.over && witness.pos < seen->sent.len)
		take_line(&witness);
	if (!witness.over && seen->late)
		(void)next_reply(&witness);
	/* nothing was said that nobody asked for */
	MUST(witness.tls || seen->cut || witness.at == seen->said.len);
	/* the reply to the last one may have been lost with the client */
	MUST(stub->mails_n == witness.mails || (seen->cut && stub->mails_n == witness.mails + 1));
	strbuf_done(&witness.mail);
}
