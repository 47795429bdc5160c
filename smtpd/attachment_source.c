/*
 * See attachment_source.h. The copy of the original is a file without a name: whatever happens to us, nothing of it
 * stays behind.
 */
#include "smtpd/attachment_source.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "ingest/part_reader.h"
#include "smtpd/lone_parser.h"

#define PATH_SIZE 4096

/* ---- one part ---- */

struct original {
	int fd;
	uint64_t size, trace_size;
};

static int open_nameless(void)
{
	const char *tmp = getenv("TMPDIR");
	const char *folder = tmp && *tmp ? tmp : "/tmp";
	char path[PATH_SIZE];
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	/* not every file system can do that */
	int n = snprintf(path, sizeof(path), "%s/servelo-XXXXXX", folder);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

static bool on_message(void *ctx, const struct message_row *row)
{
	((struct original *)ctx)->trace_size = (uint64_t)row->trace_size;
	return false;
}

static int on_original(void *ctx, struct str bytes)
{
	struct original *original = ctx;
	while (bytes.len) {
		ssize_t n = write(original->fd, bytes.ptr, bytes.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes = str_sub(bytes, (size_t)n, bytes.len);
		original->size += (uint64_t)n;
	}
	return 0;
}

int attachment_extract(struct reader *reader, const struct parser_conf *parser, const struct mail_id *id,
		       struct str part, extract_fn *fn, void *ctx)
{
	struct original original = {.fd = open_nameless()};
	if (original.fd < 0)
		return original.fd;
	int r = reader_message(reader, id, on_message, &original);
	if (r == 0)
		r = reader_original(reader, id, on_original, &original);
	if (r == 0 && original.trace_size > original.size)
		r = -EIO;
	if (r == 0) {
		const struct part_request request = {
			.argv0 = parser->argv0,
			.memory_max = parser->memory_max,
			.deadline_ms = parser->deadline_ms,
			.limits = parser->limits,
			.fd = original.fd,
			.offset = original.trace_size,
			.size = original.size - original.trace_size,
			.part = part,
		};
		r = part_read(&request, fn, ctx);
	}
	close(original.fd);
	return r;
}

/* ---- for workers ---- */

struct attachment_source {
	pthread_mutex_t lock; /* of parser: a reload changes it while workers read */
	struct parser_conf parser;
	struct storage_conf storage;
	char *data_dir;
};

struct attachment_source *attachment_source_new(const struct server_conf *conf, const char *argv0)
{
	struct attachment_source *source = XNEW(struct attachment_source);
	pthread_mutex_init(&source->lock, NULL);
	source->parser = lone_parser_conf(conf->ingest, argv0);
	source->data_dir = xstrdup(conf->storage->data_dir);
	source->storage = *conf->storage;
	source->storage.data_dir = source->data_dir;
	return source;
}

void attachment_source_use(struct attachment_source *source, const struct ingest_conf *conf)
{
	pthread_mutex_lock(&source->lock);
	source->parser = lone_parser_conf(conf, source->parser.argv0);
	pthread_mutex_unlock(&source->lock);
}

struct attachment_source *attachment_source_free(struct attachment_source *source)
{
	if (!source)
		return NULL;
	pthread_mutex_destroy(&source->lock);
	free(source->data_dir);
	free(source);
	return NULL;
}

static int on_piece(void *ctx, struct str piece)
{
	return strbuf_add(ctx, piece) < 0 ? -EMSGSIZE : 0;
}

int attachment_source_read(void *ctx, const struct mail_id *id, struct str part, struct strbuf *out)
{
	struct attachment_source *source = ctx;
	struct conf_error error;
	struct reader *reader;
	pthread_mutex_lock(&source->lock);
	const struct parser_conf parser = source->parser;
	pthread_mutex_unlock(&source->lock);
	int r = reader_open(&reader, &source->storage, &error);
	if (r < 0)
		return r;
	const size_t before = out->len;
	r = attachment_extract(reader, &parser, id, part, on_piece, out);
	reader_close(reader);
	if (r < 0) {
		out->len = before;
		out->overflow = false;
		if (out->ptr)
			out->ptr[before] = '\0';
	}
	return r;
}
