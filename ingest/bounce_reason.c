/*
 * Codes and words of mail servers. The table's order is the order in which phrases are believed: a reply may
 * say "mailbox full" and "recipient rejected" in one breath. Pure.
 */
#include "ingest/bounce_reason.h"

#include <pthread.h>

#include "ingest/phrase_set.h"
#include "ingest/text_fold.h"

#define REASON_FOLD_MAX 1024

static const struct bounce_reason reasons[] = {
	/* the author or our server is refused, not the recipient */
	{"after mail from", NULL, false},
	{"in reply to mail from", NULL, false},
	{"sender rejected", NULL, false},
	{"sender address rejected", NULL, false},
	{"sender denied", NULL, false},
	{"ptr resource record", NULL, false},
	{"not found, try again", NULL, false},
	{"account or domain may not exist", ".1.1", true},
	/* not here any more */
	{"has moved", ".1.6", true},
	{"user has moved", ".1.6", true},
	{"no longer at this address", ".1.6", true},
	{"no longer employed", ".1.6", true},
	{"no longer valid", ".1.6", true},
	{"recipient no longer on server", ".1.6", true},
	{"account has been replaced", ".1.6", true},
	/* full */
	{"mailbox full", ".2.2", false},
	{"mailbox is full", ".2.2", false},
	{"mailbox size limit", ".2.2", false},
	{"mailbox exceeds", ".2.2", false},
	{"mailbox quota", ".2.2", false},
	{"mailbox too large", ".2.2", false},
	{"mailbox over", ".2.2", false},
	{"mailfolder is full", ".2.2", false},
	{"maildir full", ".2.2", false},
	{"maildir over", ".2.2", false},
	{"over quota", ".2.2", false},
	{"overquota", ".2.2", false},
	{"over the maximum allowed", ".2.2", false},
	{"over the allowed quota", ".2.2", false},
	{"exceeded storage", ".2.2", false},
	{"exceed the quota", ".2.2", false},
	{"exceeds the quota", ".2.2", false},
	{"quota exceed", ".2.2", false},
	{"exceeded the quota", ".2.2", false},
	{"exceeded his", ".2.2", false},
	{"quota violation", ".2.2", false},
	{"disk quota", ".2.2", false},
	{"storage quota", ".2.2", false},
	{"out of storage", ".2.2", false},
	{"out of space", ".2.2", false},
	{"no space left", ".2.2", false},
	{"insufficient disk space", ".2.2", false},
	{"exceeds allowed size", ".2.2", false},
	{"is full", ".2.2", false},
	{"receiving mail at a rate", ".2.1", false},
	{"too many messages", ".2.2", false},
	{"容量", ".2.2", false},
	/* put to sleep */
	{"account disabled", ".2.1", false},
	{"account is disabled", ".2.1", false},
	{"account has been disabled", ".2.1", false},
	{"account that you tried to reach is disabled", ".2.1", false},
	{"account inactive", ".2.1", false},
	{"account is inactive", ".2.1", false},
	{"account suspended", ".2.1", false},
	{"account is suspended", ".2.1", false},
	{"account has been suspended", ".2.1", false},
	{"mailbox disabled", ".2.1", false},
	{"mailbox is disabled", ".2.1", false},
	{"mailbox is inactive", ".2.1", false},
	{"mailbox is frozen", ".2.1", false},
	{"mailbox currently suspended", ".2.1", false},
	{"is currently suspended", ".2.1", false},
	{"suspended", ".2.1", false},
	{"account closed", ".2.1", false},
	{"user is inactive", ".2.1", false},
	{"user suspended", ".2.1", false},
	{"temporarily disabled", ".2.1", false},
	{"mailbox unavailable or access denied", ".2.1", false},
	/* no such mailbox */
	{"user unknown", ".1.1", true},
	{"unknown user", ".1.1", true},
	{"user not found", ".1.1", true},
	{"user doesn't exist", ".1.1", true},
	{"user does not exist", ".1.1", true},
	{"user is unknown", ".1.1", true},
	{"user not known", ".1.1", true},
	{"user not local", ".1.1", true},
	{"unknown account", ".1.1", true},
	{"unknown recipient", ".1.1", true},
	{"unknown address", ".1.1", true},
	{"unknown local", ".1.1", true},
	{"unknown mailbox", ".1.1", true},
	{"unknown email", ".1.1", true},
	{"recipient unknown", ".1.1", true},
	{"recipient not found", ".1.1", true},
	{"recipientnotfound", ".1.1", true},
	{"recipient address unknown", ".1.1", true},
	{"recipient does not exist", ".1.1", true},
	{"recipient not exist", ".1.1", true},
	{"recipient name is not recognized", ".1.1", true},
	{"addressee unknown", ".1.1", true},
	{"address unknown", ".1.1", true},
	{"address does not exist", ".1.1", true},
	{"address doesn't exist", ".1.1", true},
	{"address couldn't be found", ".1.1", true},
	{"address not found", ".1.1", true},
	{"address could not be found", ".1.1", true},
	{"account does not exist", ".1.1", true},
	{"account that you tried to reach does not exist", ".1.1", true},
	{"account doesn't have", ".1.1", true},
	{"mailbox does not exist", ".1.1", true},
	{"mailbox not found", ".1.1", true},
	{"mailbox not present", ".1.1", true},
	{"mailbox unknown", ".1.1", true},
	{"no mailbox", ".1.1", true},
	{"no such user", ".1.1", true},
	{"no such mailbox", ".1.1", true},
	{"no such recipient", ".1.1", true},
	{"no such address", ".1.1", true},
	{"no such person", ".1.1", true},
	{"no such local", ".1.1", true},
	{"no such account", ".1.1", true},
	{"no such email", ".1.1", true},
	{"no account", ".1.1", true},
	{"no matches to nameserver query", ".1.2", true},
	{"there is no one at this address", ".1.1", true},
	{"doesn't have an account", ".1.1", true},
	{"doesn't have a yahoo", ".1.1", true},
	{"not a known user", ".1.1", true},
	{"user not exist", ".1.1", true},
	{"user unknow", ".1.1", true},
	{"this user doesn't have", ".1.1", true},
	{"no mailbox here", ".1.1", true},
	{"recipient address rejected: access denied", ".1.1", true},
	{"not a valid mailbox", ".1.1", true},
	{"not a valid user", ".1.1", true},
	{"is not a valid", ".1.1", true},
	{"not listed in domino directory", ".1.1", true},
	{"not listed in public name", ".1.1", true},
	{"not our customer", ".1.1", true},
	{"invalid recipient", ".1.1", true},
	{"invalid mailbox", ".1.1", true},
	{"invalid user", ".1.1", true},
	{"invalid address", ".1.1", true},
	{"invalid final delivery user", ".1.1", true},
	{"bad destination mailbox", ".1.1", true},
	{"bad address", ".1.1", true},
	{"undeliverable address", ".1.1", true},
	{"unroutable address", ".1.1", true},
	{"isn't a known", ".1.1", true},
	{"in virtual alias table", ".1.1", true},
	{"in relay recipient table", ".1.1", true},
	{"存在しません", ".1.1", true},
	{"見つかりません", ".1.1", true},
	{"リストにありません", ".1.1", true},
	{"no valid recipients", ".1.1", true},
	{"не найден", ".1.1", true},
	{"existiert nicht", ".1.1", true},
	{"unbekannt", ".1.1", true},
	{"inconnu", ".1.1", true},
	{"no existe", ".1.1", true},
	/* no such domain */
	{"host unknown", ".1.2", true},
	{"unknown host", ".1.2", true},
	{"host not found", ".1.2", true},
	{"host or domain name not found", ".1.2", true},
	{"domain not found", ".1.2", true},
	{"domain name not found", ".1.2", true},
	{"domain does not exist", ".1.2", true},
	{"domain doesn't exist", ".1.2", true},
	{"domain is not reachable", ".1.2", true},
	{"domain must exist", ".1.2", true},
	{"domain couldn't be found", ".1.2", true},
	{"dns domain", ".1.2", true},
	{"no such domain", ".1.2", true},
	{"invalid domain", ".1.2", true},
	{"a mail exchanger or ip address", ".4.4", true},
	{"no mx record", ".4.4", true},
	{"no mx found", ".4.4", true},
	{"dns lookup failure", ".4.4", true},
	{"unknown domain", ".1.2", true},
	{"nxdomain", ".1.2", true},
	{"name or service not known", ".1.2", true},
	{"bad destination system", ".1.2", true},
	{"unrouteable address", ".1.2", true},
	{"unrouteable mail domain", ".1.2", true},
	{"couldn't find any host", ".1.2", true},
	{"could not find any host", ".1.2", true},
	{"can't find any host", ".1.2", true},
	{"no mx or a records", ".1.2", true},
	{"does not accept mail", ".1.10", true},
	{"does not accept email", ".1.10", true},
	{"no smtp service", ".1.10", true},
	{"null mx", ".1.10", true},
	{"nullmx", ".1.10", true},
	/* too large */
	{"message too large", ".3.4", false},
	{"message too big", ".3.4", false},
	{"message size exceeds", ".3.4", false},
	{"message exceeds", ".3.4", false},
	{"message is too large", ".3.4", false},
	{"message file too big", ".3.4", false},
	{"size limit", ".3.4", false},
	{"maximum message size", ".3.4", false},
	{"exceeded maximum", ".3.4", false},
	/* late */
	{"delivery time expired", ".4.7", false},
	{"delivery expired", ".4.7", false},
	{"message expired", ".4.7", false},
	{"expired", ".4.7", false},
	{"could not be delivered for", ".4.7", false},
	{"not yet been delivered", ".4.7", false},
	{"retry timeout exceeded", ".4.7", false},
	{"retry time not reached", ".4.7", false},
	{"queue too long", ".4.7", false},
	{"in the queue too long", ".4.7", false},
	{"too old", ".4.7", false},
	{"connection timed out", ".4.1", false},
	{"connection refused", ".4.1", false},
	{"could not connect", ".4.1", false},
	{"couldn't connect", ".4.1", false},
	{"unable to connect", ".4.1", false},
	{"wasn't able to establish an smtp connection", ".4.1", false},
	{"no route to host", ".4.1", false},
	{"network is unreachable", ".4.1", false},
	{"timed out", ".4.1", false},
	{"timeout", ".4.1", false},
	{"lost connection", ".4.2", false},
	{"connection reset", ".4.2", false},
	{"connection dropped", ".4.2", false},
	{"too many hops", ".4.6", false},
	{"mail loop", ".4.6", false},
	{"loops back", ".4.6", false},
	{"loop detected", ".4.6", false},
	{"too many connections", ".4.5", false},
	{"too many recipients", ".5.3", false},
	{"rate limit", ".7.1", false},
	{"greylist", ".7.1", false},
	/* refused */
	{"spam", ".7.1", false},
	{"virus", ".7.1", false},
	{"blacklist", ".7.1", false},
	{"blocklist", ".7.1", false},
	{"blocked", ".7.1", false},
	{"reputation", ".7.1", false},
	{"dmarc", ".7.1", false},
	{"relay", ".7.1", false},
	{"policy", ".7.1", false},
	{"access denied", ".7.1", false},
	{"not permitted", ".7.1", false},
	{"not authorized", ".7.1", false},
	{"not allowed", ".7.1", false},
	{"prohibited", ".7.1", false},
	{"message content rejected", ".6.0", false},
};

static struct phrase phrases[ARRAY_SIZE(reasons)];
static struct phrase_set set;

static void index_reasons(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		phrases[i].text = str_from(reasons[i].text);
	phrase_set_index(&set, phrases, ARRAY_SIZE(reasons));
}

void bounce_reason_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, index_reasons);
}

const struct bounce_reason *bounce_reason_in(struct str s)
{
	char buf[REASON_FOLD_MAX];
	struct str folded = {buf, text_fold(str_sub(s, 0, sizeof(buf)), buf, sizeof(buf))};
	bounce_reason_init();
	size_t i = phrase_set_inside(&set, folded);
	return i ? &reasons[i - 1] : NULL;
}

static size_t digits_at(struct str s, size_t at)
{
	size_t n = 0;
	while (at + n < s.len && ascii_digit(s.ptr[at + n]))
		n++;
	return n;
}

struct str bounce_status_in(struct str s)
{
	for (size_t i = 0; i + 5 <= s.len; i++) {
		if ((s.ptr[i] != '4' && s.ptr[i] != '5') || s.ptr[i + 1] != '.')
			continue;
		if (i > 0 && (ascii_digit(s.ptr[i - 1]) || ascii_alpha(s.ptr[i - 1]) ||
			      char_in(".@_/[", s.ptr[i - 1])))
			continue;
		size_t subject = digits_at(s, i + 2), dot = i + 2 + subject;
		size_t detail = dot < s.len && s.ptr[dot] == '.' ? digits_at(s, dot + 1) : 0;
		size_t end = dot + 1 + detail;
		if (subject < 1 || subject > 3 || detail < 1 || detail > 3)
			continue;
		bool goes_on = end < s.len && (ascii_alpha(s.ptr[end]) || s.ptr[end] == '@' ||
					       (s.ptr[end] == '.' && digits_at(s, end + 1) > 0));
		if (!goes_on)
			return str_sub(s, i, end);
	}
	return STR("");
}

unsigned bounce_code_in(struct str s)
{
	for (size_t i = 0; i + 3 <= s.len; i++) {
		if ((s.ptr[i] != '4' && s.ptr[i] != '5') || digits_at(s, i) != 3 || s.ptr[i + 1] > '7')
			continue;
		if (i > 0 && !char_in(" \t\n(:#-\"'>", s.ptr[i - 1]))
			continue;
		if (i + 3 < s.len && !char_in(" -\t\n:)\"'", s.ptr[i + 3]))
			continue;
		return (unsigned)(s.ptr[i] - '0') * 100 + (unsigned)(s.ptr[i + 1] - '0') * 10 +
		       (unsigned)(s.ptr[i + 2] - '0');
	}
	return 0;
}

static bool is_one_of(struct str status, const struct str *details, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(str_sub(status, 1, status.len), details[i]))
			return true;
	return false;
}

bool bounce_status_is_hard(struct str status)
{
	static const struct str details[] = {STR_INIT(".1.1"), STR_INIT(".1.2"), STR_INIT(".1.3"),
					     STR_INIT(".1.4"), STR_INIT(".1.6"), STR_INIT(".1.10"),
					     STR_INIT(".4.4")};
	return status.len >= 5 && status.ptr[0] == '5' && is_one_of(status, details, ARRAY_SIZE(details));
}

bool bounce_status_is_soft(struct str status)
{
	static const struct str details[] = {STR_INIT(".2.2"), STR_INIT(".3.4")};
	return is_one_of(status, details, ARRAY_SIZE(details));
}
