/*
 * Slugs: `[a-z0-9][a-z0-9-]{0,31}`, compared without case; the names that mean something else can't be slugs.
 * Pure.
 */
#ifndef SERVELO_TENANT_SLUG_H
#define SERVELO_TENANT_SLUG_H

#include "base/base.h"
#include "base/conf.h"

#define SLUG_MAX             32
#define REFERENCE_PREFIX_MAX 10

/* NULL when fine, else a static text that says what is wrong. forwards: the operator's names, reserved too.
 */
const char *slug_check(struct str slug, const struct conf_map *forwards);
/* postmaster, abuse, support, legal, reply, bounce, mailer-daemon, ...; any case. */
bool slug_reserved(struct str name);
/* The default prefix of references: the slug's letters and digits in capitals, 10 at most. ret holds
 * REFERENCE_PREFIX_MAX + 1. */
void slug_default_prefix(struct str slug, char *ret);
/* `[A-Z0-9]{1,10}` */
bool reference_prefix_valid(struct str prefix);

#endif
