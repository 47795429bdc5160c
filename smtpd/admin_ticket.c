/*
 * ticket.set: status, subject, tag, assignee of the ticket that a reference names.
 */
#include "base/clock.h"
#include "smtpd/admin_private.h"
#include "storage/tenant_rows.h"
#include "storage/ticket.h"

static int check_ticket(struct admin_op *op, const struct admin_rules *rules);
static int apply_ticket_set(struct admin_op *op, struct store_txn *txn);

static const char *const ticket_keys[] = {"status", "subject", "tag", "assignee", NULL};

const struct op_kind admin_ticket_kinds[] = {
	{"ticket.set", check_ticket, apply_ticket_set, ADMIN_CHANGES_NOTHING_ELSE, "reference", ticket_keys},
	{0},
};

static size_t utf8_length(struct str text)
{
	size_t n = 0;
	for (size_t i = 0; i < text.len; i++)
		n += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
	return n;
}

static int check_line(struct admin_op *op, const char *key, size_t characters_max)
{
	struct str text = admin_request_text(op, key);
	if (text.ptr && (admin_has_control(text, false) || utf8_length(text) > characters_max))
		return admin_decline(
			op, ADMIN_INVALID,
			"%s must be one line of at most %zu characters, without control characters", key,
			characters_max);
	return 0;
}

static int check_ticket(struct admin_op *op, const struct admin_rules *rules UNUSED)
{
	struct str status = admin_request_text(op, "status"), subject = admin_request_text(op, "subject");
	enum ticket_status parsed;
	int r = admin_check_reference(op);
	if (r < 0)
		return r;
	if (json_object_size(op->request) == 2)
		return admin_decline(op, ADMIN_USAGE, "nothing to set was given");
	if (status.ptr && ticket_status_parse(status, &parsed) < 0)
		return admin_decline(op, ADMIN_INVALID,
				     "\"%.*s\" is not a status, which is one of" TICKET_STATUS_WORDS,
				     STR_ARG(str_sub(status, 0, 64)));
	if (subject.ptr && str_trim(subject).len == 0)
		return admin_decline(op, ADMIN_INVALID, "a ticket needs a subject");
	if ((r = check_line(op, "subject", 255)) < 0 || (r = check_line(op, "tag", 64)) < 0)
		return r;
	return check_line(op, "assignee", 254);
}

static int apply_ticket_set(struct admin_op *op, struct store_txn *txn)
{
	struct ticket_row row;
	struct tenant_row tenant;
	char reference[TICKET_REFERENCE_SIZE];
	enum ticket_status status;
	struct ticket_change change = {
		.status = -1,
		.subject = admin_request_text(op, "subject"),
		.tag = admin_request_text(op, "tag"),
		.assignee = admin_request_text(op, "assignee"),
	};
	int r = admin_find_ticket(op, txn, &row, &tenant);
	if (r < 0)
		return r;
	const struct ticket_id id = row.id;
	if (admin_request_text(op, "status").ptr &&
	    ticket_status_parse(admin_request_text(op, "status"), &status) == 0)
		change.status = (int)status;
	if (change.subject.ptr)
		change.subject = str_trim(change.subject);
	r = ticket_update(txn, id, &change, clock_now_ms());
	if (r == 0)
		r = ticket_reference(txn, id, reference);
	if (r == 0)
		r = ticket_get(txn, id, &row);
	if (r == 0)
		op->result =
			json_pack("{s:s,s:s,s:o,s:o,s:o}", "reference", reference, "status",
				  ticket_status_name(row.status), "subject", admin_json_text(row.subject),
				  "tag", admin_json_text(row.tag), "assignee", admin_json_text(row.assignee));
	return r;
}
