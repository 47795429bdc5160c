/*
 * SANITIZED: 1 in a build with the address or the thread sanitizer, else 0. Their run-time needs what a release forbids
 * itself: a debugger's look at its own process, system calls that no filter has, address space without end.
 */
#ifndef SERVELO_BASE_SANITIZED_H
#define SERVELO_BASE_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#endif
