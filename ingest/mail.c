/*
 * Names and defaults of parsed mail. The limits are generous: they are there for mail that was made to hurt,
 * and no mail that a person or a program sends in good faith comes near them. Pure.
 */
#include "ingest/mail.h"

const struct mail_limits mail_limits_default = {
	.header_max = 256 * 1024,
	.header_fields_max = 2000,
	.header_field_max = 64 * 1024,
	.parts_max = 1000,
	.depth_max = 30,
	.text_max = 1024 * 1024,
	.addresses_max = 1000,
	.attachments_max = 500,
	.references_max = 100,
};

const char *mail_class_name(enum mail_class class)
{
	static const char *const names[] = {
		[MAIL_NORMAL] = "normal",
		[MAIL_AUTO] = "auto",
		[MAIL_BOUNCE] = "bounce",
		[MAIL_FEEDBACK] = "feedback",
	};
	return (size_t) class < ARRAY_SIZE(names) ? names[class] : "unknown";
}

const char *mail_report_kind_name(enum mail_report_kind kind)
{
	static const char *const names[] = {
		[MAIL_REPORT_SOFT] = "soft",
		[MAIL_REPORT_HARD] = "hard",
		[MAIL_REPORT_FEEDBACK] = "feedback",
		[MAIL_REPORT_DELAYED] = "delayed",
	};
	return (size_t)kind < ARRAY_SIZE(names) ? names[kind] : "unknown";
}

const char *parse_status_name(enum parse_status status)
{
	static const char *const names[] = {
		[PARSE_OK] = "ok",           [PARSE_LIMIT] = "limit",       [PARSE_FAILED] = "failed",
		[PARSE_CRASHED] = "crashed", [PARSE_DEADLINE] = "deadline",
	};
	return (size_t)status < ARRAY_SIZE(names) ? names[status] : "unknown";
}
