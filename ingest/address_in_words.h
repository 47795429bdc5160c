/*
 * Addresses in the words of people: "Jane <jane@x.org>", "Jane [mailto:jane@x.org]", "jane@x.org (Jane)", "550 for
 * jane@x.org." A stretch of octets around an "@" is looked at without the marks that end sentences; the caller says which
 * stretches are addresses for him.
 *
 * Views of what is given. Each "@" costs ADDRESS_IN_WORDS_MAX octets to each side at most, and one call of is_one. Pure;
 * any thread.
 */
#ifndef SERVELO_INGEST_ADDRESS_IN_WORDS_H
#define SERVELO_INGEST_ADDRESS_IN_WORDS_H

#include "base/base.h"

#define ADDRESS_IN_WORDS_MAX 320 /* octets on one side of the "@" */

/* May it be part of an address in words? Not "@", blanks, controls, and what people and tables put around addresses. */
bool address_octet(char c);

/* The first address from *pos on, which moves behind it; empty (and *pos the end): there is none. Of "a@b@c" nothing is
 * one. is_one gets a stretch with one "@", perhaps with nothing before or behind it. */
struct str address_in_words(struct str s, size_t *pos, bool (*is_one)(struct str address));

#endif
