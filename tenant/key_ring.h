/*
 * The secrets that sign our addresses and Message-IDs: one current key and older ones.
 *
 *	struct key_ring *keys;
 *	if (key_ring_load(&keys, &conf->reply_token, &error) < 0)
 *		... error says which file and why, and never what is in it ...
 *	reply_token_mint(keys, &token, text);
 *	keys = key_ring_unref(keys);
 *
 * To rotate: put the new key first and leave the old one behind it for as long as mail that it signed may be
 * answered. The first key signs, all keys verify. What a key signs names it by six bits that are computed
 * from the key itself, so neither order nor position matters to mail in flight.
 *
 * A key file is a regular file that gives nothing to group and others (mode 0600 or 0400). Each line is a key
 * of 32 to 128 octets in hexadecimal or base64 (either alphabet, padding or none); empty lines and lines that
 * begin with '#' are skipped. `openssl rand -hex 32` makes a good one, and key_ring_make() a whole file.
 *
 * A ring never changes once it is made. It is counted, since mails under way keep the one they began with
 * when the configuration is reloaded; the last unref wipes the keys. Any thread.
 */
#ifndef SERVELO_TENANT_KEY_RING_H
#define SERVELO_TENANT_KEY_RING_H

#include "base/conf.h"

#define KEY_RING_MAX 16  /* keys */
#define KEY_SIZE_MIN 32  /* octets */
#define KEY_SIZE_MAX 128 /* octets */

struct key_ring;

/* The files of the list, in order; the first key of the first file is the current one. -EACCES (mode),
 * -EINVAL (not a key, too short, one octet over and over, the same key twice, no key at all, too many), or
 * -errno of the file; *ret is untouched then. Blocks on the disk: main or loop thread at start and reload. */
int key_ring_load(struct key_ring **ret, const struct conf_strings *files, struct conf_error *reterr);
/* A first key file, for a server that has none: one fresh random key, mode 0600, on the disk with its folder's entry when
 * this returns. It appears whole or not at all, and never in the place of another: -EEXIST when something has that name
 * already; load it then. -errno of the folder; reterr (may be NULL) says what and where. Blocks on the disk; any thread. */
int key_ring_make(const char *path, struct conf_error *reterr);
/* From octets in memory, the current one first. -EINVAL as above. */
int key_ring_new(struct key_ring **ret, const struct str *keys, size_t n);
struct key_ring *key_ring_ref(struct key_ring *ring);
/* Returns NULL; NULL is fine. */
struct key_ring *key_ring_unref(struct key_ring *ring);

size_t key_ring_size(const struct key_ring *ring);
/* Key 0 is the current one. The view lives as long as the ring; it is a secret. */
struct str key_ring_key(const struct key_ring *ring, size_t i);
/* What names key i in what it signed: 0..63. Two keys may share one. */
uint8_t key_ring_id(const struct key_ring *ring, size_t i);

#endif
