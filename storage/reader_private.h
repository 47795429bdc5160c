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

/* SQLite: a negative LIMIT is none. */
int64_t reader_limit(int64_t limit);
/* Ids below; 0: all. */
int64_t reader_before(int64_t before_id);
/* -ENOENT */
int reader_tenant_id(struct reader *reader, struct str slug, int64_t *ret);

/* From "ticket k JOIN tenant t LEFT JOIN client c"; the number of comments is not read. reference: room for
 * TICKET_REFERENCE_SIZE. */
#define TICKET_VIEW_COLUMNS                                                                        \
	"k.id, k.tenant, k.number, k.status, k.requester, k.automatic, k.linked, k.created_ms,"    \
	" k.updated_ms, k.subject, k.tag, k.addressed_to, k.assignee, t.slug, t.reference_prefix," \
	" c.address, c.name"
#define TICKET_VIEW_COLUMNS_N 17
void ticket_view_read(struct stmt *s, struct ticket_view *ret, char *reference);

#define COMMENT_VIEW_COLUMNS                                                                       \
	"k.id, k.ticket, k.tenant, k.message, k.author_kind, k.author, k.visibility, k.automatic," \
	" k.created_ms, k.author_address, k.header_message_id, k.note, k.reply, k.text, c.name, m.mail_id"
#define COMMENT_VIEW_JOINS " LEFT JOIN client c ON c.id = k.author LEFT JOIN message m ON m.id = k.message"
void comment_view_read(struct stmt *s, struct comment_view *ret);

#define MESSAGE_COLUMNS                                                                                  \
	"SELECT id, mail_id, run, received_ms, size, trace_size, digest, reverse_path, client_ip, helo," \
	" tls, protocol, header_from, header_subject, header_message_id FROM message"
/* file: room for SPOOL_FILE_SIZE. */
void message_row_read(struct stmt *s, struct message_row *ret, char *file);

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
