/*
 * See key_ring.h. Always true of a ring that was handed out: 1 to KEY_RING_MAX keys, all different, each of
 * KEY_SIZE_MIN to KEY_SIZE_MAX octets.
 *
 * Octets of a key are in few places only: the ring, the buffer a file is read into, the buffer a line is decoded into,
 * those that a new key is made in; each is wiped before it is given back. Messages name file and line, never what stands there.
 */
#include "tenant/key_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/mac.h"
#include "base/private_file.h"

#define KEY_FILE_MAX 65536
#define KEY_ID_BITS  6

struct ring_key {
	uint8_t id;
	size_t len;
	char octets[KEY_SIZE_MAX];
};

struct key_ring {
	atomic_uint refs;
	size_t n;
	struct ring_key keys[KEY_RING_MAX];
};

static struct key_ring *ring_make(void);
static const char *ring_add(struct key_ring *ring, struct str key);
static int ring_add_file(struct key_ring *ring, const char *path, struct conf_error *reterr);
static int decode_key(struct str line, char ret[KEY_SIZE_MAX]);

/* ---- life ---- */

static struct key_ring *ring_make(void)
{
	struct key_ring *ring = XNEW(struct key_ring);
	atomic_init(&ring->refs, 1);
	return ring;
}

struct key_ring *key_ring_ref(struct key_ring *ring)
{
	atomic_fetch_add_explicit(&ring->refs, 1, memory_order_relaxed);
	return ring;
}

struct key_ring *key_ring_unref(struct key_ring *ring)
{
	if (ring && atomic_fetch_sub_explicit(&ring->refs, 1, memory_order_acq_rel) == 1) {
		explicit_bzero(ring, sizeof(*ring));
		free(ring);
	}
	return NULL;
}

static uint8_t id_of(struct str key)
{
	uint8_t digest[SHA256_SIZE];
	hmac_sha256(key, STR("servelo key id"), digest);
	uint8_t id = digest[0] >> (8 - KEY_ID_BITS);
	explicit_bzero(digest, sizeof(digest));
	return id;
}

/* A key made by holding down one key of the keyboard. */
static bool one_octet_only(struct str key)
{
	for (size_t i = 1; i < key.len; i++) {
		if (key.ptr[i] != key.ptr[0])
			return false;
	}
	return true;
}

/* NULL when added, else what is wrong. */
static const char *ring_add(struct key_ring *ring, struct str key)
{
	if (key.len < KEY_SIZE_MIN)
		return "the key is shorter than 32 octets";
	if (key.len > KEY_SIZE_MAX)
		return "the key is longer than 128 octets";
	if (one_octet_only(key))
		return "the key is one octet over and over";
	if (ring->n == KEY_RING_MAX)
		return "more than 16 keys";
	for (size_t i = 0; i < ring->n; i++) {
		if (ring->keys[i].len == key.len && mac_equal(ring->keys[i].octets, key.ptr, key.len))
			return "the same key twice";
	}
	struct ring_key *added = &ring->keys[ring->n++];
	added->len = key.len;
	memcpy(added->octets, key.ptr, key.len);
	added->id = id_of(key);
	return NULL;
}

int key_ring_new(struct key_ring **ret, const struct str *keys, size_t n)
{
	struct key_ring *ring = ring_make();
	int r = n ? 0 : -EINVAL;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = ring_add(ring, keys[i]) ? -EINVAL : 0;
	if (r == 0)
		*ret = ring;
	else
		key_ring_unref(ring);
	return r;
}

/* ---- files ---- */

static int complain(struct conf_error *reterr, int err, const char *path, const char *why)
{
	if (reterr)
		snprintf(reterr->text, sizeof(reterr->text), "%s: %s", path, why);
	return err;
}

static int add_line(struct key_ring *ring, struct str line, unsigned number, const char *path,
		    struct conf_error *reterr)
{
	char octets[KEY_SIZE_MAX];
	int n = decode_key(line, octets);
	const char *wrong = n < 0 ? "not a key of 32 to 128 octets in hexadecimal or base64"
				  : ring_add(ring, (struct str){octets, (size_t)n});
	explicit_bzero(octets, sizeof(octets));
	if (wrong && reterr)
		snprintf(reterr->text, sizeof(reterr->text), "%s:%u: %s", path, number, wrong);
	return wrong ? -EINVAL : 0;
}

static int add_lines(struct key_ring *ring, struct str text, const char *path, struct conf_error *reterr)
{
	size_t keys_before = ring->n;
	for (unsigned number = 1; text.len; number++) {
		size_t end = str_find(text, '\n');
		struct str line = str_trim(str_sub(text, 0, end));
		text = str_sub(text, end + 1, text.len);
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		int r = add_line(ring, line, number, path, reterr);
		if (r < 0)
			return r;
	}
	return ring->n > keys_before ? 0 : complain(reterr, -EINVAL, path, "there is no key in it");
}

static int ring_add_file(struct key_ring *ring, const char *path, struct conf_error *reterr)
{
	struct str content;
	int r = private_file_read(path, FILE_PRIVATE, KEY_FILE_MAX, &content, reterr);
	if (r < 0)
		return r;
	r = add_lines(ring, content, path, reterr);
	private_file_free(content);
	return r;
}

int key_ring_load(struct key_ring **ret, const struct conf_strings *files, struct conf_error *reterr)
{
	struct key_ring *ring = ring_make();
	int r = files->n ? 0 : complain(reterr, -EINVAL, "secrets.reply_token", "no key file is named");
	for (size_t i = 0; r == 0 && i < files->n; i++)
		r = ring_add_file(ring, files->items[i], reterr);
	if (r == 0)
		*ret = ring;
	else
		key_ring_unref(ring);
	return r;
}

/* ---- making a file ---- */

static int sync_folder_of(const char *path)
{
	char *folder = xstrdup(path);
	int fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	free(folder);
	return r;
}

static int write_whole(int fd, struct str text)
{
	while (text.len) {
		ssize_t n = write(fd, text.ptr, text.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text = str_sub(text, (size_t)n, text.len);
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int write_key(int fd)
{
	static const char comment[] =
		"# Signs the addresses and Message-IDs of our mail. Keep it secret, and keep it.\n";
	uint8_t key[KEY_SIZE_MIN];
	char text[sizeof(comment) - 1 + 2 * sizeof(key) + 1];
	memcpy(text, comment, sizeof(comment) - 1);
	random_bytes(key, sizeof(key));
	hex_encode(key, sizeof(key), text + sizeof(comment) - 1);
	text[sizeof(text) - 1] = '\n'; /* for the NUL */
	int r = write_whole(fd, (struct str){text, sizeof(text)});
	explicit_bzero(key, sizeof(key));
	explicit_bzero(text, sizeof(text));
	return r;
}

/* Written under a name of its own, and given its right one when it is whole: link(2) never replaces. */
static int make_file(const char *path, const char *draft)
{
	int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (fd < 0)
		return -errno;
	int r = write_key(fd);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && link(draft, path) < 0)
		r = -errno;
	unlink(draft);
	return r;
}

int key_ring_make(const char *path, struct conf_error *reterr)
{
	uint8_t random[8];
	char name[2 * sizeof(random) + 1];
	random_bytes(random, sizeof(random));
	hex_encode(random, sizeof(random), name);
	char *draft = xasprintf("%s.%s", path, name);
	int r = make_file(path, draft);
	free(draft);
	if (r == 0)
		r = sync_folder_of(path);
	return r < 0 ? complain(reterr, r, path, strerror(-r)) : 0;
}

/* ---- texts ---- */

static int hex_value(char c)
{
	c = ascii_lower(c);
	if (ascii_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool all_hex(struct str line)
{
	for (size_t i = 0; i < line.len; i++) {
		if (hex_value(line.ptr[i]) < 0)
			return false;
	}
	return line.len % 2 == 0;
}

static int decode_hex(struct str line, char ret[KEY_SIZE_MAX])
{
	if (line.len / 2 > KEY_SIZE_MAX)
		return -EINVAL;
	for (size_t i = 0; i < line.len / 2; i++)
		ret[i] = (char)(hex_value(line.ptr[2 * i]) << 4 | hex_value(line.ptr[2 * i + 1]));
	return (int)(line.len / 2);
}

/* Either alphabet of RFC 4648, made base64url. */
static int decode_base64(struct str line, char ret[KEY_SIZE_MAX])
{
	char text[BASE64URL_LEN(KEY_SIZE_MAX)];
	if (line.len % 4 == 0) {
		for (int padding = 0; padding < 2 && line.len && line.ptr[line.len - 1] == '='; padding++)
			line.len--;
	}
	if (line.len > sizeof(text))
		return -EINVAL;
	for (size_t i = 0; i < line.len; i++) {
		char c = line.ptr[i];
		text[i] = (char)(c == '+' ? '-' : c == '/' ? '_' : c);
	}
	int n = base64url_decode((struct str){text, line.len}, ret, KEY_SIZE_MAX);
	explicit_bzero(text, sizeof(text));
	return n;
}

/* 64 hexadecimal digits are base64 too: what can be hexadecimal is. */
static int decode_key(struct str line, char ret[KEY_SIZE_MAX])
{
	return all_hex(line) ? decode_hex(line, ret) : decode_base64(line, ret);
}

/* ---- what is in it ---- */

size_t key_ring_size(const struct key_ring *ring)
{
	return ring->n;
}

struct str key_ring_key(const struct key_ring *ring, size_t i)
{
	return (struct str){ring->keys[i].octets, ring->keys[i].len};
}

uint8_t key_ring_id(const struct key_ring *ring, size_t i)
{
	return ring->keys[i].id;
}
