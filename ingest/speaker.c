/*
 * See speaker.h: the header's table, row by row. Always true: an empty address is nobody's, also where the ticket's own
 * is empty; who is a client of the ticket is that first, whatever else he is, so being both takes authority away; and
 * what is no row of the table is a stranger's, who is never shown to a client. Pure; any thread.
 */
#include "ingest/speaker.h"

/* Who holds the token, and whom From names. */
enum holder { HOLDER_NONE, HOLDER_CLIENT, HOLDER_AGENT, HOLDER_UNKNOWN };
enum named { NAMED_CLIENT, NAMED_AGENT, NAMED_AGENTS_DOMAIN, NAMED_NOBODY };

#define CLIENT_SPEAKS(mark_)                                          \
	{                                                             \
		true, SPEAKER_CLIENT, COMMENT_PUBLIC, .mark = (mark_) \
	}
#define AGENT_SPEAKS                                            \
	{                                                       \
		true, SPEAKER_AGENT, COMMENT_PUBLIC, .mark = "" \
	}
#define AGENT_NOTES                                                                  \
	{                                                                            \
		true, SPEAKER_AGENT, COMMENT_INTERNAL, .mark = "agent-without-token" \
	}
#define STRANGER                                                             \
	{                                                                    \
		true, SPEAKER_STRANGER, COMMENT_INTERNAL, .mark = "stranger" \
	}
#define NOT_ON_TICKET                                                         \
	{                                                                     \
		false, SPEAKER_STRANGER, COMMENT_INTERNAL, .mark = "stranger" \
	}

static const struct speaker speakers[][NAMED_NOBODY + 1] = {
	[HOLDER_NONE] =
		{
			[NAMED_CLIENT] = CLIENT_SPEAKS(""),
			[NAMED_AGENT] = AGENT_NOTES,
			[NAMED_AGENTS_DOMAIN] = NOT_ON_TICKET,
			[NAMED_NOBODY] = NOT_ON_TICKET,
		},
	[HOLDER_CLIENT] =
		{
			[NAMED_CLIENT] = CLIENT_SPEAKS(""),
			[NAMED_AGENT] = CLIENT_SPEAKS("agent-under-client-token"),
			[NAMED_AGENTS_DOMAIN] = STRANGER,
			[NAMED_NOBODY] = STRANGER,
		},
	[HOLDER_AGENT] =
		{
			[NAMED_CLIENT] = CLIENT_SPEAKS(""),
			[NAMED_AGENT] = AGENT_SPEAKS,
			[NAMED_AGENTS_DOMAIN] = AGENT_SPEAKS,
			[NAMED_NOBODY] = STRANGER,
		},
	[HOLDER_UNKNOWN] =
		{
			[NAMED_CLIENT] = STRANGER,
			[NAMED_AGENT] = STRANGER,
			[NAMED_AGENTS_DOMAIN] = STRANGER,
			[NAMED_NOBODY] = STRANGER,
		},
};

static bool same_address(struct str a, struct str b)
{
	return a.len > 0 && str_ieq(a, b);
}

/* Behind the last "@", which is the one that counts: others can only stand in a quoted local-part. */
static struct str domain_of(struct str address)
{
	for (size_t i = address.len; i > 0; i--) {
		if (address.ptr[i - 1] == '@')
			return str_sub(address, i, address.len);
	}
	return STR("");
}

static bool has_other(const struct people *people, enum participant_kind kind, struct str address)
{
	for (size_t i = 0; i < people->others_n; i++) {
		const struct participant *other = &people->others[i];
		if (other->kind == kind && same_address(other->address, address))
			return true;
	}
	return false;
}

static bool has_client(const struct people *people, struct str address)
{
	return same_address(people->requester, address) || has_other(people, PARTICIPANT_CLIENT, address);
}

bool people_has_agent(const struct people *people, struct str author)
{
	return same_address(people->admin_email, author) || same_address(people->notify_email, author) ||
	       has_other(people, PARTICIPANT_AGENT, author);
}

static bool has_agents_domain(const struct people *people, struct str address)
{
	struct str domain = domain_of(address);
	if (same_address(domain_of(people->admin_email), domain) ||
	    same_address(domain_of(people->notify_email), domain))
		return true;
	for (size_t i = 0; i < people->others_n; i++) {
		const struct participant *other = &people->others[i];
		if (other->kind == PARTICIPANT_AGENT && same_address(domain_of(other->address), domain))
			return true;
	}
	return false;
}

static enum named who_is(const struct people *people, struct str author)
{
	if (has_client(people, author))
		return NAMED_CLIENT;
	if (people_has_agent(people, author))
		return NAMED_AGENT;
	return has_agents_domain(people, author) ? NAMED_AGENTS_DOMAIN : NAMED_NOBODY;
}

static enum holder holder_of(const struct people *people, int64_t participant)
{
	if (participant == 0)
		return HOLDER_NONE;
	if (participant == PARTICIPANT_REQUESTER)
		return HOLDER_CLIENT;
	if (participant == PARTICIPANT_TEAM)
		return HOLDER_AGENT;
	for (size_t i = 0; i < people->others_n; i++) {
		if (people->others[i].number == participant)
			return people->others[i].kind == PARTICIPANT_AGENT ? HOLDER_AGENT : HOLDER_CLIENT;
	}
	return HOLDER_UNKNOWN;
}

struct speaker speaker_of(const struct people *people, int64_t participant, struct str author)
{
	return speakers[holder_of(people, participant)][who_is(people, author)];
}
