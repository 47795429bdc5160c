/*
 * Forgets, every ten minutes and a bounded number at a time, which mails were taken so long ago that no
 * sender repeats them any more. Loop thread.
 */
#ifndef SERVELO_INGEST_PRUNE_H
#define SERVELO_INGEST_PRUNE_H

#include <uv.h>

#include "storage/store.h"

struct pruner;
struct pruner *pruner_open(uv_loop_t *loop, struct store *store, int64_t window_ms);
/* NULL is fine. */
void pruner_window(struct pruner *pruner, int64_t window_ms);
/* Outside of the loop's callbacks: runs the loop until its own job is done. NULL is fine; returns NULL. */
struct pruner *pruner_close(struct pruner *pruner);

#endif
