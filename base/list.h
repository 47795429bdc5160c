/*
 * Intrusive doubly linked list with a head. A node is in at most one list; an unlinked node points at
 * itself, so list_remove() is safe to call twice on a node that was initialised.
 */
#ifndef SERVELO_BASE_LIST_H
#define SERVELO_BASE_LIST_H

#include "base/base.h"

struct list_node {
	struct list_node *prev, *next;
};

struct list {
	struct list_node head;
};

static inline void list_node_init(struct list_node *node)
{
	node->prev = node->next = node;
}

static inline void list_init(struct list *list)
{
	list_node_init(&list->head);
}

static inline bool list_empty(const struct list *list)
{
	return list->head.next == &list->head;
}

static inline void list_insert_before(struct list_node *where, struct list_node *node)
{
	node->prev = where->prev;
	node->next = where;
	where->prev->next = node;
	where->prev = node;
}

static inline void list_push_back(struct list *list, struct list_node *node)
{
	list_insert_before(&list->head, node);
}

static inline void list_push_front(struct list *list, struct list_node *node)
{
	list_insert_before(list->head.next, node);
}

static inline void list_remove(struct list_node *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_node_init(node);
}

/* The first node, unlinked; NULL when the list is empty. */
static inline struct list_node *list_pop_front(struct list *list)
{
	struct list_node *node = list->head.next;
	if (node == &list->head)
		return NULL;
	list->head.next =
		node->next; /* said of the head itself: whoever reads this need not know that node->prev is it */
	node->next->prev = &list->head;
	list_node_init(node);
	return node;
}

/* Move all of src to the end of dst; src is empty afterwards. */
static inline void list_splice_back(struct list *dst, struct list *src)
{
	if (list_empty(src))
		return;
	src->head.next->prev = dst->head.prev;
	dst->head.prev->next = src->head.next;
	src->head.prev->next = &dst->head;
	dst->head.prev = src->head.prev;
	list_init(src);
}

#define LIST_FOREACH(node, list) \
	for (struct list_node *node = (list)->head.next; node != &(list)->head; node = node->next)
/* The body may unlink or free node. */
#define LIST_FOREACH_SAFE(node, tmp, list)                                                         \
	for (struct list_node *node = (list)->head.next, *tmp = node->next; node != &(list)->head; \
	     node = tmp, tmp = node->next)

#endif
