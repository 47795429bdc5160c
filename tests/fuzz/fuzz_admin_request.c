/*
 * Requests of the control socket: whatever comes gets an op or an answer that is one line of JSON, and an op that was
 * never applied can be answered and freed.
 */
#include <jansson.h>
#include <stdlib.h>

#include "smtpd/admin_ops.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(const struct strbuf *answer)
{
	json_t *object = json_loadb(answer->ptr, answer->len, 0, NULL);
	if (!json_is_boolean(json_object_get(object, "ok")) || memchr(answer->ptr, '\n', answer->len))
		abort();
	json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct conf_pair items[] = {{"sales", "sales@example.org"}};
	static const struct conf_map forwards = {items, 1};
	static const struct str key = STR_INIT("0123456789abcdefghijklmnopqrstuvwxyz");
	static struct key_ring *keys;
	if (!keys && key_ring_new(&keys, &key, 1) < 0)
		abort();
	const struct admin_rules rules = {.forwards = &forwards, .domain = "example.com", .keys = keys};
	struct admin_op *op = NULL;
	struct strbuf answer;
	strbuf_init(&answer, 1024 * 1024);
	if (admin_op_new(&op, (struct str){(const char *)data, size}, &rules, &answer) == 0)
		admin_op_answer(op, -11, &answer);
	check_answer(&answer);
	if (op)
		admin_op_free(admin_op_undo(op));
	admin_op_free(op);
	strbuf_done(&answer);
	return 0;
}
