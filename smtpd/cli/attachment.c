/*
 * See attachment.h. The attachments of a ticket are numbered through its comments, oldest first, from 1. The original
 * is copied to a file without a name, behind our trace field, and the child gets a descriptor of that which can only
 * read; what it sends goes straight to the target. A target that could not be filled is removed.
 */
#include "smtpd/cli/attachment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/ingest.h"
#include "ingest/mail_attachment.h"
#include "smtpd/attachment_source.h"
#include "smtpd/cli/display.h"
#include "smtpd/cli/json_out.h"
#include "smtpd/lone_parser.h"

#define PATH_SIZE 4096

const struct arg_option attachment_options[2] = {
	{"output", "FILE|-",
	 "write to this file, or to standard output (also -o; default: its own name, here)"},
	{"force", NULL, "replace a file that exists"},
};

/* ---- where it goes ---- */

struct target {
	struct cli *cli;
	char path[PATH_SIZE]; /* what the user sees; empty: standard output */
	char made
		[PATH_SIZE]; /* the file that is written: path, or one beside it that takes its place at the end */
	int fd;
	bool started, refused;
	uint64_t size;
};

/* By its own name in this folder: the name is safe since it was parsed, and is made safe once more, for it comes from
 * a stranger and the database may be older than the rule. */
static int default_path(struct target *target, struct str filename)
{
	struct arena arena;
	struct str name = STR("");
	arena_init(&arena, 4096);
	int r = mail_attachment_safe_name(&arena, filename, &name);
	if (r == 0 && name.len)
		r = snprintf(target->path, sizeof(target->path), "%.*s", STR_ARG(name)) < 0 ? -EINVAL : 0;
	else
		r = r < 0 ? r : -EINVAL;
	arena_done(&arena);
	return r;
}

static int open_file(struct target *target, bool force)
{
	if (!force) {
		snprintf(target->made, sizeof(target->made), "%s", target->path);
		target->fd = open(target->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	} else {
		const char *slash = strrchr(target->path, '/');
		int folder = slash ? (int)(slash - target->path + 1) : 0;
		int n = snprintf(target->made, sizeof(target->made), "%.*s.servelo-XXXXXX", folder,
				 target->path);
		if (n < 0 || (size_t)n >= sizeof(target->made))
			return cli_fail(EX_USAGE, "the name of the file is too long");
		target->fd = mkostemp(target->made, O_CLOEXEC);
	}
	if (target->fd >= 0)
		return 0;
	if (errno == EEXIST)
		return cli_fail(EX_CANTCREAT, "%s exists; --force replaces it", target->path);
	return cli_fail(EX_CANTCREAT, "%s: %s", target->path, strerror(errno));
}

/* 0, or an exit code. */
static int target_open(struct target *target, struct cli *cli, struct str filename)
{
	const char *output = args_value(&cli->args, "output");
	*target = (struct target){.cli = cli, .fd = -1};
	if (output && strcmp(output, "-") == 0) {
		target->fd = STDOUT_FILENO;
		return 0;
	}
	if (output && strlen(output) >= sizeof(target->path))
		return cli_fail(EX_USAGE, "the name of the file is too long");
	if (output)
		snprintf(target->path, sizeof(target->path), "%s", output);
	else if (default_path(target, filename) < 0)
		return cli_fail(EX_USAGE, "it has no usable name; say --output FILE");
	return open_file(target, args_flag(&cli->args, "force"));
}

/* Controls that a text has not: on a terminal they could do anything. */
static bool is_binary(struct str piece)
{
	for (size_t i = 0; i < piece.len; i++) {
		unsigned char c = (unsigned char)piece.ptr[i];
		if ((c < ' ' && c != '\n' && c != '\r' && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

static int target_write(void *ctx, struct str piece)
{
	struct target *target = ctx;
	if (!target->path[0] && isatty(target->fd) && is_binary(piece)) {
		target->refused = true;
		return -EINVAL;
	}
	while (piece.len) {
		ssize_t n = write(target->fd, piece.ptr, piece.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		piece = str_sub(piece, (size_t)n, piece.len);
		target->size += (uint64_t)n;
	}
	return 0;
}

/* r: how the writing went. An exit code. */
static int target_close(struct target *target, int r)
{
	char size[DISPLAY_SIZE_MAX];
	if (!target->path[0]) {
		if (target->refused)
			return cli_fail(EX_USAGE, "this is no text; say --output FILE to save it");
		return 0;
	}
	if (r == 0 && fsync(target->fd) < 0 && errno != EINVAL)
		r = -errno;
	if (close(target->fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && strcmp(target->made, target->path) != 0 && rename(target->made, target->path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(target->made);
		return 0;
	}
	if (target->cli->json) {
		json_t *o = json_object();
		json_object_set_new(o, "file", json_str(str_from(target->path)));
		json_object_set_new(o, "size", json_integer((json_int_t)target->size));
		json_out(o, stdout);
	} else {
		struct strbuf text;
		strbuf_init(&text, 4 * PATH_SIZE);
		display_text(&text, str_from(target->path), true);
		printf("%s: %s\n", text.ptr ? text.ptr : "", display_size((int64_t)target->size, size));
		strbuf_done(&text);
	}
	return 0;
}

/* ---- out of the original ---- */

static int extract(struct cli *cli, const struct mail_id *id, struct str part, struct target *target)
{
	const struct parser_conf conf = lone_parser_conf(cli->conf->ingest, "/proc/self/exe");
	return attachment_extract(cli->reader, &conf, id, part, target_write, target);
}

/* part empty: the whole original, as it was sent. */
static int save(struct cli *cli, const struct mail_id *id, struct str part, struct str filename)
{
	struct target target;
	int code = target_open(&target, cli, filename);
	if (code)
		return code;
	int r = extract(cli, id, part, &target);
	code = target_close(&target, r);
	if (code || r == 0)
		return code;
	if (r == -ENOENT)
		return cli_fail(EX_NOINPUT, "message %s has no part \"%.*s\"", id->text,
				STR_ARG(str_sub(part, 0, 64)));
	if (r == -EPIPE)
		return EX_IOERR;
	return cli_fail(cli_exit_code(r), "taking part \"%.*s\" out of %s: %s", STR_ARG(str_sub(part, 0, 64)),
			id->text, strerror(-r));
}

/* ---- the attachments of a ticket ---- */

struct walk {
	struct cli *cli;
	struct ticket_id ticket;
	struct table *table; /* list, for people */
	struct json_list json;
	const struct comment_view *comment; /* at hand */
	int64_t n, wanted;                  /* wanted: save; 0: list */
	int status;
	/* what was wanted */
	bool found;
	struct mail_id mail_id;
	char part[PART_PATH_MAX + 1], filename[ATTACHMENT_NAME_MAX + 1], left_out[64];
};

static void keep_text(char *to, size_t size, struct str text)
{
	snprintf(to, size, "%.*s", STR_ARG(str_sub(text, 0, size - 1)));
}

static void list_json(struct walk *walk, const struct attachment_row *row)
{
	json_t *o = json_object();
	json_object_set_new(o, "number", json_integer(walk->n));
	json_object_set_new(o, "message", json_str(str_from(walk->comment->mail_id.text)));
	json_object_set_new(o, "part", json_str(row->part));
	json_object_set_new(o, "filename", json_str(row->filename));
	json_object_set_new(o, "media_type", json_str(row->media_type));
	json_object_set_new(o, "sniffed_type", json_str(row->sniffed_type));
	json_object_set_new(o, "size", json_integer(row->size));
	json_object_set_new(o, "inline", json_boolean(row->inline_image));
	json_object_set_new(o, "left_out", json_str(row->left_out));
	json_list_add(&walk->json, o);
}

static void list_line(struct walk *walk, const struct attachment_row *row)
{
	char number[24], size[DISPLAY_SIZE_MAX];
	struct strbuf notes;
	strbuf_init(&notes, 4096);
	if (row->left_out.len)
		strbuf_printf(&notes, "left out: %.*s", STR_ARG(str_sub(row->left_out, 0, 64)));
	if (row->sniffed_type.len && !str_eq(row->sniffed_type, row->media_type))
		strbuf_printf(&notes, "%slooks like %.*s", notes.len ? "; " : "",
			      STR_ARG(str_sub(row->sniffed_type, 0, 128)));
	snprintf(number, sizeof(number), "%" PRId64, walk->n);
	const struct str cells[] = {str_from(number), row->filename,
				    row->media_type,  str_from(display_size(row->size, size)),
				    row->part,        strbuf_str(&notes)};
	table_row(walk->table, cells);
	strbuf_done(&notes);
}

static bool on_attachment(void *ctx, const struct attachment_row *row)
{
	struct walk *walk = ctx;
	walk->n++;
	if (!walk->wanted && walk->cli->json)
		list_json(walk, row);
	else if (!walk->wanted)
		list_line(walk, row);
	if (walk->n != walk->wanted)
		return true;
	walk->found = true;
	walk->mail_id = walk->comment->mail_id;
	keep_text(walk->part, sizeof(walk->part), row->part);
	keep_text(walk->filename, sizeof(walk->filename), row->filename);
	keep_text(walk->left_out, sizeof(walk->left_out), row->left_out);
	return false;
}

static bool on_comment(void *ctx, const struct comment_view *view)
{
	struct walk *walk = ctx;
	walk->comment = view;
	walk->status = reader_attachments(walk->cli->reader, view->row.id, on_attachment, walk);
	return walk->status == 0 && !walk->found;
}

static bool on_ticket(void *ctx, const struct ticket_view *view)
{
	((struct walk *)ctx)->ticket = view->row.id;
	return false;
}

/* 0, or an exit code. */
static int walk_ticket(struct walk *walk, const char *reference)
{
	int r = reader_ticket(walk->cli->reader, str_from(reference), on_ticket, walk);
	if (r == -ENOENT || r == -EINVAL)
		return cli_fail(EX_NOINPUT, "there is no ticket \"%s\"", reference);
	if (r == 0)
		r = reader_comments(walk->cli->reader, walk->ticket, on_comment, walk);
	r = r == 0 ? walk->status : r;
	return r < 0 ? cli_fail(cli_exit_code(r), "reading: %s", strerror(-r)) : 0;
}

static int run_list(struct cli *cli, const char *reference)
{
	static const struct table_column columns[] = {{"N", 0, true},      {"NAME", 60, false},
						      {"TYPE", 40, false}, {"SIZE", 0, true},
						      {"PART", 0, false},  {"NOTES", 0, false}};
	struct walk walk = {.cli = cli};
	walk.table = table_new(columns, ARRAY_SIZE(columns));
	if (cli->json)
		json_list_begin(&walk.json, stdout);
	int code = walk_ticket(&walk, reference);
	if (cli->json)
		json_list_end(&walk.json);
	else if (code == 0 && table_rows(walk.table))
		table_print(walk.table, stdout);
	else if (code == 0)
		printf("no attachments\n");
	table_free(walk.table);
	return code;
}

static int run_save(struct cli *cli, const char *reference, const char *number)
{
	struct walk walk = {.cli = cli};
	char *end;
	errno = 0;
	walk.wanted = strtoll(number, &end, 10);
	if (errno || *end || walk.wanted < 1)
		return cli_fail(EX_USAGE, "\"%s\" is not a number of servelo ticket attachment list", number);
	int code = walk_ticket(&walk, reference);
	if (code)
		return code;
	if (!walk.found || !walk.mail_id.text[0])
		return cli_fail(EX_NOINPUT, "%s has no attachment %s", reference, number);
	if (walk.left_out[0])
		return cli_fail(
			EX_NOPERM,
			"it is left out (%s); whoever needs it all the same: servelo message attachment "
			"%s %s",
			walk.left_out, walk.mail_id.text, walk.part);
	return save(cli, &walk.mail_id, str_from(walk.part), str_from(walk.filename));
}

int ticket_attachment(struct cli *cli)
{
	const char **words = cli->args.words;
	bool list = strcmp(words[0], "list") == 0;
	if (!list && strcmp(words[0], "save") != 0)
		return cli_fail(EX_USAGE, "\"%s\" is neither list nor save", words[0]);
	if (cli->args.words_n != (list ? 2 : 3))
		return cli_fail(EX_USAGE, "usage: servelo ticket attachment %s",
				list ? "list REFERENCE" : "save REFERENCE N");
	int code = cli_reader(cli);
	if (code)
		return code;
	return list ? run_list(cli, words[1]) : run_save(cli, words[1], words[2]);
}

int message_attachment(struct cli *cli)
{
	struct str word = str_from(cli->args.words[0]), part = str_from(cli->args.words[1]);
	struct mail_id id;
	char name[PART_PATH_MAX + 16];
	if (!mail_id_valid(word))
		return cli_fail(EX_USAGE, "\"%.64s\" is not the id of a message", word.ptr);
	if (!part.len || part.len > PART_PATH_MAX)
		return cli_fail(EX_USAGE, "\"%.64s\" is no part, like 2 or 2.1 or 2/1", part.ptr);
	memcpy(id.text, word.ptr, MAIL_ID_LEN + 1);
	int code = cli_reader(cli);
	if (code)
		return code;
	snprintf(name, sizeof(name), "part-%.*s", STR_ARG(part));
	for (char *c = name; *c; c++)
		*c = *c == '/' ? '-' : *c;
	return save(cli, &id, part, str_from(name));
}
