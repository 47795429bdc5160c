/*
 * What a parser child gives up before it reads its first mail.
 *
 * Limits of resources (address space, descriptors, no files written, no core), no new privileges, no tracing by
 * others of the same user, and a filter of system calls: memory, the socket and the clock stay; opening a file
 * fails with ENOENT (libraries look for time zones and converters and take no for an answer), everything that
 * makes processes, sockets or threads, or looks at others, ends the process at once. There is no way back.
 *
 * Under AddressSanitizer and ThreadSanitizer only the limits that they can live with are set: their run-time
 * needs what the filter forbids. Main thread, once.
 */
#ifndef SERVELO_INGEST_PARSER_SANDBOX_H
#define SERVELO_INGEST_PARSER_SANDBOX_H

#include "base/base.h"

/* memory_max: address space in octets, 0 for no limit. -errno: do not go on. */
int parser_sandbox_enter(int64_t memory_max) MUST_CHECK;

/* False in builds whose run-time does not allow the filter. */
bool parser_sandbox_filters(void);

#endif
