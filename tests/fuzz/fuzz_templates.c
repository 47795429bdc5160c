/*
 * An operator's template: the first octet chooses where it stands. What is accepted is rendered with values that are
 * the input too. And a value by itself: in a line there is no control left, in an attribute or an address no quote and no angle
 * bracket.
 */
#include <stdlib.h>

#include "outbound/templates_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void render(const struct template_part *part, struct str value)
{
	const struct template_attachment attachments[] = {{value, value, value},
							  {STR("a"), STR("b"), STR("")}};
	const struct template_scope scope = {
		.values = {.subject = value,
			   .text = value,
			   .signature = value,
			   .note = value,
			   .customer_address = value,
			   .logo_url = STR("https://x.example/"),
			   .internal = true,
			   .attachments = attachments,
			   .attachments_n = 2},
		.with_attachments = true,
	};
	struct strbuf out;
	strbuf_init(&out, 1024 * 1024);
	template_render(part, &scope, &out);
	strbuf_done(&out);
}

static void escape(struct str value)
{
	static const enum template_place places[] = {PLACE_LINE, PLACE_ATTRIBUTE, PLACE_URL};
	struct strbuf out;
	strbuf_init(&out, 64 * value.len + 64);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		strbuf_clear(&out);
		template_escape(&out, value, places[i], NAME_LINES);
		if (out.overflow)
			abort();
		for (size_t k = 0; k < out.len; k++) {
			if ((unsigned char)out.ptr[k] < 0x20 ||
			    (places[i] != PLACE_LINE && strchr("<>\"'", out.ptr[k])))
				abort();
		}
	}
	strbuf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum template_place places[] = {PLACE_LINE, PLACE_TEXT, PLACE_HTML};
	struct conf_error error;
	struct template_part part;
	if (size == 0)
		return 0;
	/* at its exact size, so that reading beyond it is seen */
	char *text = malloc(size);
	memcpy(text, data + 1, size - 1);
	struct str whole = {text, size - 1};
	const struct template_source source = {"x", 1, whole, places[data[0] % 3], data[0] & 0x80};
	if (template_parse(&source, &part, &error) == 0) {
		render(&part, whole);
		template_part_done(&part);
	}
	escape(whole);
	free(text);
	return 0;
}
