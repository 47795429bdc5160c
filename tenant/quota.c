/*
 * See quota.h. Both records are the same few octets: a version, then entries, oldest first, each of a time (8 octets,
 * milliseconds) and a value (4 octets), big-endian.
 *
 *	client:  one entry per confirmation; value: the subject's key
 *	tenant:  one entry per slot of a window's eleventh; time: of the slot's newest confirmation; value: how many
 *
 * A tenant's limit may be thousands, so they are counted by slots. A slot counts whole until its newest confirmation
 * leaves the window: never more than the limit in any window, and at worst a slot's width late. In a window of eleven
 * slots there are at most twelve, which is what the record has room for. Pure.
 */
#include "tenant/quota.h"

#include <assert.h>

#define QUOTA_VERSION 1
#define ENTRY_SIZE    12 /* octets */
#define ENTRIES_MAX   12
#define SLOTS         11

struct entry {
	int64_t time_ms;
	uint32_t value;
};
struct entries {
	struct entry items[ENTRIES_MAX];
	size_t n;
};
_Static_assert(1 + ENTRIES_MAX * ENTRY_SIZE <= QUOTA_RECORD_MAX, "a record fits");
_Static_assert(QUOTA_CLIENT_MAX <= ENTRIES_MAX && SLOTS < ENTRIES_MAX, "all that counts has an entry");

const char *quota_verdict_name(enum quota_verdict verdict)
{
	static const char *const names[] = {
		[QUOTA_FREE] = "",
		[QUOTA_CLIENT_SPENT] = "client-cap",
		[QUOTA_SUBJECT_SPENT] = "subject-cap",
		[QUOTA_TENANT_SPENT] = "tenant-cap",
		[QUOTA_STORM] = "storm",
	};
	return names[verdict];
}

/* FNV-1a: nobody gains by two subjects that share a key but the one whose quota it is. */
uint32_t quota_subject_key(struct str subject)
{
	uint32_t key = UINT32_C(2166136261);
	for (size_t i = 0; i < subject.len; i++) {
		char c = ascii_lower(subject.ptr[i]);
		if (ascii_space(c) || ascii_digit(c))
			continue;
		key = (key ^ (uint8_t)c) * UINT32_C(16777619);
	}
	return key;
}

/* ---- records ---- */

static uint64_t get_big_endian(const uint8_t *bytes, size_t n)
{
	uint64_t number = 0;
	for (size_t i = 0; i < n; i++)
		number = number << 8 | bytes[i];
	return number;
}

static void put_big_endian(uint8_t *bytes, size_t n, uint64_t number)
{
	for (size_t i = n; i > 0; i--, number >>= 8)
		bytes[i - 1] = (uint8_t)(number & 0xff);
}

/* What still counts. A time that lies ahead is now; one that is more than a window ahead is nothing that a clock which
 * was set right again should have to wait for. */
static void entries_read(const struct quota_record *record, int64_t window_ms, int64_t now_ms,
			 struct entries *ret)
{
	ret->n = 0;
	size_t len = record->len;
	if (len < 1 || record->bytes[0] != QUOTA_VERSION || (len - 1) % ENTRY_SIZE ||
	    (len - 1) / ENTRY_SIZE > ENTRIES_MAX)
		return;
	for (size_t at = 1; at < len; at += ENTRY_SIZE) {
		uint64_t time = get_big_endian(record->bytes + at, 8);
		if (time > INT64_MAX)
			continue;
		int64_t time_ms = (int64_t)time;
		int64_t away_ms = time_ms > now_ms ? time_ms - now_ms : now_ms - time_ms;
		if (away_ms >= window_ms)
			continue;
		ret->items[ret->n++] = (struct entry){
			.time_ms = time_ms > now_ms ? now_ms : time_ms,
			.value = (uint32_t)get_big_endian(record->bytes + at + 8, 4),
		};
	}
}

static void entries_write(const struct entries *entries, struct quota_record *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->bytes[0] = QUOTA_VERSION;
	ret->len = 1;
	for (size_t i = 0; i < entries->n; i++) {
		put_big_endian(ret->bytes + ret->len, 8, (uint64_t)entries->items[i].time_ms);
		put_big_endian(ret->bytes + ret->len + 8, 4, entries->items[i].value);
		ret->len += ENTRY_SIZE;
	}
}

/* ---- counting ---- */

static int64_t subject_count(const struct entries *client, uint32_t subject_key)
{
	int64_t n = 0;
	for (size_t i = 0; i < client->n; i++)
		n += client->items[i].value == subject_key;
	return n;
}

static int64_t tenant_count(const struct entries *tenant)
{
	int64_t n = 0;
	for (size_t i = 0; i < tenant->n; i++)
		n += tenant->items[i].value;
	return n;
}

/* The window was another one when the record was written: two slots become one. */
static void make_room(struct entries *tenant)
{
	uint64_t both = (uint64_t)tenant->items[0].value + tenant->items[1].value;
	tenant->items[1].value = both > UINT32_MAX ? UINT32_MAX : (uint32_t)both;
	memmove(tenant->items, tenant->items + 1, (tenant->n - 1) * sizeof(tenant->items[0]));
	tenant->n--;
}

static void tenant_enter(struct entries *tenant, int64_t window_ms, int64_t now_ms)
{
	int64_t width_ms = window_ms / SLOTS + (window_ms % SLOTS != 0);
	struct entry *newest = tenant->n ? &tenant->items[tenant->n - 1] : NULL;
	if (newest && newest->time_ms / width_ms == now_ms / width_ms && newest->value < UINT32_MAX) {
		newest->time_ms = now_ms;
		newest->value++;
		return;
	}
	if (tenant->n == ENTRIES_MAX)
		make_room(tenant);
	tenant->items[tenant->n++] = (struct entry){now_ms, 1};
}

enum quota_verdict quota_take(const struct quota_limits *limits, struct quota_record *client,
			      struct quota_record *tenant, uint32_t subject_key, int64_t now_ms)
{
	struct entries client_entries, tenant_entries;
	int64_t window_ms = limits->window_ms > 0 ? limits->window_ms : 1;
	int64_t client_max =
		limits->client_max < QUOTA_CLIENT_MAX ? limits->client_max : (int64_t)QUOTA_CLIENT_MAX;
	assert(now_ms >= 0);
	entries_read(client, window_ms, now_ms, &client_entries);
	entries_read(tenant, window_ms, now_ms, &tenant_entries);
	if ((int64_t)client_entries.n >= client_max)
		return QUOTA_CLIENT_SPENT;
	if (subject_count(&client_entries, subject_key) >= limits->subject_max)
		return QUOTA_SUBJECT_SPENT;
	if (tenant_count(&tenant_entries) >= limits->tenant_max)
		return QUOTA_TENANT_SPENT;
	client_entries.items[client_entries.n++] = (struct entry){now_ms, subject_key};
	tenant_enter(&tenant_entries, window_ms, now_ms);
	entries_write(&client_entries, client);
	entries_write(&tenant_entries, tenant);
	return QUOTA_FREE;
}
