/*
 * Every kind of mail in every language, with sample texts, as mails: what tests/bench/gallery
 * makes pictures of, and what tests/bench/check_mails.py reads with another mail parser.
 *
 *	gallery_mails FOLDER [TEMPLATES]	<locale>-<kind>.eml; TEMPLATES: the operator's folder
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/sample_mail.h"

static void write_file(const char *folder, const char *locale, const char *kind, struct str octets)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s-%s.eml", folder, locale, kind);
	FILE *file = fopen(path, "wb");
	if (!file || fwrite(octets.ptr, 1, octets.len, file) != octets.len || fclose(file) != 0) {
		perror(path);
		exit(1);
	}
}

static void write_mail(struct sample *sample, const char *folder, const char *locale, const char *kind)
{
	struct composed composed;
	const char *why = "";
	int r = compose(&sample->composer, NULL, &sample->outgoing, &composed, &why);
	if (r < 0) {
		fprintf(stderr, "%s %s: %d %s\n", locale, kind, r, why);
		exit(1);
	}
	write_file(folder, locale, kind, strbuf_str(&composed.head));
	composed_done(&composed);
}

int main(int argc, char **argv)
{
	static const char *const locales[] = {"en", "de", "fr", "es", "zh"};
	struct sample sample;
	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: %s FOLDER [TEMPLATES]\n", argv[0]);
		return 2;
	}
	sample_init(&sample, argc > 2 ? argv[2] : "");
	for (size_t i = 0; i < ARRAY_SIZE(locales); i++) {
		for (int kind = OUTBOX_NOTIFY_TICKET; kind <= OUTBOX_FORWARDING; kind++) {
			sample_job(&sample, (enum outbox_kind)kind, locales[i]);
			write_mail(&sample, argv[1], locales[i], outbox_kind_name((enum outbox_kind)kind));
		}
	}
	sample_done(&sample);
	return 0;
}
