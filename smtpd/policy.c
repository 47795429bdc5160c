/*
 * Networks, counters per client and its networks, budgets.
 *
 * Always true: a network is in the table while it has connections, never longer; so the table is as small as
 * the server is busy. A connection is counted in all of its networks or in none. The hash is keyed with random
 * octets, since clients choose their addresses. A limit of 0 means "none" everywhere.
 *
 * Loop thread.
 */
#include "smtpd/policy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/mac.h"

#define BUCKETS_MIN 256

/* What is counted, from the one client to the block that a provider gets; bits of an address as it is kept here. */
static const struct {
	unsigned v4_bits, v6_bits;
	size_t max; /* in struct limits_conf */
} levels[POLICY_LEVELS] = {
	{96 + 32, 64, offsetof(struct limits_conf, connections_per_client)},
	{96 + 26, 48, offsetof(struct limits_conf, connections_per_network)},
	{96 + 21, 32, offsetof(struct limits_conf, connections_per_block)},
};

struct client {
	struct client *next;
	struct policy_network key;
	int64_t n;
};

struct policy_clients {
	struct client **buckets;
	size_t buckets_n; /* a power of two */
	size_t n;
	uint64_t secret[2];
};

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_v4(const struct policy_address *address)
{
	return memcmp(address->octets, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

static struct policy_address map_v4(const void *octets)
{
	struct policy_address address;
	memcpy(address.octets, mapped_prefix, sizeof(mapped_prefix));
	memcpy(address.octets + sizeof(mapped_prefix), octets, 4);
	return address;
}

struct policy_address policy_address_of(const struct sockaddr *sa)
{
	struct policy_address address = {{0}};
	if (sa->sa_family == AF_INET)
		return map_v4(&((const struct sockaddr_in *)(const void *)sa)->sin_addr);
	if (sa->sa_family == AF_INET6)
		memcpy(address.octets, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	return address;
}

char *policy_address_text(const struct policy_address *address, char *buf)
{
	bool v4 = is_v4(address);
	const char *text =
		inet_ntop(v4 ? AF_INET : AF_INET6, address->octets + (v4 ? 12 : 0), buf, POLICY_TEXT_SIZE);
	if (!text)
		buf[0] = '\0';
	return buf;
}

static int parse_address(struct str text, struct policy_address *ret, bool *ret_v4)
{
	char buf[POLICY_TEXT_SIZE];
	uint8_t octets[16];
	if (text.len == 0 || text.len >= sizeof(buf) || memchr(text.ptr, '\0', text.len))
		return -EINVAL;
	memcpy(buf, text.ptr, text.len);
	buf[text.len] = '\0';
	if (inet_pton(AF_INET, buf, octets) == 1) {
		*ret = map_v4(octets);
		*ret_v4 = true;
		return 0;
	}
	if (inet_pton(AF_INET6, buf, octets) != 1)
		return -EINVAL;
	memcpy(ret->octets, octets, sizeof(octets));
	*ret_v4 = is_v4(ret);
	return 0;
}

int policy_network_parse(struct str text, struct policy_network *ret)
{
	size_t slash = str_find(text, '/');
	struct str digits = str_sub(text, slash + 1, text.len);
	struct policy_network network;
	bool v4;
	int r = parse_address(str_sub(text, 0, slash), &network.address, &v4);
	if (r < 0)
		return r;
	bool dotted = str_find(text, ':') == text.len;
	network.bits = dotted ? 32 : 128;
	if (slash < text.len) {
		unsigned bits = 0;
		if (digits.len == 0 || digits.len > 3)
			return -EINVAL;
		for (size_t i = 0; i < digits.len; i++) {
			if (!ascii_digit(digits.ptr[i]))
				return -EINVAL;
			bits = bits * 10 + (unsigned)(digits.ptr[i] - '0');
		}
		if (bits > network.bits)
			return -EINVAL;
		network.bits = bits;
	}
	if (dotted)
		network.bits += 96;
	*ret = network;
	return 0;
}

bool policy_network_has(const struct policy_network *network, const struct policy_address *address)
{
	const uint8_t *a = network->address.octets, *b = address->octets;
	size_t whole = network->bits / 8;
	unsigned rest = network->bits % 8;
	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

struct policy_clients *policy_clients_new(void)
{
	struct policy_clients *clients = XNEW(struct policy_clients);
	clients->buckets_n = BUCKETS_MIN;
	clients->buckets = xcalloc(clients->buckets_n, sizeof(*clients->buckets));
	random_bytes(clients->secret, sizeof(clients->secret));
	return clients;
}

struct policy_clients *policy_clients_free(struct policy_clients *clients)
{
	if (!clients)
		return NULL;
	for (size_t i = 0; i < clients->buckets_n; i++) {
		for (struct client *client = clients->buckets[i], *next; client; client = next) {
			next = client->next;
			free(client);
		}
	}
	free(clients->buckets);
	free(clients);
	return NULL;
}

struct policy_network policy_network_around(const struct policy_address *address, size_t level)
{
	struct policy_network network = {.bits = is_v4(address) ? levels[level].v4_bits
								: levels[level].v6_bits};
	size_t whole = network.bits / 8;
	memcpy(network.address.octets, address->octets, whole);
	if (network.bits % 8)
		network.address.octets[whole] =
			(uint8_t)(address->octets[whole] & (0xffu << (8 - network.bits % 8)));
	return network;
}

static uint64_t mixed(uint64_t h)
{
	h = (h ^ (h >> 32)) * 0x9e3779b97f4a7c15u;
	h = (h ^ (h >> 29)) * 0xbf58476d1ce4e5b9u;
	return h ^ (h >> 32);
}

uint64_t policy_network_hash(const struct policy_network *network, const uint64_t secret[2])
{
	uint64_t octets[2];
	memcpy(octets, network->address.octets, sizeof(octets));
	return mixed(mixed(octets[0] ^ secret[0]) ^ octets[1] ^ secret[1] ^ network->bits);
}

static bool same_key(const struct policy_network *a, const struct policy_network *b)
{
	return a->bits == b->bits && memcmp(&a->address, &b->address, sizeof(a->address)) == 0;
}

static size_t bucket_of(const struct policy_clients *clients, const struct policy_network *key)
{
	return (size_t)(policy_network_hash(key, clients->secret) & (clients->buckets_n - 1));
}

static void grow(struct policy_clients *clients)
{
	size_t old_n = clients->buckets_n;
	struct client **old = clients->buckets;
	clients->buckets_n = old_n * 2;
	clients->buckets = xcalloc(clients->buckets_n, sizeof(*clients->buckets));
	for (size_t i = 0; i < old_n; i++) {
		for (struct client *client = old[i], *next; client; client = next) {
			size_t at = bucket_of(clients, &client->key);
			next = client->next;
			client->next = clients->buckets[at];
			clients->buckets[at] = client;
		}
	}
	free(old);
}

/* Where the pointer to the client is, or would be. */
static struct client **find(struct policy_clients *clients, const struct policy_network *key)
{
	struct client **at = &clients->buckets[bucket_of(clients, key)];
	while (*at && !same_key(&(*at)->key, key))
		at = &(*at)->next;
	return at;
}

static void count_one(struct policy_clients *clients, const struct policy_network *key)
{
	struct client **at = find(clients, key);
	if (*at) {
		(*at)->n++;
		return;
	}
	struct client *client = XNEW(struct client);
	client->key = *key;
	client->n = 1;
	*at = client;
	if (++clients->n > clients->buckets_n)
		grow(clients);
}

static void forget_one(struct policy_clients *clients, const struct policy_network *key)
{
	struct client **at = find(clients, key), *client = *at;
	if (!client || --client->n > 0)
		return;
	*at = client->next;
	clients->n--;
	free(client);
}

bool policy_clients_enter(struct policy_clients *clients, const struct policy_address *address,
			  const struct limits_conf *limits)
{
	struct policy_network keys[ARRAY_SIZE(levels)];
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		int64_t max;
		memcpy(&max, (const char *)limits + levels[i].max, sizeof(max));
		keys[i] = policy_network_around(address, i);
		const struct client *client = *find(clients, &keys[i]);
		if (max > 0 && client && client->n >= max)
			return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		count_one(clients, &keys[i]);
	return true;
}

void policy_clients_leave(struct policy_clients *clients, const struct policy_address *address)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		struct policy_network key = policy_network_around(address, i);
		forget_one(clients, &key);
	}
}

static enum reply_id spend(int64_t *used, int64_t max, enum reply_id over)
{
	++*used;
	return max > 0 && *used > max ? over : REPLY_NONE;
}

enum reply_id policy_count_error(struct policy_budget *budget, const struct limits_conf *limits)
{
	return spend(&budget->errors, limits->errors, REPLY_TOO_MANY_ERRORS);
}

enum reply_id policy_count_unknown(struct policy_budget *budget, const struct limits_conf *limits)
{
	return spend(&budget->unknown, limits->unknown_recipients, REPLY_TOO_MANY_UNKNOWN);
}

enum reply_id policy_count_command(struct policy_budget *budget, const struct limits_conf *limits)
{
	return spend(&budget->commands, limits->commands, REPLY_TOO_MANY_COMMANDS);
}

enum reply_id policy_count_transaction(struct policy_budget *budget, const struct limits_conf *limits)
{
	return spend(&budget->transactions, limits->transactions, REPLY_TOO_MANY_TRANSACTIONS);
}

int64_t policy_delay_ms(const struct policy_budget *budget, const struct limits_conf *limits)
{
	return budget->errors + budget->unknown > limits->errors_delay_after ? limits->error_delay_ms : 0;
}
