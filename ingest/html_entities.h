/*
 * Character references of HTML: "&amp;", "&#8217;", "&#x1F600;". Pure.
 */
#ifndef SERVELO_INGEST_HTML_ENTITIES_H
#define SERVELO_INGEST_HTML_ENTITIES_H

#include "base/base.h"

struct html_entity {
	const char *name; /* without & and ; */
	uint32_t chars[2];
	bool bare; /* known without the semicolon too */
};
extern const struct html_entity html_entities[];
extern const size_t html_entities_n;

/*
 * s begins with '&'. Returns how many octets the reference takes and fills chars (the second may be 0), or 0
 * when it is none and the '&' stands for itself. In an attribute's value a bare name before "=" or a letter
 * is none (think of URLs). Work is bounded by the reference's own length.
 */
size_t html_reference(struct str s, bool in_attribute, uint32_t chars[2]);

#endif
