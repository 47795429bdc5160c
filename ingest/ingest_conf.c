/*
 * Options of the section "ingest". The limits are checked before the MIME library sees a mail: they protect it.
 * A mail over a limit is not refused; it becomes a ticket with the original attached.
 */
#include "ingest/ingest.h"
#include "tenant/quota.h"

#define INGEST(field) offsetof(struct ingest_conf, field)

static const struct conf_option ingest_options[] = {
	{"parsers", CONF_INT, INGEST(parsers), .def = "0", .min = 0, .max = 256, .flags = CONF_RUNTIME,
	 .help = "processes that parse mail; 0: one per core, 2 at least"},
	{"parse_deadline", CONF_DURATION, INGEST(parse_deadline_ms), .def = "10s", .min = 100, .max = 600000,
	 .flags = CONF_RUNTIME,
	 .help = "how long parsing one mail may take; then its process is replaced and the mail is stored "
		 "unparsed"},
	{"parse_queue_max", CONF_INT, INGEST(parse_queue_max), .def = "2000", .min = 1, .max = 1000000,
	 .flags = CONF_RUNTIME, .help = "mails that may wait for a parser; one more is answered 451"},
	{"parser_memory", CONF_SIZE, INGEST(parser_memory), .def = "512MiB", .min = 0,
	 .max = INT64_C(1) << 40, .flags = CONF_RUNTIME,
	 .help = "address space of a parser process; 0: no limit (for sanitizers)"},
	{"text_max", CONF_SIZE, INGEST(text_max), .def = "1MiB", .min = 1024, .max = 64 << 20,
	 .flags = CONF_RUNTIME,
	 .help = "readable text kept with a comment; the original always has all of it"},
	{"mime_parts_max", CONF_INT, INGEST(mime_parts_max), .def = "1000", .min = 1, .max = 100000,
	 .flags = CONF_RUNTIME, .help = "MIME parts that are looked at"},
	{"mime_depth_max", CONF_INT, INGEST(mime_depth_max), .def = "30", .min = 1, .max = 100,
	 .flags = CONF_RUNTIME, .help = "how deep MIME parts may be nested"},
	{"header_fields_max", CONF_INT, INGEST(header_fields_max), .def = "2000", .min = 10, .max = 100000,
	 .flags = CONF_RUNTIME, .help = "fields of a header section"},
	{"header_field_max", CONF_SIZE, INGEST(header_field_max), .def = "64KiB", .min = 1000,
	 .max = 16 << 20, .flags = CONF_RUNTIME, .help = "octets of one header field"},
	{"header_max", CONF_SIZE, INGEST(header_max), .def = "512KiB", .min = 1000, .max = 64 << 20,
	 .flags = CONF_RUNTIME, .help = "octets of a header section"},
	{"repeat_window", CONF_DURATION, INGEST(repeat_window_ms), .def = "14d", .min = 0,
	 .max = INT64_C(366) * 86400000, .flags = CONF_RUNTIME,
	 .help = "how long a mail that is sent again is recognised, so that it makes no second ticket"},
	{"confirm_window", CONF_DURATION, INGEST(confirm_window_ms), .def = "3h", .min = 1000,
	 .max = INT64_C(31) * 86400000, .flags = CONF_RUNTIME,
	 .help = "how long a confirmation counts for the three limits that follow"},
	{"confirm_per_client", CONF_INT, INGEST(confirm_per_client), .def = "10", .min = 0,
	 .max = QUOTA_CLIENT_MAX, .flags = CONF_RUNTIME,
	 .help = "confirmations that one customer of a tenant gets in that time; 0: none at all"},
	{"confirm_per_subject", CONF_INT, INGEST(confirm_per_subject), .def = "3", .min = 0,
	 .max = QUOTA_CLIENT_MAX, .flags = CONF_RUNTIME, .help = "of these, for one subject"},
	{"confirm_per_tenant", CONF_INT, INGEST(confirm_per_tenant), .def = "1000", .min = 0, .max = 1000000,
	 .flags = CONF_RUNTIME, .help = "confirmations that a tenant sends in that time"},
};
const struct conf_table ingest_conf_table = {"ingest", sizeof(struct ingest_conf), ingest_options,
					     ARRAY_SIZE(ingest_options)};
