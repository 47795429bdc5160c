/*
 * A bounded pool of small objects with one lifetime.
 *
 * Chunks form a stack; objects are cut from the newest one. A chunk holds at least FIRST_CHUNK octets and
 * twice its predecessor's up to LAST_CHUNK; an object that is bigger than that gets a chunk of its own, which
 * is put below the newest, so that the room left there is still used.
 *
 * Always true:
 *  1. used <= size_max, and used is the sum of the rounded sizes handed out.
 *  2. Every result is aligned to max_align_t: sizes are rounded up to it and chunk data begins on it.
 *  3. A refused request changes nothing.
 *
 * One thread at a time.
 */
#include "base/arena.h"

#include <errno.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

#define ALIGNMENT   alignof(max_align_t)
#define FIRST_CHUNK ((size_t)512)
#define LAST_CHUNK  ((size_t)16 * 1024)

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	alignas(max_align_t) char data[];
};

void arena_init(struct arena *arena, size_t size_max)
{
	*arena = (struct arena){.size_max = size_max};
}

void arena_clear(struct arena *arena)
{
	struct arena_chunk *chunk = arena->chunks;
	while (chunk) {
		struct arena_chunk *next = chunk->next;
		free(chunk);
		chunk = next;
	}
	arena->chunks = NULL;
	arena->used = 0;
}

void arena_done(struct arena *arena)
{
	arena_clear(arena);
}

static struct arena_chunk *chunk_new(size_t size)
{
	struct arena_chunk *chunk = xmalloc(offsetof(struct arena_chunk, data) + size);
	chunk->next = NULL;
	chunk->used = 0;
	chunk->size = size;
	return chunk;
}

/* A chunk with room for size octets, linked in. */
static struct arena_chunk *arena_grow(struct arena *arena, size_t size)
{
	struct arena_chunk *newest = arena->chunks;
	size_t next_size = newest ? newest->size * 2 : FIRST_CHUNK;
	if (next_size > LAST_CHUNK)
		next_size = LAST_CHUNK;
	if (size > next_size && newest) {
		struct arena_chunk *own = chunk_new(size);
		own->next = newest->next;
		newest->next = own;
		return own;
	}
	struct arena_chunk *chunk = chunk_new(size > next_size ? size : next_size);
	chunk->next = newest;
	arena->chunks = chunk;
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	/* The first test also keeps the rounding below from wrapping. */
	if (size > arena->size_max)
		return NULL;
	size_t rounded = size ? (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
	if (rounded > arena->size_max - arena->used)
		return NULL;
	struct arena_chunk *chunk = arena->chunks;
	if (!chunk || rounded > chunk->size - chunk->used)
		chunk = arena_grow(arena, rounded);
	void *ptr = chunk->data + chunk->used;
	chunk->used += rounded;
	arena->used += rounded;
	return ptr;
}

void *arena_zalloc(struct arena *arena, size_t size)
{
	void *ptr = arena_alloc(arena, size);
	if (ptr)
		memset(ptr, 0, size);
	return ptr;
}

int arena_copy(struct arena *arena, struct str s, struct str *ret)
{
	if (s.len == SIZE_MAX)
		return -ENOBUFS;
	char *copy = arena_alloc(arena, s.len + 1);
	if (!copy)
		return -ENOBUFS;
	if (s.len)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	*ret = (struct str){copy, s.len};
	return 0;
}

int arena_printf(struct arena *arena, struct str *ret, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -EINVAL;
	char *text = arena_alloc(arena, (size_t)n + 1);
	if (!text)
		return -ENOBUFS;
	va_start(ap, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	*ret = (struct str){text, (size_t)n};
	return 0;
}
