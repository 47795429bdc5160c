/*
 * What reader.c and reader_balance.c share, and how rows that both the writer and readers read are read.
 */
#ifndef SERVELO_STORAGE_READER_PRIVATE_H
#define SERVELO_STORAGE_READER_PRIVATE_H

#include "storage/reader.h"
#include "storage/stmt.h"

struct reader {
	struct db *db;
	int spool_fd; /* -1: there is no spool yet */
};

/* "<run>/<mail id>" */
#define SPOOL_FILE_SIZE (24 + MAIL_ID_LEN)
void spool_file_name(char *ret, int64_t run, struct str mail_id);
/* The whole original; row: run, size and mail id in columns of a statement that stays on its row. */
int reader_stream(struct reader *reader, int64_t message, int64_t run, struct str mail_id, int64_t size,
		  bytes_fn *fn, void *ctx);

/* tenant_rows.c: the columns of a tenant, from "tenant t JOIN ticket_counter c", and how they are read. */
#define TENANT_COLUMNS                                                                                      \
	"t.id, t.slug, t.name, t.reference_prefix, t.admin_email, t.notify_email, t.locale, t.signature,"   \
	" t.logo_url, t.blocked_extensions, t.attachments_max, t.attachment_size_max, t.confirm, t.status," \
	" t.declared, t.set_fields, t.created_ms, t.updated_ms, c.next"
#define TENANT_COLUMNS_N 19
void tenant_row_read(struct stmt *s, struct tenant_row *ret);

/* ticket.c */
void ticket_print_reference(char *ret, struct str prefix, int64_t number);

#endif
