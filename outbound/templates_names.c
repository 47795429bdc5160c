/* See templates.h: every name that a template can use, and what kind of thing it is. */
#include "outbound/templates_private.h"

#define VALUE(field) offsetof(struct template_scope, values.field)
#define ITEM(field)  offsetof(struct template_scope, item.field)
#define SCOPE(field) offsetof(struct template_scope, field)

const struct template_name template_names[] = {
	{"tenant_name", NAME_LINE, VALUE(tenant_name), false, false},
	{"tenant_address", NAME_LINE, VALUE(tenant_address), false, false},
	{"signature", NAME_LINES, VALUE(signature), false, false},
	{"logo_url", NAME_URL, VALUE(logo_url), false, false},
	{"reference", NAME_LINE, VALUE(reference), false, false},
	{"subject", NAME_LINE, VALUE(subject), false, false},
	{"customer_name", NAME_LINE, VALUE(customer_name), false, false},
	{"customer_address", NAME_LINE, VALUE(customer_address), false, false},
	{"addressed_to", NAME_LINE, VALUE(addressed_to), false, false},
	{"author_name", NAME_LINE, VALUE(author_name), false, false},
	{"author_address", NAME_LINE, VALUE(author_address), false, false},
	{"text", NAME_LINES, VALUE(text), false, false},
	{"note", NAME_LINE, VALUE(note), false, false},
	{"status", NAME_LINE, VALUE(status), false, false},
	{"recipient", NAME_LINE, VALUE(recipient), false, false},
	{"why", NAME_LINE, VALUE(why), false, false},
	{"provider", NAME_LINE, VALUE(provider), false, false},
	{"internal", NAME_FLAG, VALUE(internal), false, false},
	{"automatic", NAME_FLAG, VALUE(automatic), false, false},
	{"first", NAME_FLAG, VALUE(first), false, false},
	{"attachments", NAME_LIST, VALUE(attachments), false, false},
	{"with_attachments", NAME_FLAG, SCOPE(with_attachments), false, false},
	{"with_left_out", NAME_FLAG, SCOPE(with_left_out), false, false},
	{"filename", NAME_LINE, ITEM(filename), false, true},
	{"size", NAME_LINE, ITEM(size), false, true},
	{"left_out", NAME_LINE, ITEM(left_out), false, true},
	{"locale", NAME_LINE, SCOPE(locale), true, false},
	{"preheader", NAME_HTML, SCOPE(preheader), true, false},
	{"content", NAME_HTML, SCOPE(content), true, false},
	{"footer", NAME_HTML, SCOPE(footer), true, false},
};
const size_t template_names_n = ARRAY_SIZE(template_names);
