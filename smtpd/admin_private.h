/*
 * One change of an administrator, as the files admin_*.c of this folder see it: what an operation is, and the ways to read
 * its request and to say no. The nouns (tenant, ticket, setting) each bring their rows of the table of operations.
 */
#ifndef SERVELO_SMTPD_ADMIN_PRIVATE_H
#define SERVELO_SMTPD_ADMIN_PRIVATE_H

#include <jansson.h>

#include "base/arena.h"
#include "smtpd/admin_ops.h"

struct op_kind {
	const char *name;
	/* Without the database, on the caller's thread; then inside the transaction, on the writer. */
	int (*check)(struct admin_op *op, const struct admin_rules *rules);
	int (*apply)(struct admin_op *op, struct store_txn *txn);
	enum admin_effect effect;
	const char *
		subject; /* the key that every request of this kind has; NULL: it is about nothing in particular */
	const char *const *keys;
};

/* Rows of one noun; the last one's name is NULL. Those of admin_talk_kinds make mail: they have op->keys. */
extern const struct op_kind admin_tenant_kinds[], admin_ticket_kinds[], admin_talk_kinds[],
	admin_queue_kinds[], admin_setting_kinds[];

struct tenant_row;
struct ticket_row;

struct admin_op {
	struct store_job job;
	const struct op_kind *kind;
	json_t *request; /* texts only */
	struct arena arena;
	void *ctx;
	/* of the rules; for what makes mail, NULL otherwise */
	struct key_ring *keys;
	char *domain;
	char *text;     /* of a comment, with LF line ends; may be NULL */
	json_t *result; /* set by apply */
	enum admin_code code;
	char error[512];
	/* setting.*: what was before */
	bool had_old;
	char *old_value;
};

/* An operation without a request yet. */
struct admin_op *admin_op_make(const struct op_kind *kind);
/* The text of a key; ptr NULL when it isn't there. Lives as long as op. */
struct str admin_request_text(const struct admin_op *op, const char *key);
/* Says no: remembers why, returns the errno that goes with the code. */
int admin_decline(struct admin_op *op, enum admin_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* jansson gives valid UTF-8; what is left to refuse are controls. */
bool admin_has_control(struct str text, bool lines_allowed);
/* Says no, unless the request has a reference like ACME-00042. */
int admin_check_reference(struct admin_op *op);
/* The ticket of the request's reference and its tenant, as they are in this transaction; texts in op's arena. Says no
 * when there is none. */
int admin_find_ticket(struct admin_op *op, struct store_txn *txn, struct ticket_row *ret,
		      struct tenant_row *ret_tenant);
/* The tenant of the request's slug; texts in op's arena. Says no when there is none. */
int admin_find_tenant(struct admin_op *op, struct store_txn *txn, struct tenant_row *ret);
/* The request's slug in lower case, as rows have it; in op's arena. */
int admin_lower_slug(struct admin_op *op, struct str *ret);
/* Says no, unless text is a mail address outside of domain (NULL: any); what names it in the complaint. */
int admin_check_address(struct admin_op *op, const char *what, struct str text, const char *domain);
/* "yes", "off", "1", ...; -EINVAL. */
int admin_parse_bool(struct str text, bool *ret);
/* Puts the fields of a tenant that the request has into row; *ret_n counts them. Says no to what can't be one. */
int admin_set_tenant_fields(struct admin_op *op, struct tenant_row *row, size_t *ret_n);
/* A text of the database (valid UTF-8) for an answer. */
json_t *admin_json_text(struct str text);

#endif
