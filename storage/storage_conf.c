/* Options of the section "storage". */
#include "storage/store.h"

#define GIB (INT64_C(1) << 30)

static const struct conf_option storage_options[] = {
	{"data_dir", CONF_PATH, offsetof(struct storage_conf, data_dir), .def = "/var/lib/servelo",
	 .flags = CONF_RESTART, .help = "folder of the database and of big mails; on one local file system"},
	{"memory_max", CONF_SIZE, offsetof(struct storage_conf, memory_max), .def = "128KiB", .min = 0,
	 .max = 16 << 20, .flags = CONF_RESTART,
	 .help = "mail up to this size stays in memory and in its row: one sync for many; bigger mail is a "
		 "file"},
	{"memory_total_max", CONF_SIZE, offsetof(struct storage_conf, memory_total_max), .def = "48MiB",
	 .min = 0, .max = 64 * GIB, .flags = CONF_RESTART,
	 .help = "memory for all mails under way together; what passes it goes to files at once"},
	{"batch_max", CONF_INT, offsetof(struct storage_conf, batch_max), .def = "500", .min = 1,
	 .max = 100000, .flags = CONF_RESTART,
	 .help = "mails in one database transaction; more is not faster"},
	{"queue_max", CONF_INT, offsetof(struct storage_conf, queue_max), .def = "10000", .min = 1,
	 .max = 1000000, .flags = CONF_RESTART,
	 .help = "mails that may wait for the database; one more is answered 451"},
	{"cache_size", CONF_SIZE, offsetof(struct storage_conf, cache_size), .def = "8MiB", .min = 1 << 20,
	 .max = 64 * GIB, .flags = CONF_RESTART, .help = "the database writer's page cache"},
};
const struct conf_table storage_conf_table = {"storage", sizeof(struct storage_conf), storage_options,
					      ARRAY_SIZE(storage_options)};
