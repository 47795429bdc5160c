/*
 * The tenant's attachment limits (SPEC section 4: 20 files, 25 MiB each, and a list of executable extensions
 * by default). An extension is what follows any dot of the name: "invoice.pdf.exe" and "run.exe.txt" both
 * hold "exe", but only the last extension starts a program, so only the last one counts. Pure; any thread.
 */
#include "ingest/attachments.h"

#include "ingest/media_sniff.h"

static struct str extension_of(struct str filename)
{
	for (size_t i = filename.len; i > 0; i--) {
		if (filename.ptr[i - 1] == '.')
			return str_sub(filename, i, filename.len);
	}
	return STR("");
}

static bool list_holds(struct str list, struct str word)
{
	while (list.len) {
		size_t end = str_find(list, ',');
		struct str item = str_trim(str_sub(list, 0, end));
		if (item.len && item.ptr[0] == '.')
			item = str_sub(item, 1, item.len);
		if (item.len && str_ieq(item, word))
			return true;
		list = str_sub(list, end + 1, list.len);
	}
	return false;
}

struct str attachment_left_out(const struct attachment_policy *policy,
			       const struct mail_attachment *attachment, int64_t offered)
{
	struct str extension = extension_of(attachment->filename);
	if (extension.len && list_holds(policy->blocked_extensions, extension))
		return STR("blocked type");
	/* a program stays one when it is called a picture */
	struct str runs_as = media_sniff_runs_as(attachment->sniffed_type);
	if (runs_as.len && list_holds(policy->blocked_extensions, runs_as))
		return STR("blocked type");
	if (attachment->size > (uint64_t)policy->size_max)
		return STR("too big");
	if (offered >= policy->count_max)
		return STR("too many");
	return STR("");
}

void attachment_record(const struct attachment_policy *policy, const struct mail_attachment *attachment,
		       int64_t position, int64_t *offered, struct attachment_row *ret)
{
	struct str left_out = attachment_left_out(policy, attachment, *offered);
	*offered += left_out.len == 0;
	*ret = (struct attachment_row){
		.position = position,
		.part = attachment->part,
		.filename = attachment->filename,
		.media_type = attachment->media_type,
		.sniffed_type = attachment->sniffed_type,
		.content_id = attachment->content_id,
		.size = attachment->size > INT64_MAX ? INT64_MAX : (int64_t)attachment->size,
		.inline_image = attachment->inline_image,
		.left_out = left_out,
	};
}

void attachment_record_original(int64_t size, struct attachment_row *ret)
{
	*ret = (struct attachment_row){
		.position = 1,
		.part = STR(""),
		.filename = STR("original.eml"),
		.media_type = STR("message/rfc822"),
		.sniffed_type = STR(""),
		.content_id = STR(""),
		.size = size,
		.left_out = STR(""),
	};
}
