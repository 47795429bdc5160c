/*
 * See tenant_rows.h.
 *
 * set_fields is a bit mask over the fields that config.yaml can declare: a set bit says that an administrator
 * gave the value, so a declaration leaves it alone. The bits are stored; their order is fixed. Writer thread.
 */
#include <errno.h>

#include "storage/reader_private.h"
#include "storage/tenant_rows.h"
#include "storage/txn.h"

/* Fields in the order of the columns below; bit 1 << index in set_fields. */
enum field {
	FIELD_NAME,
	FIELD_PREFIX,
	FIELD_ADMIN_EMAIL,
	FIELD_NOTIFY_EMAIL,
	FIELD_LOCALE,
	FIELD_SIGNATURE,
	FIELD_LOGO_URL,
	FIELD_BLOCKED_EXTENSIONS,
	FIELD_ATTACHMENTS_MAX,
	FIELD_ATTACHMENT_SIZE_MAX,
	FIELD_CONFIRM,
	FIELDS,
};
#define FIELDS_ALL        ((1 << FIELDS) - 1)
#define TEXT_FIELDS       FIELD_ATTACHMENTS_MAX
#define FIRST_COLUMN      2 /* of the fields, in sql_find and in sql_update */
#define SET_FIELDS_COLUMN 15

static const size_t text_offsets[TEXT_FIELDS] = {
	offsetof(struct tenant_row, name),        offsetof(struct tenant_row, reference_prefix),
	offsetof(struct tenant_row, admin_email), offsetof(struct tenant_row, notify_email),
	offsetof(struct tenant_row, locale),      offsetof(struct tenant_row, signature),
	offsetof(struct tenant_row, logo_url),    offsetof(struct tenant_row, blocked_extensions),
};

static const char sql_add[] =
	"INSERT INTO tenant (slug, name, reference_prefix, admin_email, notify_email, locale, signature, "
	"logo_url,"
	" blocked_extensions, attachments_max, attachment_size_max, confirm, status, declared, set_fields,"
	" created_ms, updated_ms)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?16)";
static const char sql_add_counter[] = "INSERT INTO ticket_counter (tenant, next) VALUES (?1, 1)";
#define FROM_TENANT " FROM tenant t JOIN ticket_counter c ON c.tenant = t.id"
static const char sql_find[] = "SELECT " TENANT_COLUMNS FROM_TENANT " WHERE t.slug = ?1";
/* Declared tenants may share a prefix (the default is made of the slug); the first one is who has it. */
static const char sql_find_prefix[] =
	"SELECT " TENANT_COLUMNS FROM_TENANT " WHERE t.reference_prefix = ?1 ORDER BY t.id LIMIT 1";
/* Two of them: tenant_rows_update() reads the row anew while its argument may have views of tenant_rows_get(). */
static const char sql_get[] = "SELECT " TENANT_COLUMNS FROM_TENANT " WHERE t.id = ?1";
static const char sql_find_id[] = "SELECT " TENANT_COLUMNS FROM_TENANT " WHERE t.id = ?1";
static const char sql_update[] =
	"UPDATE tenant SET name = ?2, reference_prefix = ?3, admin_email = ?4, notify_email = ?5, locale = "
	"?6,"
	" signature = ?7, logo_url = ?8, blocked_extensions = ?9, attachments_max = ?10,"
	" attachment_size_max = ?11, confirm = ?12, status = ?13, set_fields = ?14, updated_ms = ?15"
	" WHERE id = ?1";
static const char sql_set_status[] = "UPDATE tenant SET status = ?2, updated_ms = ?3 WHERE id = ?1";

const char *tenant_status_name(enum tenant_status status)
{
	static const char *const names[] = {"active", "suspended", "removed"};
	return names[status];
}

static struct str *text_field(struct tenant_row *row, size_t field)
{
	return (struct str *)(void *)((char *)row + text_offsets[field]);
}

static struct str text_value(const struct tenant_row *row, size_t field)
{
	return *(const struct str *)(const void *)((const char *)row + text_offsets[field]);
}

/* ?2 to ?13: the fields, then the status. */
static void bind_fields(struct stmt *s, const struct tenant_row *row)
{
	for (size_t i = 0; i < TEXT_FIELDS; i++)
		stmt_text(s, FIRST_COLUMN + (int)i, text_value(row, i));
	stmt_int(s, FIRST_COLUMN + FIELD_ATTACHMENTS_MAX, row->attachments_max);
	stmt_int(s, FIRST_COLUMN + FIELD_ATTACHMENT_SIZE_MAX, row->attachment_size_max);
	stmt_int(s, FIRST_COLUMN + FIELD_CONFIRM, row->confirm);
	stmt_int(s, FIRST_COLUMN + FIELDS, row->status);
}

int tenant_rows_add(struct store_txn *txn, const struct tenant_row *row, struct tenant_id *ret)
{
	struct stmt *s = stmt_use(txn->db, sql_add);
	stmt_text(s, 1, row->slug);
	bind_fields(s, row);
	stmt_int(s, 14, row->declared);
	stmt_int(s, 15, row->declared ? 0 : FIELDS_ALL);
	stmt_int(s, 16, txn->now_ms);
	int r = stmt_run(s);
	if (r < 0)
		return r;
	struct tenant_id id = {db_last_id(txn->db)};
	s = stmt_use(txn->db, sql_add_counter);
	stmt_int(s, 1, id.v);
	r = stmt_run(s);
	if (r == 0)
		*ret = id;
	return r;
}

void tenant_row_read(struct stmt *s, struct tenant_row *ret)
{
	ret->id.v = stmt_col_int(s, 0);
	ret->slug = stmt_col_text(s, 1);
	for (size_t i = 0; i < TEXT_FIELDS; i++)
		*text_field(ret, i) = stmt_col_text(s, FIRST_COLUMN + (int)i);
	ret->attachments_max = stmt_col_int(s, 10);
	ret->attachment_size_max = stmt_col_int(s, 11);
	ret->confirm = stmt_col_int(s, 12) != 0;
	ret->status = (enum tenant_status)stmt_col_int(s, 13);
	ret->declared = stmt_col_int(s, 14) != 0;
	ret->created_ms = stmt_col_int(s, 16);
	ret->updated_ms = stmt_col_int(s, 17);
	ret->next_ticket = stmt_col_int(s, 18);
}

/* The views stay until s is used or reset. -ENOENT. */
static int find_row(struct stmt *s, struct tenant_row *ret, int64_t *ret_set_fields)
{
	int r = stmt_step(s);
	if (r == 0)
		r = -ENOENT;
	if (r < 0) {
		stmt_reset(s);
		return r;
	}
	tenant_row_read(s, ret);
	*ret_set_fields = stmt_col_int(s, SET_FIELDS_COLUMN);
	return 0;
}

int tenant_rows_find(struct store_txn *txn, struct str slug, struct tenant_row *ret)
{
	int64_t set_fields;
	int r = counter_put_back(txn);
	if (r < 0)
		return r;
	struct stmt *s = stmt_use(txn->db, sql_find);
	stmt_text(s, 1, slug);
	return find_row(s, ret, &set_fields);
}

int tenant_rows_find_prefix(struct store_txn *txn, struct str prefix, struct tenant_row *ret)
{
	int64_t set_fields;
	int r = counter_put_back(txn);
	if (r < 0)
		return r;
	struct stmt *s = stmt_use(txn->db, sql_find_prefix);
	stmt_text(s, 1, prefix);
	return find_row(s, ret, &set_fields);
}

int tenant_rows_get(struct store_txn *txn, struct tenant_id id, struct tenant_row *ret)
{
	int64_t set_fields;
	int r = counter_put_back(txn);
	if (r < 0)
		return r;
	struct stmt *s = stmt_use(txn->db, sql_get);
	stmt_int(s, 1, id.v);
	return find_row(s, ret, &set_fields);
}

/* The bits of the fields in which a and b differ. */
static int64_t differing(const struct tenant_row *a, const struct tenant_row *b)
{
	int64_t bits = 0;
	for (size_t i = 0; i < TEXT_FIELDS; i++)
		if (!str_eq(text_value(a, i), text_value(b, i)))
			bits |= (int64_t)1 << i;
	if (a->attachments_max != b->attachments_max)
		bits |= 1 << FIELD_ATTACHMENTS_MAX;
	if (a->attachment_size_max != b->attachment_size_max)
		bits |= 1 << FIELD_ATTACHMENT_SIZE_MAX;
	if (a->confirm != b->confirm)
		bits |= 1 << FIELD_CONFIRM;
	return bits;
}

static int write_row(struct store_txn *txn, const struct tenant_row *row, int64_t set_fields)
{
	struct stmt *s = stmt_use(txn->db, sql_update);
	stmt_int(s, 1, row->id.v);
	bind_fields(s, row);
	stmt_int(s, 14, set_fields);
	stmt_int(s, 15, txn->now_ms);
	return stmt_run(s);
}

int tenant_rows_update(struct store_txn *txn, const struct tenant_row *row)
{
	struct tenant_row now;
	int64_t set_fields;
	int r = counter_put_back(txn);
	if (r < 0)
		return r;
	struct stmt *s = stmt_use(txn->db, sql_find_id);
	stmt_int(s, 1, row->id.v);
	r = find_row(s, &now, &set_fields);
	if (r < 0)
		return r;
	set_fields |= differing(&now, row);
	stmt_reset(s);
	return write_row(txn, row, set_fields);
}

int tenant_rows_update_declared(struct store_txn *txn, const struct tenant_row *row)
{
	struct tenant_row now, next;
	int64_t set_fields;
	int r = counter_put_back(txn);
	if (r < 0)
		return r;
	struct stmt *s = stmt_use(txn->db, sql_find);
	stmt_text(s, 1, row->slug);
	r = find_row(s, &now, &set_fields);
	if (r < 0)
		return r;
	next = now;
	for (size_t i = 0; i < TEXT_FIELDS; i++)
		if (!(set_fields & ((int64_t)1 << i)) && text_value(row, i).ptr)
			*text_field(&next, i) = text_value(row, i);
	if (!(set_fields & (1 << FIELD_ATTACHMENTS_MAX)) && row->attachments_max > 0)
		next.attachments_max = row->attachments_max;
	if (!(set_fields & (1 << FIELD_ATTACHMENT_SIZE_MAX)) && row->attachment_size_max > 0)
		next.attachment_size_max = row->attachment_size_max;
	if (differing(&now, &next) == 0) {
		stmt_reset(s);
		return 0;
	}
	/* s stays where it is meanwhile: next has views into it. */
	r = write_row(txn, &next, set_fields);
	stmt_reset(s);
	return r < 0 ? r : 1;
}

int tenant_rows_raise_next_ticket(struct store_txn *txn, struct tenant_id id, int64_t next_ticket)
{
	int r = counter_hold(txn, id);
	if (r < 0)
		return r;
	if (next_ticket <= txn->counter.next)
		return -EINVAL;
	txn->counter.next = next_ticket;
	txn->counter.changed = true;
	return 0;
}

int tenant_rows_set_status(struct store_txn *txn, struct tenant_id id, enum tenant_status status)
{
	struct stmt *s = stmt_use(txn->db, sql_set_status);
	stmt_int(s, 1, id.v);
	stmt_int(s, 2, status);
	stmt_int(s, 3, txn->now_ms);
	int r = stmt_run(s);
	if (r == 0 && db_changes(txn->db) == 0)
		r = -ENOENT;
	return r;
}
