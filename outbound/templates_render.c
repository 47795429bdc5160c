/* See templates.h: the steps of a template are walked once; sections are steps with an end to jump to. Pure. */
#include <errno.h>

#include "outbound/templates_private.h"

static struct str value_of(const struct template_scope *scope, const struct template_name *name)
{
	return *(const struct str *)(const void *)((const char *)scope + name->offset);
}

static bool is_there(const struct template_scope *scope, const struct template_name *name)
{
	if (name->kind == NAME_LIST)
		return scope->values.attachments_n > 0;
	if (name->kind == NAME_FLAG)
		return *(const bool *)((const char *)scope + name->offset);
	return value_of(scope, name).len > 0;
}

/* Sections are as deep as the parser let them be. */
static void render_range(const struct template_part *part, size_t from, size_t to,
			 const struct template_scope *scope, struct strbuf *out)
{
	for (size_t i = from; i < to; i++) {
		const struct template_step *step = &part->steps[i];
		if (step->op == STEP_LITERAL)
			strbuf_add(out, step->literal);
		else if (step->op == STEP_VALUE)
			template_escape(out, value_of(scope, step->name), step->place, step->name->kind);
		else if (step->op == STEP_IF && !is_there(scope, step->name))
			i = step->end - 1;
		else if (step->op == STEP_UNLESS && is_there(scope, step->name))
			i = step->end - 1;
		else if (step->op == STEP_EACH) {
			struct template_scope inner = *scope;
			for (size_t k = 0; k < scope->values.attachments_n; k++) {
				inner.item = scope->values.attachments[k];
				render_range(part, i + 1, step->end - 1, &inner, out);
			}
			i = step->end - 1;
		}
	}
}

int template_render(const struct template_part *part, const struct template_scope *scope, struct strbuf *out)
{
	render_range(part, 0, part->n, scope, out);
	return out->overflow ? -ENOBUFS : 0;
}
