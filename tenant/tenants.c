/*
 * The immutable view of all tenants.
 *
 * Texts live in one arena, the structs in one array, and a hash table of places in that array stands beside
 * it: open addressing, linear probing, at most half full, so a look-up that finds nothing ends soon too.
 * Slugs are few octets and given by administrators; FNV-1a is enough.
 *
 * Always true once built:
 *  1. Nothing changes but the reference count.
 *  2. slots[s] is 0 (free) or 1 + the place of a tenant; a tenant is reached from its hash without passing a
 *     free slot.
 */
#include "tenant/tenants.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "tenant/slug.h"
#include "tenant/tenant_conf.h"

#define TENANTS_MEMORY_MAX ((size_t)1024 * 1024 * 1024) /* octets; some millions of tenants */
#define NEAR_LEN_MIN       3

struct tenants {
	atomic_size_t refs;
	struct arena arena;
	struct tenant *items;
	size_t n, allocated;
	uint32_t *slots;
	size_t slots_mask;
};

struct build {
	struct tenants *tenants;
	const struct tenant_conf *conf;
	int status;
};

static bool take_row(void *ctx, const struct tenant_row *row, int64_t tickets);
static void index_slugs(struct tenants *tenants);

/* ---- building ---- */

int tenants_build(struct tenants **ret, struct reader *reader, const struct tenant_conf *conf)
{
	struct tenants *tenants = XNEW(struct tenants);
	struct build build = {tenants, conf, 0};
	atomic_init(&tenants->refs, 1);
	arena_init(&tenants->arena, TENANTS_MEMORY_MAX);
	int r = reader_tenants(reader, false, false, take_row, &build);
	if (r == 0)
		r = build.status;
	if (r < 0) {
		tenants_unref(tenants);
		return r;
	}
	index_slugs(tenants);
	*ret = tenants;
	return 0;
}

static struct str or_else(struct str value, struct str fallback)
{
	return value.len ? value : fallback;
}

/* What a row leaves open comes from the defaults; all texts become the arena's. */
static int resolve(struct arena *arena, const struct tenant_row *row, const struct tenant_conf *conf,
		   struct tenant *ret)
{
	struct str extensions = or_else(row->blocked_extensions, str_from(conf->blocked_extensions));
	struct tenant tenant = {
		.id = row->id,
		.attachments_max = row->attachments_max > 0 ? row->attachments_max : conf->attachments_max,
		.attachment_size_max =
			row->attachment_size_max > 0 ? row->attachment_size_max : conf->attachment_size_max,
		.confirm = row->confirm,
		.suspended = row->status == TENANT_SUSPENDED,
	};
	const struct {
		struct str from, *to;
	} texts[] = {
		{row->slug, &tenant.slug},
		{or_else(row->name, row->slug), &tenant.name},
		{row->reference_prefix, &tenant.reference_prefix},
		{row->admin_email, &tenant.admin_email},
		{row->notify_email, &tenant.notify_email},
		{or_else(row->locale, str_from(conf->locale)), &tenant.locale},
		{extensions, &tenant.blocked_extensions},
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		int r = arena_copy(arena, texts[i].from, texts[i].to);
		if (r < 0)
			return r;
	}
	*ret = tenant;
	return 0;
}

static bool take_row(void *ctx, const struct tenant_row *row, int64_t tickets UNUSED)
{
	struct build *build = ctx;
	struct tenants *tenants = build->tenants;
	if (tenants->n == UINT32_MAX) {
		build->status = -ENOBUFS;
		return false;
	}
	if (tenants->n == tenants->allocated) {
		tenants->allocated = tenants->allocated ? tenants->allocated * 2 : 16;
		tenants->items = xreallocarray(tenants->items, tenants->allocated, sizeof(tenants->items[0]));
	}
	build->status = resolve(&tenants->arena, row, build->conf, &tenants->items[tenants->n]);
	tenants->n += build->status == 0;
	return build->status == 0;
}

static uint64_t hash_slug(struct str slug)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < slug.len; i++) {
		hash ^= (uint8_t)ascii_lower(slug.ptr[i]);
		hash *= UINT64_C(0x100000001b3);
	}
	return hash ^ hash >> 32;
}

static void index_slugs(struct tenants *tenants)
{
	size_t size = 16;
	while (size < tenants->n * 2)
		size *= 2;
	tenants->slots = xcalloc(size, sizeof(tenants->slots[0]));
	tenants->slots_mask = size - 1;
	for (size_t i = 0; i < tenants->n; i++) {
		size_t slot = hash_slug(tenants->items[i].slug) & tenants->slots_mask;
		while (tenants->slots[slot])
			slot = (slot + 1) & tenants->slots_mask;
		tenants->slots[slot] = (uint32_t)(i + 1);
	}
}

/* ---- references ---- */

struct tenants *tenants_ref(struct tenants *tenants)
{
	if (tenants)
		atomic_fetch_add_explicit(&tenants->refs, 1, memory_order_relaxed);
	return tenants;
}

struct tenants *tenants_unref(struct tenants *tenants)
{
	if (!tenants || atomic_fetch_sub_explicit(&tenants->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	arena_done(&tenants->arena);
	free(tenants->items);
	free(tenants->slots);
	free(tenants);
	return NULL;
}

/* ---- looking ---- */

size_t tenants_count(const struct tenants *tenants)
{
	return tenants->n;
}

const struct tenant *tenants_find(const struct tenants *tenants, struct str slug)
{
	if (slug.len == 0 || slug.len > SLUG_MAX)
		return NULL;
	size_t slot = hash_slug(slug) & tenants->slots_mask;
	for (; tenants->slots[slot]; slot = (slot + 1) & tenants->slots_mask) {
		const struct tenant *tenant = &tenants->items[tenants->slots[slot] - 1];
		if (str_ieq(tenant->slug, slug))
			return tenant;
	}
	return NULL;
}

/* A word and what becomes of it by one edit. */
struct edit {
	const struct tenants *tenants;
	struct str word;
	char text[SLUG_MAX + 2];
};

static const struct tenant *try_edit(const struct edit *edit, size_t len)
{
	return len < NEAR_LEN_MIN ? NULL : tenants_find(edit->tenants, (struct str){edit->text, len});
}

/* The word with every letter in turn at place i: instead of the one that is there, or before it. */
static const struct tenant *try_letters(struct edit *edit, size_t i, bool insert)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	struct str word = edit->word;
	size_t rest = insert ? i : i + 1;
	memcpy(edit->text, word.ptr, i);
	memcpy(edit->text + i + 1, word.ptr + rest, word.len - rest);
	for (const char *letter = letters; *letter; letter++) {
		edit->text[i] = *letter;
		const struct tenant *tenant = try_edit(edit, word.len + insert);
		if (tenant)
			return tenant;
	}
	return NULL;
}

static const struct tenant *try_without(struct edit *edit, size_t i)
{
	struct str word = edit->word;
	memcpy(edit->text, word.ptr, i);
	memcpy(edit->text + i, word.ptr + i + 1, word.len - i - 1);
	return try_edit(edit, word.len - 1);
}

static const struct tenant *try_swapped(struct edit *edit, size_t i)
{
	struct str word = edit->word;
	memcpy(edit->text, word.ptr, word.len);
	edit->text[i] = word.ptr[i + 1];
	edit->text[i + 1] = word.ptr[i];
	return try_edit(edit, word.len);
}

const struct tenant *tenants_near(const struct tenants *tenants, struct str slug)
{
	struct edit edit = {.tenants = tenants, .word = slug};
	const struct tenant *near = NULL;
	if (slug.len < NEAR_LEN_MIN - 1 || slug.len > SLUG_MAX + 1)
		return NULL;
	/* The commonest slips first: letters swapped, one too many, one wrong, one missing. */
	for (size_t i = 0; !near && i + 1 < slug.len; i++)
		near = try_swapped(&edit, i);
	for (size_t i = 0; !near && i < slug.len; i++)
		near = try_without(&edit, i);
	for (size_t i = 0; !near && i < slug.len; i++)
		near = try_letters(&edit, i, false);
	for (size_t i = 0; !near && i <= slug.len && slug.len < SLUG_MAX; i++)
		near = try_letters(&edit, i, true);
	return near;
}
