/*
 * A bounded pool: many small objects, one lifetime.
 *
 *	struct arena arena;
 *	arena_init(&arena, 64 * 1024);
 *	struct str copy;
 *	if (arena_copy(&arena, view, &copy) < 0)
 *		... the limit is reached ...
 *	arena_done(&arena);
 *
 * arena_init() allocates nothing; the first chunk comes with the first object, chunks grow from 512 octets
 * to 16 KiB. size_max counts the octets handed out (with alignment), not the chunks. All results are aligned
 * for any type and live until arena_clear() or arena_done(). One thread at a time; an arena moves between
 * threads with the object that owns it.
 */
#ifndef SERVELO_BASE_ARENA_H
#define SERVELO_BASE_ARENA_H

#include "base/base.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
	size_t used;     /* octets handed out */
	size_t size_max; /* of used */
};

void arena_init(struct arena *arena, size_t size_max);
/* Frees everything; the arena can be used again (arena_clear) or is as before arena_init (arena_done). */
void arena_clear(struct arena *arena);
void arena_done(struct arena *arena);

/* Uninitialised / zeroed memory; NULL when size_max would be passed (the arena stays usable). */
void *arena_alloc(struct arena *arena, size_t size) MUST_CHECK;
void *arena_zalloc(struct arena *arena, size_t size) MUST_CHECK;

/* A copy of the view, NUL-terminated for convenience (the NUL is not counted). -ENOBUFS when full. */
int arena_copy(struct arena *arena, struct str s, struct str *ret) MUST_CHECK;
/* printf into the arena; -ENOBUFS when full. */
int arena_printf(struct arena *arena, struct str *ret, const char *fmt, ...) PRINTF_LIKE(3, 4) MUST_CHECK;

#endif
