/*
 * See audit.h. Texts are bounded by who brings them; here they are cut at TEXT_MAX once more, between two
 * characters, so that no row is ever long whatever a client sent. Writer thread.
 */
#include <errno.h>

#include "storage/audit.h"
#include "storage/txn.h"

#define TEXT_MAX 1000

static const char *const outcome_names[] = {
	"created",       "commented",   "forwarded", "event",  "duplicate",
	"bounce_report", "quarantined", "refused",   "failed",
};

const char *audit_outcome_name(enum audit_outcome outcome)
{
	return outcome_names[outcome];
}

int audit_outcome_parse(struct str text, enum audit_outcome *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(outcome_names); i++)
		if (str_eq(text, str_from(outcome_names[i]))) {
			*ret = (enum audit_outcome)i;
			return 0;
		}
	return -EINVAL;
}

static const char sql_audit_add[] =
	"INSERT INTO audit (mail_id, received_ms, committed_ms, tenant, outcome, ticket, comment, message, "
	"size,"
	" parse_us, reverse_path, recipient, client_ip, helo, tls, protocol, header_from, header_subject,"
	" header_message_id, verdict, reply, error)"
	" VALUES (?1, ?2, ?3, nullif(?4, 0), ?5, nullif(?6, 0), nullif(?7, 0), nullif(?8, 0), ?9, ?10, ?11, "
	"?12,"
	" ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)";

static struct str cut(struct str text)
{
	if (text.len <= TEXT_MAX)
		return text;
	size_t len = TEXT_MAX;
	while (len > TEXT_MAX - 4 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
		len--;
	return str_sub(text, 0, len);
}

int audit_add(struct store_txn *txn, const struct audit_row *row)
{
	const struct str texts[] = {row->reverse_path,
				    row->recipient,
				    row->client_ip,
				    row->helo,
				    row->tls,
				    row->protocol,
				    row->header_from,
				    row->header_subject,
				    row->header_message_id,
				    row->verdict,
				    row->reply,
				    row->error};
	struct stmt *s = stmt_use(txn->db, sql_audit_add);
	stmt_text(s, 1, str_from(row->mail_id.text));
	stmt_int(s, 2, row->received_ms);
	stmt_int(s, 3, txn->now_ms);
	stmt_int(s, 4, row->tenant.v);
	stmt_int(s, 5, row->outcome);
	stmt_int(s, 6, row->ticket.v);
	stmt_int(s, 7, row->comment.v);
	stmt_int(s, 8, row->message.v);
	stmt_int(s, 9, row->size);
	stmt_int(s, 10, row->parse_us);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		stmt_text(s, 11 + (int)i, cut(texts[i]));
	return stmt_run(s);
}
