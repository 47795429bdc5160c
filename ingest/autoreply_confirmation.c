/*
 * Confirmations of a forwarding ("Gmail Forwarding Confirmation"): a role account of a provider's, words for forwarding and
 * confirming, and a link to the provider or a code. All of it is needed, since people write about such mails too. Pure.
 */
#include "ingest/autoreply_private.h"

#include "ingest/text_fold.h"

static bool has_link_to(struct str text, struct str host)
{
	for (size_t at = 0; host.len;) {
		struct str rest = str_sub(text, at, text.len);
		size_t found = str_search(rest, STR("://"));
		if (found == rest.len)
			return false;
		at += found + 3;
		if (str_starts(str_sub(text, at, text.len), host))
			return true;
	}
	return false;
}

static bool has_code(struct str s)
{
	size_t digits = 0;
	for (size_t i = 0; i < s.len; i++) {
		digits = ascii_digit(s.ptr[i]) ? digits + 1 : 0;
		if (digits >= 6)
			return true;
	}
	return false;
}

static bool speaks_of(struct case_file *file, const struct word_rules *words)
{
	struct str about = file->subject.len ? file->subject : str_sub(case_text(file), 0, 200);
	return word_rules_find(words, about) || word_rules_find(words, case_text(file));
}

/* A role account of the provider's. */
static bool wrote_it(const struct forward_provider *provider, const struct case_author *author)
{
	bool role = no_reply_author(author->local) || str_has(author->local, STR("forward")) ||
		    str_has(author->local, STR("support")) || str_has(author->local, STR("account")) ||
		    str_has(author->local, STR("service"));
	if (is_public_domain(author->domain))
		role = is_reserved_local(author->local);
	for (size_t i = 0; role && i < ARRAY_SIZE(provider->author_domains); i++)
		if (case_domain_within(author->domain, provider->author_domains[i]))
			return true;
	return false;
}

static bool links_to(const struct forward_provider *provider, struct str text)
{
	for (size_t i = 0; i < ARRAY_SIZE(provider->link_hosts); i++)
		if (has_link_to(text, provider->link_hosts[i]))
			return true;
	return false;
}

/* Author's domain, a role account, words for forwarding and confirming, and a link to the provider or a code. */
bool autoreply_by_confirmation(struct case_file *file, struct mail_verdict *ret)
{
	const struct forward_provider *provider = NULL;
	for (size_t i = 0; i < forward_providers_n && !provider; i++)
		if (wrote_it(&forward_providers[i], &file->author))
			provider = &forward_providers[i];
	if (!provider || file->replied_subject)
		return false;
	bool forwarder = provider->forwarder.len && str_eq(file->author.local, provider->forwarder);
	if (!forwarder && (!speaks_of(file, &forward_words) || !speaks_of(file, &confirm_words)))
		return false;
	bool code = has_code(file->subject) && (forwarder || word_rules_find(&forward_words, file->subject));
	if (!code && !links_to(provider, case_text(file)))
		return false;
	ret->class = MAIL_AUTO;
	ret->rule = STR("forward-confirmation");
	ret->forward_confirmation = provider->name;
	return true;
}
