/*
 * Options of the sections "smtp" and "limits".
 *
 * Where RFC 5321 4.5.3.1 names a least size it is the option's minimum, so that no configuration makes a
 * server that real mail fails at. Timeouts may be set below 4.5.3.2: tests need that, and a server under attack
 * may; server_conf_load() warns.
 */
#include "smtpd/smtp_server.h"

#include "smtpd/listen_address.h"
#include "smtpd/policy.h"

#define MINUTE      60000
#define HOUR        (60 * MINUTE)
#define TIMEOUT_MIN 100
#define MESSAGE_MIN 65536 /* RFC 5321 4.5.3.1.7 */
#define MESSAGE_MAX (INT64_C(1) << 40)

static const char *check_listen(struct str text)
{
	struct sockaddr_storage address;
	socklen_t len;
	return listen_address_parse(text, &address, &len)
		       ? "an address and a port are expected, like 192.0.2.1:25 or [2001:db8::1]:25"
		       : NULL;
}

static const char *check_network(struct str text)
{
	struct policy_network network;
	return policy_network_parse(text, &network) < 0
		       ? "an address or a network is expected, like 127.0.0.0/8 or ::1"
		       : NULL;
}

static const char *check_banner(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((uint8_t)text.ptr[i] >= 0x7f)
			return "only ASCII may be in the greeting";
	}
	return text.len > 200 ? "200 characters at most" : NULL;
}

static const char *const newline_choices[] = {"accept", "reject", NULL};

#define SMTP(field) offsetof(struct smtp_conf, field)
static const struct conf_option smtp_options[] = {
	{"listen", CONF_STRINGS, SMTP(listen), .def = "0.0.0.0:25, [::]:25", .check = check_listen,
	 .flags = CONF_RESTART, .help = "addresses and ports to listen on"},
	{"backlog", CONF_INT, SMTP(backlog), .def = "1024", .min = 1, .max = 65535, .flags = CONF_RESTART,
	 .help = "connections that the system keeps while we are busy; it may cap this (net.core.somaxconn)"},
	{"bare_newline", CONF_ENUM, SMTP(bare_newline), .def = "accept", .choices = newline_choices,
	 .flags = CONF_RUNTIME,
	 .help = "mail data with a CR or LF alone: accept keeps it as it is, reject answers 550; neither ever"
		 " ends the data"},
	{"banner", CONF_STRING, SMTP(banner), .def = "Servelo MX", .check = check_banner,
	 .help = "the text behind the host name in the greeting"},
	{"reuse_port", CONF_BOOL, SMTP(reuse_port), .def = "false", .flags = CONF_RESTART,
	 .help = "SO_REUSEPORT: lets a second server listen on the same port, for a change without a gap"},
};
const struct conf_table smtp_conf_table = {"smtp", sizeof(struct smtp_conf), smtp_options,
					   ARRAY_SIZE(smtp_options)};

#define LIMIT(field) offsetof(struct limits_conf, field)
static const struct conf_option limits_options[] = {
	{"message_size", CONF_SIZE, LIMIT(message_size), .def = "35MiB", .min = MESSAGE_MIN,
	 .max = MESSAGE_MAX, .flags = CONF_RUNTIME,
	 .help = "the biggest mail that is taken, told to clients by SIZE; 25 MiB of attachments are 34 in"
		 " base64"},
	{"connections", CONF_INT, LIMIT(connections), .def = "8000", .min = 1, .max = 1000000,
	 .flags = CONF_RUNTIME, .help = "connections at once, in all; one more gets 421"},
	{"connections_per_client", CONF_INT, LIMIT(connections_per_client), .def = "50", .min = 1,
	 .max = 1000000, .flags = CONF_RUNTIME,
	 .help = "connections at once from one IPv4 address or IPv6 /64; one more gets 421"},
	{"connections_per_network", CONF_INT, LIMIT(connections_per_network), .def = "200", .min = 1,
	 .max = 1000000, .flags = CONF_RUNTIME,
	 .help = "connections at once from one IPv4 /26 or IPv6 /48; one more gets 421"},
	{"connections_per_block", CONF_INT, LIMIT(connections_per_block), .def = "1000", .min = 1,
	 .max = 1000000, .flags = CONF_RUNTIME,
	 .help = "connections at once from one IPv4 /21 or IPv6 /32; one more gets 421"},
	{"exempt", CONF_STRINGS, LIMIT(exempt), .def = "127.0.0.0/8, ::1/128", .check = check_network,
	 .flags = CONF_RUNTIME, .help = "clients that are not counted by address and network, only in all"},
	{"recipients", CONF_INT, LIMIT(recipients), .def = "100", .min = 100, .max = 100000,
	 .flags = CONF_RUNTIME,
	 .help = "recipients of one mail; one more gets 452 and the client sends again (RFC 5321 4.5.3.1.8)"},
	{"transactions", CONF_INT, LIMIT(transactions), .def = "1000", .min = 1, .max = 1000000,
	 .flags = CONF_RUNTIME, .help = "mails in one session; then 421, and the client connects again"},
	{"commands", CONF_INT, LIMIT(commands), .def = "1000", .min = 10, .max = 1000000,
	 .flags = CONF_RUNTIME,
	 .help = "commands in one session that bring no mail further (NOOP, RSET, ...); then 421"},
	{"errors", CONF_INT, LIMIT(errors), .def = "20", .min = 1, .max = 100000, .flags = CONF_RUNTIME,
	 .help = "commands that are refused in one session; then 421"},
	{"unknown_recipients", CONF_INT, LIMIT(unknown_recipients), .def = "20", .min = 1, .max = 100000,
	 .flags = CONF_RUNTIME,
	 .help = "unknown recipients in one session; then 421: somebody is guessing addresses"},
	{"errors_delay_after", CONF_INT, LIMIT(errors_delay_after), .def = "10", .min = 0, .max = 100000,
	 .flags = CONF_RUNTIME, .help = "errors in one session before each further answer waits error_delay"},
	{"error_delay", CONF_DURATION, LIMIT(error_delay_ms), .def = "1s", .min = 0, .max = MINUTE,
	 .flags = CONF_RUNTIME, .help = "how long an answer waits in a session full of errors"},
	{"line_length", CONF_SIZE, LIMIT(line_length), .def = "2KiB", .min = 1000, .max = 65536,
	 .flags = CONF_RUNTIME,
	 .help = "octets of a command with its CR LF: 512, and what extensions add (RFC 5321 4.5.3.1.4)"},
	{"data_line_length", CONF_SIZE, LIMIT(data_line_length), .def = "1MiB", .min = 1000,
	 .max = MESSAGE_MAX, .flags = CONF_RUNTIME,
	 .help = "octets of a line of mail data; the standard says 1000, some programs send far longer ones"},
	{"received_fields", CONF_INT, LIMIT(received_fields), .def = "50", .min = 10, .max = 10000,
	 .flags = CONF_RUNTIME,
	 .help = "Received fields in a mail; more is a loop, 554 5.4.6 (RFC 5321 6.3)"},
	{"greeting_timeout", CONF_DURATION, LIMIT(greeting_timeout_ms), .def = "1m", .min = TIMEOUT_MIN,
	 .max = HOUR, .flags = CONF_RUNTIME,
	 .help = "how long we wait for the first EHLO; real clients say it at once"},
	{"command_timeout", CONF_DURATION, LIMIT(command_timeout_ms), .def = "5m", .min = TIMEOUT_MIN,
	 .max = 24 * HOUR, .flags = CONF_RUNTIME,
	 .help = "how long we wait for a command (RFC 5321 4.5.3.2.7: at least 5 minutes)"},
	{"data_timeout", CONF_DURATION, LIMIT(data_timeout_ms), .def = "3m", .min = TIMEOUT_MIN,
	 .max = 24 * HOUR, .flags = CONF_RUNTIME,
	 .help = "how long we wait for the next octets of mail data (RFC 5321 4.5.3.2.5: 3 minutes)"},
	{"data_total_timeout", CONF_DURATION, LIMIT(data_total_timeout_ms), .def = "30m", .min = TIMEOUT_MIN,
	 .max = 24 * HOUR, .flags = CONF_RUNTIME,
	 .help = "how long one mail may take in all, against clients that send drop by drop"},
	{"data_rate_min", CONF_SIZE, LIMIT(data_rate_min), .def = "100", .min = 0, .max = INT64_C(1) << 30,
	 .flags = CONF_RUNTIME,
	 .help = "octets of mail data per second, over a minute, that a client must reach; 0: any"},
	{"write_timeout", CONF_DURATION, LIMIT(write_timeout_ms), .def = "30s", .min = TIMEOUT_MIN,
	 .max = HOUR, .flags = CONF_RUNTIME, .help = "how long a client may leave our replies unread"},
	{"stress_percent", CONF_INT, LIMIT(stress_percent), .def = "90", .min = 1, .max = 100,
	 .flags = CONF_RUNTIME,
	 .help = "when this much of connections is in use, stress_timeout holds instead of command_timeout"},
	{"stress_timeout", CONF_DURATION, LIMIT(stress_timeout_ms), .def = "10s", .min = TIMEOUT_MIN,
	 .max = HOUR, .flags = CONF_RUNTIME, .help = "how long we wait for a command while under stress"},
};
const struct conf_table limits_conf_table = {"limits", sizeof(struct limits_conf), limits_options,
					     ARRAY_SIZE(limits_options)};
